import { describe, expect, test } from 'vitest'
import type { CourierId, TenantId, WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import type { MoveRow } from '../rows.ts'
import type { CourierSnapshot, PlannedMove, PlannedTrip } from '../solver/port.ts'
import { adviceOf } from './moves.ts'
import type { SolverInput } from './problem.ts'

const NOW = 1_000_000
const HERE = { lat: 41.9, lng: -87.65 }
const THERE = { lat: 41.92, lng: -87.65 }
const tenant_id = 't' as TenantId
const courier = (courier_id: string, more: Partial<CourierSnapshot> = {}): CourierSnapshot => ({
  ...{ courier_id: courier_id as CourierId, place: HERE, free_s: 0, capacity: 2, has: [], breaks: [], committed: [] },
  ...more,
})
const moveTo = (courier_id: string, warehouse_id = 'w'): PlannedMove => ({
  ...{ courier_id: courier_id as CourierId, warehouse_id: warehouse_id as WarehouseId, arrive_s: 300 },
})
const asked = (courier_id: string, ago_s: number, warehouse_id = 'w'): MoveRow => ({
  ...{
    tenant_id,
    courier_id: courier_id as CourierId,
    zone_id: 'z' as ZoneId,
    warehouse_id: warehouse_id as WarehouseId,
  },
  ...{ point: THERE, why: 'orders_expected', version: 1, asked_at: NOW - ago_s * 1_000, arrive_by: NOW },
})

interface Given {
  couriers: CourierSnapshot[]
  moves?: PlannedMove[]
  trips?: string[]
  standing?: MoveRow[]
}

function advice({ couriers, moves = [], trips = [], standing = [] }: Given) {
  const input = { zone_id: 'z', now: NOW, couriers, road: { road_factor: 1, speed_mps: 5 } } as object as SolverInput
  const planned = trips.map(courier_id => ({ courier_id, fulfilment_ids: ['f'] }) as object as PlannedTrip)
  const plan = { trips: planned, moves, waiting: [], cost: 0, iterations: 0, stopped_by_wall_clock: false }
  const { asked, over } = adviceOf({ tenant_id, plan, input, standing, pointOf: () => THERE })
  return { asked: asked.map(one => [one.courier_id, one.warehouse_id, one.why]), over }
}

describe('an idle courier is asked to wait', () => {
  test('where the plan expects orders, or at the warehouse that it is tied to', () => {
    const tied = courier('b', { home_warehouse_id: 'own' as WarehouseId })
    expect(advice({ couriers: [courier('a'), tied], moves: [moveTo('a')] }).asked).toEqual([
      ['a', 'w', 'orders_expected'],
      ['b', 'own', 'home'],
    ])
  })

  test('not where it stands already, nor when a trip is planned for it, nor when it has one', () => {
    const there = courier('a', { place: THERE })
    const busy = courier('c', { free_s: 200 })
    const moves = ['a', 'b', 'c'].map(id => moveTo(id))
    expect(advice({ couriers: [there, courier('b'), busy], moves, trips: ['b'] }).asked).toEqual([])
  })

  test('once for the same place, and not elsewhere at once', () => {
    const given = { couriers: [courier('a')], moves: [moveTo('a', 'w2')] }
    expect(advice({ ...given, standing: [asked('a', 900, 'w2')] }).asked).toEqual([])
    expect(advice({ ...given, standing: [asked('a', 179)] }).asked).toEqual([])
    expect(advice({ ...given, standing: [asked('a', 180)] }).asked).toEqual([['a', 'w2', 'orders_expected']])
  })
})

test('an advice is over when its courier has a trip, or is gone; a trip that is only planned does not end it', () => {
  const busy = courier('a', { free_s: 200 })
  const standing = ['a', 'b', 'gone'].map(id => asked(id, 10))
  expect(advice({ couriers: [busy, courier('b')], trips: ['b'], standing }).over).toEqual(['a', 'gone'])
})
