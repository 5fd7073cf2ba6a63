import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { learnPreparation, openSpread, outlookOf } from './preparation.ts'

const mean = fc.integer({ min: 120, max: 5_000 })
const age = fc.integer({ min: 0, max: 10_000 })

describe('the outlook on a preparation of which only the mean is known', () => {
  it('lies after its age, in order, and moves on as it ages', () => {
    fc.assert(
      fc.property(mean, age, fc.integer({ min: 1, max: 600 }), (mean_s, age_s, later_s) => {
        const [now, then] = [outlookOf(openSpread(), mean_s, age_s), outlookOf(openSpread(), mean_s, age_s + later_s)]
        expect(now.from_s).toBeGreaterThanOrEqual(age_s)
        expect(now.likely_s).toBeGreaterThanOrEqual(now.from_s)
        expect(now.latest_s).toBeGreaterThan(now.likely_s)
        expect(then.likely_s).toBeGreaterThanOrEqual(now.likely_s)
        expect(then.latest_s).toBeGreaterThanOrEqual(now.latest_s)
      }),
    )
  })

  it('scales with the mean', () => {
    const [one, ten] = [outlookOf(openSpread(), 600, 300), outlookOf(openSpread(), 6_000, 3_000)]
    expect(ten.likely_s / one.likely_s).toBeCloseTo(10, 1)
  })

  it('narrows where all take as long as usual, and widens where they do not', () => {
    const [even, uneven] = [openSpread(), openSpread()]
    for (let n = 0; n < 200; n++) {
      learnPreparation(even, 900, 850 + n / 2)
      learnPreparation(uneven, 900, n % 2 === 0 ? 200 : 2_500)
    }
    const latest = [even, openSpread(), uneven].map(spread => outlookOf(spread, 900, 0).latest_s)
    expect(latest).toEqual(latest.toSorted((a, b) => a - b))
    expect(latest[0]).toBeLessThan((latest[1] ?? 0) * 0.7)
  })
})
