import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LearnedTime, type LearnedTimes, learnTime, readyGuess } from './preparation.ts'

const NOW = 10_000_000
const learnt = (mean_s: number, spread_s: number, seen = 50): LearnedTime => ({
  ...{ seen, mean_s, variance_s2: spread_s ** 2 },
})
type Order = Parameters<typeof readyGuess>[0]
const order = (part: object = {}, more: object = {}): Order =>
  ({
    ...{ placed_at: NOW - 100_000, attempt: 1, ...more },
    fulfilments: [{ warehouse_id: 'w', packed_at: null, ready_at: NOW + 60_000, state: 'reserved', ...part }],
  }) as object as Order
/** s from now */
function guess(given: Order, learned: LearnedTimes) {
  const { ready_at, from_at = Number.NaN, latest_at = Number.NaN } = readyGuess(given, () => learned, NOW)
  return { ready: (ready_at - NOW) / 1_000, from: (from_at - NOW) / 1_000, latest: (latest_at - NOW) / 1_000 }
}

describe('what is learnt', () => {
  test('is the mean and variance of the first few, and follows what changes', () => {
    const learntFrom = (samples: number[]) => samples.reduce(learnTime, undefined as never as LearnedTime)
    const few = learntFrom([100, 140, 120])
    expect([few.seen, few.mean_s]).toEqual([3, 120])
    expect(few.variance_s2).toBeCloseTo(800 / 3)
    const moved = learntFrom([...Array(200).fill(100), ...Array(90).fill(200)])
    expect(moved.mean_s).toBeGreaterThan(190)
  })

  test('never gives a negative variance, nor a mean beyond what was seen', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -5_000, max: 5_000, noNaN: true }), { minLength: 1 }), samples => {
        const { mean_s, variance_s2 } = samples.reduce(learnTime, undefined as never as LearnedTime)
        expect(variance_s2).toBeGreaterThanOrEqual(0)
        expect(mean_s).toBeGreaterThanOrEqual(Math.min(...samples) - 1e-6)
        expect(mean_s).toBeLessThanOrEqual(Math.max(...samples) + 1e-6)
      }),
    )
  })
})

describe('when an order will be ready', () => {
  test('is known of what is packed', () => {
    expect(guess(order({ packed_at: NOW - 7_000 }), { preparation: learnt(1, 1) })).toMatchObject({
      ready: -7,
      from: NaN,
    })
  })

  test('is what the engine says where too little is learnt, and not in the past', () => {
    expect(guess(order(), { preparation: learnt(900, 5, 7) })).toMatchObject({ ready: 60, latest: NaN })
    expect(guess(order({ ready_at: NOW - 50_000 }), {})).toMatchObject({ ready: 0 })
  })

  test('is reckoned from what scattered least of late', () => {
    const learned = { preparation: learnt(400, 100), plan_error: learnt(30, 10), picking_error: learnt(-5, 3) }
    expect(guess(order(), learned).ready).toBeCloseTo(90, 0)
    expect(guess(order(), { ...learned, preparation: learnt(400, 8) }).ready).toBeCloseTo(300, 0)
    expect(guess(order({ state: 'picking' }), learned).ready).toBeCloseTo(55, 0)
  })

  test('is not reckoned from the placing of what was moved, or is for a window', () => {
    const learned = { preparation: learnt(400, 1), plan_error: learnt(30, 10) }
    expect(guess(order({}, { attempt: 2 }), learned).ready).toBeCloseTo(90, 0)
    expect(guess(order({ start_at: NOW }), learned).ready).toBeCloseTo(90, 0)
  })

  test('has bounds in which it lies as often as they say', () => {
    const { ready, from, latest } = guess(order(), { plan_error: learnt(100, 30) })
    const cdf = (s: number) => 1 / (1 + Math.exp((-(s - 160) * Math.PI) / (30 * Math.sqrt(3))))
    expect([cdf(from), cdf(ready), cdf(latest)].map(share => Number(share.toFixed(2)))).toEqual([0.2, 0.5, 0.98])
  })

  test('moves on when it has not come, and stays ahead of now in this order', () => {
    fc.assert(
      fc.property(fc.integer({ min: -20_000, max: 2_000 }), fc.integer({ min: 0, max: 600 }), (mean_s, spread_s) => {
        const { from, ready, latest } = guess(order(), { plan_error: learnt(mean_s, spread_s) })
        expect(from).toBeGreaterThanOrEqual(0)
        expect(ready).toBeGreaterThanOrEqual(from)
        expect(latest).toBeGreaterThanOrEqual(ready)
        expect(latest).toBeLessThan(Math.max(0, 60 + mean_s) + 5 * spread_s + 10)
      }),
    )
  })

  test('of several parts is when the last of them is', () => {
    const [one] = order().fulfilments
    const both = { ...order(), fulfilments: [one, { ...one, warehouse_id: 'w2', ready_at: NOW + 300_000 }] } as Order
    expect(guess(both, { plan_error: learnt(0, 1) }).ready).toBeCloseTo(300, 0)
  })
})
