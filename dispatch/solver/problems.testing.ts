import fc from 'fast-check'
import type { CourierId, FulfilmentId, OrderId, TripId, WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import { greatCircle } from '../travel.ts'
import { WEIGHTS } from './objective.ts'
import type { CourierSnapshot, OpenFulfilment, SolverProblem } from './port.ts'

/** Made-up problems of all kinds: open trips, breaks, ties to a warehouse, limits that can't be kept. */

const point = fc.record({
  lat: fc.double({ min: 41.8, max: 42, noNaN: true }),
  lng: fc.double({ min: -87.8, max: -87.6, noNaN: true }),
})
const requirements = fc.uniqueArray(fc.constantFrom('cold' as const, 'id_check' as const, 'cash' as const))
const WAREHOUSES = [
  { warehouse_id: 'w1' as WarehouseId, pickup: { lat: 41.88, lng: -87.63 } },
  { warehouse_id: 'w2' as WarehouseId, pickup: { lat: 41.95, lng: -87.7 } },
  { warehouse_id: 'w3' as WarehouseId, pickup: { lat: 41.9, lng: -87.66 } },
]
const warehouse_id = fc.constantFrom(...WAREHOUSES.map(one => one.warehouse_id))
const rarely = <T>(one: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(otherwise) }, { weight: 1, arbitrary: one })

const fulfilment: fc.Arbitrary<Omit<OpenFulfilment, 'fulfilment_id' | 'order_id'>> = fc
  .record(
    {
      place: fc.constantFrom(...WAREHOUSES),
      dropoff: point,
      ready_s: fc.integer({ min: -600, max: 1_800 }),
      /** the other warehouses have it, too, later by so much */
      others_after_s: rarely(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 2 }), []),
      promise_s: fc.integer({ min: -600, max: 3_600 }),
      load: fc.integer({ min: 1, max: 3 }),
      alone: fc.boolean(),
      uncooled_s_max: fc.integer({ min: 600, max: 7_200 }),
      requires: rarely(requirements, []),
      not_couriers: rarely(fc.uniqueArray(fc.integer({ min: 0, max: 5 }).map(n => `c${n}` as CourierId)), []),
    },
    { requiredKeys: ['place', 'dropoff', 'ready_s', 'others_after_s', 'load', 'requires', 'not_couriers'] },
  )
  .map(({ place, others_after_s, ...rest }) => {
    const others = WAREHOUSES.filter(one => one !== place)
    const elsewhere = others_after_s.flatMap((after_s, at) => {
      const there = others[at]
      return there ? { ...there, ready_s: rest.ready_s + after_s } : []
    })
    return { ...place, ...rest, elsewhere, placed_s: -900 }
  })

const courier = fc.record(
  {
    place: point,
    free_s: fc.integer({ min: -100, max: 900 }),
    capacity: fc.integer({ min: 1, max: 6 }),
    has: fc.oneof(requirements, fc.constant(['cold', 'id_check', 'cash'] as const)),
    home_warehouse_id: warehouse_id,
    shift_end_s: fc.integer({ min: 0, max: 14_400 }),
    last_pickup_s: fc.integer({ min: 0, max: 7_200 }),
    breaks: fc.array(
      fc.integer({ min: 0, max: 3_600 }).map(from_s => ({ from_s, to_s: from_s + 600 })),
      { maxLength: 2 },
    ),
    /** on the way, or there since, with so many of the orders that lie there */
    open: fc.record({
      at: warehouse_id,
      arrive_s: fc.integer({ min: -120, max: 600 }),
      takes: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { requiredKeys: ['place', 'free_s', 'capacity', 'has', 'breaks'] },
)

export const problems: fc.Arbitrary<SolverProblem> = fc
  .record({
    fulfilments: fc.array(fulfilment, { maxLength: 14 }),
    couriers: fc.array(courier, { maxLength: 8 }),
    handover_s: fc.integer({ min: 0, max: 120 }),
    seed: fc.nat(),
  })
  .map(({ fulfilments, couriers, handover_s, seed }) => {
    const open = fulfilments.map((one, n) => ({
      ...one,
      fulfilment_id: `f${n}` as FulfilmentId,
      order_id: `o${n}` as OrderId,
    }))
    const taken = new Set<string>()
    return {
      zone_id: 'z' as ZoneId,
      now: 1_700_000_000_000,
      seed,
      iterations_max: 40,
      fulfilments: open,
      couriers: couriers.map(({ open: on_way, ...one }, n) => {
        const courier_id = `c${n}` as CourierId
        const snapshot: CourierSnapshot = { ...one, courier_id, committed: [] }
        if (!on_way) return snapshot
        const fits = open.filter(f => f.warehouse_id === on_way.at && !taken.has(f.fulfilment_id) && suits(f, snapshot))
        const held = fits.slice(0, 1)
        for (const f of held) taken.add(f.fulfilment_id)
        if (held.length === 0) return snapshot
        const { home_warehouse_id: _, ...floating } = snapshot
        const fulfilment_ids = held.map(f => f.fulfilment_id)
        // Whoever stands there waits for something that is not there yet.
        const arrive_s = Math.max(on_way.arrive_s, -handover_s)
        return {
          ...floating,
          open_trip: { trip_id: `t${n}` as TripId, warehouse_id: on_way.at, arrive_s, fulfilment_ids },
        }
      }),
      demand: WAREHOUSES.map((one, at) => ({ ...one, orders_per_h: 6 * (at + 1) })),
      service: {
        before_pickup_s: handover_s,
        after_pickup_s: handover_s,
        before_door_s: handover_s,
        after_door_s: handover_s,
      },
      bundle_max: 3,
      trips_max: 4,
      travel: greatCircle({ road_factor: 1.3, speed_mps: 5 }),
      weights: WEIGHTS,
      last: [],
    }
  })

const suits = (one: OpenFulfilment, to: CourierSnapshot): boolean =>
  one.load <= to.capacity &&
  one.requires.every(need => to.has.includes(need)) &&
  !one.not_couriers?.includes(to.courier_id) &&
  one.uncooled_s_max === undefined
