import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { OrderView } from '../contract.ts'
import { type Course, timeStops } from '../etas/timing.ts'

/** The stops of several orders in the sequence that a person gave them: first all pickups, then the doors. Pure. */

export interface Way extends Omit<Course, 'readyAt'> {
  /** of a warehouse; undefined: unknown, such a part is left out */
  pointOf: (warehouse_id: string) => Point | undefined
}

/**
 * @param before what stands already, and what is behind the courier: kept in its order, and timed anew
 * @param orders come after it; parts that are picked up have no pickup any more
 */
export function stopsInSequence(before: readonly Stop[], orders: readonly OrderView[], way: Way): Stop[] {
  const done = before.filter(stop => stop.done_at !== undefined)
  const open = before.filter(stop => stop.done_at === undefined)
  const added = orders.flatMap(order => stopsOfOrder(order, way))
  const pickups = byPlace([...open, ...added].filter(stop => stop.kind === 'pickup'))
  const doors = [...open, ...added].filter(stop => stop.kind === 'dropoff')
  return [...done, ...timeStops([...pickups, ...doors], { ...way, readyAt: stop => stop.eta })]
}

/** `eta` of a pickup: not before its part is ready. */
function stopsOfOrder(order: OrderView, { pointOf }: Way): Stop[] {
  const { order_id, fulfilments } = order
  const pickups = fulfilments.flatMap(part => {
    const point = pointOf(part.warehouse_id)
    if (!point || part.state === 'picked_up') return []
    const { fulfilment_id } = part
    return [{ kind: 'pickup' as const, fulfilment_id, order_id, point, eta: part.packed_at ?? part.ready_at }]
  })
  const last = fulfilments.at(-1)
  if (!last) return pickups
  return [...pickups, { kind: 'dropoff', fulfilment_id: last.fulfilment_id, order_id, point: order.point, eta: 0 }]
}

/** What lies at one warehouse is fetched at once, where the first of it stands. */
function byPlace(pickups: readonly Stop[]): Stop[] {
  const groups = Map.groupBy(pickups, ({ point }) => `${point.lat},${point.lng}`)
  return [...groups.values()].flat()
}

/** Orders of one trip as they stand in it, where its first one stands in the list; the others as they are given. */
export function inTheirSequence<Order extends OrderView>(
  orders: readonly Order[],
  trips: ReadonlyMap<string, readonly Stop[]>,
): Order[] {
  const groups = Map.groupBy(orders, order => order.trip_id ?? order.order_id)
  return [...groups].flatMap(([trip_id, group]) => {
    const stops = trips.get(trip_id) ?? []
    const place = ({ order_id }: OrderView) =>
      stops.findIndex(stop => stop.kind === 'dropoff' && stop.order_id === order_id)
    return group.toSorted((a, b) => place(a) - place(b))
  })
}
