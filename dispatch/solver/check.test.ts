import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CourierId, FulfilmentId, WarehouseId } from '../../ingest/events/envelope.ts'
import { checkPlan } from './check.ts'
import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverPlan, SolverProblem } from './port.ts'
import { problems } from './problems.testing.ts'
import { solve } from './solve.ts'

/** The trip that is broken is one that nobody has begun: it must keep every rule. */
const withTrip = problems
  .map(problem => {
    const plan = solve(problem)
    const open = new Set(problem.couriers.filter(one => one.open_trip).map(one => one.courier_id))
    return { problem, plan, trip: plan.trips.find(trip => !open.has(trip.courier_id)) }
  })
  .filter((one): one is { problem: SolverProblem; plan: SolverPlan; trip: PlannedTrip } => one.trip !== undefined)

type Break = (trip: PlannedTrip, plan: SolverPlan, problem: SolverProblem) => SolverPlan | undefined
const replaced = (plan: SolverPlan, trip: PlannedTrip, changed: Partial<PlannedTrip>): SolverPlan => ({
  ...plan,
  trips: plan.trips.map(one => (one === trip ? { ...one, ...changed } : one)),
})

/** Each breaks a good plan in one way; the checker must see it. */
const BREAKS: Record<string, Break> = {
  'forgets an order': (trip, plan) => ({ ...plan, trips: plan.trips.filter(one => one !== trip) }),
  'carries an order and lets it wait': (trip, plan) => ({
    ...plan,
    waiting: [...plan.waiting, { fulfilment_id: trip.fulfilment_ids[0] ?? ('?' as FulfilmentId), why: 'no_courier' }],
  }),
  'makes a trip twice': (trip, plan) => ({ ...plan, trips: [...plan.trips, trip] }),
  'invents a courier': (trip, plan) => replaced(plan, trip, { courier_id: 'nobody' as CourierId }),
  'invents an order': (trip, plan) =>
    replaced(plan, trip, {
      fulfilment_ids: [...trip.fulfilment_ids, 'nothing' as FulfilmentId],
      dropoff_s: [...trip.dropoff_s, 99_999],
    }),
  'names the wrong warehouse': (trip, plan) => replaced(plan, trip, { warehouse_id: 'elsewhere' as WarehouseId }),
  'flies to the warehouse': (trip, plan) => replaced(plan, trip, { pickup_s: trip.depart_s - 1 }),
  'flies to the door': (trip, plan) => replaced(plan, trip, { dropoff_s: trip.dropoff_s.map(() => trip.pickup_s - 1) }),
  'departs in the past': (trip, plan) => replaced(plan, trip, { depart_s: -1 }),
  'has half seconds': (trip, plan) => replaced(plan, trip, { pickup_s: trip.pickup_s + 0.5 }),
  'lacks a time': (trip, plan) => replaced(plan, trip, { dropoff_s: [] }),
  'carries nothing': (trip, plan) => ({
    ...replaced(plan, trip, { fulfilment_ids: [], dropoff_s: [] }),
    waiting: [...plan.waiting, ...trip.fulfilment_ids.map(id => ({ fulfilment_id: id, why: 'no_courier' as const }))],
  }),
  'begins a second trip before the first has ended': (trip, plan) => {
    const next = plan.trips[plan.trips.indexOf(trip) + 1]
    return next?.courier_id === trip.courier_id ? replaced(plan, next, { depart_s: trip.depart_s }) : undefined
  },
  'goes elsewhere than where it is on the way to': (_, plan, problem) => {
    const on_way = problem.couriers.find(one => one.open_trip)
    if (!on_way) return undefined
    const [gone, kept] = [true, false].map(own =>
      plan.trips.filter(one => (one.courier_id === on_way.courier_id) === own),
    )
    const left = (gone ?? []).flatMap(one => one.fulfilment_ids)
    const waiting = left.map(fulfilment_id => ({ fulfilment_id, why: 'no_courier' as const }))
    return { ...plan, trips: kept ?? [], waiting: [...plan.waiting, ...waiting] }
  },
  'moves a courier away from its trip': (trip, plan, { demand }) => ({
    ...plan,
    moves: [
      { courier_id: trip.courier_id, warehouse_id: demand[0]?.warehouse_id ?? trip.warehouse_id, arrive_s: 99_999 },
    ],
  }),
  'moves somebody faster than the road': (_, plan, { couriers, demand }) => {
    const busy = new Set(plan.trips.map(one => one.courier_id))
    const idle = couriers.find(one => !busy.has(one.courier_id) && one.free_s <= 0 && !one.home_warehouse_id)
    const [to] = demand
    if (!idle || !to) return undefined
    return { ...plan, moves: [{ courier_id: idle.courier_id, warehouse_id: to.warehouse_id, arrive_s: -1 }] }
  },
}

/** Each changes the problem under a good plan, so that the plan is good no more. */
const CHANGES: Record<string, (trip: PlannedTrip, problem: SolverProblem) => SolverProblem | undefined> = {
  'too heavy by one': (trip, one) => {
    const cargo = one.fulfilments.filter(f => trip.fulfilment_ids.includes(f.fulfilment_id))
    return withCourier(one, trip, { capacity: cargo.reduce((sum, f) => sum + f.load, 0) - 1 })
  },
  'shared though one of its orders must be alone': (trip, one) =>
    trip.fulfilment_ids.length > 1 ? withCargo(one, trip, { alone: true }) : undefined,
  'not able to do it': (trip, one) => withCourier(withCargo(one, trip, { requires: ['cash'] }), trip, { has: [] }),
  'declined before': (trip, one) => withCargo(one, trip, { not_couriers: [trip.courier_id] }),
  'not ready yet': (trip, one) => withCargo(one, trip, lyingAt(trip, trip.pickup_s + 1)),
  'from where it can no longer be had': (trip, one) =>
    withCargo(one, trip, { warehouse_id: 'v' as WarehouseId, elsewhere: [] }),
  'melted on the way': (trip, one) =>
    withCargo(one, trip, { uncooled_s_max: (trip.dropoff_s[0] ?? 0) - trip.pickup_s - 1 }),
  'after the shift': (trip, one) => withCourier(one, trip, { shift_end_s: (trip.dropoff_s.at(-1) ?? 0) - 1 }),
  'picked up after the shift': (trip, one) => withCourier(one, trip, { last_pickup_s: trip.pickup_s - 1 }),
  'through the break': (trip, one) =>
    withCourier(one, trip, { breaks: [{ from_s: trip.depart_s, to_s: trip.depart_s + 1 }] }),
  'tied elsewhere': (trip, one) => withCourier(one, trip, { home_warehouse_id: 'elsewhere' as WarehouseId }),
  'larger than allowed': (trip, one) => ({ ...one, bundle_max: trip.fulfilment_ids.length - 1 }),
  'still carrying something': (trip, one) => withCourier(one, trip, { free_s: trip.depart_s + 1 }),
}

/** At the trip's warehouse and at no other. */
const lyingAt = ({ warehouse_id }: PlannedTrip, ready_s: number) => ({ warehouse_id, ready_s, elsewhere: [] })
const withCargo = (one: SolverProblem, trip: PlannedTrip, change: Partial<OpenFulfilment>): SolverProblem => ({
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
      fc.property(withTrip, ({ problem, plan, trip }) => {
        const broken = breakPlan(trip, plan, problem)
        fc.pre(broken !== undefined)
        expect(checkPlan(problem, broken)).not.toEqual([])
      }),
      { numRuns: 50, maxSkipsPerRun: 200 },
    )
  })

  it.each(Object.entries(CHANGES))('refuses a trip that is %s', (_, change) => {
    fc.assert(
      fc.property(withTrip, ({ problem, plan, trip }) => {
        const changed = change(trip, problem)
        fc.pre(changed !== undefined)
        expect(checkPlan(changed, plan)).not.toEqual([])
      }),
      { numRuns: 50, maxSkipsPerRun: 200 },
    )
  })
})
