import type { PromiseTime } from '../../ingest/events/decisions.ts'
import type { OrderLine, Sku } from '../../ingest/events/envelope.ts'
import { fulfilmentName, isRetryable, promiseTerms, route, type Wish } from '../routing.ts'
import {
  type DecisionStream,
  type EventOfType,
  type FulfilmentState,
  HOLD_MARGIN_MS,
  openOf,
  type ZoneState,
} from '../state.ts'
import { placeOrder } from './orders.ts'
import { partOf, promiseOf } from './parts.ts'

export function* askHold(zone: ZoneState, event: EventOfType<'hold.asked'>): DecisionStream {
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
export function* confirmHold(zone: ZoneState, event: EventOfType<'hold.confirmed'>): DecisionStream {
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

export function* releaseHold(zone: ZoneState, event: EventOfType<'hold.released'>): DecisionStream {
  const { hold_id, reason } = event.data
  if (zone.holds.get(hold_id)?.state === 'granted') yield { type: 'hold.released', hold_id, reason }
}

export function* expireHolds(zone: ZoneState): DecisionStream {
  if (zone.holds.size === 0) return
  const due = [...zone.holds.values()].filter(({ state, expires_at }) => state === 'granted' && expires_at <= zone.time)
  due.sort((a, b) => a.expires_at - b.expires_at || (a.hold_id < b.hold_id ? -1 : 1))
  for (const { hold_id } of due) yield { type: 'hold.expired', hold_id }
}
