import type { CourierView } from '../engine/contract.ts'
import type { PromiseTime } from '../ingest/events/decisions.ts'
import type { Point, ZoneId } from '../ingest/events/envelope.ts'
import type { Commitment, CourierSnapshot, OpenFulfilment, SolverProblem, Weights } from './contract.ts'
import type { WaitingOrder } from './io/trips.ts'
import type { TripRow } from './rows.ts'
import type { Road } from './travel.ts'

/** A zone's open work and couriers as the solver's problem: pure. */

/** As it goes to a worker thread: the travel times as data. */
export type SolverInput = Omit<SolverProblem, 'travel'> & { road: Road }

export interface Scene {
  zone_id: ZoneId
  /** business time, ms */
  now: number
  road: Road
  orders: readonly WaitingOrder[]
  trips: readonly TripRow[]
  fleet: readonly CourierView[]
  /** `order_id/courier_id` of offers that were declined a while ago */
  declined: ReadonlyMap<string, readonly string[]>
  pointOf: (warehouse_id: string) => Point | undefined
  /** a courier not heard of for longer is left out, s of business time */
  seen_s_max: number
}

const WEIGHTS: Weights = { click_to_door: 1, lateness: 10, freshness: 1, travel: 0.1 }
const ITERATIONS_MAX = 10_000

export function problemOf(scene: Scene): SolverInput {
  return {
    zone_id: scene.zone_id,
    now: scene.now,
    seed: scene.now % 2 ** 31,
    iterations_max: ITERATIONS_MAX,
    fulfilments: scene.orders.flatMap(order => fulfilmentOf(order, scene)),
    couriers: scene.fleet.flatMap(courier => snapshotOf(courier, scene)),
    road: scene.road,
    weights: WEIGHTS,
  }
}

/** An order is carried as a whole: from its first warehouse's point of view, ready when all of it is. */
function fulfilmentOf(order: WaitingOrder, scene: Scene): OpenFulfilment[] {
  const [first] = order.fulfilments
  const pickup = first && scene.pointOf(first.warehouse_id)
  if (!pickup || !order.promise) return []
  const since = (at: number) => Math.round((at - scene.now) / 1_000)
  const ready_at = Math.max(...order.fulfilments.map(part => part.packed_at ?? part.ready_at))
  const not_couriers = scene.declined.get(order.order_id) ?? []
  return [
    {
      fulfilment_id: first.fulfilment_id,
      order_id: order.order_id,
      warehouse_id: first.warehouse_id,
      pickup,
      dropoff: order.point,
      placed_s: since(order.placed_at),
      // A picker who is late is ready at any moment, not in the past.
      ready_s: readySince(
        order.promise,
        order.packed_at === null ? Math.max(0, since(ready_at)) : since(order.packed_at),
        since,
      ),
      promise_s: since(order.first_deliver_by ?? order.promise.deliver_by),
      load: 1,
      requires: order.requires,
      ...(not_couriers.length > 0 && { not_couriers: not_couriers as OpenFulfilment['not_couriers'] & string[] }),
    },
  ]
}

/** An order for a window is to be fetched when it was promised to be ready, however early it was packed. */
const readySince = ({ ready_at, deliver_from }: PromiseTime, ready_s: number, since: (at: number) => number): number =>
  deliver_from === undefined ? ready_s : Math.max(ready_s, since(ready_at))

/** Free couriers, and those with a commitment. Whoever has an offer to answer is neither, and is left out. */
function snapshotOf(courier: CourierView, scene: Scene): CourierSnapshot[] {
  if (courier.zone_id !== scene.zone_id || courier.state !== 'available') return []
  if (courier.seen_at < scene.now - scene.seen_s_max * 1_000) return []
  const trip = scene.trips.find(one => one.courier_id === courier.courier_id)
  if (trip?.state === 'offered' && !trip.pinned) return []
  const { courier_id, point, capacity, has, home_warehouse_id } = courier
  return [
    {
      courier_id,
      place: point,
      free_s: 0,
      capacity,
      has,
      ...(home_warehouse_id && { home_warehouse_id }),
      breaks: [],
      committed: trip ? [commitmentOf(trip)] : [],
    },
  ]
}

const commitmentOf = (trip: TripRow): Commitment => ({
  trip_id: trip.trip_id,
  fulfilment_ids: [...new Set(trip.stops.map(stop => stop.fulfilment_id))],
  why: trip.state === 'under_way' ? 'picked_up' : trip.pinned ? 'pinned' : 'accepted',
})
