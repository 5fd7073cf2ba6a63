import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OrderView, TripView } from '../../../dispatch/contract.ts'
import { draws } from '../random.ts'
import { busiest, ordersToReassign, orderToCancel, orderToShorten, tripToBreak } from './choose.ts'

const order = (order_id: string, more: object = {}): OrderView =>
  ({
    ...{
      order_id,
      state: 'routed',
      warehouse_id: 'w1',
      lines: [{}, {}],
      trip_id: null,
      pinned: false,
      cancel_asked: false,
    },
    ...more,
  }) as OrderView
const trip = (trip_id: string, more: object = {}): TripView =>
  ({
    ...{ trip_id, courier_id: `c-${trip_id}`, state: 'accepted', pinned: false },
    ...{
      stops: [
        { kind: 'pickup', eta: 60_000 },
        { kind: 'dropoff', eta: 200_000 },
      ],
    },
    ...more,
  }) as object as TripView
const draw = () => draws(1, 'test')

describe('a scene is about', () => {
  test('the warehouse where most orders wait; of equals the first by name', () => {
    const orders = [order('a'), order('b', { warehouse_id: 'w2' }), order('c', { warehouse_id: 'w2', state: 'packed' })]
    expect(busiest(orders, ['w2', 'w1'])).toBe('w1')
    expect(busiest([...orders, order('d', { warehouse_id: 'w2' })], ['w1', 'w2'])).toBe('w2')
    expect(busiest(orders, [])).toBeUndefined()
  })

  test.each([
    ['has fetched it', { stops: [{ kind: 'pickup', eta: 100_000, done_at: 1 }] }],
    ['is nearly there', { stops: [{ kind: 'pickup', eta: 59_999 }] }],
    ['is on the way with it', { state: 'under_way' }],
    ['has not said yes', { state: 'offered' }],
    ['was chosen by hand', { pinned: true }],
    ['mends a wheel already', { courier_id: 'broken' }],
  ])('no courier who %s', (_why, more) => {
    const at = { now: 0, ahead_s: 60, standing: new Set(['broken']) }
    expect(tripToBreak([trip('t', more)], at, draw())).toBeUndefined()
    expect(tripToBreak([trip('t', more), trip('u')], at, draw())?.trip_id).toBe('u')
  })

  test('an order whose bag is not full yet, with something in it besides', () => {
    const none = [order('a', { state: 'packed' }), order('b', { lines: [{}] })]
    expect(orderToShorten(none, draw())).toBeUndefined()
    expect(orderToShorten([...none, order('c')], draw())?.order_id).toBe('c')
    expect(orderToShorten([...none, order('c'), order('d', { state: 'picking' })], draw())?.order_id).toBe('d')
  })

  test('an order that can still be cancelled, and was not', () => {
    const none = [order('a', { state: 'packed' }), order('b', { cancel_asked: true })]
    expect(orderToCancel(none, draw())).toBeUndefined()
    expect(orderToCancel([...none, order('c')], draw())?.order_id).toBe('c')
  })

  test('orders that somebody has, has not fetched, and did not get by hand', () => {
    const trips = [trip('t'), trip('u', { state: 'under_way' }), trip('v', { pinned: true })]
    const on = (id: string, trip_id: string | null, more: object = {}) => order(id, { trip_id, ...more })
    const orders = [
      ...[on('a', 't'), on('b', 'u'), on('c', 'v'), on('d', null), on('e', 't', { state: 'picked_up' })],
      ...[on('f', 't', { pinned: true }), on('g', 't', { cancel_asked: true })],
    ]
    expect(ordersToReassign(orders, trips, draw()).map(one => one.order_id)).toEqual(['a'])
  })
})

test('the same draw is the same choice, in whatever order the city heard of them', () => {
  const orders = ['a', 'b', 'c', 'd', 'e'].map(id => order(id, { trip_id: 't' }))
  fc.assert(
    fc.property(fc.integer(), fc.shuffledSubarray(orders, { minLength: 5 }), (seed, shuffled) => {
      const of = (list: OrderView[]) => {
        const dice = draws(seed, 'x')
        return [orderToCancel(list, dice), orderToShorten(list, dice), ...ordersToReassign(list, [trip('t')], dice)]
      }
      expect(of(shuffled)).toEqual(of(orders))
    }),
  )
})
