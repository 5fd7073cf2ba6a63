import { businessTime, type OperationsEvent } from '../ingest/contract.ts'
import type { Cause, Decision, DecisionOf } from '../ingest/events/decisions.ts'
import type { OrderId, Sku, WarehouseId } from '../ingest/events/envelope.ts'
import type { Warehouse } from '../ingest/events/network.ts'
import { contentOf } from './admit.ts'
import { reserve, reserveForOrder, resolve, resolveAll, take } from './reservations.ts'
import { forgetReach } from './routing.ts'
import {
  CLOSED_KEPT_MS,
  type FulfilmentState,
  HOLD_MARGIN_MS,
  type OrderState,
  openOf,
  REROUTES_A_STEP,
  type StockState,
  type WarehouseState,
  WEIGHT_A_STEP,
  type ZoneState,
} from './state.ts'
import { move, stockOf } from './stock.ts'

/** The only place where a zone's state changes. Mechanical: it does what the event says and what was decided, no more. */

// ── What the event itself says ──────────────────────────────────────────────────────────────────────────────────────

export function evolveByEvent(zone: ZoneState, event: OperationsEvent): void {
  switch (event.type) {
    case 'warehouse.upserted':
      upsertWarehouse(zone, event.data)
      return
    case 'warehouse.paused':
      pauseWarehouse(zone, event.data.warehouse_id)
      return
    case 'warehouse.resumed': {
      const warehouse = zone.warehouses.get(event.data.warehouse_id)
      if (warehouse) warehouse.paused = false
      return
    }
    case 'warehouse.mode': {
      const warehouse = zone.warehouses.get(event.data.warehouse_id)
      if (!warehouse) return
      warehouse.mode = event.data.mode
      warehouse.busy_extra_s = event.data.busy_extra_s ?? 0
      warehouse.throttle_per_10_min = event.data.throttle_per_10_min ?? 0
      return
    }
    case 'policy.changed':
      zone.policy = event.data.policy
      forgetReach(zone)
      return
    case 'clock.set':
      zone.clock = { wall_ms: event.data.wall_ms, time_ms: event.data.time_ms, rate: event.data.rate }
      zone.time = Math.max(zone.time, businessTime(zone.clock, zone.appended_at))
      return
    case 'stock.adjusted':
      moveStock(zone, event.data, event.data.delta, 'adjustment')
      return
    case 'stock.received':
      moveStock(zone, event.data, event.data.quantity, 'adjustment')
      return
    case 'stock.put_back':
      if (event.data.condition === 'sellable') moveStock(zone, event.data, event.data.quantity, 'adjustment')
      return
    case 'line.picked':
      pickLine(zone, event.data)
      return
    default:
      // Everything else changes the state by what is decided about it.
      return
  }
}

function upsertWarehouse(zone: ZoneState, data: Warehouse): void {
  const known = zone.warehouses.get(data.warehouse_id)
  const fresh: WarehouseState = {
    ...data,
    paused: known?.paused ?? false,
    mode: known?.mode ?? 'normal',
    busy_extra_s: known?.busy_extra_s ?? 0,
    throttle_per_10_min: known?.throttle_per_10_min ?? 0,
    routed_at: known?.routed_at ?? [],
    stock: known?.stock ?? new Map(),
    open_orders: known?.open_orders ?? new Set(),
    open_lines: known?.open_lines ?? 0,
  }
  zone.warehouses.set(data.warehouse_id, fresh)
  forgetReach(zone)
}

/** Whatever is not being picked yet waits to be routed anew, in the order in which it was placed. */
function pauseWarehouse(zone: ZoneState, warehouse_id: WarehouseId): void {
  const warehouse = zone.warehouses.get(warehouse_id)
  if (!warehouse) return
  warehouse.paused = true
  for (const order of openOrdersAt(zone, warehouse)) {
    for (const fulfilment of order.fulfilments) {
      if (fulfilment.warehouse_id !== warehouse_id || fulfilment.state !== 'reserved') continue
      const { order_id } = order
      zone.reroute.push({ order_id, fulfilment_id: fulfilment.fulfilment_id, cause: 'warehouse_paused' })
    }
  }
}

/** Oldest first. Sorted, because a Set remembers how it was built. */
export function openOrdersAt(zone: ZoneState, warehouse: WarehouseState): OrderState[] {
  const orders: OrderState[] = []
  for (const order_id of warehouse.open_orders) {
    const order = zone.orders.get(order_id)
    if (order) orders.push(order)
  }
  return orders.sort((a, b) => a.sequence - b.sequence)
}

interface StockPlace {
  warehouse_id: WarehouseId
  sku: Sku
  unit: 'each' | 'g'
}

function moveStock(zone: ZoneState, place: StockPlace, delta: number, cause: Cause): void {
  const warehouse = zone.warehouses.get(place.warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, place.sku, place.unit)
  move(stock, delta, zone.time)
  noteShort(zone, place.warehouse_id, place.sku, stock, cause)
}

/** More reserved than on hand: `decide` works it off, in this step and, above its bound, in later ones. */
function noteShort(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku, stock: StockState, cause: Cause): void {
  if (stock.reserved <= stock.on_hand) return
  if (zone.short.some(entry => entry.warehouse_id === warehouse_id && entry.sku === sku)) return
  zone.short.push({ warehouse_id, sku, cause })
}

function pickLine(
  zone: ZoneState,
  data: { order_id: OrderId; fulfilment_id: string; line_id: string; quantity: number },
): void {
  const fulfilment = zone.orders.get(data.order_id)?.fulfilments.find(part => part.fulfilment_id === data.fulfilment_id)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === data.line_id)
  if (fulfilment && line) take(zone, fulfilment, line, data.quantity)
}

// ── What was decided ────────────────────────────────────────────────────────────────────────────────────────────────

export function evolveByDecision(zone: ZoneState, decision: Decision, event: OperationsEvent): void {
  switch (decision.type) {
    case 'order.routed':
      openOrder(zone, decision)
      return
    case 'order.rejected':
      rejectOrder(zone, decision)
      return
    case 'order.rerouted':
      rerouteOrder(zone, decision)
      return
    case 'order.cancelled':
      cancelOrder(zone, decision.order_id)
      return
    case 'order.shortened':
      shortenLine(zone, decision, event)
      return
    case 'order.substituted':
      substituteLine(zone, decision)
      return
    case 'order.picking':
    case 'order.packed':
      moveFulfilment(zone, decision)
      return
    case 'hold.granted':
      zone.holds.set(decision.hold_id, {
        hold_id: decision.hold_id,
        state: 'granted',
        fulfilments: decision.fulfilments.map(part => reserve(zone, part)),
        expires_at: decision.expires_at + HOLD_MARGIN_MS,
      })
      return
    case 'hold.refused':
      zone.holds.set(decision.hold_id, {
        hold_id: decision.hold_id,
        state: 'refused',
        fulfilments: [],
        expires_at: zone.time,
      })
      return
    case 'hold.released':
      endHold(zone, decision.hold_id, 'released')
      return
    case 'hold.expired':
      endHold(zone, decision.hold_id, 'expired')
      return
    case 'stock.corrected':
      correctStock(zone, decision, event)
      return
    case 'promise.changed':
    case 'stock.shortfall':
    case 'count.superseded':
      return
  }
}

function openOrder(zone: ZoneState, decision: DecisionOf<'order.routed'>): void {
  if (decision.hold_id) endHold(zone, decision.hold_id, 'released', 'confirmed')
  const order = newOrder(zone, decision.order, decision.placed_at, 'routed')
  order.attempt = decision.attempt
  order.request = decision.order
  order.deliver_by = decision.promise.deliver_by
  order.first_deliver_by = decision.promise.deliver_by
  reserveForOrder(zone, order, decision.fulfilments)
}

function rejectOrder(zone: ZoneState, decision: DecisionOf<'order.rejected'>): void {
  const order = newOrder(zone, decision.order, decision.placed_at, 'rejected')
  zone.closed.push({ order_id: order.order_id, at: zone.time })
}

function newOrder(
  zone: ZoneState,
  request: DecisionOf<'order.routed'>['order'],
  placed_at: number,
  state: OrderState['state'],
): OrderState {
  const order: OrderState = {
    order_id: request.order_id,
    sequence: zone.sequence,
    content: contentOf(request),
    request: null,
    state,
    attempt: 1,
    fulfilments: [],
    deliver_by: 0,
    first_deliver_by: 0,
    placed_at,
  }
  zone.sequence += 1
  zone.orders.set(order.order_id, order)
  return order
}

function rerouteOrder(zone: ZoneState, decision: DecisionOf<'order.rerouted'>): void {
  const order = zone.orders.get(decision.order_id)
  if (!order) return
  for (const fulfilment of order.fulfilments) {
    if (!decision.replaced.includes(fulfilment.fulfilment_id)) continue
    resolveAll(zone, fulfilment, 'released')
    leave(zone, order, fulfilment, 'replaced')
  }
  order.attempt = decision.attempt
  order.deliver_by = decision.promise.deliver_by
  reserveForOrder(zone, order, decision.fulfilments)
}

/** The fulfilment is no longer work for its warehouse. */
function leave(
  zone: ZoneState,
  order: OrderState,
  fulfilment: FulfilmentState,
  state: 'packed' | 'replaced' | 'cancelled',
): void {
  fulfilment.state = state
  const still = order.fulfilments.some(
    part => part.warehouse_id === fulfilment.warehouse_id && (part.state === 'reserved' || part.state === 'picking'),
  )
  if (!still) zone.warehouses.get(fulfilment.warehouse_id)?.open_orders.delete(order.order_id)
}

/**
 * Before picking began everything is free again. Afterwards nothing is: what may lie in a bag already counts as taken,
 * until a person puts it back.
 */
function cancelOrder(zone: ZoneState, order_id: OrderId): void {
  const order = zone.orders.get(order_id)
  if (!order) return
  for (const fulfilment of order.fulfilments) {
    if (fulfilment.state === 'reserved') resolveAll(zone, fulfilment, 'released')
    if (fulfilment.state === 'picking') {
      for (const line of fulfilment.lines) {
        if (openOf(line) > 0) take(zone, fulfilment, line, openOf(line))
      }
    }
    if (fulfilment.state !== 'replaced') leave(zone, order, fulfilment, 'cancelled')
  }
  close(zone, order, 'cancelled')
}

function close(zone: ZoneState, order: OrderState, state: 'packed' | 'cancelled'): void {
  // A packed order may still be cancelled: it is closed once, at the first of the two.
  if (order.state === 'routed') zone.closed.push({ order_id: order.order_id, at: zone.time })
  order.state = state
  order.request = null
}

function shortenLine(zone: ZoneState, decision: DecisionOf<'order.shortened'>, event: OperationsEvent): void {
  const fulfilment = findFulfilment(zone, decision)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === decision.line_id)
  if (!fulfilment || !line) return
  const how = event.type === 'order.changed' ? 'released' : 'short'
  resolve(zone, fulfilment, line, how, decision.quantity_before - decision.quantity)
}

function substituteLine(zone: ZoneState, decision: DecisionOf<'order.substituted'>): void {
  const fulfilment = findFulfilment(zone, decision)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === decision.line_id)
  const warehouse = zone.warehouses.get(decision.warehouse_id)
  if (!fulfilment || !line || !warehouse) return
  resolve(zone, fulfilment, line, 'short', decision.quantity)
  const { substitute_sku: sku, quantity } = decision
  stockOf(warehouse, sku, line.unit).reserved += quantity
  warehouse.open_lines += 1
  fulfilment.lines.push({
    line_id: decision.substitute_line_id,
    sku,
    unit: line.unit,
    granted: quantity,
    picked: 0,
    short: 0,
    released: 0,
    expired: 0,
  })
}

function moveFulfilment(zone: ZoneState, decision: DecisionOf<'order.picking'> | DecisionOf<'order.packed'>): void {
  const order = zone.orders.get(decision.order_id)
  const fulfilment = findFulfilment(zone, decision)
  if (!order || !fulfilment) return
  if (decision.type === 'order.picking') {
    fulfilment.state = 'picking'
    fulfilment.ready_at = decision.ready_at
    return
  }
  leave(zone, order, fulfilment, 'packed')
  const rest = order.fulfilments.some(part => part.state === 'reserved' || part.state === 'picking')
  if (!rest) close(zone, order, 'packed')
}

function findFulfilment(
  zone: ZoneState,
  at: { order_id: OrderId; fulfilment_id: string },
): FulfilmentState | undefined {
  return zone.orders.get(at.order_id)?.fulfilments.find(part => part.fulfilment_id === at.fulfilment_id)
}

function endHold(
  zone: ZoneState,
  hold_id: DecisionOf<'hold.expired'>['hold_id'],
  how: 'released' | 'expired',
  state: 'released' | 'expired' | 'confirmed' = how,
): void {
  const hold = zone.holds.get(hold_id)
  if (hold?.state !== 'granted') return
  for (const fulfilment of hold.fulfilments) resolveAll(zone, fulfilment, how)
  hold.state = state
}

function correctStock(zone: ZoneState, decision: DecisionOf<'stock.corrected'>, event: OperationsEvent): void {
  const warehouse = zone.warehouses.get(decision.warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, decision.sku, decision.unit)
  stock.on_hand = decision.on_hand
  stock.safety = decision.safety
  if (event.type === 'stock.counted') {
    // A clock that runs ahead must not make every later count look old.
    const as_of = Math.min(event.data.as_of, zone.time)
    stock.counted_as_of = as_of
    // What moved before the count is in it already.
    stock.movements = stock.movements.filter(({ at }) => at > as_of)
  }
  noteShort(zone, decision.warehouse_id, decision.sku, stock, decision.cause)
}

/**
 * How many of the waiting fulfilments one step tries: bounded by what their decisions may weigh, since a record above
 * Kafka's 1 MB could never be published.
 */
export function reroutesOfStep(zone: ZoneState): number {
  let weight = 0
  let count = 0
  for (const { order_id, fulfilment_id } of zone.reroute) {
    const part = zone.orders.get(order_id)?.fulfilments.find(one => one.fulfilment_id === fulfilment_id)
    weight += decisionWeight(zone, part?.lines.length ?? 0)
    if (count > 0 && (count >= REROUTES_A_STEP || weight > WEIGHT_A_STEP)) break
    count += 1
  }
  return count
}

/** Lines and candidates of one re-routing, each some 200 bytes at the most. */
export const decisionWeight = (zone: ZoneState, lines: number): number => lines + zone.policy.candidates_max

// ── After the step ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Takes off the work list what this step has tried, and forgets what is over. */
export function finishStep(zone: ZoneState): void {
  if (zone.reroute.length > 0) zone.reroute.splice(0, reroutesOfStep(zone))
  if (zone.short.length > 0) zone.short = zone.short.filter(entry => isStillShort(zone, entry))
  let old = 0
  for (const { order_id, at } of zone.closed) {
    if (at > zone.time - CLOSED_KEPT_MS) break
    zone.orders.delete(order_id)
    old += 1
  }
  if (old > 0) zone.closed.splice(0, old)
  forgetHolds(zone)
}

function isStillShort(zone: ZoneState, { warehouse_id, sku }: { warehouse_id: WarehouseId; sku: Sku }): boolean {
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  return stock !== undefined && stock.reserved > stock.on_hand
}

function forgetHolds(zone: ZoneState): void {
  if (zone.holds.size === 0) return
  for (const [hold_id, hold] of zone.holds) {
    if (hold.state !== 'granted' && hold.expires_at < zone.time - CLOSED_KEPT_MS) zone.holds.delete(hold_id)
  }
}
