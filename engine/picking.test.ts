import { describe, expect, test } from 'vitest'
import { only, START, Town, typesOf } from './town.testing.ts'

/** The promise while an order is picked: the buffer first, then a new promise beside the first one. */

const shop = () => {
  const town = new Town({
    near: { meters: 1_000, stock: { milk: 10, bread: 10 } },
    far: { meters: 5_000, stock: { milk: 10, bread: 10 } },
  })
  const { promise } = only(town.place('o1', { milk: 1 }), 'order.routed')
  return { town, promise }
}
/** A courier needs 240 s to come, 238 s on the road, 120 s at the door; 180 s are kept as a buffer. */
const ROAD_S = 238

describe('ready_at', () => {
  test('is revised before and while it is picked; the buffer of the promise is for that', () => {
    const { town, promise } = shop()
    const first = town.pick('pick.revised', 'o1', { ready_in_s: 300 })
    expect(typesOf(first)).toEqual(['order.revised'])
    expect(town.parts('o1')[0]?.ready_at).toBe(START + 300_000)
    town.pick('pick.started', 'o1')
    expect(typesOf(town.pick('pick.revised', 'o1', { ready_in_s: 400 }))).toEqual(['order.revised'])
    expect(town.order('o1').deliver_by).toBe(promise.deliver_by)
  })

  test('too late for the promise: a new one stands beside the first, with its cause and a buffer of its own', () => {
    const { town, promise } = shop()
    const changed = only(town.pick('pick.revised', 'o1', { ready_in_s: 1_000 }), 'promise.changed')
    expect(changed).toMatchObject({ cause: 'picking', first_deliver_by: promise.deliver_by, attempt: 1 })
    expect(changed.promise).toEqual({
      ready_at: START + 1_000_000,
      deliver_by: START + 1_000 * (1_000 + ROAD_S + 120 + 180),
    })
    expect(town.order('o1')).toMatchObject({
      deliver_by: changed.promise.deliver_by,
      first_deliver_by: promise.deliver_by,
    })
    // What was announced covers it now.
    expect(typesOf(town.pick('pick.revised', 'o1', { ready_in_s: 1_100 }))).toEqual(['order.revised'])
  })

  test('a late beginning and a late end change the promise, too', () => {
    const { town } = shop()
    town.now += 700_000
    expect(typesOf(town.pick('pick.started', 'o1'))).toEqual(['order.picking', 'promise.changed'])
    town.pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 })
    town.now += 1_000_000
    expect(typesOf(town.pick('order.packed', 'o1'))).toEqual(['promise.changed', 'order.packed'])
    expect(town.order('o1').state).toBe('packed')
  })

  test('of an order that is over can not be revised', () => {
    const { town } = shop()
    town.send('order.cancel_asked', { order_id: 'o1', reason: 'changed_mind' })
    expect(town.pick('pick.revised', 'o1', { ready_in_s: 10 })).toMatchObject({ reason: 'illegal_transition' })
    expect(town.send('pick.revised', { ...nobody, ready_in_s: 10 })).toMatchObject({ reason: 'unknown_order' })
  })

  const nobody = { order_id: 'nobody', fulfilment_id: 'nobody.1', warehouse_id: 'near' }
})

test('orders that a short pick drives away get a later promise in the same step, with the cause', () => {
  const { town } = shop()
  const second = only(town.place('o2', { milk: 3 }), 'order.routed')
  town.pick('pick.started', 'o1')
  const outcome = town.pick('line.short', 'o1', { line_id: 'milk', quantity: 1 })
  expect(only(outcome, 'order.rerouted')).toMatchObject({ order_id: 'o2', cause: 'short_pick' })
  expect(only(outcome, 'promise.changed')).toMatchObject({
    order_id: 'o2',
    cause: 'short_pick',
    first_deliver_by: second.promise.deliver_by,
  })
})
