import { distanceMeters } from './distance.ts'
import type { Fleet } from './room.ts'

/**
 * Couriers that glide. Each is drawn on a straight line from where it is drawn to its newest sighting, and the line says at which
 * business time it stands where. So what is left to ride is known in business time, and takes as much wall time as the city
 * takes for it: sightings that come late, early or several at once change a courier's direction, never its place.
 *
 *   business time   seen 10 s ─── drawn ──────── seen 20 s ─── seen 30 s (new)
 *                                  └────── behind: ridden at most 1.5 times as fast as in the city ──────┘
 *
 * Nothing is drawn beyond what was seen. Who was out of sight for so long that a ride would show as a race appears anew.
 */
export interface Glide {
  couriers: number
  /** lng, lat */
  from: Float32Array
  to: Float32Array
  /** business ms at which the courier was there; `to_at` is the newest sighting's */
  from_at: Float64Array
  to_at: Float64Array
  /** wall ms */
  began: Float64Array
  takes: Float64Array
}

/** Drawn so far behind, in gaps between two sightings: a courier is then still under way when the next one comes. */
const BEHIND_GAPS = 1.15
/** Catching up, and letting the distance grow, by so much; not more, since it shows. */
const PACE_MAX = 1.5
const PACE_MIN = 0.8
/** Whoever is farther behind than this, in wall time, is not waited for: news that were held up for some seconds are caught up with. */
const TAKES_MS_MAX = 15_000
/** No courier rides faster: a car on a free road. */
const RIDE_MPS_MAX = 25

export function newGlide(): Glide {
  return {
    couriers: 0,
    from: new Float32Array(0),
    to: new Float32Array(0),
    from_at: new Float64Array(0),
    to_at: new Float64Array(0),
    began: new Float64Array(0),
    takes: new Float64Array(0),
  }
}

function sized(glide: Glide, couriers: number): Glide {
  const grow = <A extends Float32Array | Float64Array>(empty: A, old: A): A => {
    empty.fill(Number.NaN)
    empty.set(old)
    return empty
  }
  return {
    couriers,
    from: grow(new Float32Array(2 * couriers), glide.from),
    to: grow(new Float32Array(2 * couriers), glide.to),
    from_at: grow(new Float64Array(couriers), glide.from_at),
    to_at: grow(new Float64Array(couriers), glide.to_at),
    began: grow(new Float64Array(couriers), glide.began),
    takes: grow(new Float64Array(couriers), glide.takes),
  }
}

/**
 * Takes a fleet as seen, of the same numbering as before. `rate` is the clock's, infinite where nothing may move by itself.
 * Returns the glide to go on with: the same one unless it had to grow.
 */
export function aim(before: Glide, fleet: Fleet, rate: number, wall_ms: number): Glide {
  const couriers = fleet.seen_at.length
  const glide = couriers > before.couriers ? sized(before, couriers) : before
  for (let i = 0; i < couriers; i++) {
    const seen = fleet.seen_at[i] ?? Number.NaN
    if (seen !== glide.to_at[i]) aimOne(glide, i, fleet, rate, wall_ms)
  }
  return glide
}

function aimOne(glide: Glide, i: number, fleet: Fleet, rate: number, wall_ms: number): void {
  const seen = fleet.seen_at[i] ?? Number.NaN
  const last = glide.to_at[i] ?? Number.NaN
  const lng = fleet.position[2 * i] ?? Number.NaN
  const lat = fleet.position[2 * i + 1] ?? Number.NaN
  const part = partOf(glide, i, wall_ms)
  const [from_lng, from_lat] = placeOf(glide, i, wall_ms)
  const from_at = at(glide.from_at[i], last, part)
  const takes = takesMs({ behind_ms: seen - from_at, gap_ms: seen - last, rate })
  const metres = distanceMeters({ lng: from_lng, lat: from_lat }, { lng, lat })
  // Of a sighting before the last one, and of one that was never seen, NaN makes this false as well.
  const glides = seen > last && (1_000 * metres) / (takes * rate) <= RIDE_MPS_MAX
  glide.from[2 * i] = glides ? from_lng : lng
  glide.from[2 * i + 1] = glides ? from_lat : lat
  glide.from_at[i] = glides ? from_at : seen
  glide.to[2 * i] = lng
  glide.to[2 * i + 1] = lat
  glide.to_at[i] = seen
  glide.began[i] = wall_ms
  glide.takes[i] = glides ? takes : 0
}

/** How long the rest of a way takes, wall ms: as long as in the city, a little less or more to keep the distance wished for. */
function takesMs({ behind_ms, gap_ms, rate }: { behind_ms: number; gap_ms: number; rate: number }): number {
  const pace = Math.min(PACE_MAX, Math.max(PACE_MIN, behind_ms / (BEHIND_GAPS * gap_ms)))
  return Math.min(TAKES_MS_MAX, behind_ms / (pace * rate))
}

const at = (from = Number.NaN, to = Number.NaN, part = 0): number => from + part * (to - from)

/** How much of its line a courier has ridden, 0 to 1. */
function partOf(glide: Glide, i: number, wall_ms: number): number {
  const takes = glide.takes[i] ?? 0
  return takes > 0 ? Math.min(1, Math.max(0, (wall_ms - (glide.began[i] ?? 0)) / takes)) : 1
}

/** Where a courier is drawn at a wall time: [lng, lat], NaN when it was never seen. */
export function placeOf(glide: Glide, i: number, wall_ms: number): [number, number] {
  const part = partOf(glide, i, wall_ms)
  return [at(glide.from[2 * i], glide.to[2 * i], part), at(glide.from[2 * i + 1], glide.to[2 * i + 1], part)]
}

/** Writes all places into `out` (2 a courier); true while at least one courier is still moving. */
export function placesAt(glide: Glide, wall_ms: number, out: Float32Array): boolean {
  let moving = false
  for (let i = 0; i < glide.couriers; i++) {
    const part = partOf(glide, i, wall_ms)
    out[2 * i] = at(glide.from[2 * i], glide.to[2 * i], part)
    out[2 * i + 1] = at(glide.from[2 * i + 1], glide.to[2 * i + 1], part)
    if (part < 1) moving = true
  }
  return moving
}
