import type { CourierView } from '../engine/contract.ts'
import type { PromiseTime } from '../ingest/events/decisions.ts'
import type { Point, ZoneId } from '../ingest/events/envelope.ts'
import type { WaitingOrder } from './io/trips.ts'
import type { TripRow } from './rows.ts'
import { BUNDLE_MAX, roundsFor, TRIPS_MAX } from './solver/limits.ts'
import { WEIGHTS, type Weights } from './solver/objective.ts'
import type {
  Commitment,
  CourierSnapshot,
  LastTrip,
  OpenFulfilment,
  ServiceTimes,
  SolverProblem,
} from './solver/port.ts'
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
  /** order_id → couriers who declined it a while ago, or did not answer */
  declined: ReadonlyMap<string, readonly string[]>
  pointOf: (warehouse_id: string) => Point | undefined
  /** a courier not heard of for longer is left out, s of business time */
  seen_s_max: number
  /** s that the two hand-overs take together */
  handover_s: number
  /** what the zone has set otherwise than the usual */
  weights: Partial<Weights>
  last: readonly LastTrip[]
}

export function problemOf(scene: Scene): SolverInput {
  const fulfilments = scene.orders.flatMap(order => fulfilmentOf(order, scene))
  return {
    zone_id: scene.zone_id,
    now: scene.now,
    seed: scene.now % 2 ** 31,
    iterations_max: roundsFor(fulfilments.length),
    fulfilments,
    couriers: scene.fleet.flatMap(courier => snapshotOf(courier, scene)),
    // Where more orders wait, more are expected: the next ones come from where these did.
    demand: demandOf(fulfilments),
    service: serviceOf(scene.handover_s),
    bundle_max: BUNDLE_MAX,
    trips_max: TRIPS_MAX,
    road: scene.road,
    weights: { ...WEIGHTS, ...scene.weights },
    last: scene.last,
  }
}

/** The policy knows the sum only: a quarter at the counter, half at the door, and a quarter until the courier is back on the road. */
const serviceOf = (handover_s: number): ServiceTimes => ({
  before_pickup_s: 0,
  after_pickup_s: Math.round(handover_s / 4),
  before_door_s: Math.round(handover_s / 2),
  after_door_s: Math.round(handover_s / 4),
})

function demandOf(fulfilments: readonly OpenFulfilment[]): SolverProblem['demand'] {
  return [...Map.groupBy(fulfilments, one => one.warehouse_id)].map(([warehouse_id, waiting]) => ({
    warehouse_id,
    pickup: (waiting[0] as OpenFulfilment).pickup,
    orders_per_h: waiting.length,
  }))
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
      ...(order.fulfilments.length > 1 && { alone: true }),
      requires: order.requires,
      ...(not_couriers.length > 0 && { not_couriers: not_couriers as OpenFulfilment['not_couriers'] & string[] }),
    },
  ]
}

/** An order for a window is to be fetched when it was promised to be ready, however early it was packed. */
const readySince = ({ ready_at, deliver_from }: PromiseTime, ready_s: number, since: (at: number) => number): number =>
  deliver_from === undefined ? ready_s : Math.max(ready_s, since(ready_at))

/** Free couriers, and those with a trip: free where and when it will end, whoever has yet to answer an offer too. */
function snapshotOf(courier: CourierView, scene: Scene): CourierSnapshot[] {
  if (courier.zone_id !== scene.zone_id || courier.state !== 'available') return []
  if (courier.seen_at < scene.now - scene.seen_s_max * 1_000) return []
  const trips = scene.trips.filter(one => one.courier_id === courier.courier_id)
  const ends = trips.flatMap(trip => trip.stops.at(-1) ?? [])
  const end = ends.toSorted((a, b) => a.eta - b.eta).at(-1)
  const { courier_id, point, capacity, has, home_warehouse_id } = courier
  return [
    {
      courier_id,
      place: end?.point ?? point,
      // One who is late will still take a moment.
      free_s: end
        ? Math.max(BUSY_S_MIN, Math.round((end.eta - scene.now) / 1_000) + Math.round(scene.handover_s / 4))
        : 0,
      capacity,
      has,
      ...(home_warehouse_id && { home_warehouse_id }),
      breaks: [],
      committed: trips.map(commitmentOf),
    },
  ]
}

const BUSY_S_MIN = 60

const commitmentOf = (trip: TripRow): Commitment => ({
  trip_id: trip.trip_id,
  fulfilment_ids: [...new Set(trip.stops.map(stop => stop.fulfilment_id))],
  why: trip.state === 'under_way' ? 'picked_up' : trip.pinned ? 'pinned' : 'accepted',
})
