import { describe, expect, test } from 'vitest'
import type { CourierView } from '../../engine/contract.ts'
import type { CourierId, WarehouseId } from '../../ingest/events/envelope.ts'
import type { WaitingOrder } from '../io/open_work.ts'
import type { TripRow } from '../rows.ts'
import { WEIGHTS } from '../solver/objective.ts'
import type { LastTrip } from '../solver/port.ts'
import { problemOf, type Scene } from './problem.ts'

const NOW = 1_000_000
const STORE = { lat: 41.9, lng: -87.65 }
const AWAY = { lat: 41.91, lng: -87.65 }
const DOOR = { lat: 41.905, lng: -87.64 }

function order(order_id: string, more: object = {}): WaitingOrder {
  const part = { warehouse_id: 'w1', lines: [], packed_at: null, ready_at: NOW + 60_000, state: 'picking' }
  return {
    ...{ tenant_id: 't', order_id, zone_id: 'z', state: 'picking', point: DOOR, requires: [], placed_at: NOW },
    ...{ packed_at: null, first_deliver_by: null, correlation_id: 'c', pinned: false, trip_id: null },
    ...{
      fulfilment_id: `${order_id}.1`,
      warehouse_id: 'w1',
      fulfilments: [{ ...part, fulfilment_id: `${order_id}.1` }],
    },
    promise: { ready_at: NOW + 60_000, deliver_by: NOW + 900_000 },
    ...more,
  } as object as WaitingOrder
}

const stop = (order_id: string, kind: 'pickup' | 'dropoff', more: object = {}) => ({
  ...{ kind, order_id, fulfilment_id: `${order_id}.1`, point: kind === 'pickup' ? STORE : DOOR, eta: NOW + 300_000 },
  ...more,
})
const trip = (order_ids: string[], more: object = {}): TripRow =>
  ({
    ...{ tenant_id: 't', trip_id: 'T', zone_id: 'z', courier_id: 'c1', warehouse_id: 'w1', state: 'accepted' },
    ...{ version: 3, pinned: false, offered_at: NOW },
    stops: [...order_ids.map(id => stop(id, 'pickup')), ...order_ids.map(id => stop(id, 'dropoff'))],
    ...more,
  }) as object as TripRow
const courier = (more: Partial<CourierView> = {}): CourierView =>
  ({
    ...{ courier_id: 'c1', tenant_id: 't', zone_id: 'z', state: 'available', point: AWAY, seen_at: NOW },
    ...{ capacity: 2, has: [] },
    ...more,
  }) as object as CourierView

function problem(scene: Partial<Scene>) {
  const { input, changeable } = problemOf({
    ...{ zone_id: 'z', now: NOW, road: { road_factor: 1, speed_mps: 5 }, seen_s_max: 60, handover_s: 120 },
    ...{
      weights: WEIGHTS,
      learned: () => ({}),
      demand: [],
      last: [],
      orders: [],
      trips: [],
      fleet: [],
      declined: new Map(),
      may_change_trips: true,
      lost_trips: new Set(),
    },
    pointOf: () => STORE,
    ...scene,
  } as object as Scene)
  return { ...input, changeable, open: input.couriers[0]?.open_trip, ids: input.fulfilments.map(one => one.order_id) }
}

const held = [order('a', { trip_id: 'T' }), order('b')]

describe('a trip that is not fetched yet', () => {
  test('is open: its courier comes to the warehouse, and its orders are planned with the others', () => {
    const { open, ids, couriers } = problem({ orders: held, trips: [trip(['a'])], fleet: [courier()] })
    expect(open).toMatchObject({ trip_id: 'T', warehouse_id: 'w1', fulfilment_ids: ['a.1'] })
    expect(open?.arrive_s).toBeGreaterThan(60)
    expect(ids).toEqual(['a', 'b'])
    expect(couriers[0]).toMatchObject({ committed: [], free_s: 0 })
  })

  test('whose courier has arrived is there since then', () => {
    const there = trip(['a'], { stops: [stop('a', 'pickup', { arrived_at: NOW - 90_000 }), stop('a', 'dropoff')] })
    expect(problem({ orders: held, trips: [there], fleet: [courier()] }).open?.arrive_s).toBe(-90)
  })

  test.each([
    ['picked up', { trips: [trip(['a'], { state: 'under_way' })] }],
    ['pinned', { trips: [trip(['a'], { pinned: true })] }],
    ['with an order that is being cancelled', { trips: [trip(['a', 'x'])] }],
    ['before another one', { trips: [trip(['a']), trip(['y'], { trip_id: 'U', state: 'planned' })] }],
    [
      'from other places',
      { orders: [order('a', { trip_id: 'T', fulfilments: [{ warehouse_id: 'w9' }] }), order('b')] },
    ],
    ['that its courier could not be given', { orders: [order('a', { trip_id: 'T', requires: ['cold'] }), order('b')] }],
    ['whose order is on another trip by now', { orders: [order('a', { trip_id: 'U' }), order('b')] }],
    [
      'one of whose orders is on another trip',
      { trips: [trip(['a', 'c'])], orders: [...held, order('c', { trip_id: 'U' })] },
    ],
    ['where people hold the wheel', { may_change_trips: false }],
    ['of a courier with another home', { fleet: [courier({ home_warehouse_id: 'w2' as WarehouseId })] }],
  ] as [string, Partial<Scene>][])('is left alone: %s', (_what, more) => {
    const { open, ids, couriers, changeable } = problem({
      ...{ orders: held, trips: [trip(['a'])], fleet: [courier()] },
      ...more,
    })
    expect([open, ids, changeable.size]).toEqual([undefined, ['b'], 0])
    expect(couriers[0]?.committed.length).toBeGreaterThan(0)
    expect(couriers[0]?.free_s).toBeGreaterThan(0)
  })

  test('begins the search with what the last plan wanted of it, as long as that is there', () => {
    const last: LastTrip[] = [{ courier_id: 'c1' as CourierId, fulfilment_ids: ['b.1', 'a.1', 'gone.1'] as never[] }]
    const scene = { orders: held, trips: [trip(['a'])], fleet: [courier()] }
    expect(problem({ ...scene, last }).open?.fulfilment_ids).toEqual(['b.1', 'a.1'])
    const gone: LastTrip[] = [{ courier_id: 'c1' as CourierId, fulfilment_ids: ['gone.1'] as never[] }]
    expect(problem({ ...scene, last: gone }).open?.fulfilment_ids).toEqual(['a.1'])
    const declined = new Map([['b', ['c1']]])
    const only: LastTrip[] = [{ courier_id: 'c1' as CourierId, fulfilment_ids: ['b.1'] as never[] }]
    expect(problem({ ...scene, last: only, declined }).open?.fulfilment_ids, 'declined since').toEqual(['a.1'])
  })
})

test('shift and breaks are in s from now; breaks that are over are left out', () => {
  const breaks = [
    { from: NOW - 900_000, to: NOW - 1 },
    { from: NOW + 600_000, to: NOW + 1_200_000 },
  ]
  const { couriers } = problem({ fleet: [courier({ shift_ends_at: NOW + 3_600_000, breaks })] })
  expect(couriers[0]).toMatchObject({ shift_end_s: 3_600, breaks: [{ from_s: 600, to_s: 1_200 }] })
})

test('what a courier has brought on this shift is told where somebody weighs it, and only there', () => {
  const fleet = [courier({ shift_started_at: NOW - 7_200_000 })]
  expect(problem({ fleet, worked: () => 5 }).couriers[0]?.worked).toEqual({ deliveries: 5, hours: 2 })
  expect(problem({ fleet }).couriers[0]).not.toHaveProperty('worked')
})
