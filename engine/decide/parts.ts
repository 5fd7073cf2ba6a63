import type { Cause, FulfilmentPart } from '../../ingest/events/decisions.ts'
import { fulfilmentName, type Routing } from '../routing.ts'
import {
  type DecisionStream,
  type FulfilmentState,
  type OrderState,
  openOf,
  type Reservation,
  type ZoneState,
} from '../state.ts'

/** What decisions about orders are put together from. */

export type Found = Extract<Routing, { kind: 'found' }>

/** One part for each warehouse, mostly one. `beside`: the order has other parts that stay. */
export function partsOf(owner: string, attempt: number, { shares }: Found, beside = false): FulfilmentPart[] {
  return shares.map((share, place) => {
    const { warehouse, lines, ready_at, start_at, deliver_by } = share
    return {
      fulfilment_id: fulfilmentName(owner, attempt, shares.length > 1 ? place + 1 : undefined),
      warehouse_id: warehouse.warehouse_id,
      lines: lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit })),
      ready_at,
      ...(start_at !== undefined && { start_at }),
      ...((beside || shares.length > 1) && { deliver_by }),
    }
  })
}

export function cancelled(order: OrderState, reason: string, by: Cause) {
  const taken = order.fulfilments.filter(({ state }) => state === 'picking' || state === 'packed')
  const to_put_back = taken.flatMap(({ warehouse_id, lines }) =>
    lines.flatMap(line => {
      const quantity = line.picked + openOf(line)
      return quantity > 0 ? [{ warehouse_id, sku: line.sku, quantity }] : []
    }),
  )
  return { type: 'order.cancelled' as const, order_id: order.order_id, attempt: order.attempt, reason, by, to_put_back }
}

export const hasAnything = ({ lines, state }: FulfilmentState): boolean =>
  state !== 'replaced' && state !== 'cancelled' && lines.some(line => line.picked > 0 || openOf(line) > 0)

export function shortened(order: OrderState, fulfilment: FulfilmentState, line: Reservation, by: number, cause: Cause) {
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
    // What a customer gives back is on the shelf; what nobody found, or a count denied, is not.
    ended: cause === 'customer' ? ('released' as const) : ('short' as const),
    cause,
  }
}

/** After a part shrank: where nothing is left of it, it is dropped, or the order ends. */
export function* endIfEmpty(order: OrderState, fulfilment: FulfilmentState, cause: Cause): DecisionStream {
  if (hasAnything(fulfilment)) return
  if (!order.fulfilments.some(hasAnything)) {
    yield cancelled(order, 'nothing_left', cause)
    return
  }
  const { order_id, attempt } = order
  const { fulfilment_id, warehouse_id } = fulfilment
  yield { type: 'order.part_dropped', order_id, attempt, fulfilment_id, warehouse_id, cause }
}

/** A substitute is a line of its own, named after the one it stands for. */
export const substituteLineId = (line_id: string, place: number): Reservation['line_id'] =>
  `${line_id}.s${place}` as Reservation['line_id']

export interface Picking {
  order: OrderState
  fulfilment: FulfilmentState
}

export function findPicking(
  zone: ZoneState,
  data: { order_id: OrderState['order_id']; fulfilment_id: string },
): Picking | null {
  const order = zone.orders.peek(data.order_id)
  const fulfilment = order?.fulfilments.find(part => part.fulfilment_id === data.fulfilment_id)
  return order && fulfilment ? { order, fulfilment } : null
}
