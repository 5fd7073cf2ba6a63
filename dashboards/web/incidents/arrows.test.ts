import { describe, expect, it } from 'vitest'
import type { Incident, IncidentAnswer, MapWarehouse } from '../../contract.ts'
import { EMPTY_ROOM, type Room } from '../room.ts'
import { arrowsOf, bent } from './arrows.ts'

const warehouse = (warehouse_id: string, lng: number): [string, MapWarehouse] => [
  warehouse_id,
  { warehouse_id, name: warehouse_id, lat: 42, lng, paused: false, version: 1, open_orders: 0, ready_in_s: null },
]
const room: Room = {
  ...EMPTY_ROOM,
  warehouses: new Map([warehouse('loop', -87.5), warehouse('old-town', -87.25)]),
  couriers: new Map(
    ['c0', 'c1', 'unseen'].map((courier_id, index) => [
      courier_id,
      { courier_id, index, state: 'available', trip_id: null, order_ids: [] },
    ]),
  ),
  fleet: { position: new Float32Array([-87, 41, -87.5, 41.5, Number.NaN, Number.NaN]), seen_at: new Float64Array(3) },
}
const incident = (answers: Partial<IncidentAnswer>[], subject: Partial<Incident>): Incident => ({
  ...{ incident_id: 'i', at: 0, tone: 'warn', text: '', over: null, ...subject },
  answers: answers.map(one => ({ did: 'moved', orders: 1, order_id: 'o', ...one })),
  orders: { under_way: 0, delivered: 0, late: 0, lost: 0 },
})

describe('arrows', () => {
  it('lead from the warehouse that lost orders to those that got them, one each', () => {
    const to_warehouse_id = 'old-town'
    const answers = [
      { orders: 2, to_warehouse_id },
      { did: 'sent_elsewhere' as const, orders: 5, to_warehouse_id },
      { did: 'rejected' as const },
      { orders: 3, to_warehouse_id: 'loop' },
    ]
    expect(arrowsOf(incident(answers, { warehouse_id: 'loop' }), room)).toEqual([
      { key: 'old-town', from: [-87.5, 42], to: [-87.25, 42], orders: 7 },
    ])
  })

  it('lead from a crowd to who packs for it', () => {
    const answers = [{ did: 'taken' as const, orders: 9, to_warehouse_id: 'loop' }]
    expect(arrowsOf(incident(answers, { point: { lat: 42.5, lng: -87 } }), room)).toMatchObject([
      { from: [-87, 42.5], to: [-87.5, 42] },
    ])
  })

  it('lead from courier to courier, where both have been seen', () => {
    const given = (to_courier_id: string) => ({ did: 'given' as const, from_courier_id: 'c0', to_courier_id })
    expect(arrowsOf(incident([given('c1'), given('unseen'), given('nobody')], { courier_id: 'c0' }), room)).toEqual([
      { key: 'c0 c1', from: [-87, 41], to: [-87.5, 41.5], orders: 1 },
    ])
  })

  it('are eight at most, those of most orders', () => {
    const many = Array.from({ length: 9 }, (_, at) => `w${at}`)
    const crowded = { ...room, warehouses: new Map(many.map((id, at) => warehouse(id, -87 - at))) }
    const answers = many.map((to_warehouse_id, at) => ({ orders: 9 - at, to_warehouse_id }))
    const arrows = arrowsOf(incident(answers, { point: { lat: 42.5, lng: -87 } }), crowded)
    expect(arrows.map(one => one.key)).toEqual(many.slice(0, 8))
  })

  it('keep clear of both ends, and are none where there is no room for one', () => {
    expect(bent([0, 0], [40, 0], 24)).toBeNull()
    const path = bent([0, 0], [200, 0], 24)
    const [x1 = 0, y1 = 0, , , x2 = 0, y2 = 0] = (path?.d.match(/-?[\d.]+/g) ?? []).map(Number)
    expect(Math.hypot(x1, y1)).toBeCloseTo(24, 0)
    expect(Math.hypot(200 - x2, y2)).toBeCloseTo(28, 0)
  })
})
