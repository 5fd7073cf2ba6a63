import { describe, expect, it } from 'vitest'
import type { IncidentAnswer, MapOrder } from '../../contract.ts'
import { answerLines, lateWords, outcomeWords } from './incident_words.ts'

const NAMES: Record<string, string> = { 'old-town': 'Old Town', loop: 'Loop', skokie: 'Skokie', lakeview: 'Lakeview' }
const answer = (did: IncidentAnswer['did'], orders: number, more: Partial<IncidentAnswer> = {}): IncidentAnswer => ({
  ...{ did, orders, order_id: 'order-4f2a' },
  ...more,
})
const lines = (...answers: IncidentAnswer[]) =>
  answerLines({ answers, warehouse_id: 'w' }, id => NAMES[id] ?? id).map(({ text }) => text)

describe('what was done', () => {
  it('names one order, and counts several', () => {
    expect(lines(answer('moved', 1, { to_warehouse_id: 'old-town' }))).toEqual(['Order 4F2A moved to Old Town'])
    expect(lines(answer('moved', 3, { to_warehouse_id: 'old-town' }))).toEqual(['3 waiting orders moved to Old Town'])
    expect(lines(answer('shortened', 1), answer('left', 2))).toEqual([
      '2 orders wait for another courier',
      'Order 4F2A comes without what is missing',
    ])
  })

  it('leads to the one order that it is about, under the sign that the map has for it', () => {
    const of = (...answers: IncidentAnswer[]) =>
      answerLines({ answers }, id => id).map(({ sign, order_id }) => [sign, order_id])
    expect(of(answer('moved', 1))).toEqual([['rerouted', 'order-4f2a']])
    expect(of(answer('rejected', 2))).toEqual([['refused', undefined]])
    expect(of(answer('shortened', 1))).toEqual([[undefined, 'order-4f2a']])
  })

  it('tells where they went, three places by name', () => {
    const went = (to_warehouse_id: string, orders: number) => answer('sent_elsewhere', orders, { to_warehouse_id })
    expect(lines(went('old-town', 7), went('loop', 2))).toEqual([
      '9 new orders went to Old Town (7) and Loop (2) instead',
    ])
    expect(lines(went('old-town', 7), went('loop', 2), went('skokie', 2), went('lakeview', 1))).toEqual([
      '12 new orders went to Old Town (7), Loop (2), Skokie (2) and others (1) instead',
    ])
    expect(lines(answer('sent_elsewhere', 2))).toEqual(['2 new orders went to another zone instead'])
  })

  it('tells who packs what a crowd orders, each warehouse once', () => {
    const answers = [
      answer('sent_elsewhere', 5, { to_warehouse_id: 'old-town' }),
      answer('taken', 4, { to_warehouse_id: 'loop' }),
      answer('sent_elsewhere', 2, { to_warehouse_id: 'loop' }),
    ]
    expect(answerLines({ answers }, id => NAMES[id] ?? id).map(({ text }) => text)).toEqual([
      '11 orders from around there go to Loop (6) and Old Town (5)',
    ])
  })

  it('names what is missing, where it is one thing', () => {
    expect(lines(answer('shortened', 1, { sku: 'whole-milk' }))).toEqual(['Order 4F2A comes without whole milk'])
    expect(lines(answer('shortened', 1, { sku: 'whole-milk' }), answer('shortened', 1, { sku: 'butter' }))).toEqual([
      '2 orders come without what is missing',
    ])
  })

  it('tells why orders were rejected', () => {
    const rejected = (reason: string, orders: number) => answer('rejected', orders, { reason })
    expect(lines(rejected('out_of_stock', 5))).toEqual([
      '5 orders were rejected: no nearby warehouse has all of its items',
    ])
    expect(lines(rejected('out_of_stock', 5), rejected('warehouse_paused', 1))).toEqual([
      '6 orders were rejected: no nearby warehouse has all of its items (5) and no other warehouse could take it (1)',
    ])
  })

  it('tells who took over', () => {
    const given = (to_courier_id: string) => answer('given', 1, { from_courier_id: 'c1', to_courier_id })
    expect(lines(given('c2'))).toEqual(['Order 4F2A went from courier c1 to c2'])
    expect(lines(given('c2'), given('c3'))).toEqual(['2 orders went to other couriers'])
  })
})

it('tells what became of them, and nothing of what is none', () => {
  expect(outcomeWords({ orders: { under_way: 4, delivered: 6, late: 1, lost: 2 } })).toBe(
    '5 delivered in time · 1 delivered late · 4 not there yet · 2 not served',
  )
  expect(outcomeWords({ orders: { under_way: 0, delivered: 0, late: 0, lost: 0 } })).toBe('')
  expect(outcomeWords({ orders: { under_way: 0, delivered: 1, late: 1, lost: 0 } })).toBe('Delivered late')
  expect(outcomeWords({ orders: { under_way: 1, delivered: 0, late: 0, lost: 0 } })).toBe('Not there yet')
  expect(outcomeWords({ orders: { under_way: 0, delivered: 0, late: 0, lost: 1 } })).toBe('')
})

it.each([
  ['routed', null, 1, 'Loop has not begun to pick it'],
  ['picking', 'c1', 1, 'Loop is still packing it'],
  ['packed', null, 1, 'packed at Loop, it waits for a courier'],
  ['packed', 'c1', 2, 'packed at Loop, it waits for courier c1; it had to change warehouses'],
  ['picked_up', 'c1', 1, 'courier c1 is on the way to the door'],
] as const)('tells of a late order that is %s what it waits for', (state, courier_id, attempt, why) => {
  const order: MapOrder = {
    ...{
      order_id: 'order-4f2a',
      state,
      courier_id,
      attempt,
      warehouse_id: 'loop',
      version: 1,
      lat: 0,
      lng: 0,
      lines: 1,
    },
    ...{ placed_at: 0, promise: null, first_deliver_by: 0, closed_at: null, reason: null, pinned: false },
  }
  expect(lateWords(order, id => NAMES[id] ?? id)).toBe(`Order 4F2A is late: ${why}`)
})
