import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CourierId, FulfilmentId, OrderId, TripId, WarehouseId, ZoneId } from '../ingest/events/envelope.ts'
import { checkPlan } from './check.ts'
import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverPlan, SolverProblem } from './contract.ts'
import { solve } from './solve.ts'
import { greatCircle } from './travel.ts'

const travel = greatCircle({ road_factor: 1.3, speed_mps: 5 })

const point = fc.record({
  lat: fc.double({ min: 41.8, max: 42, noNaN: true }),
  lng: fc.double({ min: -87.8, max: -87.6, noNaN: true }),
})
const requirements = fc.uniqueArray(fc.constantFrom('cold' as const, 'id_check' as const, 'cash' as const))
const warehouses = [
  { warehouse_id: 'w1' as WarehouseId, pickup: { lat: 41.88, lng: -87.63 } },
  { warehouse_id: 'w2' as WarehouseId, pickup: { lat: 41.95, lng: -87.7 } },
]

const fulfilment: fc.Arbitrary<Omit<OpenFulfilment, 'fulfilment_id' | 'order_id'>> = fc
  .record({
    place: fc.constantFrom(...warehouses),
    dropoff: point,
    ready_s: fc.integer({ min: -600, max: 600 }),
    promise_s: fc.integer({ min: -600, max: 3_600 }),
    load: fc.integer({ min: 1, max: 3 }),
    requires: requirements,
    not_couriers: fc.uniqueArray(fc.integer({ min: 0, max: 5 }).map(n => `c${n}` as CourierId)),
  })
  .map(({ place, ...rest }) => ({ ...place, ...rest, placed_s: -900 }))

const courier: fc.Arbitrary<Omit<CourierSnapshot, 'courier_id'>> = fc.record(
  {
    place: point,
    free_s: fc.integer({ min: -100, max: 900 }),
    capacity: fc.integer({ min: 1, max: 3 }),
    has: requirements,
    shift_end_s: fc.integer({ min: 0, max: 7_200 }),
    breaks: fc.array(
      fc.integer({ min: 0, max: 3_600 }).map(from_s => ({ from_s, to_s: from_s + 600 })),
      { maxLength: 2 },
    ),
    committed: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.constant([{ trip_id: 't' as TripId, fulfilment_ids: [], why: 'picked_up' as const }]),
    ),
  },
  { requiredKeys: ['place', 'free_s', 'capacity', 'has', 'breaks', 'committed'] },
)

const problem: fc.Arbitrary<SolverProblem> = fc
  .record({
    fulfilments: fc.array(fulfilment, { maxLength: 12 }),
    couriers: fc.array(courier, { maxLength: 8 }),
    seed: fc.nat(),
  })
  .map(({ fulfilments, couriers, seed }) => ({
    zone_id: 'z' as ZoneId,
    now: 1_700_000_000_000,
    seed,
    iterations_max: 100,
    fulfilments: fulfilments.map((one, n) => ({
      ...one,
      fulfilment_id: `f${n}` as FulfilmentId,
      order_id: `o${n}` as OrderId,
    })),
    couriers: couriers.map((one, n) => ({ ...one, courier_id: `c${n}` as CourierId })),
    travel,
    weights: { click_to_door: 1, lateness: 1, freshness: 1, travel: 1 },
  }))

const withTrip = problem.map(one => ({ problem: one, plan: solve(one) })).filter(({ plan }) => plan.trips.length > 0)

describe('the solver', () => {
  it('makes plans that the checker accepts', () => {
    fc.assert(
      fc.property(problem, one => {
        expect(checkPlan(one, solve(one))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('gives the same plan whatever the order of what it is given', () => {
    fc.assert(
      fc.property(problem, one => {
        const turned = { ...one, fulfilments: one.fulfilments.toReversed(), couriers: one.couriers.toReversed() }
        expect(solve(turned)).toEqual(solve(one))
      }),
    )
  })

  it('leaves no order waiting for a courier while one who fits is free', () => {
    fc.assert(
      fc.property(problem, one => {
        const plan = solve(one)
        const busy = new Set(plan.trips.map(trip => trip.courier_id))
        const easy = one.couriers.filter(
          c =>
            !busy.has(c.courier_id) && c.committed.length === 0 && c.shift_end_s === undefined && c.breaks.length === 0,
        )
        for (const { fulfilment_id, why } of plan.waiting) {
          const waits = one.fulfilments.find(f => f.fulfilment_id === fulfilment_id)
          const fits = easy.some(
            c =>
              waits?.requires.every(need => c.has.includes(need)) &&
              waits.load <= c.capacity &&
              !waits.not_couriers?.includes(c.courier_id),
          )
          if (fits) expect(why).toBe('not_ready')
        }
      }),
    )
  })

  it('sends the nearest, and the lower id when two are equally near', () => {
    const near = { lat: 41.881, lng: -87.631 }
    const base = { free_s: 0, capacity: 2, has: [], breaks: [], committed: [] }
    const [one] = solve({
      zone_id: 'z' as ZoneId,
      now: 0,
      seed: 1,
      iterations_max: 1,
      fulfilments: [
        {
          fulfilment_id: 'f' as FulfilmentId,
          order_id: 'o' as OrderId,
          warehouse_id: 'w1' as WarehouseId,
          pickup: { lat: 41.88, lng: -87.63 },
          dropoff: { lat: 41.9, lng: -87.64 },
          placed_s: 0,
          ready_s: 0,
          promise_s: 1_800,
          load: 1,
          requires: [],
        },
      ],
      couriers: [
        { ...base, courier_id: 'c9' as CourierId, place: near },
        { ...base, courier_id: 'c2' as CourierId, place: near },
        { ...base, courier_id: 'c1' as CourierId, place: { lat: 41.95, lng: -87.7 } },
      ],
      travel,
      weights: { click_to_door: 1, lateness: 1, freshness: 1, travel: 1 },
    }).trips
    expect(one?.courier_id).toBe('c2')
  })
})

/** Each breaks a good plan in one way; the checker must see it. */
const BREAKS: Record<string, (trip: PlannedTrip, plan: SolverPlan, problem: SolverProblem) => SolverPlan | undefined> =
  {
    'forgets an order': (_, plan) => ({ ...plan, trips: plan.trips.slice(1) }),
    'carries an order twice': (trip, plan) => ({
      ...plan,
      waiting: [...plan.waiting, { fulfilment_id: trip.fulfilment_ids[0] ?? ('?' as FulfilmentId), why: 'no_courier' }],
    }),
    'puts a courier on two trips': (trip, plan) => ({
      ...plan,
      trips: [trip, { ...trip, fulfilment_ids: [], dropoff_s: [] }, ...plan.trips.slice(1)],
    }),
    'invents a courier': (trip, plan) => replaced(plan, { ...trip, courier_id: 'nobody' as CourierId }),
    'invents an order': (trip, plan) =>
      replaced(plan, {
        ...trip,
        fulfilment_ids: [...trip.fulfilment_ids, 'nothing' as FulfilmentId],
        dropoff_s: [...trip.dropoff_s, 99_999],
      }),
    'names the wrong warehouse': (trip, plan) => replaced(plan, { ...trip, warehouse_id: 'elsewhere' as WarehouseId }),
    'flies to the warehouse': (trip, plan) => replaced(plan, { ...trip, pickup_s: -1_000 }),
    'flies to the door': (trip, plan) =>
      replaced(plan, { ...trip, dropoff_s: trip.dropoff_s.map(() => trip.pickup_s - 1) }),
    'departs before it is free': (trip, plan) => replaced(plan, { ...trip, depart_s: -1 }),
    'has half seconds': (trip, plan) => replaced(plan, { ...trip, pickup_s: trip.pickup_s + 0.5 }),
    'lacks a time': (trip, plan) => replaced(plan, { ...trip, dropoff_s: [] }),
    'takes a committed courier': (trip, plan, problem) => {
      const taken = problem.couriers.find(one => one.committed.length > 0)
      return taken && replaced(plan, { ...trip, courier_id: taken.courier_id })
    },
  }

const replaced = (plan: SolverPlan, trip: PlannedTrip): SolverPlan => ({
  ...plan,
  trips: [trip, ...plan.trips.slice(1)],
})

/** Each changes the problem under a good plan, so that the plan is good no more. */
const CHANGES: Record<string, (trip: PlannedTrip, problem: SolverProblem) => SolverProblem> = {
  'too heavy': (trip, one) => withFulfilment(one, trip, { load: 99 }),
  'not able to do it': (trip, one) => withCourier(withFulfilment(one, trip, { requires: ['cash'] }), trip, { has: [] }),
  'declined before': (trip, one) => withFulfilment(one, trip, { not_couriers: [trip.courier_id] }),
  'not ready yet': (trip, one) => withFulfilment(one, trip, { ready_s: trip.pickup_s + 1 }),
  'melted on the way': (trip, one) =>
    withFulfilment(one, trip, { uncooled_s_max: (trip.dropoff_s[0] ?? 0) - trip.pickup_s - 1 }),
  'after the shift': (trip, one) => withCourier(one, trip, { shift_end_s: (trip.dropoff_s[0] ?? 0) - 1 }),
  'through the break': (trip, one) =>
    withCourier(one, trip, { breaks: [{ from_s: trip.depart_s, to_s: trip.depart_s + 1 }] }),
}

const withFulfilment = (one: SolverProblem, trip: PlannedTrip, change: Partial<OpenFulfilment>): SolverProblem => ({
  ...one,
  fulfilments: one.fulfilments.map(f => (trip.fulfilment_ids.includes(f.fulfilment_id) ? { ...f, ...change } : f)),
})
const withCourier = (one: SolverProblem, trip: PlannedTrip, change: Partial<CourierSnapshot>): SolverProblem => ({
  ...one,
  couriers: one.couriers.map(c => (c.courier_id === trip.courier_id ? { ...c, ...change } : c)),
})

describe('the checker', () => {
  it.each(Object.entries(BREAKS))('refuses a plan that %s', (_, breakPlan) => {
    fc.assert(
      fc.property(withTrip, ({ problem: one, plan }) => {
        const [trip] = plan.trips
        const broken = trip && breakPlan(trip, plan, one)
        fc.pre(broken !== undefined)
        expect(checkPlan(one, broken)).not.toEqual([])
      }),
      { numRuns: 50 },
    )
  })

  it.each(Object.entries(CHANGES))('refuses a trip that is %s', (_, change) => {
    fc.assert(
      fc.property(withTrip, ({ problem: one, plan }) => {
        const [trip] = plan.trips
        fc.pre(trip !== undefined)
        fc.pre((trip.dropoff_s[0] ?? 0) > trip.depart_s)
        expect(checkPlan(change(trip, one), plan)).not.toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})
