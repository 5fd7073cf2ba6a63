import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distanceMeters } from './distance.ts'
import { aim, newGlide, placeOf, placesAt } from './glide.ts'
import type { Fleet } from './room.ts'

const fleet = (lng: number, lat: number, seen_at: number): Fleet => ({
  position: new Float32Array([lng, lat]),
  seen_at: new Float64Array([seen_at]),
})

const METRES_PER_DEGREE = 111_195
const away = ([x, y]: [number, number], [u, v]: [number, number]) => Math.hypot(x - u, y - v)

describe('glide', () => {
  it('reaches a sighting from where the courier was drawn, in the wall time that the city took', () => {
    let glide = aim(newGlide(), fleet(0, 0, 0), 10, 1_000)
    expect(placeOf(glide, 0, 1_000)).toEqual([0, 0])
    // 10 s of the city at rate 10 are one second here, and a little more, so that it does not arrive before the next news.
    glide = aim(glide, fleet(0.001, 0.002, 10_000), 10, 2_000)
    expect(placeOf(glide, 0, 2_000)).toEqual([0, 0])
    expect(placeOf(glide, 0, 2_575)[0]).toBeCloseTo(0.0005, 6)
    expect(placeOf(glide, 0, 9_999)[1]).toBeCloseTo(0.002, 6)
    const out = new Float32Array(2)
    expect(placesAt(glide, 2_575, out)).toBe(true)
    expect(out[1]).toBeCloseTo(0.001, 6)
    expect(placesAt(glide, 3_151, out)).toBe(false)
    const under_way = placeOf(glide, 0, 2_575)
    expect(placeOf(aim(glide, fleet(0.0012, 0.002, 20_000), 10, 2_575), 0, 2_575)).toEqual(under_way.map(Math.fround))
  })

  it('never jumps, and never races: between any two looks a courier goes no farther than it may ride in that time', () => {
    const RATE = 10
    // A courier at 6 m/s that now and then rests or turns, seen each second of the wall; news of it come in any bundles.
    const second = fc.record({
      heading: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
      rides: fc.boolean(),
      late_ms: fc.integer({ min: 0, max: 8_000 }),
    })
    fc.assert(
      fc.property(
        fc.array(second, { minLength: 3, maxLength: 40 }),
        fc.integer({ min: 16, max: 700 }),
        (seconds, frame_ms) => {
          let [lng, lat] = [-87.65, 41.9]
          const news = seconds.map(({ heading, rides, late_ms }, i) => {
            const step = rides ? (6 * RATE) / METRES_PER_DEGREE : 0
            lng += (step * Math.sin(heading)) / Math.cos((lat * Math.PI) / 180)
            lat += step * Math.cos(heading)
            return { wall_ms: 1_000 * i + late_ms, fleet: fleet(lng, lat, 10_000 * i) }
          })
          const end_ms = 1_000 * seconds.length + 25_000
          let glide = newGlide()
          let [drawn, newest]: [[number, number] | null, number] = [null, -1]
          for (let wall_ms = 0; wall_ms < end_ms; wall_ms += frame_ms) {
            for (const { fleet: seen } of news.filter(
              one => one.wall_ms > wall_ms - frame_ms && one.wall_ms <= wall_ms,
            )) {
              const seen_at = seen.seen_at[0] ?? 0
              if (seen_at > newest) glide = aim(glide, seen, RATE, wall_ms)
              newest = Math.max(newest, seen_at)
            }
            const place = placeOf(glide, 0, wall_ms)
            if (Number.isNaN(place[0])) continue
            if (drawn) {
              const metres = distanceMeters({ lng: place[0], lat: place[1] }, { lng: drawn[0], lat: drawn[1] })
              // Half as fast again where it catches up; a metre and a half for 32-bit degrees.
              expect(metres).toBeLessThan((1.5 * 6 * RATE * frame_ms) / 1_000 + 1.5)
            }
            drawn = place
          }
          expect(away(drawn ?? [0, 0], [lng, lat])).toBeLessThan(2e-5)
        },
      ),
    )
  })

  it('lets a courier appear anew that was out of sight and is far away, and glides to one that rested', () => {
    const rested = aim(aim(newGlide(), fleet(0, 0, 0), 10, 0), fleet(0.0005, 0, 600_000), 10, 60_000)
    expect(placeOf(rested, 0, 60_000)).toEqual([0, 0])
    expect(placeOf(rested, 0, 75_001)[0]).toBeCloseTo(0.0005, 6)
    const lost = aim(aim(newGlide(), fleet(0, 0, 0), 10, 0), fleet(0.05, 0, 600_000), 10, 60_000)
    expect(placeOf(lost, 0, 60_000)[0]).toBeCloseTo(0.05, 6)
    const before = aim(aim(newGlide(), fleet(0, 0, 5_000), 10, 0), fleet(0.001, 0, 4_000), 10, 100)
    expect(placeOf(before, 0, 100)[0]).toBeCloseTo(0.001, 6)
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
