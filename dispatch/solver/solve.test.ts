import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CourierId, FulfilmentId, OrderId, TripId, WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import { greatCircle } from '../travel.ts'
import { checkPlan } from './check.ts'
import { solveGreedily } from './greedy.ts'
import { WEIGHTS } from './objective.ts'
import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverProblem } from './port.ts'
import { problems } from './problems.testing.ts'
import { solve } from './solve.ts'

describe.each([
  ['the solver', solve],
  ['the plain solver', solveGreedily],
])('%s', (_, solveIt) => {
  it('makes plans that the checker accepts', () => {
    fc.assert(
      fc.property(problems, one => {
        expect(checkPlan(one, solveIt(one))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('gives the same plan whatever the order of what it is given', () => {
    fc.assert(
      fc.property(problems, one => {
        const turned = {
          ...one,
          fulfilments: one.fulfilments.toReversed(),
          couriers: one.couriers.toReversed(),
          demand: one.demand.toReversed(),
        }
        expect(solveIt(turned)).toEqual(solveIt(one))
      }),
    )
  })
})

describe('the search', () => {
  it('goes on from its last plan and never ends with a dearer one', () => {
    fc.assert(
      fc.property(problems, one => {
        const first = solve({ ...one, iterations_max: 100 })
        const couriers = one.couriers.map(courier => asPlanned(courier, first.trips))
        const again = solve({ ...one, couriers, seed: one.seed + 1, iterations_max: 5, last: first.trips })
        expect(again.cost).toBeLessThanOrEqual(first.cost + 1e-6)
      }),
    )
  })

  it('ends where it is told to, and says so', () => {
    fc.assert(
      fc.property(
        problems.filter(one => one.fulfilments.length > 0),
        one => {
          const cut = solve({ ...one, iterations_max: 10_000 }, () => true)
          expect(cut.stopped_by_wall_clock).toBe(true)
          expect(cut.iterations).toBeLessThan(50)
          expect(checkPlan(one, cut)).toEqual([])
        },
      ),
    )
  })

  it('leaves nothing waiting for which a courier without any limit is there', () => {
    fc.assert(
      fc.property(problems, one => {
        const able = { capacity: 99, has: ['cold', 'id_check', 'cash'] as const, breaks: [], committed: [], free_s: 0 }
        const place = { lat: 41.9, lng: -87.7 }
        const helpers = ['x1', 'x2', 'x3', 'x4'].map(id => ({ ...able, courier_id: id as CourierId, place }))
        const { waiting } = solve({ ...one, couriers: [...one.couriers, ...helpers] })
        const late = one.fulfilments.filter(f => f.uncooled_s_max === undefined).map(f => f.fulfilment_id as string)
        expect(waiting.filter(w => late.includes(w.fulfilment_id))).toEqual([])
      }),
    )
  })
})

/** What the last plan wants an open trip to take is where the next one begins. */
function asPlanned(courier: CourierSnapshot, trips: readonly PlannedTrip[]): CourierSnapshot {
  const { open_trip } = courier
  const planned = trips.find(trip => trip.courier_id === courier.courier_id)
  return open_trip && planned
    ? { ...courier, open_trip: { ...open_trip, fulfilment_ids: planned.fulfilment_ids } }
    : courier
}

// ── What it is for: small scenes with one right answer ──────────────────────────────────────────────────────────────

const HERE = { lat: 41.9, lng: -87.65 }
const north = (km: number) => ({ lat: HERE.lat + km / 111.2, lng: HERE.lng })
const base: SolverProblem = {
  zone_id: 'z' as ZoneId,
  now: 0,
  seed: 1,
  iterations_max: 200,
  fulfilments: [],
  couriers: [],
  demand: [],
  service: { before_pickup_s: 60, after_pickup_s: 60, before_door_s: 60, after_door_s: 60 },
  bundle_max: 4,
  trips_max: 4,
  travel: greatCircle({ road_factor: 1, speed_mps: 5 }),
  weights: WEIGHTS,
  last: [],
}
const order = (id: string, change: Partial<OpenFulfilment>): OpenFulfilment => ({
  fulfilment_id: id as FulfilmentId,
  order_id: id as OrderId,
  warehouse_id: 'w' as WarehouseId,
  pickup: HERE,
  dropoff: north(2),
  placed_s: -600,
  ready_s: 0,
  load: 1,
  requires: [],
  ...change,
})
const rider = (id: string, change: Partial<CourierSnapshot>): CourierSnapshot => ({
  courier_id: id as CourierId,
  place: HERE,
  free_s: 0,
  capacity: 4,
  has: [],
  breaks: [],
  committed: [],
  ...change,
})
const carriers = (problem: Partial<SolverProblem>) =>
  solve({ ...base, ...problem }).trips.map(trip => `${trip.courier_id}:${trip.fulfilment_ids.join('+')}`)

describe('a plan', () => {
  it('sends the nearest, and the lower id when two are equally near', () => {
    const couriers = [rider('c9', {}), rider('c2', {}), rider('c1', { place: north(5) })]
    expect(carriers({ fulfilments: [order('f', {})], couriers })).toEqual(['c2:f'])
  })

  it('sends the one who is able from afar, however many are near who are not', () => {
    const near = Array.from({ length: 100 }, (_, n) => rider(`near-${n}`, {}))
    const couriers = [...near, rider('far', { place: north(8), has: ['cold'] })]
    expect(carriers({ fulfilments: [order('f', { requires: ['cold'] })], couriers })).toEqual(['far:f'])
  })

  it('waits for a courier who is free here soon rather than calling one from afar', () => {
    const couriers = [rider('far', { place: north(8) }), rider('soon', { free_s: 300 })]
    expect(carriers({ fulfilments: [order('f', { ready_s: 300 })], couriers })).toEqual(['soon:f'])
  })

  it('bundles neighbours for a lone courier, and leaves them apart when each has its own', () => {
    const fulfilments = [order('a', { dropoff: north(2) }), order('b', { dropoff: north(2.1) })]
    expect(carriers({ fulfilments, couriers: [rider('c', {})] })).toEqual(['c:a+b'])
    expect(carriers({ fulfilments, couriers: [rider('c', {}), rider('d', {})] })).toHaveLength(2)
  })

  it('carries what has been waiting for a day, however dear that has become', () => {
    const fulfilments = [order('f', { placed_s: -90_000, ready_s: -86_400, promise_s: -85_000 })]
    expect(carriers({ fulfilments, couriers: [rider('c', { place: north(5) })] })).toEqual(['c:f'])
  })

  it('leaves an order to wait where carrying it is dearer than leaving it, and only there', () => {
    const fulfilments = [order('f', {})]
    const couriers = [rider('c', { place: north(5) })]
    const weights = { ...WEIGHTS, undelivered: 200, travel: 100_000 }
    // Without a round of the search: what chance would come to in the end must hold of every step.
    const begun = { fulfilments, couriers, iterations_max: 0 }
    expect(carriers({ ...begun, weights })).toEqual([])
    expect(carriers({ ...begun, weights: { ...weights, travel: WEIGHTS.travel } })).toEqual(['c:f'])
  })

  describe('of an order that may be ready only after the last pickup of a courier', () => {
    const fulfilments = [order('f', { ready_s: 600, ready_latest_s: 3_000 })]
    const short = rider('short', { last_pickup_s: 1_800 })

    it('takes whoever may be bound to it, from so far as is made up for by the hand-over', () => {
      const couriers = (far_m: number) => [short, rider('sure', { place: north(far_m / 1_000), free_s: 500 })]
      // Before any round of the search, and after all: both price alike.
      for (const iterations_max of [0, base.iterations_max]) {
        expect(carriers({ fulfilments, iterations_max, couriers: couriers(200) })).toEqual(['sure:f'])
        expect(carriers({ fulfilments, iterations_max, couriers: couriers(900) })).toEqual(['short:f'])
      }
    })

    it('is not added to a trip of that courier, where another loses less by its way', () => {
      const both = [order('e', { ready_s: 600, requires: ['cold'] }), ...fulfilments]
      const couriers = [{ ...short, has: ['cold' as const] }, rider('sure', { place: north(1), free_s: 500 })]
      for (const iterations_max of [0, base.iterations_max])
        expect(carriers({ fulfilments: both, iterations_max, couriers })).toEqual(['short:e', 'sure:f'])
    })

    it('counts on no hand-over before it is ready', () => {
      const pickupBy = (change: Partial<CourierSnapshot>) =>
        solve({ ...base, fulfilments, couriers: [{ ...short, ...change }] }).trips[0]?.pickup_s
      expect(pickupBy({})).toBe(600 + base.service.before_pickup_s)
      expect(pickupBy({ last_pickup_s: 3_000 })).toBe(600)
      // Who is on its way there already is bound to it.
      const open_trip = { trip_id: 't' as TripId, warehouse_id: 'w' as WarehouseId, arrive_s: 100 }
      expect(pickupBy({ open_trip: { ...open_trip, fulfilment_ids: ['f' as FulfilmentId] } })).toBe(600)
    })
  })

  it('gives an order to who had few a little farther away, where fairness counts', () => {
    const couriers = [
      rider('many', { worked: { deliveries: 9, hours: 3 } }),
      rider('few', { worked: { deliveries: 3, hours: 3 }, place: north(0.3) }),
    ]
    const fulfilments = [order('f', { ready_s: 0 })]
    expect(carriers({ fulfilments, couriers })).toEqual(['many:f'])
    expect(carriers({ fulfilments, couriers, weights: { ...WEIGHTS, fairness: 2 } })).toEqual(['few:f'])
  })

  it('lets one wait for another where couriers are too few for what is due, so that somebody is free sooner', () => {
    const couriers = [rider('c1', {}), rider('c2', {})]
    const door = { dropoff: north(1.5) }
    const elsewhere = { warehouse_id: 'v' as WarehouseId, pickup: north(-3), dropoff: north(-9) }
    const shared = (third_ready_s: number, weights = WEIGHTS) =>
      carriers({
        fulfilments: [
          order('a', door),
          order('b', { ...door, ready_s: 60 }),
          order('c', { ...elsewhere, ready_s: third_ready_s }),
        ],
        couriers: couriers.map(one => ({ ...one, last_pickup_s: 7_200 })),
        weights,
      }).some(trip => trip.includes('a') && trip.includes('b'))
    // What is due within the half hour takes more than two couriers' hour.
    expect(shared(1_500)).toBe(true)
    expect(shared(3_600)).toBe(false)
    expect(shared(1_500, { ...WEIGHTS, scarcity: 0 })).toBe(false)
  })

  describe('of an order that two warehouses have', () => {
    const there = { warehouse_id: 'v' as WarehouseId, pickup: north(4) }
    const fulfilments = [order('f', { dropoff: north(1.5), elsewhere: [{ ...there, ready_s: 0 }] })]
    const taken = (problem: Partial<SolverProblem>) =>
      solve({ ...base, fulfilments, ...problem }).trips.map(trip => `${trip.courier_id}:${trip.warehouse_id}`)
    const near = rider('near', { place: HERE })
    const far = rider('far', { place: north(4) })

    it('takes it from the nearer one, whoever stands at the other', () => {
      expect(taken({ couriers: [near, far] })).toEqual(['near:w'])
    })

    it('takes it from the farther one where only there somebody is free soon', () => {
      expect(taken({ couriers: [{ ...near, free_s: 900 }, far] })).toEqual(['far:v'])
      const tied = { ...far, home_warehouse_id: there.warehouse_id }
      expect(taken({ couriers: [tied] })).toEqual(['far:v'])
    })

    it('goes a longer way only for more than that takes, since who brings it may change', () => {
      const couriers = [{ ...near, free_s: 300 }, far]
      expect(taken({ couriers, weights: { ...WEIGHTS, detour: 0 } })).toEqual(['far:v'])
      expect(taken({ couriers })).toEqual(['near:w'])
    })

    it('takes it from where it is ready by then', () => {
      const late = [order('f', { dropoff: north(1.5), elsewhere: [{ ...there, ready_s: 1_500 }] })]
      expect(taken({ fulfilments: late, couriers: [{ ...near, free_s: 600 }, far] })).toEqual(['near:w'])
    })

    it('costs the same, whichever of them it is given with', () => {
      const here = { warehouse_id: 'w' as WarehouseId, pickup: HERE, ready_s: 0 }
      const turned = [order('f', { ...there, ready_s: 0, dropoff: north(1.5), elsewhere: [here] })]
      const cost = (given: OpenFulfilment[]) => solve({ ...base, fulfilments: given, couriers: [near, far] }).cost
      expect(cost(turned)).toBeCloseTo(cost(fulfilments), 6)
    })

    it('goes on from the warehouse of the last plan', () => {
      const couriers = [near, far]
      const last = [
        { courier_id: far.courier_id, warehouse_id: there.warehouse_id, fulfilment_ids: ['f' as FulfilmentId] },
      ]
      expect(taken({ couriers, last, iterations_max: 0 })).toEqual(['far:v'])
      expect(taken({ couriers, last })).toEqual(['near:w'])
    })

    it('lets it wait once, where nobody can carry it from any', () => {
      const heavy = [order('f', { load: 9, elsewhere: [{ ...there, ready_s: 0 }] })]
      const plan = solve({ ...base, fulfilments: heavy, couriers: [near, far] })
      expect(plan.waiting).toEqual([{ fulfilment_id: 'f', why: 'no_capacity' }])
    })
  })

  it('holds an order dear for as long as its picking was put off', () => {
    const first = (change: Partial<OpenFulfilment>) => {
      const fulfilments = [
        order('new', { ready_s: 180 }),
        order('old', { ready_s: 180, dropoff: north(2.5), ...change }),
      ]
      return solve({ ...base, bundle_max: 1, fulfilments, couriers: [rider('c', {})] }).trips[0]?.fulfilment_ids
    }
    expect(first({})).toEqual(['new'])
    expect(first({ ready_at_best_s: -1_200 })).toEqual(['old'])
  })

  it('leaves just in time', () => {
    const couriers = [rider('c', { place: north(1.5) })]
    const [trip] = solve({ ...base, couriers, fulfilments: [order('f', { ready_s: 1_000 })] }).trips
    expect(trip?.pickup_s).toBe(1_000)
    expect(trip?.depart_s).toBe(1_000 - 60 - 300)
  })

  it('adds to the bundle of whoever waits at the warehouse', () => {
    const open_trip = {
      trip_id: 't' as NonNullable<CourierSnapshot['open_trip']>['trip_id'],
      warehouse_id: 'w' as WarehouseId,
      arrive_s: -60,
      fulfilment_ids: ['a' as FulfilmentId],
    }
    const fulfilments = [order('a', { ready_s: 60 }), order('b', { ready_s: 60, dropoff: north(2.1) })]
    expect(carriers({ fulfilments, couriers: [rider('c', { open_trip })] })).toEqual(['c:a+b'])
  })

  it('moves an idle courier to where orders are expected, and nobody who has one', () => {
    const demand = [{ warehouse_id: 'w' as WarehouseId, pickup: HERE, orders_per_h: 30 }]
    const couriers = [rider('idle', { place: north(3) }), rider('busy', { place: north(1) })]
    const plan = solve({ ...base, demand, couriers, fulfilments: [order('f', {})] })
    expect(plan.moves.map(move => move.courier_id)).toEqual(['idle'])
    expect(checkPlan({ ...base, demand, couriers, fulfilments: [order('f', {})] }, plan)).toEqual([])
  })

  it('moves nobody farther than a quarter of an hour, but who has no place within that to the nearest', () => {
    const movesWith = (...places: [number, orders_per_h: number][]) => {
      const demand = places.map(([at, orders_per_h]) => ({
        ...{ warehouse_id: `w${at}` as WarehouseId, pickup: north(at), orders_per_h },
      }))
      const couriers = [rider('c', { place: north(10) })]
      return solve({ ...base, demand, couriers, fulfilments: [] }).moves.map(move => move.warehouse_id)
    }
    expect(movesWith([0, 30])).toEqual(['w0'])
    expect(movesWith([0, 30], [10, 0])).toEqual([])
    expect(movesWith([0, 30], [3, 0])).toEqual(['w3'])
    expect(movesWith([6, 30], [10.5, 0])).toEqual(['w6'])
  })

  it.each([
    ['requirement', { requires: ['cold'] }],
    ['no_capacity', { load: 9 }],
  ] as const)('says why an order waits: %s', (why, change) => {
    const plan = solve({ ...base, couriers: [rider('c', {})], fulfilments: [order('f', change)] })
    expect(plan.waiting).toEqual([{ fulfilment_id: 'f', why }])
  })
})
