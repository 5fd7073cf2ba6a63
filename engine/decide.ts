import type { OperationsEvent } from '../ingest/contract.ts'
import type { Cause, FulfilmentPart, PromiseTime } from '../ingest/events/decisions.ts'
import type { HoldId, LineId, OrderLine, Sku, WarehouseId } from '../ingest/events/envelope.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { available } from './contract.ts'
import { openOrdersAt } from './evolve.ts'
import { fulfilmentName, isRetryable, promiseTerms, type Routing, route, type Wish } from './routing.ts'
import {
  type DecisionStream,
  type EventOfType,
  type FulfilmentState,
  HOLD_MARGIN_MS,
  type OrderState,
  openOf,
  REROUTES_A_STEP,
  type Reservation,
  type ZoneState,
} from './state.ts'
import { isSuperseded, onHandAfterCount } from './stock.ts'

/**
 * What follows from an event. Reads the zone and changes nothing; the caller evolves the zone by each decision before it
 * asks for the next one, so two orders of one step never get the same unit.
 */
export function* decide(zone: ZoneState, event: OperationsEvent): DecisionStream {
  yield* decideEvent(zone, event)
  yield* expireHolds(zone)
  yield* rerouteWaiting(zone)
  yield* coverShortfalls(zone)
}

function decideEvent(zone: ZoneState, event: OperationsEvent): DecisionStream {
  switch (event.type) {
    case 'order.placed':
      return placeOrder(zone, event.data, event.occurred_at)
    case 'order.changed':
      return changeOrder(zone, event)
    case 'order.cancel_asked':
      return cancelAsked(zone, event)
    case 'hold.asked':
      return askHold(zone, event)
    case 'hold.confirmed':
      return confirmHold(zone, event)
    case 'hold.released':
      return releaseHold(zone, event)
    case 'stock.counted':
      return count(zone, event)
    case 'pick.started':
      return startPicking(zone, event)
    case 'line.short':
      return shortLine(zone, event)
    case 'line.substituted':
      return substitute(zone, event)
    case 'order.packed':
      return pack(zone, event)
    default:
      return nothing()
  }
}

function* nothing(): DecisionStream {}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function* placeOrder(zone: ZoneState, order: OrderRequest, placed_at: number, hold_id?: HoldId): DecisionStream {
  const { order_id } = order
  const routing = route(zone, order)
  const { candidates } = routing
  if (routing.kind === 'refused') {
    const { reason, line_id } = routing
    const failed = line_id ? { line_id } : {}
    yield {
      type: 'order.rejected',
      order_id,
      attempt: 1,
      reason,
      retryable: isRetryable(reason),
      ...failed,
      candidates,
      order,
      placed_at,
    }
    return
  }
  const fulfilments = [partOf(order_id, 1, routing, order.lines)]
  const held = hold_id ? { hold_id } : {}
  yield {
    type: 'order.routed',
    order_id,
    attempt: 1,
    fulfilments,
    promise: promiseOf(routing),
    candidates,
    order,
    placed_at,
    ...held,
  }
}

type Found = Extract<Routing, { kind: 'found' }>

function partOf(owner: string, attempt: number, { winner }: Found, lines: readonly OrderLine[]): FulfilmentPart {
  return {
    fulfilment_id: fulfilmentName(owner, attempt),
    warehouse_id: winner.warehouse.warehouse_id,
    lines: lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit })),
    ready_at: winner.ready_at,
  }
}

const promiseOf = ({ winner }: Found): PromiseTime => ({ ready_at: winner.ready_at, deliver_by: winner.deliver_by })

/** Before picking begins a line can become smaller; what it frees is free at once. */
function* changeOrder(zone: ZoneState, event: EventOfType<'order.changed'>): DecisionStream {
  const order = zone.orders.get(event.data.order_id)
  for (const fulfilment of order?.fulfilments ?? []) {
    if (!order || fulfilment.state !== 'reserved') continue
    for (const wish of event.data.lines) {
      const line = fulfilment.lines.find(({ line_id }) => line_id === wish.line_id)
      if (line && openOf(line) > wish.quantity) {
        yield shortened(order, fulfilment, line, openOf(line) - wish.quantity, 'customer')
      }
    }
    if (!order.fulfilments.some(hasAnything)) yield cancelled(order, 'nothing_left', 'customer')
  }
}

function* cancelAsked(zone: ZoneState, event: EventOfType<'order.cancel_asked'>): DecisionStream {
  const order = zone.orders.get(event.data.order_id)
  if (order) yield cancelled(order, event.data.reason, 'customer')
}

function cancelled(order: OrderState, reason: string, by: Cause) {
  const taken = order.fulfilments.filter(({ state }) => state === 'picking' || state === 'packed')
  const to_put_back = taken.flatMap(({ warehouse_id, lines }) =>
    lines.flatMap(line => {
      const quantity = line.picked + openOf(line)
      return quantity > 0 ? [{ warehouse_id, sku: line.sku, quantity }] : []
    }),
  )
  return { type: 'order.cancelled' as const, order_id: order.order_id, attempt: order.attempt, reason, by, to_put_back }
}

const hasAnything = ({ lines, state }: FulfilmentState): boolean =>
  state !== 'replaced' && state !== 'cancelled' && lines.some(line => line.picked > 0 || openOf(line) > 0)

function shortened(order: OrderState, fulfilment: FulfilmentState, line: Reservation, by: number, cause: Cause) {
  const quantity_before = line.picked + openOf(line)
  const { order_id, attempt } = order
  const { fulfilment_id, warehouse_id } = fulfilment
  const { line_id, sku } = line
  const quantity = quantity_before - by
  return {
    type: 'order.shortened' as const,
    order_id,
    attempt,
    fulfilment_id,
    warehouse_id,
    line_id,
    sku,
    quantity_before,
    quantity,
    cause,
  }
}

// ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function* askHold(zone: ZoneState, event: EventOfType<'hold.asked'>): DecisionStream {
  const { hold_id, lines, ttl_s } = event.data
  const routing = route(zone, event.data)
  const { candidates } = routing
  if (routing.kind === 'refused') {
    const { reason, line_id } = routing
    yield {
      type: 'hold.refused',
      hold_id,
      reason,
      retryable: isRetryable(reason),
      ...(line_id ? { line_id } : {}),
      candidates,
    }
    return
  }
  const expires_at = Math.max(zone.time, zone.time + 1_000 * ttl_s - HOLD_MARGIN_MS)
  const fulfilments = [partOf(hold_id, 1, routing, lines)]
  yield { type: 'hold.granted', hold_id, fulfilments, candidates, promise: promiseOf(routing), expires_at }
}

/** The hold's goods become the order's in one step; a hold that has ended gets a fresh grant instead, or a rejection. */
function* confirmHold(zone: ZoneState, event: EventOfType<'hold.confirmed'>): DecisionStream {
  const { hold_id, order } = event.data
  const hold = zone.holds.get(hold_id)
  const alive = hold?.state === 'granted' && hold.expires_at > zone.time
  if (!alive) {
    yield* placeOrder(zone, order, event.occurred_at)
    return
  }
  if (!covers(hold.fulfilments, order.lines)) {
    yield { type: 'hold.released', hold_id, reason: 'other_lines' }
    yield* placeOrder(zone, order, event.occurred_at)
    return
  }
  const routing = routeHeld(zone, order, hold.fulfilments)
  const { order_id } = order
  yield {
    type: 'order.routed',
    order_id,
    attempt: 1,
    fulfilments: hold.fulfilments.map(part => ({
      fulfilment_id: fulfilmentName(order_id, 1),
      warehouse_id: part.warehouse_id,
      lines: order.lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit })),
      ready_at: routing.ready_at,
    })),
    promise: routing,
    candidates: [],
    order,
    placed_at: event.occurred_at,
    hold_id,
  }
}

function covers(fulfilments: readonly FulfilmentState[], lines: readonly OrderLine[]): boolean {
  const held = new Map<Sku, number>()
  for (const { sku, ...line } of fulfilments.flatMap(part => part.lines))
    held.set(sku, (held.get(sku) ?? 0) + openOf({ sku, ...line }))
  for (const { sku, quantity } of lines) held.set(sku, (held.get(sku) ?? 0) - quantity)
  return [...held.values()].every(rest => rest >= 0)
}

function routeHeld(zone: ZoneState, order: Wish, fulfilments: readonly FulfilmentState[]): PromiseTime {
  const ready_at = Math.max(zone.time, ...fulfilments.map(part => part.ready_at))
  const [part] = fulfilments
  const warehouse = part && zone.warehouses.get(part.warehouse_id)
  if (!warehouse) return { ready_at, deliver_by: ready_at }
  const fresh = route(zone, { ...order, lines: [], warehouse_id: warehouse.warehouse_id })
  const travel_s = fresh.candidates[0]?.travel_s ?? 0
  return { ready_at, deliver_by: ready_at + 1_000 * (travel_s + promiseTerms(zone, warehouse).fixed_s) }
}

function* releaseHold(zone: ZoneState, event: EventOfType<'hold.released'>): DecisionStream {
  const { hold_id, reason } = event.data
  if (zone.holds.get(hold_id)?.state === 'granted') yield { type: 'hold.released', hold_id, reason }
}

function* expireHolds(zone: ZoneState): DecisionStream {
  if (zone.holds.size === 0) return
  const due = [...zone.holds.values()].filter(({ state, expires_at }) => state === 'granted' && expires_at <= zone.time)
  due.sort((a, b) => a.expires_at - b.expires_at || (a.hold_id < b.hold_id ? -1 : 1))
  for (const { hold_id } of due) yield { type: 'hold.expired', hold_id }
}

// ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function* count(zone: ZoneState, event: EventOfType<'stock.counted'>): DecisionStream {
  const { warehouse_id, sku, quantity, unit, as_of, safety } = event.data
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  if (isSuperseded(stock, as_of, zone.time)) {
    yield { type: 'count.superseded', warehouse_id, sku, as_of, counted_as_of: stock?.counted_as_of ?? 0 }
    return
  }
  yield {
    type: 'stock.corrected',
    warehouse_id,
    sku,
    on_hand_before: stock?.on_hand ?? 0,
    on_hand: onHandAfterCount(stock, quantity, as_of),
    safety: safety ?? stock?.safety ?? 0,
    unit,
    cause: 'count',
  }
}

// ── Picking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Picking {
  order: OrderState
  fulfilment: FulfilmentState
}

function findPicking(
  zone: ZoneState,
  data: { order_id: OrderState['order_id']; fulfilment_id: string },
): Picking | null {
  const order = zone.orders.get(data.order_id)
  const fulfilment = order?.fulfilments.find(part => part.fulfilment_id === data.fulfilment_id)
  return order && fulfilment ? { order, fulfilment } : null
}

function* startPicking(zone: ZoneState, event: EventOfType<'pick.started'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const { order_id, fulfilment_id, warehouse_id, ready_in_s } = event.data
  const warehouse = zone.warehouses.get(warehouse_id)
  if (!picking || !warehouse) return
  const work_s = picking.fulfilment.lines.length * warehouse.pick_s_per_line + warehouse.pack_s
  const ready_at = zone.time + 1_000 * (ready_in_s ?? work_s)
  const { attempt } = picking.order
  yield { type: 'order.picking', order_id, attempt, fulfilment_id, warehouse_id, started_at: zone.time, ready_at }
}

/**
 * The picker found less than was asked: the line shrinks, and beside what the picker still takes for it nothing is on hand
 * there any more until somebody counts.
 */
function* shortLine(zone: ZoneState, event: EventOfType<'line.short'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const line = picking?.fulfilment.lines.find(({ line_id }) => line_id === event.data.line_id)
  if (!picking || !line) return
  const { order, fulfilment } = picking
  yield shortened(order, fulfilment, line, event.data.quantity, 'short_pick')
  yield* emptyShelf(zone, fulfilment.warehouse_id, line)
  if (!order.fulfilments.some(hasAnything)) yield cancelled(order, 'nothing_left', 'short_pick')
}

function* emptyShelf(zone: ZoneState, warehouse_id: WarehouseId, line: Reservation): DecisionStream {
  const { sku } = line
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  const on_hand = openOf(line)
  if (!stock || stock.on_hand <= on_hand) return
  const { on_hand: on_hand_before, safety, unit } = stock
  yield { type: 'stock.corrected', warehouse_id, sku, on_hand_before, on_hand, safety, unit, cause: 'short_pick' }
}

/** The substitute is reserved in the same step as the missing item is given up; without cover the line is short. */
function* substitute(zone: ZoneState, event: EventOfType<'line.substituted'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const { line_id, substitute_sku, quantity, warehouse_id } = event.data
  const line = picking?.fulfilment.lines.find(candidate => candidate.line_id === line_id)
  if (!picking || !line) return
  const { order, fulfilment } = picking
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(substitute_sku)
  if (stock && stock.unit === line.unit && available(stock) >= quantity) {
    const { order_id, attempt } = order
    const { fulfilment_id } = fulfilment
    yield {
      type: 'order.substituted',
      order_id,
      attempt,
      fulfilment_id,
      warehouse_id,
      line_id,
      sku: line.sku,
      substitute_sku,
      quantity,
    }
  } else {
    yield shortened(order, fulfilment, line, quantity, 'substitution')
  }
  yield* emptyShelf(zone, warehouse_id, line)
  if (!order.fulfilments.some(hasAnything)) yield cancelled(order, 'nothing_left', 'short_pick')
}

function* pack(zone: ZoneState, event: EventOfType<'order.packed'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  if (!picking) return
  const { order_id, fulfilment_id, warehouse_id } = event.data
  const { attempt } = picking.order
  yield { type: 'order.packed', order_id, attempt, fulfilment_id, warehouse_id, packed_at: zone.time }
}

// ── What was granted and can't be kept ──────────────────────────────────────────────────────────────────────────────

/** Unpicked orders of a paused warehouse go elsewhere; where nobody can take them they wait for it, or end, as they asked. */
function* rerouteWaiting(zone: ZoneState): DecisionStream {
  for (const { order_id, fulfilment_id, cause } of zone.reroute.slice(0, REROUTES_A_STEP)) {
    const picking = findPicking(zone, { order_id, fulfilment_id })
    if (picking?.fulfilment.state !== 'reserved' || !zone.warehouses.get(picking.fulfilment.warehouse_id)?.paused)
      continue
    const moved = yield* moveElsewhere(zone, picking, cause)
    if (!moved && picking.order.request?.on_shortfall === 'reject') yield cancelled(picking.order, cause, cause)
  }
}

/** true when another warehouse has taken the whole fulfilment. */
function* moveElsewhere(
  zone: ZoneState,
  { order, fulfilment }: Picking,
  cause: Cause,
): Generator<DecisionStreamItem, boolean, void> {
  const { request } = order
  if (!request || request.warehouse_id) return false
  const lines = fulfilment.lines
    .filter(line => openOf(line) > 0)
    .map(line => ({ line_id: line.line_id, sku: line.sku, quantity: openOf(line), unit: line.unit }))
  const routing = route(zone, { ...request, lines }, fulfilment.warehouse_id)
  if (routing.kind === 'refused') return false
  const { order_id } = order
  const attempt = order.attempt + 1
  const promise = promiseOf(routing)
  const before = order.deliver_by
  const fulfilments = [partOf(order_id, attempt, routing, lines)]
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
type DecisionStreamItem = DecisionStream extends Generator<infer Item, unknown, unknown> ? Item : never

/** More reserved than on hand: the newest unpicked reservations are taken back first, then lines being picked shrink. */
function* coverShortfalls(zone: ZoneState): DecisionStream {
  let budget = REROUTES_A_STEP
  for (const { warehouse_id, sku, cause } of zone.short.slice()) {
    const warehouse = zone.warehouses.get(warehouse_id)
    const stock = warehouse?.stock.get(sku)
    if (!warehouse || !stock || stock.reserved <= stock.on_hand) continue
    yield { type: 'stock.shortfall', warehouse_id, sku, missing: stock.reserved - stock.on_hand, cause }
    for (const picking of reservationsOf(zone, warehouse_id, sku)) {
      if (stock.reserved <= stock.on_hand) break
      if (budget === 0) return
      budget -= 1
      yield* takeBack(zone, picking, sku, stock.reserved - stock.on_hand, cause)
    }
    for (const hold of heldAt(zone, warehouse_id, sku)) {
      if (stock.reserved <= stock.on_hand) break
      yield { type: 'hold.released', hold_id: hold, reason: cause }
    }
  }
}

/** Unpicked before being picked, newest before oldest. */
function reservationsOf(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku): Picking[] {
  const warehouse = zone.warehouses.get(warehouse_id)
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
  const unpicked = found.filter(({ fulfilment }) => fulfilment.state === 'reserved')
  return [...unpicked, ...found.filter(({ fulfilment }) => fulfilment.state === 'picking')]
}

function* takeBack(zone: ZoneState, picking: Picking, sku: Sku, missing: number, cause: Cause): DecisionStream {
  const { order, fulfilment } = picking
  if (fulfilment.state !== 'reserved' && fulfilment.state !== 'picking') return
  if (fulfilment.state === 'reserved' && (yield* moveElsewhere(zone, picking, cause))) return
  if (fulfilment.state === 'reserved' && order.request?.on_shortfall === 'reject') {
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
  if (!order.fulfilments.some(hasAnything)) yield cancelled(order, 'nothing_left', cause)
}

function heldAt(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku): HoldId[] {
  const held = [...zone.holds.values()].filter(
    ({ state, fulfilments }) =>
      state === 'granted' &&
      fulfilments.some(
        part =>
          part.warehouse_id === warehouse_id &&
          part.lines.some((line: { sku: Sku; line_id: LineId }) => line.sku === sku),
      ),
  )
  return held
    .map(({ hold_id }) => hold_id)
    .sort()
    .reverse()
}
