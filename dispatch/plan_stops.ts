import type { Stop } from '../ingest/events/deliveries.ts'
import type { Point } from '../ingest/events/envelope.ts'
import type { TravelTimes } from './contract.ts'
import type { OrderRow } from './rows.ts'

export interface StopsOptions {
  /** of the courier */
  place: Point
  /** business time, ms, at which the courier starts from `place` */
  depart: number
  travel: TravelTimes
  /** of a warehouse; undefined: unknown, such a part is left out */
  pointOf: (warehouse_id: string) => Point | undefined
}

/** The stops of one order's trip: every warehouse that has a part of it, then the door. */
export const stopsOf = (order: OrderRow, options: StopsOptions): Stop[] => stopsOfTrip([order], options)

/** All pickups, then the doors in the order of the orders. */
export function stopsOfTrip(orders: readonly OrderRow[], { place, depart, travel, pointOf }: StopsOptions): Stop[] {
  const stops: Stop[] = []
  let here = place
  let eta = depart
  for (const order of orders) {
    for (const part of order.fulfilments) {
      const point = pointOf(part.warehouse_id)
      if (!point) continue
      eta = Math.max(eta + travel(here, point) * 1_000, part.packed_at ?? part.ready_at)
      here = point
      stops.push({ kind: 'pickup', fulfilment_id: part.fulfilment_id, order_id: order.order_id, point, eta })
    }
  }
  for (const order of orders) {
    const last = order.fulfilments.at(-1)
    if (!last) continue
    eta += travel(here, order.point) * 1_000
    here = order.point
    stops.push({ kind: 'dropoff', fulfilment_id: last.fulfilment_id, order_id: order.order_id, point: here, eta })
  }
  return stops
}
