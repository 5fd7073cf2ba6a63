import { describe, expect, it } from 'vitest'
import type { MapCourier, MapOrder } from '../contract.ts'
import { EMPTY_ROOM, type Room } from './room.ts'
import { SIGN_MS, signLook, signsAfter } from './signs.ts'

const ORDER: MapOrder = {
  order_id: 'o1',
  state: 'routed',
  version: 1,
  lat: 41.9,
  lng: -87.65,
  warehouse_id: 'w1',
  courier_id: null,
  placed_at: 0,
  promise: null,
  first_deliver_by: null,
  closed_at: null,
  attempt: 1,
  lines: 1,
  reason: null,
  pinned: false,
}

const COURIER: MapCourier = { courier_id: 'c1', index: 0, state: 'available', trip_id: null, order_ids: [] }

const roomOf = (...orders: MapOrder[]): Room => ({
  ...EMPTY_ROOM,
  phase: 'following',
  epoch: 'e1',
  orders: new Map(orders.map(order => [order.order_id, order])),
  couriers: new Map([[COURIER.courier_id, COURIER]]),
})

/** What is told of one order that goes from one row to the next. */
const told = (was: Partial<MapOrder> | null, is: Partial<MapOrder>) =>
  signsAfter([], roomOf(...(was ? [{ ...ORDER, ...was }] : [])), roomOf({ ...ORDER, ...is }), 1_000).map(
    sign => sign.kind,
  )

describe('signs', () => {
  it('tells each end of an order once, whether or not the order was known before', () => {
    expect(told({ state: 'picked_up' }, { state: 'delivered' })).toEqual(['delivered'])
    expect(told({ state: 'picked_up' }, { state: 'failed' })).toEqual(['refused'])
    expect(told({}, { state: 'cancelled' })).toEqual(['cancelled'])
    expect(told(null, { state: 'rejected' })).toEqual(['refused'])
    expect(told({ state: 'delivered' }, { state: 'delivered', version: 2 })).toEqual([])
  })

  it('tells another warehouse, and another courier where a person or a mishap wants it', () => {
    expect(told({ attempt: 1 }, { attempt: 2, warehouse_id: 'w2' })).toEqual(['rerouted'])
    expect(told({ courier_id: 'c1' }, { courier_id: 'c2' })).toEqual([])
    expect(told({ courier_id: 'c1' }, { courier_id: 'c2', pinned: true })).toEqual(['reassigned'])
    expect(told({ courier_id: 'c gone' }, { courier_id: 'c1' })).toEqual(['reassigned'])
    expect(told({ courier_id: null }, { courier_id: 'c1' })).toEqual([])
    expect(told({ courier_id: 'c1' }, { courier_id: null })).toEqual([])
    expect(told(null, {})).toEqual([])
  })

  it('has nothing to tell of a first snapshot, nor of another life of the gateway', () => {
    const delivered = roomOf({ ...ORDER, state: 'delivered' })
    expect(signsAfter([], null, delivered, 0)).toEqual([])
    expect(signsAfter([], EMPTY_ROOM, delivered, 0)).toEqual([])
    expect(signsAfter([], roomOf(ORDER), { ...delivered, epoch: 'e2' }, 0)).toEqual([])
  })

  it('does not tell what is long over: the page was away, or held up', () => {
    const after = {
      ...roomOf({ ...ORDER, state: 'delivered', closed_at: 60_000 }),
      clock: { wall_ms: 0, time_ms: 0, rate: 10 },
    }
    const at = (as_of: number) => signsAfter([], roomOf(ORDER), { ...after, as_of }, 0).length
    expect([at(60_000), at(60_000 + 10 * SIGN_MS), at(60_001 + 10 * SIGN_MS)]).toEqual([1, 1, 0])
  })

  it('lets a sign stand for its time, and one order have one sign', () => {
    const [open, away, gone] = [
      roomOf(ORDER),
      roomOf({ ...ORDER, attempt: 2 }),
      roomOf({ ...ORDER, state: 'rejected' }),
    ]
    const first = signsAfter([], open, away, 1_000)
    const second = signsAfter(first, away, gone, 2_000)
    expect(second).toMatchObject([{ kind: 'refused', order_id: 'o1', lng: -87.65, began_wall_ms: 2_000 }])
    expect(signsAfter(second, gone, gone, 2_000 + SIGN_MS - 1)).toBe(second)
    expect(signsAfter(second, gone, gone, 2_000 + SIGN_MS)).toEqual([])
  })

  it('shows the newest of very many', () => {
    const orders = Array.from({ length: 200 }, (_, at) => ({ ...ORDER, order_id: `o${at}` }))
    const delivered = orders.map(order => ({ ...order, state: 'delivered' as const }))
    const signs = signsAfter([], roomOf(...orders), roomOf(...delivered), 0)
    expect([signs.length, signs.at(-1)?.order_id]).toEqual([120, 'o199'])
  })

  it('pops up, stands and fades; without motion it only fades', () => {
    expect(signLook(0, false)).toMatchObject({ scale: 0, opacity: 1 })
    expect(signLook(1_000, false)).toEqual({ scale: 1, opacity: 1, rise: 0 })
    expect(signLook(SIGN_MS, false)).toMatchObject({ opacity: 0, rise: 14 })
    for (const age_ms of [0, 100, 3_000, SIGN_MS]) expect(signLook(age_ms, true)).toMatchObject({ scale: 1, rise: 0 })
  })
})
