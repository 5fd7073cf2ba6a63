import { cellToLatLng, gridDisk, latLngToCell } from 'h3-js'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import { nextLocalTime } from './hour.ts'
import { type Draws, draws, weightedIndex } from './random.ts'
import type { Place } from './town.ts'

/**
 * The default city: ten places in Chicago, the zone around them, and people who live there.
 *
 * The coordinates are those of the ten stores in the ODDP data of Peter Dieter (MIT, see chicago-getir.LICENSE). The names, the
 * people and everything else are made up.
 */
export interface Neighbourhood extends Place {
  /** share of the city's customers who live around it */
  weight: number
  /** m, how far they are spread */
  spread_m: number
}

export const TIME_ZONE = 'America/Chicago'
export const ZONE_ID = 'chicago'
export const ZONE_NAME = 'Chicago'
const WAREHOUSE = { radius_m: 6_000, pickers: 4, pick_s_per_line: 25, pack_s: 45 }

const place = (name: string, lng: number, lat: number, weight: number, spread_m: number): Neighbourhood => {
  const warehouse_id = name.toLowerCase().replaceAll(' ', '-')
  return { warehouse_id, name, point: { lat, lng }, ...WAREHOUSE, weight, spread_m }
}

export const PLACES: readonly Neighbourhood[] = [
  place('Loop', -87.63124901020304, 41.87402371482014, 1.25, 900),
  place('Ukrainian Village', -87.67626854601001, 41.89834814664049, 1.1, 1_100),
  place('Old Town', -87.63936703797145, 41.91218546615047, 1.4, 950),
  place('Lakeview', -87.66572695357083, 41.93881218389911, 1.4, 1_100),
  place('Avondale', -87.71459862200301, 41.93594962931477, 0.95, 1_200),
  place('Albany Park', -87.72787478392706, 41.96929042051081, 0.85, 1_200),
  place('Andersonville', -87.66803585119611, 41.98230719558261, 1.1, 1_000),
  place('Lincolnwood', -87.71344417296542, 41.999468106082226, 0.55, 1_200),
  place('Rogers Park', -87.67438531976163, 42.00990539645117, 0.9, 1_000),
  place('Skokie', -87.71646185755972, 42.027214126146816, 0.5, 1_300),
]

/** Where many go home at once. */
export const STADIUMS: readonly { name: string; point: Point }[] = [
  { name: 'Wrigley Field', point: { lat: 41.9484, lng: -87.6553 } },
  { name: 'United Center', point: { lat: 41.8807, lng: -87.6742 } },
]

/** Suburbs beyond the zone: a few of their people try, and are told that nobody serves them. */
const BEYOND: readonly { name: string; point: Point }[] = [
  { name: 'Oak Park', point: { lat: 41.885, lng: -87.796 } },
  { name: 'Bridgeport', point: { lat: 41.829, lng: -87.652 } },
  { name: 'Wilmette', point: { lat: 42.077, lng: -87.713 } },
  { name: 'Norridge', point: { lat: 41.963, lng: -87.822 } },
]
const SHARE_BEYOND = 0.02

/** The shore of Lake Michigan, south to north. Good to some 200 m: made-up people should not live in the water. */
const SHORE: readonly Point[] = [
  { lat: 41.78, lng: -87.582 },
  { lat: 41.84, lng: -87.609 },
  { lat: 41.87, lng: -87.618 },
  { lat: 41.885, lng: -87.615 },
  { lat: 41.9, lng: -87.622 },
  { lat: 41.915, lng: -87.628 },
  { lat: 41.93, lng: -87.634 },
  { lat: 41.95, lng: -87.645 },
  { lat: 41.965, lng: -87.646 },
  { lat: 41.985, lng: -87.655 },
  { lat: 42.0, lng: -87.66 },
  { lat: 42.02, lng: -87.667 },
  { lat: 42.05, lng: -87.672 },
  { lat: 42.09, lng: -87.689 },
  { lat: 42.16, lng: -87.75 },
]

export function isLand(point: Point): boolean {
  const at = SHORE.findIndex(corner => corner.lat >= point.lat)
  const south = SHORE[at - 1]
  const north = SHORE[at]
  if (south === undefined || north === undefined) return point.lng < -87.7
  const share = (point.lat - south.lat) / (north.lat - south.lat)
  return point.lng < south.lng + share * (north.lng - south.lng)
}

// ── Metres on the map ───────────────────────────────────────────────────────────────────────────────────────────────

export const METRES_PER_LAT = 111_195
export const metresPerLng = (lat: number): number => METRES_PER_LAT * Math.cos((lat * Math.PI) / 180)
const CHICAGO_METRES_PER_LNG = 111_195 * 0.7437 // cos 41.95°

/** In Chicago. */
export const shifted = (from: Point, east_m: number, north_m: number): Point => ({
  lat: from.lat + north_m / METRES_PER_LAT,
  lng: from.lng + east_m / CHICAGO_METRES_PER_LNG,
})

export function metresBetween(a: Point, b: Point): number {
  return Math.hypot((b.lng - a.lng) * metresPerLng((a.lat + b.lat) / 2), (b.lat - a.lat) * METRES_PER_LAT)
}

// ── The zone ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The hexagons around the ten places whose middle is on land, in order. */
export function zoneCells(places: readonly Pick<Place, 'point'>[] = PLACES): string[] {
  const cells = places.flatMap(({ point }) => gridDisk(latLngToCell(point.lat, point.lng, AREA_RESOLUTION), 1))
  const own = new Set(places.map(({ point }) => latLngToCell(point.lat, point.lng, AREA_RESOLUTION)))
  const onLand = (cell: string): boolean => {
    const [lat, lng] = cellToLatLng(cell)
    // A hexagon whose middle is just off the shore still has a street of high-rises on it.
    return isLand(shifted({ lat, lng }, -900, 0))
  }
  return [...new Set(cells)].filter(cell => own.has(cell) || onLand(cell)).sort()
}

export function isServed(point: Point, cells: ReadonlySet<string>): boolean {
  return cells.has(latLngToCell(point.lat, point.lng, AREA_RESOLUTION))
}

// ── The people ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Customer {
  customer_ref: string
  name: string
  neighbourhood: string
  point: Point
}

const FIRST_NAMES = (
  'Ava Noah Mia Liam Zoe Elijah Ruth Omar Ines Jamal Priya Mateo Grace Tomasz Lucia Darnell Hana Victor Sofia Andre ' +
  'Nadia Miguel Ebony Stan Keiko Rosa Isaac Fatima Leon Bianca'
).split(' ')
const INITIALS = 'ABCDEFGHIJKLMNOPRSTVWYZ'

export const CUSTOMERS = 5_000

/** The same person for the same seed and number, whoever else there is. */
export function customerOf(seed: number, number: number): Customer {
  const draw = draws(seed, 'customer', number)
  const name = `${draw.pick(FIRST_NAMES)} ${INITIALS[draw.whole(0, INITIALS.length - 1)]}.`
  const customer_ref = `customer-${String(number).padStart(5, '0')}`
  if (draw.chance(SHARE_BEYOND)) {
    const { name: neighbourhood, point } = draw.pick(BEYOND)
    return { customer_ref, name, neighbourhood, point: home(draw, point, 500) }
  }
  const { name: neighbourhood, point, spread_m } = PLACES[placeIndex(draw.uniform())] ?? (PLACES[0] as Neighbourhood)
  return { customer_ref, name, neighbourhood, point: home(draw, point, spread_m) }
}

const placeIndex = weightedIndex(PLACES.map(one => one.weight))

function home(draw: Draws, around: Point, spread_m: number): Point {
  for (let tries = 0; tries < 50; tries++) {
    const { lat, lng } = shifted(around, draw.normal(0, spread_m), draw.normal(0, spread_m))
    const point = { lat: rounded(lat), lng: rounded(lng) }
    if (isLand(point)) return point
  }
  return around
}

/** To a metre: more would be a pretence. */
export const rounded = (degrees: number): number => Math.round(degrees * 1e5) / 1e5

// ── The evening ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const WARM_UP_MIN = 30
const STARTS_AT_MIN = 18 * 60 + 30

/** The first Friday evening, Chicago time, that is not over yet: business time may only go on, never back. */
export const fridayEvening = (wall_ms: number): number =>
  nextLocalTime(wall_ms + WARM_UP_MIN * 60_000, {
    time_zone: TIME_ZONE,
    minute_of_day: STARTS_AT_MIN,
    weekday: 'Fri',
  })

/** Orders a minute over the evening, as a share of the chosen rate: dinner swells it, then it ebbs. */
export function demandAt(minutes_since_start: number): number {
  const table: readonly (readonly [minute: number, share: number])[] = [
    [-30, 0.95],
    [0, 1],
    [45, 1.15],
    [105, 1.05],
    [180, 0.8],
    [300, 0.5],
  ]
  for (let i = 1; i < table.length; i++) {
    const [from, low] = table[i - 1] as readonly [number, number]
    const [to, high] = table[i] as readonly [number, number]
    if (minutes_since_start < to) {
      return low + (high - low) * Math.max(0, (minutes_since_start - from) / (to - from))
    }
  }
  return 0.5
}
