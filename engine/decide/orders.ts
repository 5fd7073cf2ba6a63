import type { Decision, Refusal } from '../../ingest/events/decisions.ts'
import type { ZoneId } from '../../ingest/events/envelope.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import { isRetryable, route } from '../routing.ts'
import { type DecisionStream, type EventOfType, openOf, type ZoneState } from '../state.ts'
import { cancelled, endIfEmpty, partsOf, shortened } from './parts.ts'

export function* placeOrder(zone: ZoneState, order: OrderRequest, placed_at: number): DecisionStream {
  yield decideOrder(zone, order, { placed_at })
}

/** Offered by a neighbour: taken here, or rejected for good. */
export function* takeOver(zone: ZoneState, { data }: EventOfType<'order.offered_over'>): DecisionStream {
  const { order, placed_at, from_zone_id } = data
  yield decideOrder(zone, order, { placed_at, from_zone_id })
}

interface Origin {
  placed_at: number
  from_zone_id?: ZoneId
}

function decideOrder(zone: ZoneState, order: OrderRequest, origin: Origin): Decision {
  const { order_id } = order
  const routing = route(zone, order)
  const { candidates } = routing
  if (routing.kind === 'found') {
    const fulfilments = partsOf(order_id, 1, routing)
    const { promise } = routing
    return { type: 'order.routed', order_id, attempt: 1, fulfilments, promise, candidates, order, ...origin }
  }
  const { reason, line_id } = routing
  const why = { reason, retryable: isRetryable(reason), ...(line_id && { line_id }) }
  const to_zone_id = origin.from_zone_id ? undefined : neighbourFor(zone, order, reason)
  return to_zone_id
    ? { type: 'order.offered', order_id, attempt: 1, to_zone_id, ...why, candidates, order, ...origin }
    : { type: 'order.rejected', order_id, attempt: 1, ...why, candidates, order, ...origin }
}

/** Another zone may be asked once, and only where it can help: not for a place or a warehouse that is not its own. */
function neighbourFor(zone: ZoneState, order: OrderRequest, reason: Refusal): ZoneId | undefined {
  if (!zone.policy.neighbours || order.warehouse_id || !ELSEWHERE[reason]) return undefined
  return zone.policy.neighbours.find(zone_id => zone_id !== zone.zone_id)
}

/** Refusals for stock or capacity: a neighbour may have what is missing here. */
const ELSEWHERE: Record<Refusal, boolean> = {
  outside_service_area: false,
  warehouse_unknown: false,
  warehouse_paused: true,
  closed: true,
  sku_unknown: true,
  unit_mismatch: false,
  out_of_stock: true,
  suspended: true,
  full: true,
  throttled: true,
  window_missed: true,
}

/** Before picking begins a line can become smaller; what it frees is free at once. */
export function* changeOrder(zone: ZoneState, event: EventOfType<'order.changed'>): DecisionStream {
  const order = zone.orders.peek(event.data.order_id)
  for (const fulfilment of order?.fulfilments ?? []) {
    if (!order || fulfilment.state !== 'reserved') continue
    for (const wish of event.data.lines) {
      const line = fulfilment.lines.find(({ line_id }) => line_id === wish.line_id)
      if (line && openOf(line) > wish.quantity) {
        yield shortened(order, fulfilment, line, openOf(line) - wish.quantity, 'customer')
      }
    }
    yield* endIfEmpty(order, fulfilment, 'customer')
  }
}

export function* cancelAsked(zone: ZoneState, event: EventOfType<'order.cancel_asked'>): DecisionStream {
  const order = zone.orders.peek(event.data.order_id)
  if (!order) return
  const { order_id, attempt, offered_to: to_zone_id } = order
  const { reason } = event.data
  if (to_zone_id) yield { type: 'order.cancel_passed', order_id, attempt, to_zone_id, reason }
  else yield cancelled(order, reason, 'customer')
}
