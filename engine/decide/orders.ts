import type { OrderRequest } from '../../ingest/events/orders.ts'
import { isRetryable, route } from '../routing.ts'
import { type DecisionStream, type EventOfType, openOf, type ZoneState } from '../state.ts'
import { cancelled, hasAnything, partsOf, shortened } from './parts.ts'

export function* placeOrder(zone: ZoneState, order: OrderRequest, placed_at: number): DecisionStream {
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
  const fulfilments = partsOf(order_id, 1, routing)
  yield {
    type: 'order.routed',
    order_id,
    attempt: 1,
    fulfilments,
    promise: routing.promise,
    candidates,
    order,
    placed_at,
  }
}

/** Before picking begins a line can become smaller; what it frees is free at once. */
export function* changeOrder(zone: ZoneState, event: EventOfType<'order.changed'>): DecisionStream {
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

export function* cancelAsked(zone: ZoneState, event: EventOfType<'order.cancel_asked'>): DecisionStream {
  const order = zone.orders.get(event.data.order_id)
  if (order) yield cancelled(order, event.data.reason, 'customer')
}
