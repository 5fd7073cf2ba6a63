import { describe, expect, test } from 'vitest'
import type { NoteView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { DecisionRecord } from '../../ingest/events/decisions.ts'
import { followLeft, type LeftOrders } from './left_orders.ts'
import { tellDelivery, tellNote, tellTakenOver } from './road_sentences.ts'
import { tellDecisions, tellWarehouse } from './sentences.ts'
import { localTime, type Names, shortName } from './words.ts'

const as = <T>(value: unknown): T => value as T

const places = new Map([
  ['w1', { name: 'Loop', time_zone: 'America/Chicago' }],
  ['w2', { name: 'Old Town', time_zone: 'America/Chicago' }],
  ['w3', { name: 'Wicker Park', time_zone: 'America/Chicago' }],
])
const names: Names = { warehouse: id => places.get(id) }
/** 19:24 in Chicago, in summer */
const AT = Date.UTC(2026, 4, 9, 0, 24)

const recordOf = (...decisions: object[]): DecisionRecord =>
  as({ zone_id: 'z', source_offset: '7', decided_at: AT, decisions })
const told = (...decisions: object[]): string[] => tellDecisions(recordOf(...decisions), names).map(item => item.text)

const order = { lines: [{ line_id: 'l1', sku: 'oat-milk', quantity: 2, unit: 'each' }] }
const to = (warehouse_id: string) => [{ fulfilment_id: 'f', warehouse_id, lines: [], ready_at: AT }]
const routed = {
  type: 'order.routed',
  order_id: '0198-abcd-4f2a',
  attempt: 1,
  fulfilments: to('w3'),
  promise: { ready_at: AT, deliver_by: AT },
  candidates: [{ warehouse_id: 'w3', promise_s: 1, travel_s: 1 }],
  order,
}
const rerouted = (order_id: string, warehouse_id: string, cause: string, refused?: string) => ({
  ...{ type: 'order.rerouted', order_id, attempt: 2, fulfilments: to(warehouse_id), cause, replaced: [] },
  candidates: refused ? [{ warehouse_id: 'w1', refused }] : [],
})

describe('a decision in words', () => {
  test('is routine where the nearest one packs for its own zone', () => {
    const isRoutine = (more: object) =>
      tellDecisions(recordOf({ ...routed, ...more }), names).map(item => item.routine === true)
    expect(isRoutine({})).toEqual([true])
    expect(isRoutine({ from_zone_id: 'north' })).toEqual([false])
    expect(isRoutine({ candidates: [{ warehouse_id: 'w1', refused: 'full' }] })).toEqual([false])
  })

  test('names the place and the local time at the door', () => {
    expect(told(routed)).toEqual(['Order 4F2A: Wicker Park will pack it, at the door by 19:24'])
  })

  test.each([
    ['out_of_stock', 'Loop is out of oat milk'],
    ['sku_unknown', 'Loop has no oat milk'],
    ['warehouse_paused', 'Loop is paused'],
    ['full', 'not Loop: the promise would be longer than the policy allows'],
  ])('says why the nearest one did not get it: %s', (refused, why) => {
    const candidates = [{ warehouse_id: 'w1', refused, line_id: 'l1' }]
    expect(told({ ...routed, candidates })).toEqual([
      `Order 4F2A: Wicker Park will pack it, at the door by 19:24; ${why}`,
    ])
  })

  test('names both places of a split order', () => {
    const fulfilments = [...to('w1'), ...to('w2')]
    expect(told({ ...routed, fulfilments })).toEqual([
      'Order 4F2A: Loop and Old Town will pack it, at the door by 19:24',
    ])
  })

  test('tells of an order that goes over a border, on both sides', () => {
    const candidates = [{ warehouse_id: 'w1', refused: 'out_of_stock', line_id: 'l1' }]
    const offered = { ...routed, type: 'order.offered', to_zone_id: 'south-side', reason: 'out_of_stock', candidates }
    expect(told(offered)).toEqual(['Loop is out of oat milk: order 4F2A was offered to south side'])
    expect(told({ ...routed, from_zone_id: 'north' })).toEqual([
      'Order 4F2A: Wicker Park will pack it, at the door by 19:24, taken over from north',
    ])
  })

  test('tells what moved together in one sentence', () => {
    const shortfall = { type: 'stock.shortfall', warehouse_id: 'w1', sku: 'milk', missing: 3, cause: 'count' }
    const moved = ['a', 'b', 'c'].map(id => rerouted(`x-${id}`, 'w2', 'count'))
    expect(told(shortfall, ...moved, rerouted('order-4f2a', 'w3', 'count'))).toEqual([
      'Loop is out of milk: 3 orders moved to Old Town',
      'Loop is out of milk: order 4F2A moved to Wicker Park',
    ])
    expect(told(rerouted('order-4f2a', 'w2', 'warehouse_paused', 'warehouse_paused'))).toEqual([
      'Loop is paused: order 4F2A moved to Old Town',
    ])
  })

  test('tells with a move from where it was, where that is known, and how much later it will be', () => {
    const later = (order_id: string, min: number) => ({
      ...{ type: 'promise.changed', order_id, attempt: 2, cause: 'warehouse_paused', first_deliver_by: AT },
      promise: { ready_at: AT, deliver_by: AT + min * 60_000 },
    })
    const moved = ['a', 'b'].map(id => rerouted(`x-${id}`, 'w2', 'warehouse_paused'))
    const record = recordOf(
      ...[...moved, later('x-a', 4), later('x-b', 7)],
      ...[rerouted('x-c', 'w3', 'warehouse_paused'), later('x-c', 0.9), later('x-d', 5)],
    )
    const before = (order_id: string) => (order_id === 'x-c' ? 'w2' : 'w1')
    expect(tellDecisions(record, { ...names, before }).map(item => item.text)).toEqual([
      'Order XD will be 5 min later than promised: its warehouse is paused',
      'Loop is paused: 2 orders moved to Old Town, at most 7 min later than promised',
      'Old Town is paused: order XC moved to Wicker Park',
    ])
  })

  test('gives the reason of a refusal in the words of the contract', () => {
    const rejected = { type: 'order.rejected', order_id: '4f2a', attempt: 1, candidates: [], order }
    expect(told({ ...rejected, reason: 'outside_service_area' })).toEqual([
      'Order 4F2A was rejected: no warehouse serves this place',
    ])
    const against = (warehouse_id: string, refused: string) => ({ warehouse_id, refused, line_id: 'l1' })
    const candidates = [
      ...[against('w1', 'warehouse_paused'), against('w2', 'out_of_stock'), against('w4', 'out_of_stock')],
      against('w3', 'full'),
    ]
    expect(told({ ...rejected, reason: 'warehouse_paused', candidates })).toEqual([
      'Order 4F2A was rejected: Loop is paused, 2 warehouses are out of oat milk and Wicker Park is too busy',
    ])
    const all = [against('w1', 'full'), against('w2', 'full')]
    expect(told({ ...rejected, reason: 'full', candidates: all })).toEqual([
      'Order 4F2A was rejected: the promise would be longer than the policy allows',
    ])
    expect(told({ ...rejected, reason: 'out_of_stock', line_id: 'l1' })).toEqual([
      'Order 4F2A was rejected: not enough available (oat milk)',
    ])
  })

  test('tells cancellations, shortened lines and late promises', () => {
    const head = { order_id: '4f2a', attempt: 1, warehouse_id: 'w1' }
    const shortened = { ...head, type: 'order.shortened', sku: 'milk', quantity_before: 2, cause: 'short_pick' }
    const promise = { ready_at: AT, deliver_by: AT + 360_000 }
    expect(
      told(
        { ...head, type: 'order.cancelled', reason: 'changed_mind', by: 'customer', to_put_back: [] },
        { ...shortened, quantity: 1 },
        { ...shortened, quantity: 0 },
        { ...head, type: 'promise.changed', promise, first_deliver_by: AT, cause: 'load' },
        { ...head, type: 'promise.changed', promise, first_deliver_by: AT + 350_000, cause: 'load' },
      ),
    ).toEqual([
      'Order 4F2A was cancelled by the customer: changed mind',
      'Order 4F2A gets 1 of 2 milk: Loop ran short',
      'Order 4F2A goes without milk: Loop ran short',
      'Order 4F2A will be 6 min later than promised: there is too much to do',
    ])
  })

  test('keeps routine to the map', () => {
    const head = { order_id: '4f2a', attempt: 1, fulfilment_id: 'f', warehouse_id: 'w1' }
    expect(
      told({ ...head, type: 'order.picking' }, { ...head, type: 'order.packed' }, { type: 'hold.expired' }),
    ).toEqual([])
  })

  test('gives every sentence of a record an id of its own, the same each time', () => {
    const record = as<DecisionRecord>({ zone_id: 'z', source_offset: '7', decided_at: AT, decisions: [routed, routed] })
    expect(tellDecisions(record, names).map(item => item.id)).toEqual(['z/7/0', 'z/7/1'])
  })
})

describe('a delivery in words', () => {
  const say = (type: string, data: object, actor = 'solver:main') =>
    tellDelivery(as<DeliveryEvent>({ type, event_id: 'e', occurred_at: AT, actor, data }), names)?.text
  const stops = [{ order_id: '4f2a' }, { order_id: '4f2a' }]

  test.each([
    [2_100, 'Order 4F2A was delivered 35 min late'],
    [59, 'Order 4F2A was delivered on time'],
    [-59, 'Order 4F2A was delivered on time'],
    [-240, 'Order 4F2A was delivered 4 min early'],
  ])('at %i s after the promise', (late_s, text) => {
    expect(say('delivery.delivered', { order_id: '4f2a', late_s })).toBe(text)
  })

  test('says who gave an order to whom', () => {
    const data = { from_courier_id: 'c3', courier_id: 'c17', reason: 'too_far', stops }
    expect(say('trip.reassigned', data, 'dispatcher:ann')).toBe(
      'Order 4F2A went from courier c3 to c17, by dispatcher ann: too far',
    )
    expect(say('trip.assigned', { courier_id: 'c17', stops }, 'dispatcher:ann')).toBe(
      'Order 4F2A went to courier c17, by dispatcher ann',
    )
    expect(say('trip.assigned', { courier_id: 'c17', stops })).toBeUndefined()
  })

  test('tells failures and returns', () => {
    expect(say('delivery.failed', { order_id: '4f2a', reason: 'nobody_home' })).toBe(
      'Order 4F2A could not be delivered: nobody home',
    )
    expect(say('delivery.returned', { order_id: '4f2a', warehouse_id: 'w1' })).toBe('Order 4F2A came back to Loop')
  })
})

describe('a warehouse in words', () => {
  const loop = { warehouse_id: 'w1', name: 'Loop', paused: true, paused_reason: 'power_cut', version: 2 }

  test('tells a pause with its reason, and its end', () => {
    expect(tellWarehouse({ paused: false }, loop, AT)?.text).toBe('Loop is paused: power cut')
    const again = { ...loop, paused: false, paused_reason: null }
    expect(tellWarehouse({ paused: true }, again, AT)?.text).toBe('Loop takes orders again')
  })

  test('says nothing when it is first seen, or when something else changed', () => {
    expect(tellWarehouse(undefined, loop, AT)).toBeUndefined()
    expect(tellWarehouse({ paused: true }, loop, AT)).toBeUndefined()
  })
})

test('an id ends in what people can call out', () => {
  expect(shortName('01a203e3-e85f-7e33-8819-517cbe344f2a')).toBe('4F2A')
  expect(shortName('7')).toBe('7')
})

test('the time is the one on the wall of the place, in summer and in winter', () => {
  expect(localTime(AT, 'America/Chicago')).toBe('19:24')
  expect(localTime(Date.UTC(2026, 0, 9, 0, 24), 'America/Chicago')).toBe('18:24')
  expect(localTime(Date.UTC(2026, 0, 9, 0, 0))).toBe('00:00')
})

describe('a note of the shift log', () => {
  const note = (actor: string) => {
    const nobody = { order_id: null, courier_id: null }
    const place = { warehouse_id: 'w1', point: { lat: 1, lng: 2 } }
    const said = { note_id: 'n', zone_id: 'z', text: 'Milk ran out.', tone: 'warn', posted_at: AT, actor }
    return tellNote(as<NoteView>({ ...said, ...place, ...nobody }))
  }

  test('is told as it was written, with its place, and as what came from outside', () => {
    const place = { warehouse_id: 'w1', point: { lat: 1, lng: 2 } }
    expect(note('partner:city')).toEqual({
      ...{ id: 'n', at: AT, tone: 'warn', text: 'Milk ran out.', scene: true },
      ...place,
    })
  })

  test('of a dispatcher says whose it is', () => {
    expect(note('dispatcher:ann')).toMatchObject({ text: 'dispatcher ann: Milk ran out.' })
    expect(note('dispatcher:ann')).not.toHaveProperty('scene')
  })
})

describe('an order that its courier has to leave', () => {
  const stops = [{ kind: 'pickup', order_id: '0198-abcd-4f2a' }]
  const event = (type: string, data: object, actor = 'solver:main') =>
    as<DeliveryEvent>({ type, event_id: type, occurred_at: AT, actor, data })
  const lost = (reason: string) =>
    event('trip.cancelled', { courier_id: 'c1', reason, order_ids: ['0198-abcd-4f2a'] }, 'courier:c1')

  test.each([
    ['flat_tyre', 'Courier c1 cannot go on (flat tyre): order 4F2A needs another'],
    ['courier_unreachable', 'Courier c1 is not heard of any more: order 4F2A needs another'],
  ])('is told with why: %s', (reason, text) => {
    expect(tellDelivery(lost(reason), names)?.text).toBe(text)
  })

  test.each([['trip.planned'], ['trip.assigned'], ['trip.reassigned'], ['trip.changed']])(
    'is told again when another courier has it by %s, once, and not when a person said so',
    type => {
      const assigned = (courier_id: string, actor?: string) => event(type, { courier_id, stops }, actor)
      const left: LeftOrders = new Map()
      followLeft(left, lost('flat_tyre'))
      expect(followLeft(left, assigned('c1')), 'the same one again').toBeUndefined()
      followLeft(left, lost('flat_tyre'))
      const taken_over = followLeft(left, assigned('c2'))
      if (!taken_over) throw new Error('nobody has it')
      expect(tellTakenOver(assigned('c2'), taken_over).text).toBe('Order 4F2A went to courier c2 in place of c1')
      expect(followLeft(left, assigned('c3'))).toBeUndefined()
      followLeft(left, lost('flat_tyre'))
      expect(followLeft(left, assigned('c2', 'dispatcher:ann'))).toBeUndefined()
    },
  )

  test('is not told of a trip that ended with its orders', () => {
    expect(tellDelivery(event('trip.cancelled', { courier_id: 'c1', reason: 'cancelled' }), names)).toBeUndefined()
  })
})
