import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { learnOverdue, learnPreparation, openSpread, outlookOf } from './preparation.ts'

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

  it('hears of a heavy tail from what ought to be ready, before that is, and only while it is not', () => {
    const spread = openSpread()
    const latestAfter = (count: number, age_s: number): number => {
      learnOverdue(
        spread,
        Array.from({ length: count }, () => ({ mean_s: 900, age_s })),
      )
      return outlookOf(spread, 900, 0).latest_s
    }
    const usual = latestAfter(0, 0)
    expect(latestAfter(10, 300)).toBe(usual)
    expect(latestAfter(10, 3_600)).toBeGreaterThan(usual * 1.3)
    expect(latestAfter(0, 0)).toBe(usual)
  })

  it('plans with less where all are sooner than the mean that was told', () => {
    const spread = openSpread()
    const before = outlookOf(spread, 900, 0).likely_s
    for (let n = 0; n < 500; n++) learnPreparation(spread, 900, 450 + (n % 3))
    expect(outlookOf(spread, 900, 0).likely_s).toBeLessThan(before * 0.7)
  })

  it('keeps its median among what it has seen, and each side its own spread', () => {
    const spread = openSpread()
    // Half of all far too early, the other half a little late.
    for (let n = 0; n < 2_000; n++) learnPreparation(spread, 900, n % 2 === 0 ? 90 : 1_000)
    const { from_s, latest_s } = outlookOf(spread, 900, 0)
    expect(from_s).toBeLessThan(90)
    expect(latest_s).toBeLessThan(4_500)
  })
})
