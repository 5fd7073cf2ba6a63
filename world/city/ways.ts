import type { Point } from '../../ingest/events/envelope.ts'
import { isLand, METRES_PER_LAT, metresBetween, metresPerLng, rounded } from './chicago.ts'
import type { Draws } from './random.ts'

/**
 * Ways through Chicago's street grid: along a street, round a corner, along the next; now and then a stretch of one of the
 * old diagonals. A way is whole before the courier sets off, so a position is a pure function of time.
 */
export interface Way {
  points: readonly Point[]
  /** business ms of arrival at each point; the first is the departure */
  at: readonly number[]
}

export interface Position {
  point: Point
  speed_mps: number
  heading_deg: number
}

/** Business ms at the end of the way. */
export const arrivalOf = (way: Way): number => way.at[way.at.length - 1] ?? 0

/** No stretch is ridden faster than this share of the courier's own speed. */
export const FASTEST_SHARE = 1.2
const SLOWEST_SHARE = 0.72
/** m between two changes of speed: about two blocks */
const STRETCH_M = 320

const BLOCK_M = 201.17 // an eighth of a mile

/** A grid of streets: one crossing of it, and where there are any. */
export interface Streets {
  origin: Point
  isLand(point: Point): boolean
}

/** State and Madison, where Chicago's house numbers begin */
const CHICAGO: Streets = { origin: { lat: 41.88205, lng: -87.62783 }, isLand }

/** @param speed_mps the courier's own, which the traffic varies */
export function planWay(
  from: Point,
  to: Point,
  departs_at: number,
  speed_mps: number,
  draw: Draws,
  streets: Streets = CHICAGO,
): Way {
  const corners = [from, ...chooseCorners(from, to, draw, streets), to].filter(
    (corner, i, all) => i === 0 || metresBetween(corner, all[i - 1] as Point) > 1,
  )
  const points: Point[] = [from]
  const at: number[] = [departs_at]
  for (let i = 1; i < corners.length; i++) {
    const start = corners[i - 1] as Point
    const end = corners[i] as Point
    const length_m = metresBetween(start, end)
    const stretches = Math.max(1, Math.round(length_m / STRETCH_M))
    for (let n = 1; n <= stretches; n++) {
      const speed = speed_mps * draw.between(SLOWEST_SHARE, FASTEST_SHARE)
      points.push(between(start, end, n / stretches))
      at.push((at[at.length - 1] ?? departs_at) + (length_m / stretches / speed) * 1_000)
    }
  }
  return { points, at }
}

/** The same way with a halt of `halt_ms` where it has come to by `now`. */
export function delayed({ points, at }: Way, now: number, halt_ms: number): Way {
  const next = at.findIndex(time => time > now)
  if (next <= 0) return { points, at: at.map(time => (time > now ? time + halt_ms : time)) }
  const here = positionAt({ points, at }, now).point
  const later = at.slice(next).map(time => time + halt_ms)
  return {
    points: [...points.slice(0, next), here, here, ...points.slice(next)],
    at: [...at.slice(0, next), now, now + halt_ms, ...later],
  }
}

/** As the crow flies, at one speed. */
export const straightWay = (from: Point, to: Point, departs_at: number, speed_mps: number): Way => ({
  points: [from, to],
  at: [departs_at, departs_at + (metresBetween(from, to) / speed_mps) * 1_000],
})

/** Where the courier is at a business time; at rest before the first and after the last point. */
export function positionAt(way: Way, time_ms: number): Position {
  const next = way.at.findIndex(at => at > time_ms)
  if (next <= 0) {
    const end = (next === 0 ? way.points[0] : way.points[way.points.length - 1]) as Point
    return { point: { lat: rounded(end.lat), lng: rounded(end.lng) }, speed_mps: 0, heading_deg: 0 }
  }
  const [start, end] = [way.points[next - 1] as Point, way.points[next] as Point]
  const [left, arrives] = [way.at[next - 1] as number, way.at[next] as number]
  const { lat, lng } = between(start, end, (time_ms - left) / (arrives - left))
  const speed_mps = metresBetween(start, end) / ((arrives - left) / 1_000)
  return {
    point: { lat: rounded(lat), lng: rounded(lng) },
    speed_mps: Math.round(speed_mps * 10) / 10,
    heading_deg: Math.round(headingOf(start, end)),
  }
}

const between = (a: Point, b: Point, share: number): Point => ({
  lat: a.lat + (b.lat - a.lat) * share,
  lng: a.lng + (b.lng - a.lng) * share,
})

function headingOf(a: Point, b: Point): number {
  const east = (b.lng - a.lng) * metresPerLng(a.lat)
  const north = (b.lat - a.lat) * METRES_PER_LAT
  return (Math.atan2(east, north) * (180 / Math.PI) + 360) % 360
}

function chooseCorners(from: Point, to: Point, draw: Draws, { origin, isLand }: Streets): Point[] {
  const kind = draw.uniform()
  const share = draw.uniform()
  const ways = [kind < 0.5 ? turnOnce(from, to, share, origin) : turnUpOrDown(from, to, share, origin)]
  if (runsDiagonally(from, to) && draw.chance(0.6)) ways.unshift(diagonal(from, to, share))
  // The corner on the western side is never in the lake: the shore has the city in its west.
  const west = { lat: from.lng < to.lng ? to.lat : from.lat, lng: Math.min(from.lng, to.lng) }
  return ways.find(corners => corners.every(isLand)) ?? [west]
}

/** Along the street, up or down a cross street, along again. */
function turnOnce(from: Point, to: Point, share: number, origin: Point): Point[] {
  const lng = ontoGrid(from.lng + (to.lng - from.lng) * share, origin.lng, metresPerLng(from.lat), from.lng, to.lng)
  return [
    { lat: from.lat, lng },
    { lat: to.lat, lng },
  ]
}

function turnUpOrDown(from: Point, to: Point, share: number, origin: Point): Point[] {
  const lat = ontoGrid(from.lat + (to.lat - from.lat) * share, origin.lat, METRES_PER_LAT, from.lat, to.lat)
  return [
    { lat, lng: from.lng },
    { lat, lng: to.lng },
  ]
}

/** Clark, Lincoln, Milwaukee and Elston all run from the south-east to the north-west. */
function runsDiagonally(from: Point, to: Point): boolean {
  const east_m = (to.lng - from.lng) * metresPerLng(from.lat)
  const north_m = (to.lat - from.lat) * METRES_PER_LAT
  return east_m * north_m < 0 && Math.min(Math.abs(east_m), Math.abs(north_m)) > 700
}

function diagonal(from: Point, to: Point, share: number): Point[] {
  const per_lng = metresPerLng(from.lat)
  const east_m = (to.lng - from.lng) * per_lng
  const north_m = (to.lat - from.lat) * METRES_PER_LAT
  const leg_m = Math.min(Math.abs(east_m), Math.abs(north_m)) * (0.6 + 0.4 * share)
  const first = { lat: from.lat, lng: from.lng + (east_m - Math.sign(east_m) * leg_m) / per_lng }
  const second = { lat: from.lat + (Math.sign(north_m) * leg_m) / METRES_PER_LAT, lng: to.lng }
  return [first, second]
}

/** The nearest street of the grid, but never beyond the two ends. */
function ontoGrid(degrees: number, origin: number, metres_per_degree: number, a: number, b: number): number {
  const step = BLOCK_M / metres_per_degree
  const street = origin + Math.round((degrees - origin) / step) * step
  return Math.min(Math.max(street, Math.min(a, b)), Math.max(a, b))
}
