import type { CourierView } from '../../engine/contract.ts'
import type { PromiseTime } from '../../ingest/events/decisions.ts'
import type { Point, ZoneId } from '../../ingest/events/envelope.ts'
import { type LearnedTimes, readyGuess } from '../etas/preparation.ts'
import { serviceOf } from '../etas/timing.ts'
import type { WaitingOrder } from '../io/open_work.ts'
import type { TripRow } from '../rows.ts'
import { BUNDLE_MAX, roundsFor, TRIPS_MAX } from '../solver/limits.ts'
import type { Weights } from '../solver/objective.ts'
import type { ExpectedDemand, LastTrip, OpenFulfilment, SolverProblem } from '../solver/port.ts'
import type { Road } from '../travel.ts'
import { changeableTrips, snapshotsOf } from './snapshot.ts'

/** A zone's open work and couriers as the solver's problem: pure. */

/** As it goes to a worker thread: the travel times as data. */
export type SolverInput = Omit<SolverProblem, 'travel'> & { road: Road }

export interface Scene {
  zone_id: ZoneId
  /** business time, ms */
  now: number
  road: Road
  /** those on trips too, as far as the trips may still be changed */
  orders: readonly WaitingOrder[]
  trips: readonly TripRow[]
  fleet: readonly CourierView[]
  /** order_id → couriers who declined it a while ago, or did not answer */
  declined: ReadonlyMap<string, readonly string[]>
  pointOf: (warehouse_id: string) => Point | undefined
  /** what was learnt of a warehouse's times */
  learned: (warehouse_id: string) => LearnedTimes
  /** the next orders are expected where those of late came from */
  demand: readonly ExpectedDemand[]
  /** a courier not heard of for longer is left out, s of business time */
  seen_s_max: number
  /** s that the two hand-overs take together */
  handover_s: number
  /** courier_id → orders set out with on this shift; undefined: nobody asked, because fairness counts for nothing here */
  worked: ((courier_id: string) => number) | undefined
  /** the zone's */
  weights: Weights
  last: readonly LastTrip[]
  /** whether trips that nobody has fetched yet may be put together anew */
  may_change_trips: boolean
  /** trip_ids of which nothing will come: what they hold is planned anew */
  lost_trips: ReadonlySet<string>
}

export interface Problem {
  input: SolverInput
  /** courier_id → the trip that the plan may still change */
  changeable: ReadonlyMap<string, TripRow>
}

export function problemOf(scene: Scene): Problem {
  const all = new Map<string, OpenFulfilment>()
  for (const order of scene.orders) {
    const part = partOf(order, scene)
    if (part) all.set(order.order_id, part)
  }
  const changeable = changeableTrips(scene, all)
  const trip_ids = new Set(changeable.values().map(trip => trip.trip_id))
  const parts = new Map<string, OpenFulfilment>()
  for (const { order_id, trip_id } of scene.orders) {
    const part = all.get(order_id)
    const is_free = trip_id === null || trip_ids.has(trip_id) || scene.lost_trips.has(trip_id)
    if (part && is_free) parts.set(order_id, part)
  }
  const fulfilments = [...parts.values()]
  const input = {
    zone_id: scene.zone_id,
    now: scene.now,
    seed: scene.now % 2 ** 31,
    iterations_max: roundsFor(fulfilments.length),
    fulfilments,
    couriers: snapshotsOf(scene, parts, changeable),
    demand: scene.demand,
    service: serviceOf(scene.handover_s),
    bundle_max: BUNDLE_MAX,
    trips_max: TRIPS_MAX,
    road: scene.road,
    weights: scene.weights,
    last: scene.last,
  }
  return { input, changeable }
}

/** An order is carried as a whole: from its first warehouse's point of view, ready when all of it is. */
function partOf(order: WaitingOrder, scene: Scene): OpenFulfilment | undefined {
  const [first] = order.fulfilments
  const pickup = first && scene.pointOf(first.warehouse_id)
  const { promise } = order
  if (!pickup || !promise) return undefined
  const since = (at: number) => Math.round((at - scene.now) / 1_000)
  const guess = readyGuess(order, scene.learned, scene.now)
  const ready = (at: number) => readySince(promise, since(at), since)
  const not_couriers = scene.declined.get(order.order_id) ?? []
  return {
    fulfilment_id: first.fulfilment_id,
    order_id: order.order_id,
    warehouse_id: first.warehouse_id,
    pickup,
    dropoff: order.point,
    placed_s: since(order.placed_at),
    ready_s: ready(guess.ready_at),
    ...(guess.from_at !== undefined && { ready_from_s: ready(guess.from_at) }),
    ...(guess.latest_at !== undefined && { ready_latest_s: ready(guess.latest_at) }),
    promise_s: since(order.first_deliver_by ?? promise.deliver_by),
    load: 1,
    ...(order.fulfilments.length > 1 && { alone: true }),
    requires: order.requires,
    ...(not_couriers.length > 0 && { not_couriers: not_couriers as OpenFulfilment['not_couriers'] & string[] }),
  }
}

/** An order for a window is to be fetched when it was promised to be ready, however early it was packed. */
const readySince = ({ ready_at, deliver_from }: PromiseTime, ready_s: number, since: (at: number) => number): number =>
  deliver_from === undefined ? ready_s : Math.max(ready_s, since(ready_at))
