import type { Fleet } from './room.ts'

/**
 * Couriers that glide: each new position is reached from where the courier is drawn now, in the wall time that the business
 * time between the two sightings takes. So the speed on the screen is the speed in the city, a late frame slows a courier
 * down instead of making it jump, and nothing is drawn beyond what was seen.
 */
export interface Glide {
  couriers: number
  from: Float32Array
  to: Float32Array
  /** wall ms */
  began: Float64Array
  takes: Float64Array
  seen_at: Float64Array
}

/** A little longer than the gap, so that a courier is still under way when the next sighting comes. */
const SLACK = 1.15
const TAKES_MS_MIN = 60
const TAKES_MS_MAX = 4_000

export function newGlide(): Glide {
  return {
    couriers: 0,
    from: new Float32Array(0),
    to: new Float32Array(0),
    began: new Float64Array(0),
    takes: new Float64Array(0),
    seen_at: new Float64Array(0),
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
    began: grow(new Float64Array(couriers), glide.began),
    takes: grow(new Float64Array(couriers), glide.takes),
    seen_at: grow(new Float64Array(couriers), glide.seen_at),
  }
}

/** Takes a fleet as seen; `rate` is the clock's. Returns the glide to go on with (the same one unless it had to grow). */
export function aim(before: Glide, fleet: Fleet, rate: number, wall_ms: number): Glide {
  const couriers = fleet.seen_at.length
  const glide = couriers > before.couriers ? sized(before, couriers) : before
  for (let i = 0; i < couriers; i++) {
    const seen = fleet.seen_at[i] ?? Number.NaN
    const last = glide.seen_at[i] ?? Number.NaN
    if (seen === last) continue
    aimOne(glide, i, fleet, wall_ms, Number.isNaN(last) || seen < last ? 0 : (SLACK * (seen - last)) / rate)
    glide.seen_at[i] = seen
  }
  return glide
}

function aimOne(glide: Glide, i: number, fleet: Fleet, wall_ms: number, takes_ms: number): void {
  const [lng, lat] = takes_ms === 0 ? [Number.NaN, Number.NaN] : placeOf(glide, i, wall_ms)
  const x = fleet.position[2 * i] ?? Number.NaN
  const y = fleet.position[2 * i + 1] ?? Number.NaN
  glide.from[2 * i] = Number.isNaN(lng) ? x : lng
  glide.from[2 * i + 1] = Number.isNaN(lat) ? y : lat
  glide.to[2 * i] = x
  glide.to[2 * i + 1] = y
  glide.began[i] = wall_ms
  glide.takes[i] = Math.min(TAKES_MS_MAX, Math.max(TAKES_MS_MIN, takes_ms))
}

/** Where a courier is drawn at a wall time: [lng, lat], NaN when it was never seen. */
export function placeOf(glide: Glide, i: number, wall_ms: number): [number, number] {
  const part = Math.min(1, Math.max(0, (wall_ms - (glide.began[i] ?? 0)) / (glide.takes[i] ?? 1)))
  const fromX = glide.from[2 * i] ?? Number.NaN
  const fromY = glide.from[2 * i + 1] ?? Number.NaN
  const toX = glide.to[2 * i] ?? Number.NaN
  const toY = glide.to[2 * i + 1] ?? Number.NaN
  return [fromX + part * (toX - fromX), fromY + part * (toY - fromY)]
}

/** Writes all places into `out` (2 a courier); true while at least one courier is still moving. */
export function placesAt(glide: Glide, wall_ms: number, out: Float32Array): boolean {
  let moving = false
  for (let i = 0; i < glide.couriers; i++) {
    const [lng, lat] = placeOf(glide, i, wall_ms)
    out[2 * i] = lng
    out[2 * i + 1] = lat
    if (wall_ms < (glide.began[i] ?? 0) + (glide.takes[i] ?? 0)) moving = true
  }
  return moving
}
