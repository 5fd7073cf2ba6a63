import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededDraws } from '../solver/random.ts'
import { boundsOf, type EtaErrors, learnEta, NO_ERRORS } from './bounds.ts'

const NOW = 1_000_000_000

/** Arrivals that are off by a share of what lies ahead, drawn anew each time. @returns the share inside of the last thousand */
function evening(shareOf: (draw: () => number, n: number) => number, arrivals = 4_000) {
  const draw = seededDraws(7)
  let errors: EtaErrors = NO_ERRORS
  let inside = 0
  for (let n = 0; n < arrivals; n++) {
    const ahead_ms = 300_000 + draw() * 1_500_000
    const told = boundsOf(NOW + ahead_ms, NOW, errors)
    const actual_at = NOW + ahead_ms * (1 + shareOf(draw, n))
    if (n >= arrivals - 1_000 && actual_at >= told.eta_from && actual_at <= told.eta_to) inside += 1
    errors = learnEta(errors, told, actual_at)
  }
  return { inside: inside / 1_000, errors }
}

describe('after some evenings eight in ten arrivals are within their bounds', () => {
  test.each([
    ['where all is as planned, give or take', (draw: () => number) => (draw() - 0.5) * 0.2],
    ['where everybody is a third late', (draw: () => number) => 0.33 + (draw() - 0.5) * 0.4],
    ['where few are very late', (draw: () => number) => -Math.log(draw() + 1e-9) * 0.3],
    ['where it changes in the middle', (draw: () => number, n: number) => (n < 2_000 ? 0 : 0.6) + draw() * 0.3],
  ])('%s', (_what, shareOf) => {
    const { inside, errors } = evening(shareOf)
    expect(inside).toBeGreaterThan(0.75)
    expect(inside).toBeLessThan(0.86)
    expect(errors.seen).toBe(4_000)
  })
})

test('the bounds lie around the estimate, and nothing lies in the past', () => {
  const share = fc.double({ min: -1, max: 5, noNaN: true })
  fc.assert(
    fc.property(share, share, share, fc.integer({ min: -900_000, max: 3_600_000 }), (low, middle, high, ahead_ms) => {
      const told = boundsOf(NOW + ahead_ms, NOW, { seen: 1, inside: 0, low, middle, high })
      expect(told.eta_from).toBeGreaterThanOrEqual(NOW)
      expect(told.eta).toBeGreaterThanOrEqual(told.eta_from)
      expect(told.eta_to).toBeGreaterThanOrEqual(told.eta)
    }),
  )
})
