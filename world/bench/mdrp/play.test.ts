import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPlan } from '../../../dispatch/solver/check.ts'
import type { SolverProblem } from '../../../dispatch/solver/port.ts'
import { solve } from '../../../dispatch/solver/solve.ts'
import type { Day, DayOrder } from '../../days/day.ts'
import { type Decision, type Played, playDay } from './play.ts'

/** Days made up here: a small town, a lunch of two hours, enough couriers for most of it. */
const coordinate = fc.integer({ min: 0, max: 6_000 })
const RESTAURANTS = ['r1', 'r2', 'r3', 'r4']
const days: fc.Arbitrary<Day> = fc
  .record({
    restaurants: fc.tuple(...RESTAURANTS.map(() => fc.record({ x: coordinate, y: coordinate }))),
    orders: fc.array(
      fc.record({
        x: coordinate,
        y: coordinate,
        restaurant: fc.constantFrom(...RESTAURANTS),
        placed: fc.integer({ min: 5, max: 120 }),
        takes: fc.integer({ min: 2, max: 40 }),
      }),
      { minLength: 8, maxLength: 20 },
    ),
    couriers: fc.array(
      fc.record({
        x: coordinate,
        y: coordinate,
        on: fc.integer({ min: 0, max: 60 }),
        hours: fc.integer({ min: 1, max: 4 }),
      }),
      { minLength: 3, maxLength: 8 },
    ),
  })
  .map(({ restaurants, orders, couriers }) => ({
    name: 'made-up',
    restaurants: new Map(restaurants.map((place, at) => [RESTAURANTS[at] ?? '', place])),
    orders: orders.map(({ takes, ...one }, at) => ({ ...one, id: `o${at}`, ready: one.placed + takes })),
    couriers: couriers.map(({ hours, ...one }, at) => ({ ...one, id: `c${at}`, off: one.on + 60 * hours })),
    meters_per_minute: 300,
    pickup_service_min: 4,
    dropoff_service_min: 4,
  }))

const MEANS = new Map(RESTAURANTS.map(id => [id, 15]))
const KNOWN = [
  ['exactly', { without: [] }],
  ['in the mean only', { without: [], preparation_means: MEANS }],
] as const

// A short search: what is tried here is the same with a long one.
const solveShortly = (problem: SolverProblem) => solve({ ...problem, iterations_max: 10 })
const effects = { solve: solveShortly, wall_ms: () => 0 }
const upTo = (played: Played, t: number): Decision[] => played.decisions.filter(one => one.t <= t)
const changed = (day: Day, change: (order: DayOrder) => DayOrder[]): Day => ({
  ...day,
  orders: day.orders.flatMap(change),
})

describe.each(KNOWN)('a day whose ready times are known %s', (_, settings) => {
  it('is played without foresight: cut at any minute, nothing before it changes', () => {
    fc.assert(
      fc.property(days, fc.integer({ min: 10, max: 120 }), (day, t) => {
        const cut = changed(day, order => (order.placed <= t ? [order] : []))
        expect(upTo(playDay(cut, settings, effects), t)).toEqual(upTo(playDay(day, settings, effects), t))
      }),
      { numRuns: 10 },
    )
  })

  it('is played by the rules: the checker accepts the plan of every minute', () => {
    fc.assert(
      fc.property(days, day => {
        const solveChecked = (problem: SolverProblem) => {
          const plan = solveShortly(problem)
          expect(checkPlan(problem, plan)).toEqual([])
          return plan
        }
        const { deliveries, decisions } = playDay(day, settings, { ...effects, solve: solveChecked })
        expect(new Set(deliveries.map(one => one.order.id)).size).toBe(deliveries.length)
        expect(decisions.map(one => one.t)).toEqual(decisions.map(one => one.t).toSorted((a, b) => a - b))
        const off = new Map(day.couriers.map(one => [one.id, one.off]))
        for (const one of deliveries) expect(one.pickup).toBeLessThanOrEqual(off.get(one.courier) ?? 0)
      }),
      { numRuns: 10 },
    )
  })
})

describe('a day', () => {
  it('whose later ready times are others is played the same until they are known', () => {
    fc.assert(
      fc.property(days, fc.integer({ min: 10, max: 120 }), fc.integer({ min: 1, max: 20 }), (day, t, later) => {
        const exact = changed(day, order => [order.placed <= t ? order : { ...order, ready: order.ready + later }])
        expect(upTo(playDay(exact, KNOWN[0][1], effects), t)).toEqual(upTo(playDay(day, KNOWN[0][1], effects), t))
        const mean = changed(day, order => [order.ready <= t ? order : { ...order, ready: order.ready + later }])
        expect(upTo(playDay(mean, KNOWN[1][1], effects), t)).toEqual(upTo(playDay(day, KNOWN[1][1], effects), t))
      }),
      { numRuns: 10 },
    )
  })

  it('leaves nobody hungry while couriers without an end are there', () => {
    fc.assert(
      fc.property(days, day => {
        const couriers = day.couriers.map(one => ({ ...one, off: 600 }))
        expect(playDay({ ...day, couriers }, { without: [] }, effects).deliveries).toHaveLength(day.orders.length)
      }),
      { numRuns: 10 },
    )
  })
})
