import { gridDisk, latLngToCell } from 'h3-js'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import type { LineId, Point, Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import type { Item } from '../city/catalogue.ts'
import { METRES_PER_LAT, metresBetween, metresPerLng, PLACES, TIME_ZONE } from '../city/chicago.ts'
import { nextLocalTime } from '../city/hour.ts'
import type { Place, PlannedOrder, Rider, RideTerms, Town } from '../city/town.ts'
import { straightWay } from '../city/ways.ts'
import type { Day, DayOrder, Place as PlaneXY } from './day.ts'

/**
 * A recorded day as a town: each restaurant a warehouse that packs each of its orders at the recorded time, couriers who come
 * and go by their shifts, straight ways at the day's one speed. Nothing goes wrong in it but what the day itself brings.
 */
export interface DayTownOptions {
  /** minute of the day at which it begins, with what was placed shortly before under way; undefined: with the busiest hour */
  from_minute: number | undefined
  /** restaurant → mean minutes from placing to ready, which Waggle is told to plan with */
  preparation_min: ReadonlyMap<string, number>
  /** where the middle of the day's doors is laid */
  around?: Point
}

const ZONE_ID = 'day'
const MEAL: Item = {
  sku: 'meal' as Sku,
  name: 'Meal',
  unit: 'each',
  price_cents: 1_500,
  step: 1,
  share: 1,
  requires: undefined,
}
const MEALS = 1_000_000
/** As many as the solver puts on one trip. */
const CAPACITY = 4
const PROMISE_S_MAX = 86_400
const RADIUS_MIN_M = 1_000
const RADIUS_MAX_M = 100_000
const LOOP = PLACES[0]?.point as Point

export function dayTown(day: Day, options: DayTownOptions): Town {
  const { from_minute = busiestHour(day.orders) } = options
  const pointOf = layOut(day, options.around ?? LOOP)
  const speed_mps = day.meters_per_minute / 60
  const warm_up_min = warmUpOf(day.orders, from_minute)
  const played_from = from_minute - warm_up_min
  const orders = day.orders.filter(one => one.placed >= played_from).sort((a, b) => a.placed - b.placed)
  const external_ids = fittingIds(orders.map(one => one.id))
  const ready = new Map(orders.map(one => [external_ids.get(one.id), (one.ready - from_minute) * 60_000]))
  const warehouse_ids = fittingIds([...day.restaurants.keys()])
  const places = [...day.restaurants].map(([id, at]) =>
    placeOf(day, { id, point: pointOf(at), pointOf, preparation_min: options.preparation_min }, warehouse_ids),
  )
  const planned = orders.map(({ restaurant, placed, ...one }) =>
    plannedOf({
      external_id: external_ids.get(one.id) as string,
      due_ms: (placed - from_minute) * 60_000,
      point: pointOf(one),
      warehouse_id: warehouse_ids.get(restaurant) as WarehouseId,
    }),
  )
  return {
    zone_id: ZONE_ID,
    name: day.name,
    time_zone: TIME_ZONE,
    cells: areaOf([...day.orders, ...day.couriers, ...day.restaurants.values()].map(pointOf)),
    policy: {
      ...DEFAULT_POLICY,
      promise_s_max: PROMISE_S_MAX,
      road_factor: 1,
      speed_mps,
      handover_s: Math.round((day.pickup_service_min + day.dropoff_service_min) * 60),
    },
    places,
    catalogue: { items: [MEAL], shelf: () => ({ target: MEALS, there: MEALS }) },
    begins: wall_ms =>
      nextLocalTime(wall_ms + warm_up_min * 60_000, { time_zone: TIME_ZONE, minute_of_day: from_minute % 1_440 }),
    warm_up_min,
    order: number => planned[number - 1],
    crew: {
      begin_s: () => 0,
      line_s: () => 0,
      pack_s: () => 0,
      missing: () => 0,
      packed_ms: external_id => ready.get(external_id),
      restless: false,
    },
    fleet: fleetOf(day, { from_minute, played_from }, pointOf, places),
    ride: rideTerms(day),
  }
}

/** The first minute of the hour in which most orders are placed; of equals the earliest. */
export function busiestHour(orders: readonly Pick<DayOrder, 'placed'>[]): number {
  const placed = orders.map(one => one.placed).sort((a, b) => a - b)
  let best = { minute: Math.floor(placed[0] ?? 0), orders: 0 }
  let end = 0
  for (const [at, first] of placed.entries()) {
    while (end < placed.length && (placed[end] as number) < first + 60) end++
    if (end - at > best.orders) best = { minute: Math.floor(first), orders: end - at }
  }
  return best.minute
}

/** An order takes about so long: with less behind it, a day would begin with empty streets. */
const WARM_UP_MIN_MAX = 45

/** As much as there is of the day before. */
function warmUpOf(orders: readonly Pick<DayOrder, 'placed'>[], from_minute: number): number {
  const first = orders.reduce((least, one) => Math.min(least, one.placed), from_minute)
  return Math.min(WARM_UP_MIN_MAX, Math.ceil(from_minute - first))
}

/** The day's metres on the map: the middle of its doors lies at `around`, x runs east and y north. */
function layOut({ orders, restaurants }: Day, around: Point): (at: PlaneXY) => Point {
  const doors: readonly PlaneXY[] = orders.length > 0 ? orders : [...restaurants.values()]
  const middle = (of: (at: PlaneXY) => number): number =>
    doors.reduce((sum, at) => sum + of(at), 0) / Math.max(1, doors.length)
  const [x, y] = [middle(at => at.x), middle(at => at.y)]
  return at => ({
    lat: around.lat + (at.y - y) / METRES_PER_LAT,
    lng: around.lng + (at.x - x) / metresPerLng(around.lat),
  })
}

/** Where anything of the day happens, and a cell around it: ways run in between. */
function areaOf(points: readonly Point[]): string[] {
  const own = new Set(points.map(({ lat, lng }) => latLngToCell(lat, lng, AREA_RESOLUTION)))
  return [...new Set([...own].flatMap(cell => gridDisk(cell, 1)))].sort()
}

interface Kitchen {
  id: string
  point: Point
  pointOf: (at: PlaneXY) => Point
  preparation_min: ReadonlyMap<string, number>
}

/** Its radius holds every door of its orders, its kitchen every order of the day at once: nothing is refused. */
function placeOf(day: Day, { id, point, pointOf, preparation_min }: Kitchen, ids: ReadonlyMap<string, string>): Place {
  const own = day.orders.filter(one => one.restaurant === id)
  const farthest_m = Math.max(0, ...own.map(one => metresBetween(point, pointOf(one))))
  return {
    warehouse_id: ids.get(id) as string,
    name: id.slice(0, 80),
    point,
    // A cell's middle may lie a little farther than its doors.
    radius_m: Math.min(RADIUS_MAX_M, Math.max(RADIUS_MIN_M, Math.ceil(farthest_m * 1.02 + 500))),
    pickers: Math.min(1_000, Math.max(1, own.length)),
    pick_s_per_line: 0,
    pack_s: Math.round((preparation_min.get(id) ?? 0) * 60),
  }
}

interface FixedOrder {
  external_id: string
  due_ms: number
  point: Point
  warehouse_id: WarehouseId
}

function plannedOf({ external_id, due_ms, point, warehouse_id }: FixedOrder): PlannedOrder {
  const customer_ref = `door-${external_id}`.slice(0, 64)
  const lines = [{ line_id: 'l1' as LineId, sku: MEAL.sku, quantity: 1, unit: MEAL.unit }]
  return { due_ms, customer_ref, order: { external_id, customer_ref, point, lines, warehouse_id }, cancel: undefined }
}

/** Shifts that are over at the beginning are left out; who is on one already stands where it began. */
function fleetOf(
  { couriers, meters_per_minute }: Day,
  { from_minute, played_from }: { from_minute: number; played_from: number },
  pointOf: (at: PlaneXY) => Point,
  places: readonly Place[],
): Rider[] {
  const still = couriers.filter(one => one.off > played_from)
  const ids = fittingIds(still.map(one => one.id))
  return still.map(({ id, on, off, ...at }) => {
    const start = pointOf(at)
    const home = nearest(places, start)
    return {
      ...{ courier_id: ids.get(id) as string, start, home, tied: false, vehicle: 'car', has: [], capacity: CAPACITY },
      speed_mps: meters_per_minute / 60,
      on_ms: (on - from_minute) * 60_000,
      off_ms: (off - from_minute) * 60_000,
    }
  })
}

function nearest(places: readonly Place[], point: Point): Place {
  const [first, ...others] = places
  if (first === undefined) throw new Error('the day has no restaurants')
  return others.reduce(
    (best, one) => (metresBetween(one.point, point) < metresBetween(best.point, point) ? one : best),
    first,
  )
}

/** Half of each service before the parcel changes hands and half after, as the days' own rules have it. */
function rideTerms({ pickup_service_min, dropoff_service_min }: Day): RideTerms {
  return {
    way: straightWay,
    enter_s: pickup_service_min * 30,
    counter_s: () => pickup_service_min * 30,
    door_s: () => dropoff_service_min * 30,
    leave_s: dropoff_service_min * 30,
    declined_share: 0,
    nobody_home_share: 0,
  }
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/

/** Ids as Waggle takes them: each its own where it fits, else one made of what fits of it. */
export function fittingIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(ids.filter(id => ID.test(id)))
  return new Map(
    ids.map((id, at) => {
      if (ID.test(id)) return [id, id]
      let made = `n${at + 1}-${id.replaceAll(/[^A-Za-z0-9_.:-]/g, '-')}`.slice(0, 64)
      for (let twin = 2; taken.has(made); twin++) made = `n${at + 1}.${twin}`
      taken.add(made)
      return [id, made]
    }),
  )
}
