import { latLngToCell } from 'h3-js'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import { CELL_RESOLUTION, type Point } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import { metresBetween, rounded, TIME_ZONE, WARM_UP_MIN } from '../city/chicago.ts'
import { orderOutOfTurn, plannedOrder } from '../city/customers.ts'
import { EVENING_RIDE, eveningCatalogue, eveningCrew } from '../city/evening.ts'
import { nextLocalTime } from '../city/hour.ts'
import { draws } from '../city/random.ts'
import type { Place, PlannedOrder, Rider, RideTerms, Town } from '../city/town.ts'
import { planWay, type Way } from '../city/ways.ts'
import { GAPS_S, type Stores } from './stores.ts'

/**
 * A town of other people's stores: their places, doors, roads, couriers and pickers, how often orders come, and how long picking
 * and the door take. What lies in the bags, and what goes wrong, is the default town's: such a file does not tell.
 */
export interface StoresTownOptions {
  name: string
  seed: number
  /** minute of the local day at which it begins; undefined: the busiest hour */
  from_minute: number | undefined
}

const ZONE_ID = 'stores'
/** The published hours are counted from the opening; which hour that is they do not say. */
const OPENS_AT_MIN = 8 * 60
const LINES_MEAN = 3
const CAPACITY = 2
const RADIUS_MIN_M = 1_000
const RADIUS_MAX_M = 100_000

export function storesTown(stores: Stores, { name, seed, from_minute }: StoresTownOptions): Town {
  const begins_min = from_minute ?? OPENS_AT_MIN + 60 * GAPS_S.indexOf(Math.min(...GAPS_S))
  const speed_mps = crowSpeed(stores)
  const places = stores.stores.map((_, at) => placeOf(stores, at))
  const mean_s = stores.picking_s_mean
  return {
    zone_id: ZONE_ID,
    name,
    time_zone: TIME_ZONE,
    cells: [...new Set([...places.map(place => place.point), ...stores.clients].map(areaCell))].sort(),
    // As the crow flies the road takes what the file's roads take in the mean.
    policy: { ...DEFAULT_POLICY, road_factor: 1, speed_mps },
    places,
    catalogue: eveningCatalogue(seed, new Map()),
    begins: wall_ms =>
      nextLocalTime(wall_ms + WARM_UP_MIN * 60_000, { time_zone: TIME_ZONE, minute_of_day: begins_min }),
    warm_up_min: WARM_UP_MIN,
    order: (number, after_ms) => orderOf(stores, seed, number, after_ms, (begins_min - OPENS_AT_MIN) * 60),
    crew: {
      ...eveningCrew(seed, { pick_s_per_line: 0, pack_s: 0 }),
      begin_s: () => 0,
      line_s: () => 0,
      pack_s: draw => draw.exponential(mean_s),
    },
    fleet: stores.stores.flatMap((store, at) =>
      Array.from({ length: store.couriers }, (_, n) => riderOf(places[at] as Place, n, speed_mps)),
    ),
    ride: rideTerms(stores, places),
    outOfTurn: {
      orders_per_min: 60 / Math.min(...GAPS_S),
      order: (external, point, sku) => orderOutOfTurn(seed, runOf(seed), external, point, sku),
    },
  }
}

/** goes before the number in every external_id */
const runOf = (seed: number): string => `day-${seed}`

const areaCell = ({ lat, lng }: Point): string => latLngToCell(lat, lng, AREA_RESOLUTION)

/** m/s as the crow flies that the file's seconds to each door's nearest store come to. */
function crowSpeed({ stores, clients, seconds }: Stores): number {
  let metres = 0
  let total_s = 0
  for (const [client, point] of clients.entries()) {
    const own = seconds.subarray(client * stores.length, (client + 1) * stores.length)
    const least_s = Math.min(...own)
    metres += metresBetween(point, stores[own.indexOf(least_s)]?.point ?? point)
    total_s += least_s
  }
  return Math.min(50, Math.max(0.5, metres / Math.max(1, total_s)))
}

/** Every door is within the radius, for every store: which one is nearest in time is for Waggle to find. */
function placeOf({ stores, clients, seconds, picking_s_mean }: Stores, at: number): Place {
  const { point, pickers } = stores[at] as Stores['stores'][number]
  const sums = new Map<string, { sum_s: number; doors: number }>()
  let farthest_m = 0
  for (const [client, door] of clients.entries()) {
    const cell = latLngToCell(door.lat, door.lng, CELL_RESOLUTION)
    const { sum_s, doors } = sums.get(cell) ?? { sum_s: 0, doors: 0 }
    sums.set(cell, { sum_s: sum_s + (seconds[client * stores.length + at] ?? 0), doors: doors + 1 })
    farthest_m = Math.max(farthest_m, metresBetween(point, door))
  }
  return {
    warehouse_id: `store-${at}`,
    name: `Store ${at}`,
    point,
    // A cell's middle may lie a little farther than its doors.
    radius_m: Math.min(RADIUS_MAX_M, Math.max(RADIUS_MIN_M, Math.ceil(farthest_m * 1.02 + 500))),
    pickers,
    pick_s_per_line: Math.round(picking_s_mean / LINES_MEAN),
    pack_s: 0,
    travel: {
      cells: [...sums.keys()],
      seconds: [...sums.values()].map(({ sum_s, doors }) => Math.round(sum_s / doors)),
    },
  }
}

/** @param opened_s how long the stores have been open at the beginning */
function orderOf(
  { clients }: Stores,
  seed: number,
  number: number,
  after_ms: number,
  opened_s: number,
): PlannedOrder | undefined {
  const since_s = Math.max(0, opened_s + after_ms / 1_000)
  const gap_s = GAPS_S[Math.floor(since_s / 3_600)]
  if (gap_s === undefined) return undefined
  const draw = draws(seed, 'client', number)
  const client = draw.whole(0, clients.length - 1)
  const { order, cancel } = plannedOrder(seed, number, runOf(seed))
  const customer_ref = `client-${client}`
  return {
    due_ms: (since_s - opened_s + draw.exponential(gap_s)) * 1_000,
    order: { ...order, customer_ref, point: clients[client] as Point },
    customer_ref,
    cancel,
  }
}

const riderOf = (home: Place, number: number, speed_mps: number): Rider => ({
  courier_id: `${home.warehouse_id}-${number + 1}`,
  start: home.point,
  home,
  tied: true,
  vehicle: 'scooter',
  speed_mps,
  capacity: CAPACITY,
  has: ['cold', 'id_check'],
  on_ms: Number.NEGATIVE_INFINITY,
  off_ms: undefined,
})

/** Between a store and a door the way takes the file's seconds; between two doors what their distance does. */
function rideTerms(stores: Stores, places: readonly Place[]): RideTerms {
  const keyOf = ({ lat, lng }: Point): string => `${rounded(lat)},${rounded(lng)}`
  const doors = new Map(stores.clients.map((point, at) => [keyOf(point), at]))
  const counters = new Map(places.map(({ point }, at) => [keyOf(point), at]))
  const secondsOf = (from: Point, to: Point): number | undefined => {
    const door = doors.get(keyOf(from)) ?? doors.get(keyOf(to))
    const counter = counters.get(keyOf(from)) ?? counters.get(keyOf(to))
    return door === undefined || counter === undefined
      ? undefined
      : stores.seconds[door * stores.stores.length + counter]
  }
  const streets = { origin: places[0]?.point ?? { lat: 0, lng: 0 }, isLand: () => true }
  return {
    ...EVENING_RIDE,
    way(from, to, departs_at, speed_mps, draw) {
      const way = planWay(from, to, departs_at, speed_mps, draw, streets)
      return lasting(way, secondsOf(from, to) ?? metresBetween(from, to) / speed_mps)
    },
    door_s: draw => draw.exponential(stores.door_s_mean),
  }
}

/** The same way with its stretches in proportion, so that it takes so long. */
function lasting({ points, at }: Way, seconds: number): Way {
  const departs_at = at[0] ?? 0
  const took_ms = (at[at.length - 1] ?? departs_at) - departs_at
  if (took_ms === 0) return { points, at }
  return { points, at: at.map(time => departs_at + ((time - departs_at) * seconds * 1_000) / took_ms) }
}
