import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { QueuedOrder } from '../io/queue.ts'
import { decodeCursor, pageOf, type QueueQuestion, type QueueView } from './queue.ts'

const NOW = 10_000_000
const order = (n: number, more: Partial<QueuedOrder> = {}): QueuedOrder =>
  ({
    ...{ order_id: `o${n}`, external_id: null, zone_id: 'z', state: 'packed', version: 1, warehouse_id: 'w1' },
    ...{ courier_id: null, trip_id: null, pinned: false, requires: [], placed_at: 0, point: { lat: 0, lng: 1 } },
    ...{ promise: { ready_at: NOW, deliver_by: NOW + 600_000 }, first_deliver_by: NOW + 600_000, cancel_asked: false },
    ...{ ready_at: NOW, trip_state: null, offered_at: null, trip_door_at: null },
    ...more,
  }) as QueuedOrder

const view: QueueView = {
  now: NOW,
  offer_s: 60,
  travelOf: () => () => 100,
  pointOf: () => ({ lat: 0, lng: 0 }),
  courierState: id => (id === 'gone' ? 'unreachable' : 'available'),
  suggestionOf: (_zone, id) => (id === 'o1' ? 'c1' : undefined),
}
const page = (orders: readonly QueuedOrder[], question: Partial<QueueQuestion> = {}) =>
  pageOf(orders, { limit: 50, ...question }, view)

describe('slack', () => {
  test('is the promise less the door: from readiness where nobody has it, from the trip where somebody does', () => {
    const rows = page([
      order(1),
      order(2, { ready_at: NOW + 400_000 }),
      order(3, { trip_id: 't' as QueuedOrder['trip_id'], trip_state: 'accepted', trip_door_at: NOW + 900_000 }),
      order(4, { ready_at: NOW - 500_000 }),
    ]).rows
    expect(rows.map(row => [row.order_id, row.slack_s])).toEqual([
      ['o3', -300],
      ['o2', 100],
      ['o1', 500],
      ['o4', 500],
    ])
    expect(rows[2]).toMatchObject({ suggested_courier_id: 'c1', door_at: NOW + 100_000 })
  })

  test('calls for attention where somebody must look', () => {
    const trip = { trip_id: 't' as QueuedOrder['trip_id'], trip_door_at: NOW }
    const of = (more: Partial<QueuedOrder>) => page([order(1, more)]).rows[0]?.attention
    expect(of({})).toEqual(['no_courier'])
    expect(of({ ready_at: NOW + 120_000 })).toEqual([])
    expect(of({ first_deliver_by: NOW + 99_000 })).toEqual(['late', 'no_courier'])
    expect(of({ ...trip, trip_state: 'offered', offered_at: NOW - 60_001 })).toEqual(['not_answered'])
    expect(of({ ...trip, trip_state: 'accepted', courier_id: 'gone' as QueuedOrder['courier_id'] })).toEqual([
      'courier_unreachable',
    ])
    expect(of({ ...trip, cancel_asked: true })).toEqual(['cancel_asked'])
  })
})

test('filters let pass what they say', () => {
  const orders = [
    order(1, { pinned: true, warehouse_id: 'w2' as QueuedOrder['warehouse_id'] }),
    order(2, { state: 'picking', ready_at: NOW + 300_000 }),
    order(3, { trip_id: 't' as QueuedOrder['trip_id'], trip_state: 'offered', offered_at: NOW, trip_door_at: NOW }),
  ]
  const ids = (question: Partial<QueueQuestion>) => page(orders, question).rows.map(row => row.order_id)
  expect(ids({ pinned: true })).toEqual(['o1'])
  expect(ids({ warehouse_id: 'w1' })).toEqual(['o2', 'o3'])
  expect(ids({ state: ['picking'] })).toEqual(['o2'])
  expect(ids({ assigned: 'none' })).toEqual(['o2', 'o1'])
  expect(ids({ assigned: 'offered' })).toEqual(['o3'])
  expect(ids({ attention: 'no_courier' })).toEqual(['o1'])
  expect(ids({ slack_s_max: 200 })).toEqual(['o2'])
  expect(ids({ zone_id: 'elsewhere' })).toEqual([])
})

test('pages hold every order once, in the order of the whole, while time goes on', () => {
  const slacks = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 40 })
  fc.assert(
    fc.property(slacks, fc.integer({ min: 1, max: 7 }), (minutes, limit) => {
      const orders = minutes.map((minute, n) => order(n, { first_deliver_by: NOW + minute * 60_000 }))
      const whole = page(orders, { limit: 1_000 }).rows.map(row => row.order_id)
      const seen: string[] = []
      let cursor: QueueQuestion['cursor']
      for (let turn = 0; turn <= minutes.length; turn += 1) {
        const later = { ...view, now: NOW + turn * 45_000 }
        const { rows, next_cursor, total } = pageOf(orders, { limit, ...(cursor && { cursor }) }, later)
        seen.push(...rows.map(row => row.order_id))
        expect(total).toBe(minutes.length)
        if (next_cursor === null) break
        cursor = decodeCursor(next_cursor)
        expect(cursor).toBeDefined()
      }
      expect(seen).toEqual(whole)
    }),
  )
})

test.each([
  '',
  'x',
  '!!',
  Buffer.from('[1,2]').toString('base64url'),
  Buffer.from('[1,"2","o"]').toString('base64url'),
])('no cursor: %s', text => expect(decodeCursor(text)).toBeUndefined())
