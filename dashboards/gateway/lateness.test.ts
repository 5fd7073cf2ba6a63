import { describe, expect, it } from 'vitest'
import type { OrderView, TripView } from '../../dispatch/contract.ts'
import { advance, applyWarehouses, type Picture, startPicture } from './picture.ts'

const NOW = Date.UTC(2026, 4, 8, 23, 30)
const MIN = 60_000
const POINT = { lat: 41.9, lng: -87.65 }

const as = <T>(value: unknown): T => value as T

function order(order_id: string, state: string, first_deliver_by: number, more: object = {}): OrderView {
  return as<OrderView>({
    ...{ order_id, state, attempt: 1, version: 1, point: POINT, cell: '892664c1a83ffff', placed_at: NOW - 40 * MIN },
    ...{ warehouse_id: 'w1', promise: { ready_at: NOW, deliver_by: first_deliver_by }, first_deliver_by },
    ...{ lines: [], fulfilments: [], reason: null, closed_at: null, updated_at: NOW },
    ...{ trip_id: state === 'picked_up' ? 't9' : null, courier_id: state === 'picked_up' ? 'c9' : null },
    ...more,
  })
}

function trip(courier_id: string, order_id: string, state: string): TripView {
  const stops = [{ kind: 'dropoff', order_id }]
  return as<TripView>({
    trip_id: `trip-${courier_id}`,
    version: 1,
    courier_id,
    state,
    pinned: false,
    stops,
    updated_at: NOW,
  })
}

function pictureOf(orders: OrderView[], trips: TripView[] = []): Picture {
  const picture = startPicture({
    ...{ tenant_id: 't', now: NOW, known_since: 0, orders, trips },
    ...{ decisions_positions: {}, decisions_epochs: {}, decisions_source_offsets: {} },
  })
  const warehouse = { warehouse_id: 'w1', tenant_id: 't', name: 'Loop', point: POINT, paused: false, version: 1 }
  applyWarehouses(picture, [as(warehouse)])
  return picture
}

const said = ({ feed }: Picture) => feed.items.map(item => item.text)

describe('a late order', () => {
  it.each([
    ['routed', undefined, 'Loop has not begun to pick it'],
    ['picking', undefined, 'Loop is still packing it'],
    ['packed', undefined, 'packed at Loop, it waits for a courier'],
    ['packed', 'accepted', 'packed at Loop, courier c1 is still on the way to fetch it'],
    ['packed', 'planned', 'packed at Loop, it waits for courier c1, who has another trip first'],
    ['picked_up', undefined, 'courier c9 is still on the way to the door'],
  ])('that is %s (trip: %s) is told with what it waits for', (state, trip_state, why) => {
    const picture = pictureOf([order('aaaa', state, NOW)], trip_state ? [trip('c1', 'aaaa', trip_state)] : [])
    advance(picture, NOW + MIN)
    expect(said(picture)).toEqual([`Order AAAA is late: ${why}`])
  })

  it('that was moved is told with that, and one that has an end is not told', () => {
    const closed = { closed_at: NOW - MIN }
    const picture = pictureOf([order('aaaa', 'routed', NOW, { attempt: 2 }), order('bbbb', 'cancelled', NOW, closed)])
    advance(picture, NOW + MIN)
    expect(said(picture)).toEqual([
      'Order AAAA is late: Loop has not begun to pick it; it was moved from one warehouse to another',
    ])
  })

  it('is told a minute after its promise, once', () => {
    const picture = pictureOf([order('aaaa', 'routed', NOW)])
    advance(picture, NOW + MIN - 1)
    expect(said(picture)).toEqual([])
    for (const later of [1, 2, 3]) advance(picture, NOW + later * MIN)
    expect(said(picture)).toHaveLength(1)
    expect(picture.feed.items[0]).toMatchObject({
      id: 'late/aaaa',
      at: NOW + MIN,
      tone: 'bad',
      order_id: 'aaaa',
      point: POINT,
    })
  })

  it('is told with names: not before the places are known', () => {
    const picture = startPicture({
      ...{ tenant_id: 't', now: NOW, known_since: 0, orders: [order('aaaa', 'routed', NOW - 9 * MIN)], trips: [] },
      ...{ decisions_positions: {}, decisions_epochs: {}, decisions_source_offsets: {} },
    })
    expect(said(picture)).toEqual([])
  })
})
