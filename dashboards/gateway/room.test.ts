import { describe, expect, test } from 'vitest'
import type { OrderView } from '../../dispatch/contract.ts'
import type { CourierEvent, DeliveryEvent, WarehouseRow } from '../../ingest/contract.ts'
import type { FeedItem } from '../contract.ts'
import { FEED_ITEMS_MAX, newFeed, tell } from './feed.ts'
import { flowOf, newFlowLog, noteDelta, noteEvents, noteShown, shownQuantile } from './flow.ts'
import {
  advance,
  applyCourier,
  applyDelivery,
  applyMinutes,
  applyReadyIn,
  applyWarehouses,
  CLOSED_MS,
  type Picture,
  startPicture,
} from './picture.ts'
import { newRoom, nextDelta, snapshotOf } from './room.ts'

const as = <T>(value: unknown): T => value as T
const NOW = 1_778_283_000_000
const FLOW = { events_per_s: 0, lag_ms_max: 0 }
const POINT = { lat: 41.9, lng: -87.65 }

const view = (order_id: string, more: object = {}): OrderView =>
  as({
    ...{ order_id, state: 'routed', version: 1, attempt: 1, point: POINT, cell: '892664c1a83ffff', requires: [] },
    ...{ placed_at: NOW, fulfilment_id: 'f', warehouse_id: 'w1', lines: [], candidates: [], updated_at: NOW },
    ...{ promise: null, first_deliver_by: NOW, reason: null, trip_id: null, courier_id: null, pinned: false },
    ...{ fulfilments: [{ fulfilment_id: 'f', warehouse_id: 'w1', lines: [], ready_at: NOW, packed_at: null }] },
    ...{ packed_at: null, picked_up_at: null, closed_at: null },
    ...more,
  })

function pictureOf(...orders: OrderView[]): Picture {
  const picture = startPicture({
    ...{ tenant_id: 't', now: NOW, known_since: 0, orders, trips: [] },
    ...{ decisions_positions: {}, decisions_epochs: {}, decisions_source_offsets: {} },
  })
  applyWarehouses(picture, [loop()])
  return picture
}

const loop = (more: object = {}): WarehouseRow =>
  as({ warehouse_id: 'w1', tenant_id: 't', name: 'Loop', point: POINT, paused: false, version: 1, ...more })

const courier = (
  type: string,
  courier_id: string,
  occurred_at: number,
  data: object = { point: POINT },
): CourierEvent => as({ type, tenant_id: 't', occurred_at, data: { courier_id, ...data } })

describe('the deltas', () => {
  test('carry a row once, however often it changed between two ticks', () => {
    const picture = pictureOf(view('o1'))
    const room = newRoom('e')
    for (const ready_in_s of [100, 200, 300]) applyReadyIn(picture, [{ warehouse_id: 'w1', ready_in_s }])
    const delta = nextDelta(picture, room, FLOW, 0)
    expect(delta).toMatchObject({ seq: 1, epoch: 'e', as_of: NOW })
    expect(delta?.warehouses).toEqual([expect.objectContaining({ name: 'Loop', open_orders: 1, ready_in_s: 300 })])
    expect(delta?.orders).toHaveLength(1)
  })

  test('are silent while nothing happens, but not for longer than a second', () => {
    const picture = pictureOf()
    const room = newRoom('e')
    expect(nextDelta(picture, room, FLOW, 10_000)?.seq).toBe(1)
    expect(nextDelta(picture, room, FLOW, 10_900)).toBeNull()
    expect(nextDelta(picture, room, FLOW, 11_000)).toEqual({ seq: 2, epoch: 'e', as_of: NOW, sent_wall_ms: 11_000 })
  })

  test('and a snapshot agree on the number', () => {
    const picture = pictureOf(view('o1'))
    const room = newRoom('e')
    nextDelta(picture, room, FLOW, 0)
    expect(snapshotOf(picture, room, FLOW, 0)).toMatchObject({ seq: 1, epoch: 'e', orders: [{ order_id: 'o1' }] })
  })

  test('let closed orders go after ten minutes of business time, and the totals stay', () => {
    const picture = pictureOf(view('o1', { state: 'rejected', closed_at: NOW }), view('o2'))
    const room = newRoom('e')
    nextDelta(picture, room, FLOW, 0)
    advance(picture, NOW + CLOSED_MS)
    expect(nextDelta(picture, room, FLOW, 1)?.orders_gone).toBeUndefined()
    advance(picture, NOW + CLOSED_MS + 1)
    const delta = nextDelta(picture, room, FLOW, 2)
    expect(delta?.orders_gone).toEqual(['o1'])
    expect(picture.totals).toMatchObject({ placed: 2, rejected: 1, open: 1 })
  })

  test('forget demand after half an hour', () => {
    const picture = pictureOf(view('o1'), view('o2', { placed_at: NOW - 60_000 }))
    const room = newRoom('e')
    expect(nextDelta(picture, room, FLOW, 0)?.demand).toEqual([{ cell: '882664c1a9fffff', orders: 2 }])
    advance(picture, NOW - 60_000 + 1_800_001)
    expect(nextDelta(picture, room, FLOW, 1)?.demand).toEqual([{ cell: '882664c1a9fffff', orders: 1 }])
    advance(picture, NOW + 1_800_001)
    expect(nextDelta(picture, room, FLOW, 2)?.demand).toEqual([])
  })

  test('say when ClickHouse went away, and of when the last answer is', () => {
    const picture = pictureOf()
    const room = newRoom('e')
    applyMinutes(picture, [{ minute: 0, placed: 1, rejected: 0, delivered: 0 }], NOW)
    nextDelta(picture, room, FLOW, 0)
    applyMinutes(picture, null, null)
    expect(nextDelta(picture, room, FLOW, 1)).toMatchObject({ minutes: null, minutes_as_of: NOW })
    applyMinutes(picture, null, null)
    expect(nextDelta(picture, room, FLOW, 2)).toBeNull()
  })

  test('leave other tenants out', () => {
    const picture = pictureOf()
    applyWarehouses(picture, [loop({ warehouse_id: 'w9', tenant_id: 'other' })])
    applyCourier(picture, as({ ...courier('courier.moved', 'c9', NOW), tenant_id: 'other' }))
    applyDelivery(picture, as<DeliveryEvent>({ tenant_id: 'other', data: { trip_id: 'x' } }), {
      partition: 0,
      offset: 0,
    })
    const { warehouses, couriers } = snapshotOf(picture, newRoom('e'), FLOW, 0)
    expect([warehouses.map(row => row.warehouse_id), couriers]).toEqual([['w1'], []])
  })
})

describe('couriers', () => {
  const positions = (picture: Picture) => {
    const { positions: frame } = snapshotOf(picture, newRoom('e'), FLOW, 0)
    const place = new Float32Array(frame.position)
    return [...new Uint32Array(frame.index)].map((index, at) => [index, place[at * 2 + 1]?.toFixed(2)])
  }

  test('keep their number when they leave and come back, and are sent again', () => {
    const picture = pictureOf()
    const room = newRoom('e')
    applyCourier(picture, courier('courier.moved', 'c1', NOW))
    applyCourier(picture, courier('shift.started', 'c2', NOW))
    nextDelta(picture, room, FLOW, 0)
    applyCourier(picture, courier('shift.ended', 'c1', NOW + 1, {}))
    expect(nextDelta(picture, room, FLOW, 1)).toMatchObject({ couriers_gone: ['c1'] })
    expect(snapshotOf(picture, room, FLOW, 0).couriers.map(row => row.courier_id)).toEqual(['c2'])
    applyCourier(picture, courier('shift.started', 'c1', NOW + 2))
    const back = nextDelta(picture, room, FLOW, 2)
    expect(back?.couriers).toEqual([expect.objectContaining({ courier_id: 'c1', index: 0, state: 'available' })])
    expect([...new Uint32Array(back?.positions?.index ?? new ArrayBuffer())]).toContain(0)
  })

  test('do not go back in time', () => {
    const picture = pictureOf()
    applyCourier(picture, courier('courier.moved', 'c1', NOW + 2, { point: { lat: 42, lng: -87 } }))
    applyCourier(picture, courier('courier.moved', 'c1', NOW + 1, { point: { lat: 41, lng: -87 } }))
    applyCourier(picture, courier('state.changed', 'c1', NOW + 2, { state: 'break' }))
    applyCourier(picture, courier('state.changed', 'c1', NOW + 1, { state: 'available' }))
    expect(positions(picture)).toEqual([[0, '42.00']])
    expect(snapshotOf(picture, newRoom('e'), FLOW, 0).couriers[0]?.state).toBe('break')
  })
})

describe('the feed', () => {
  const item = (id: string, at: number): FeedItem => ({ id, at, tone: 'plain', text: id })

  test('keeps the newest, in order, each once, whatever order they came in', () => {
    const feed = newFeed()
    const all = Array.from({ length: 500 }, (_, i) => item(`i${String(i).padStart(3, '0')}`, Math.floor(i / 3)))
    for (let i = 0; i < 500; i += 1) tell(feed, all[(i * 137) % 500] ?? item('x', 0))
    for (const one of all) tell(feed, one)
    expect(feed.items).toEqual(all.slice(-FEED_ITEMS_MAX))
  })

  test('brings news once', () => {
    const feed = newFeed()
    tell(feed, item('a', 1))
    tell(feed, item('a', 1))
    expect(feed.fresh).toHaveLength(1)
  })
})

describe('the figures', () => {
  test('measure from Kafka to the screen, by the oldest event of the delta', () => {
    const log = newFlowLog()
    noteEvents(log, [1_000, 1_100], 1_150)
    noteDelta(log, 1, 1_200)
    expect(noteShown(log, 1, 50)).toBe(250)
    expect(noteShown(log, 2, 50)).toBeUndefined()
    noteDelta(log, 3, 1_400)
    expect(noteShown(log, 3, 50)).toBeUndefined()
    expect(shownQuantile(log, 0.99)).toBe(250)
  })

  test('give a rate over whole seconds and the worst lag of ten', () => {
    const log = newFlowLog()
    for (let second = 1; second <= 5; second += 1) noteEvents(log, [second * 1_000 - 40], second * 1_000)
    expect(flowOf(log, 6_000)).toEqual({ events_per_s: 1, lag_ms_max: 40 })
    expect(flowOf(log, 30_000)).toEqual({ events_per_s: 0, lag_ms_max: 0 })
  })
})
