import { BUNDLE_MAX, roundsFor, TRIPS_MAX } from '../../../dispatch/solver/limits.ts'
import { WEIGHTS, type Weights } from '../../../dispatch/solver/objective.ts'
import type {
  CourierSnapshot,
  ExpectedDemand,
  OpenFulfilment,
  PlannedTrip,
  SolverProblem,
} from '../../../dispatch/solver/port.ts'
import type {
  CourierId,
  FulfilmentId,
  OrderId,
  Point,
  TripId,
  WarehouseId,
  ZoneId,
} from '../../../ingest/events/envelope.ts'
import { type Day, type DayCourier, type DayOrder, type Place, travelMinutes } from '../../days/day.ts'
import type { Part } from './options.ts'
import { learnOverdue, learnPreparation, openSpread, outlookOf, type Spread } from './preparation.ts'

/** What is known at a minute of a day, and the solver's problem that it makes. Nothing later is in reach of it. */

export interface PlaySettings {
  without: readonly Part[]
  /** otherwise than the usual */
  weights?: Partial<Weights>
  /** mean minutes from placing to ready by restaurant, where only they are known; absent: ready times are */
  preparation_means?: ReadonlyMap<string, number>
}

export interface Scene {
  day: Pick<Day, 'restaurants' | 'pickup_service_min' | 'dropoff_service_min'>
  settings: PlaySettings
  travel: (from: Place, to: Place) => number
  couriers: Map<string, CourierState>
  /** placed by now, not yet picked up */
  open: Map<string, DayOrder>
  /** orders so far by restaurant, and those of each of the last minutes */
  placed: Map<string, number>
  recent: number[]
  spread: Spread
  last: readonly PlannedTrip[]
}

export interface CourierState {
  courier: DayCourier
  at: Place
  free: number
  delivered: number
  /** on the way to a restaurant, or standing there */
  sent?: Sent
}

export interface Sent {
  start: number
  arrival: number
  restaurant: string
  /** what the courier was told, and what the last plan wants it to take: told at the last moment */
  told: readonly string[]
  wanted: readonly string[]
}

/** Couriers whose shift begins within this are planned with. */
const SHIFT_AHEAD_MIN = 90
const RECENT_MIN = 30
/** Before anything is known of a restaurant: half an order. */
const PRIOR_ORDERS = 0.5

export function openScene(day: Day, settings: PlaySettings): Scene {
  return {
    day,
    settings,
    travel: travelMinutes(day.meters_per_minute),
    couriers: new Map(day.couriers.map(one => [one.id, { courier: one, at: one, free: one.on, delivered: 0 }])),
    open: new Map(),
    placed: new Map([...day.restaurants.keys()].map(id => [id, PRIOR_ORDERS])),
    recent: [],
    spread: openSpread(),
    last: [],
  }
}

export function learnOrders(scene: Scene, orders: readonly DayOrder[]): void {
  for (const order of orders) {
    scene.open.set(order.id, order)
    scene.placed.set(order.restaurant, (scene.placed.get(order.restaurant) ?? PRIOR_ORDERS) + 1)
  }
  scene.recent.push(orders.length)
  if (scene.recent.length > RECENT_MIN) scene.recent.shift()
}

export function placeOf({ day }: Scene, restaurant: string): Place {
  const place = day.restaurants.get(restaurant)
  if (!place) throw new Error(`there is no restaurant ${restaurant}`)
  return place
}

/** What has become ready, and what ought to be, tells how far preparation strays from its mean. */
export function learnReady(scene: Scene, ready: readonly DayOrder[], t: number): void {
  const { spread, open } = scene
  const means = scene.settings.preparation_means
  if (!means) return
  const meanOf = (order: DayOrder): number => (means.get(order.restaurant) ?? 0) * 60
  for (const order of ready) learnPreparation(spread, meanOf(order), (order.ready - order.placed) * 60)
  const under_way = [...open.values()].filter(one => one.ready > t)
  learnOverdue(
    spread,
    under_way.map(one => ({ mean_s: meanOf(one), age_s: (t - one.placed) * 60 })),
  )
}

/** When an order is ready, s after t: known, or known once that is over, and then thought to be later than t. */
export function readyAt(
  { settings, spread }: Scene,
  order: DayOrder,
  t: number,
): Pick<OpenFulfilment, 'ready_s' | 'ready_from_s' | 'ready_latest_s'> {
  const mean = settings.preparation_means?.get(order.restaurant)
  if (mean === undefined || order.ready <= t) return { ready_s: (order.ready - t) * 60 }
  const age_s = (t - order.placed) * 60
  const { likely_s, from_s, latest_s } = outlookOf(spread, mean * 60, age_s)
  const nextMinute = (at_s: number) => Math.max(60, at_s - age_s)
  return { ready_s: nextMinute(likely_s), ready_from_s: nextMinute(from_s), ready_latest_s: nextMinute(latest_s) }
}

/** Places are metres in a plane: only the travel function looks at them. */
const pointOf = ({ x, y }: Place): Point => ({ lat: y, lng: x })

export function problemAt(scene: Scene, t: number): SolverProblem {
  const { day, settings } = scene
  const has = (part: Part): boolean => !settings.without.includes(part)
  return {
    zone_id: 'day' as ZoneId,
    now: t * 60_000,
    seed: t,
    iterations_max: has('search') ? roundsFor(scene.open.size) : 0,
    fulfilments: [...scene.open.values()].map(one => fulfilmentAt(scene, one, t)),
    couriers: [...scene.couriers.values()].flatMap(one => snapshotAt(one, t)),
    demand: demandAt(scene),
    service: {
      before_pickup_s: day.pickup_service_min * 30,
      after_pickup_s: day.pickup_service_min * 30,
      before_door_s: day.dropoff_service_min * 30,
      after_door_s: day.dropoff_service_min * 30,
    },
    bundle_max: has('bundles') ? BUNDLE_MAX : 1,
    trips_max: has('trips') ? TRIPS_MAX : 1,
    travel: (from, to) => 60 * scene.travel({ x: from.lng, y: from.lat }, { x: to.lng, y: to.lat }),
    weights: {
      ...WEIGHTS,
      ...settings.weights,
      ...(!has('excess') && { excess: 0 }),
      ...(!has('travel') && { travel: 0 }),
      ...(!has('end_place') && { end_place: 0 }),
      ...(!has('scarcity') && { scarcity: 0 }),
      ...(!has('cover') && { cover: 0 }),
    },
    last: scene.last,
  }
}

function fulfilmentAt(scene: Scene, order: DayOrder, t: number): OpenFulfilment {
  return {
    fulfilment_id: order.id as FulfilmentId,
    order_id: order.id as OrderId,
    warehouse_id: order.restaurant as WarehouseId,
    pickup: pointOf(placeOf(scene, order.restaurant)),
    dropoff: pointOf(order),
    placed_s: (order.placed - t) * 60,
    ...readyAt(scene, order, t),
    load: 1,
    requires: [],
  }
}

function snapshotAt({ courier, at, free, delivered, sent }: CourierState, t: number): CourierSnapshot[] {
  if (!sent && (courier.off < t || courier.on > t + SHIFT_AHEAD_MIN)) return []
  return [
    {
      courier_id: courier.id as CourierId,
      place: pointOf(at),
      free_s: Math.max(0, free - t) * 60,
      capacity: BUNDLE_MAX,
      has: [],
      last_pickup_s: (courier.off - t) * 60,
      breaks: [],
      committed: [],
      worked: { deliveries: delivered, hours: Math.max(0, t - courier.on) / 60 },
      ...(sent && {
        open_trip: {
          trip_id: `${courier.id}-${sent.start}` as TripId,
          warehouse_id: sent.restaurant as WarehouseId,
          arrive_s: (sent.arrival - t) * 60,
          fulfilment_ids: sent.wanted as FulfilmentId[],
        },
      }),
    },
  ]
}

/** Where orders came from so far, at the pace of the last half hour. */
function demandAt(scene: Scene): ExpectedDemand[] {
  const sum = scene.placed.values().reduce((all, one) => all + one, 0)
  const per_h = scene.recent.reduce((all, one) => all + one, 0) * (60 / RECENT_MIN)
  return [...scene.placed].map(([id, orders]) => ({
    warehouse_id: id as WarehouseId,
    pickup: pointOf(placeOf(scene, id)),
    orders_per_h: (orders / sum) * per_h,
  }))
}
