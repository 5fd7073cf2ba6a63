import fc from 'fast-check'
import { expect, test } from 'vitest'
import { customerOf, isLand, metresBetween, PLACES } from './chicago.ts'
import { draws } from './random.ts'
import { arrivalOf, delayed, FASTEST_SHARE, planWay, positionAt } from './ways.ts'

const SPEED_MPS = 6
const ride = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  place: fc.nat(PLACES.length - 1),
  customer: fc.nat(5_000),
})

const wayOf = ({ seed, place, customer }: { seed: number; place: number; customer: number }) => {
  const from = (PLACES[place] ?? PLACES[0])?.point ?? { lat: 0, lng: 0 }
  const to = customerOf(1, customer).point
  return { from, to, way: planWay(from, to, 1_000, SPEED_MPS, draws(seed, 'ride')) }
}

test('nobody jumps: between any two moments not faster than the fastest stretch', () => {
  fc.assert(
    fc.property(ride, fc.integer({ min: 500, max: 20_000 }), (given, step_ms) => {
      const { way } = wayOf(given)
      let fastest_m = 0
      for (let at = 0; at < arrivalOf(way) + 2 * step_ms; at += step_ms) {
        const metres = metresBetween(positionAt(way, at).point, positionAt(way, at + step_ms).point)
        fastest_m = Math.max(fastest_m, metres)
      }
      // Positions are rounded to a metre.
      expect(fastest_m).toBeLessThanOrEqual((SPEED_MPS * FASTEST_SHARE * step_ms) / 1_000 + 2.5)
    }),
    { numRuns: 100 },
  )
})

test('a way begins and ends where it should, over streets that are not much longer than the grid asks for', () => {
  fc.assert(
    fc.property(ride, given => {
      const { from, to, way } = wayOf(given)
      expect(metresBetween(positionAt(way, 0).point, from)).toBeLessThan(2)
      expect(metresBetween(positionAt(way, arrivalOf(way)).point, to)).toBeLessThan(2)
      const length_m = way.points.reduce((sum, point, i) => sum + metresBetween(way.points[i - 1] ?? point, point), 0)
      // A degree of longitude is not as long at both ends of the city.
      expect(length_m).toBeLessThanOrEqual(metresBetween(from, to) * Math.SQRT2 * 1.001 + 5)
      expect([...way.at]).toEqual([...way.at].sort((a, b) => a - b))
    }),
    { numRuns: 300 },
  )
})

test('nobody rides through the lake', () => {
  const wet = Array.from({ length: 2_000 }, (_, i) => wayOf({ seed: i, place: i % PLACES.length, customer: i }))
    .flatMap(({ way }) => way.points)
    .filter(point => !isLand(point))
  expect(wet).toEqual([])
})

test('a halt is spent where it begins, and everything after it comes later by as much', () => {
  fc.assert(
    fc.property(ride, fc.double({ min: 0, max: 0.999, noNaN: true }), (given, share) => {
      const { way } = wayOf(given)
      const now = 1_000 + share * (arrivalOf(way) - 1_000)
      const halted = delayed(way, now, 60_000)
      expect(arrivalOf(halted)).toBeCloseTo(arrivalOf(way) + 60_000, 3)
      for (const at of [now, now + 59_999]) expect(positionAt(halted, at).point).toEqual(positionAt(way, now).point)
      for (const later of [1, 30_000, 300_000]) {
        const [there, here] = [positionAt(halted, now + 60_000 + later).point, positionAt(way, now + later).point]
        // The place of the halt is rounded to a metre.
        expect(metresBetween(there, here)).toBeLessThan(2.5)
      }
    }),
  )
})
