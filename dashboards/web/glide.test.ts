import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aim, newGlide, placeOf, placesAt } from './glide.ts'
import type { Fleet } from './room.ts'

const fleet = (lng: number, lat: number, seen_at: number): Fleet => ({
  position: new Float32Array([lng, lat]),
  seen_at: new Float64Array([seen_at]),
})

const away = ([x, y]: [number, number], [u, v]: [number, number]) => Math.hypot(x - u, y - v)

describe('glide', () => {
  it('reaches a sighting from where the courier was drawn, in the wall time that the city took', () => {
    let glide = aim(newGlide(), fleet(0, 0, 0), 10, 1_000)
    expect(placeOf(glide, 0, 1_000)).toEqual([0, 0])
    // 10 s of the city at rate 10 are one second here, and 15 % of slack.
    glide = aim(glide, fleet(1, 2, 10_000), 10, 2_000)
    expect(placeOf(glide, 0, 2_000)).toEqual([0, 0])
    expect(placeOf(glide, 0, 2_575)[0]).toBeCloseTo(0.5, 3)
    expect(placeOf(glide, 0, 9_999)).toEqual([1, 2])
    const out = new Float32Array(2)
    expect(placesAt(glide, 2_575, out)).toBe(true)
    expect(out[1]).toBeCloseTo(1, 3)
    expect(placesAt(glide, 3_151, out)).toBe(false)
  })

  it('never jumps: a new sighting changes the direction, not the place, however late or early it comes', () => {
    const sighting = fc.record({
      x: fc.double({ min: -1, max: 1, noNaN: true }),
      gap_ms: fc.integer({ min: 1, max: 5_000 }),
    })
    fc.assert(
      fc.property(fc.array(sighting, { minLength: 2, maxLength: 30 }), sightings => {
        let wall_ms = 1_000
        let seen_at = 0
        let glide = aim(newGlide(), fleet(0, 0, 0), 10, wall_ms)
        for (const { x, gap_ms } of sightings) {
          wall_ms += gap_ms
          seen_at += 1_000
          const before = placeOf(glide, 0, wall_ms)
          glide = aim(glide, fleet(x, -x, seen_at), 10, wall_ms)
          expect(away(placeOf(glide, 0, wall_ms), before)).toBeLessThan(1e-5)
        }
      }),
    )
  })

  it('grows with the fleet, places a new courier at once, and stands still where motion is not wanted', () => {
    let glide = aim(newGlide(), fleet(1, 1, 5), 1, 0)
    const two: Fleet = { position: new Float32Array([2, 2, 7, 8]), seen_at: new Float64Array([1_005, 3]) }
    glide = aim(glide, two, Number.POSITIVE_INFINITY, 10)
    expect(glide.couriers).toBe(2)
    expect(placeOf(glide, 0, 10)).toEqual([2, 2])
    expect(placeOf(glide, 1, 10)).toEqual([7, 8])
  })
})
