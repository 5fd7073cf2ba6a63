import type { Stop } from '../ingest/events/deliveries.ts'
import type { Point } from '../ingest/events/envelope.ts'
import type { TravelTimes } from './contract.ts'
import type { OrderRow } from './rows.ts'

/**
 * The stops of one order's trip: every warehouse that has a part of it, then the door.
 * @param depart business time, ms, at which the courier starts from `place`
 */
export function stopsOf(
  order: OrderRow,
  {
    place,
    depart,
    travel,
    pointOf,
  }: {
    place: Point
    depart: number
    travel: TravelTimes
    /** of a warehouse; undefined: unknown, such a part is left out */
    pointOf: (warehouse_id: string) => Point | undefined
  },
): Stop[] {
  const stops: Stop[] = []
  let here = place
  let eta = depart
  for (const part of order.fulfilments) {
    const point = pointOf(part.warehouse_id)
    if (!point) continue
    eta = Math.max(eta + travel(here, point) * 1_000, part.packed_at ?? part.ready_at)
    here = point
    stops.push({ kind: 'pickup', fulfilment_id: part.fulfilment_id, order_id: order.order_id, point, eta })
  }
  const last = order.fulfilments.at(-1)
  if (!last) return stops
  eta += travel(here, order.point) * 1_000
  stops.push({ kind: 'dropoff', fulfilment_id: last.fulfilment_id, order_id: order.order_id, point: order.point, eta })
  return stops
}
