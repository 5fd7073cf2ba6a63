import type { Cause } from '../../ingest/events/decisions.ts'
import { roadSeconds } from '../routing/reach.ts'
import type { DecisionStream, FulfilmentState, OrderState, ZoneState } from '../state.ts'
import type { Picking } from './parts.ts'

/**
 * A part will be ready at `ready_at`, or is. As long as the buffer of the promise covers it, the customer hears nothing; once
 * it would be at the door too late, a new promise stands beside the first one, with a buffer of its own.
 */
export function* promiseAfter(zone: ZoneState, picking: Picking, ready_at: number, cause: Cause): DecisionStream {
  const { order, fulfilment } = picking
  const warehouse = zone.warehouses.peek(fulfilment.warehouse_id)
  // Asked before the part is packed: a closed order has forgotten where it goes.
  const cell = order.wish?.cell
  if (!warehouse || cell === undefined) return
  const { handover_s, promise_buffer_s } = zone.policy
  const at_door = ready_at + 1_000 * (roadSeconds(zone, warehouse, cell) + handover_s)
  if (at_door <= order.deliver_by) return
  const { order_id, attempt, first_deliver_by } = order
  const promise = {
    ready_at: latestReady(order, fulfilment, ready_at),
    deliver_by: at_door + 1_000 * promise_buffer_s,
    ...deliverFrom(order),
  }
  const { fulfilment_id } = fulfilment
  yield { type: 'promise.changed', order_id, attempt, fulfilment_id, promise, first_deliver_by, cause }
}

function latestReady(order: OrderState, moved: FulfilmentState, ready_at: number): number {
  let latest = ready_at
  for (const part of order.fulfilments) {
    if (part !== moved && (part.state === 'reserved' || part.state === 'picking'))
      latest = Math.max(latest, part.ready_at)
  }
  return latest
}

const deliverFrom = ({ wish }: OrderState): { deliver_from?: number } =>
  wish?.deliver_between ? { deliver_from: wish?.deliver_between.from } : {}
