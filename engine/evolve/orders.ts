import type { DecisionOf } from '../../ingest/events/decisions.ts'
import type { OrderId } from '../../ingest/events/envelope.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import { contentOf } from '../content.ts'
import { FULFILMENT_LIFE, type FulfilmentHappening, isRefusal, ORDER_LIFE } from '../lives.ts'
import { isWork, isWorkFor, reserveForOrder, reserveLine, resolve, resolveAll, take } from '../reservations.ts'
import { type FulfilmentState, type OrderState, type OrderWish, openOf, type ZoneState } from '../state.ts'
import { forgetLater } from './ended.ts'
import { endHold } from './holds.ts'

/** Orders and their parts, from the routing to the end. Part of `evolve`: mechanical. */

export function openOrder(zone: ZoneState, decision: DecisionOf<'order.routed'>): void {
  if (decision.hold_id) endHold(zone, decision.hold_id, 'confirm')
  const order = newOrder(zone, decision.order, decision.placed_at, 'routed')
  order.attempt = decision.attempt
  order.wish = wishOf(decision.order)
  order.deliver_by = decision.promise.deliver_by
  order.first_deliver_by = decision.promise.deliver_by
  reserveForOrder(zone, order, decision.fulfilments)
}

function wishOf({ cell, warehouse_id, deliver_between, split, on_shortfall }: OrderRequest): OrderWish {
  const wish: OrderWish = { cell }
  if (warehouse_id !== undefined) wish.warehouse_id = warehouse_id
  if (deliver_between !== undefined) wish.deliver_between = deliver_between
  if (split !== undefined) wish.split = split
  if (on_shortfall !== undefined) wish.on_shortfall = on_shortfall
  return wish
}

export function rejectOrder(zone: ZoneState, decision: DecisionOf<'order.rejected'>): void {
  const order = newOrder(zone, decision.order, decision.placed_at, 'rejected')
  forgetLater(zone.ended.orders, order.order_id, zone.time)
}

export function offerOrder(zone: ZoneState, decision: DecisionOf<'order.offered'>): void {
  const order = newOrder(zone, decision.order, decision.placed_at, 'offered')
  order.offered_to = decision.to_zone_id
  forgetLater(zone.ended.orders, order.order_id, zone.time)
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
    wish: null,
    state,
    offered_to: null,
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

export function rerouteOrder(zone: ZoneState, decision: DecisionOf<'order.rerouted'>): void {
  const order = zone.orders.get(decision.order_id)
  if (!order) return
  for (const fulfilment of order.fulfilments) {
    if (!decision.replaced.includes(fulfilment.fulfilment_id)) continue
    resolveAll(zone, fulfilment, 'released', { cause: 'rerouted', ref: order.order_id })
    leave(zone, order, fulfilment, 'reroute')
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
  happening: 'pack' | 'reroute' | 'cancel',
): void {
  advancePart(fulfilment, happening)
  const { warehouse_id } = fulfilment
  if (!isWorkFor(order, warehouse_id)) zone.warehouses.get(warehouse_id)?.open_orders.delete(order.order_id)
}

function advancePart(fulfilment: FulfilmentState, happening: FulfilmentHappening): void {
  const next = FULFILMENT_LIFE[fulfilment.state][happening]
  if (!isRefusal(next)) fulfilment.state = next
}

/**
 * Before picking began everything is free again. Afterwards nothing is: what may lie in a bag already counts as taken,
 * until a person puts it back.
 */
export function cancelOrder(zone: ZoneState, order_id: OrderId): void {
  const order = zone.orders.get(order_id)
  if (!order) return
  for (const fulfilment of order.fulfilments) {
    if (fulfilment.state === 'reserved') resolveAll(zone, fulfilment, 'released', { cause: 'released', ref: order_id })
    if (fulfilment.state === 'picking') {
      for (const line of fulfilment.lines) {
        if (openOf(line) > 0) take(zone, fulfilment, line, openOf(line), order_id, zone.time)
      }
    }
    leave(zone, order, fulfilment, 'cancel')
  }
  close(zone, order, 'cancel')
}

function close(zone: ZoneState, order: OrderState, happening: 'pack' | 'cancel'): void {
  const next = ORDER_LIFE[order.state][happening]
  if (isRefusal(next)) return
  // A packed order may still be cancelled: it is closed once, at the first of the two.
  if (order.state === 'routed') forgetLater(zone.ended.orders, order.order_id, zone.time)
  order.state = next
  order.wish = null
}

export function shortenLine(zone: ZoneState, decision: DecisionOf<'order.shortened'>): void {
  const fulfilment = findFulfilment(zone, decision)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === decision.line_id)
  if (!fulfilment || !line) return
  const { ended, order_id: ref } = decision
  resolve(zone, fulfilment, line, ended, decision.quantity_before - decision.quantity, { cause: ended, ref })
}

export function pickLine(
  zone: ZoneState,
  data: { order_id: OrderId; fulfilment_id: string; line_id: string; quantity: number },
  at: number,
): void {
  const fulfilment = zone.orders.get(data.order_id)?.fulfilments.find(part => part.fulfilment_id === data.fulfilment_id)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === data.line_id)
  if (fulfilment && line) take(zone, fulfilment, line, data.quantity, data.order_id, at)
}

export function substituteLine(zone: ZoneState, decision: DecisionOf<'order.substituted'>): void {
  const fulfilment = findFulfilment(zone, decision)
  const line = fulfilment?.lines.find(candidate => candidate.line_id === decision.line_id)
  if (!fulfilment || !line) return
  const ref = decision.order_id
  resolve(zone, fulfilment, line, 'short', decision.quantity, { cause: 'substituted', ref })
  const { substitute_sku: sku, quantity } = decision
  const substitute = { line_id: decision.substitute_line_id, sku, unit: line.unit, quantity }
  const warehouse = zone.warehouses.get(fulfilment.warehouse_id)
  reserveLine(zone, warehouse, fulfilment, substitute, { cause: 'reserved', ref })
}

export function startPart(zone: ZoneState, decision: DecisionOf<'order.picking'>): void {
  const fulfilment = findFulfilment(zone, decision)
  if (!fulfilment) return
  advancePart(fulfilment, 'start')
  fulfilment.ready_at = decision.ready_at
}

export function revisePart(zone: ZoneState, decision: DecisionOf<'order.revised'>): void {
  const fulfilment = findFulfilment(zone, decision)
  if (fulfilment) fulfilment.ready_at = decision.ready_at
}

/** Packed, or nothing is left of it: the order is packed when its last part is neither reserved nor being picked. */
export function endPart(
  zone: ZoneState,
  decision: DecisionOf<'order.packed'> | DecisionOf<'order.part_dropped'>,
): void {
  const order = zone.orders.get(decision.order_id)
  const fulfilment = findFulfilment(zone, decision)
  if (!order || !fulfilment) return
  leave(zone, order, fulfilment, decision.type === 'order.packed' ? 'pack' : 'cancel')
  const rest = order.fulfilments.some(isWork)
  if (!rest) close(zone, order, 'pack')
}

export function changePromise(zone: ZoneState, decision: DecisionOf<'promise.changed'>): void {
  const order = zone.orders.get(decision.order_id)
  if (!order) return
  const { deliver_by } = decision.promise
  order.deliver_by = deliver_by
  const part = order.fulfilments.find(({ fulfilment_id }) => fulfilment_id === decision.fulfilment_id)
  if (part) part.deliver_by = deliver_by
}

function findFulfilment(
  zone: ZoneState,
  at: { order_id: OrderId; fulfilment_id: string },
): FulfilmentState | undefined {
  return zone.orders.get(at.order_id)?.fulfilments.find(part => part.fulfilment_id === at.fulfilment_id)
}
