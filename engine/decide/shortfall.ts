import type { Cause, PromiseTime } from '../../ingest/events/decisions.ts'
import type { HoldId, Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import { livingHolds } from '../due.ts'
import { openOrdersAt } from '../evolve/network.ts'
import { decisionWeight, reroutesOfStep } from '../evolve/work.ts'
import { route } from '../routing.ts'
import { type DecisionStream, type FulfilmentState, openOf, WEIGHT_A_STEP, type ZoneState } from '../state.ts'
import { cancelled, endIfEmpty, findPicking, type Picking, partsOf, shortened } from './parts.ts'

/** What was granted and can't be kept: orders of a paused warehouse, and reservations above what is on hand. */

/** Unpicked orders of a paused warehouse go elsewhere; where nobody can take them they wait for it, or end, as they asked. */
export function* rerouteWaiting(zone: ZoneState): DecisionStream {
  for (const { order_id, fulfilment_id, cause } of zone.reroute.slice(0, reroutesOfStep(zone))) {
    const picking = findPicking(zone, { order_id, fulfilment_id })
    if (picking?.fulfilment.state !== 'reserved' || !zone.warehouses.peek(picking.fulfilment.warehouse_id)?.paused)
      continue
    const moved = yield* moveElsewhere(zone, picking, cause)
    if (!moved && picking.order.wish?.on_shortfall === 'reject') yield cancelled(picking.order, cause, cause)
  }
}

/** true when another warehouse has taken the whole fulfilment. */
function* moveElsewhere(
  zone: ZoneState,
  { order, fulfilment }: Picking,
  cause: Cause,
): Generator<DecisionStreamItem, boolean, void> {
  const { wish } = order
  if (!wish || wish.warehouse_id) return false
  const lines = fulfilment.lines
    .filter(line => openOf(line) > 0)
    .map(line => ({ line_id: line.line_id, sku: line.sku, quantity: openOf(line), unit: line.unit }))
  const routing = route(zone, { ...wish, lines }, fulfilment.warehouse_id)
  if (routing.kind === 'refused') return false
  const { order_id } = order
  const attempt = order.attempt + 1
  const staying = order.fulfilments.filter(
    part => part !== fulfilment && part.state !== 'replaced' && part.state !== 'cancelled',
  )
  const promise = latestOf(routing.promise, staying)
  const before = order.deliver_by
  const fulfilments = partsOf(order_id, attempt, routing, staying.length > 0)
  const replaced = [fulfilment.fulfilment_id]
  yield {
    type: 'order.rerouted',
    order_id,
    attempt,
    fulfilments,
    promise,
    candidates: routing.candidates,
    cause,
    replaced,
  }
  if (promise.deliver_by !== before) {
    yield { type: 'promise.changed', order_id, attempt, promise, first_deliver_by: order.first_deliver_by, cause }
  }
  return true
}
/** The order is there when its last part is, the ones that stay among them. */
function latestOf(promise: PromiseTime, staying: readonly FulfilmentState[]): PromiseTime {
  const ready_at = Math.max(promise.ready_at, ...staying.map(part => part.ready_at))
  const deliver_by = Math.max(promise.deliver_by, ...staying.map(part => part.deliver_by))
  return { ...promise, ready_at, deliver_by }
}

type DecisionStreamItem = DecisionStream extends Generator<infer Item, unknown, unknown> ? Item : never

/**
 * More reserved than on hand: the newest unpicked reservations are taken back first, then holds, and only then lines shrink
 * that are being picked: what a picker is about to take is not given up for a basket that nobody has ordered yet.
 */
export function* coverShortfalls(zone: ZoneState): DecisionStream {
  let budget = WEIGHT_A_STEP
  for (const { warehouse_id, sku, cause } of zone.short.slice()) {
    const warehouse = zone.warehouses.peek(warehouse_id)
    const stock = warehouse?.stock.peek(sku)
    if (!warehouse || !stock || stock.reserved <= stock.on_hand) continue
    yield { type: 'stock.shortfall', warehouse_id, sku, missing: stock.reserved - stock.on_hand, cause }
    for (const holder of holdersOf(zone, warehouse_id, sku)) {
      if (stock.reserved <= stock.on_hand) break
      if (budget <= 0) return
      budget -= typeof holder === 'string' ? 1 : decisionWeight(zone, holder.fulfilment.lines.length)
      if (typeof holder === 'string') yield { type: 'hold.released', hold_id: holder, reason: cause }
      else yield* takeBack(zone, holder, sku, stock.reserved - stock.on_hand, cause)
    }
  }
}

/** In the order in which they give way: unpicked orders, newest first; holds; orders being picked, newest first. */
function holdersOf(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku): (Picking | HoldId)[] {
  const orders = reservationsOf(zone, warehouse_id, sku)
  const unpicked = orders.filter(({ fulfilment }) => fulfilment.state === 'reserved')
  const picking = orders.filter(({ fulfilment }) => fulfilment.state === 'picking')
  return [...unpicked, ...heldAt(zone, warehouse_id, sku), ...picking]
}

/** Newest before oldest. */
function reservationsOf(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku): Picking[] {
  const warehouse = zone.warehouses.peek(warehouse_id)
  if (!warehouse) return []
  const found: Picking[] = []
  for (const order of openOrdersAt(zone, warehouse).reverse()) {
    for (const fulfilment of order.fulfilments) {
      if (
        fulfilment.warehouse_id !== warehouse_id ||
        (fulfilment.state !== 'reserved' && fulfilment.state !== 'picking')
      )
        continue
      if (fulfilment.lines.some(line => line.sku === sku && openOf(line) > 0)) found.push({ order, fulfilment })
    }
  }
  return found
}

function* takeBack(zone: ZoneState, picking: Picking, sku: Sku, missing: number, cause: Cause): DecisionStream {
  const { order, fulfilment } = picking
  if (fulfilment.state !== 'reserved' && fulfilment.state !== 'picking') return
  if (fulfilment.state === 'reserved' && (yield* moveElsewhere(zone, picking, cause))) return
  if (fulfilment.state === 'reserved' && order.wish?.on_shortfall === 'reject') {
    yield cancelled(order, 'out_of_stock', cause)
    return
  }
  let rest = missing
  for (const line of fulfilment.lines) {
    const by = Math.min(rest, line.sku === sku ? openOf(line) : 0)
    if (by <= 0) continue
    yield shortened(order, fulfilment, line, by, cause)
    rest -= by
  }
  yield* endIfEmpty(order, fulfilment, cause)
}

function heldAt(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku): HoldId[] {
  const held = livingHolds(zone).filter(({ fulfilments }) =>
    fulfilments.some(part => part.warehouse_id === warehouse_id && part.lines.some(line => line.sku === sku)),
  )
  return held.map(({ hold_id }) => hold_id)
}
