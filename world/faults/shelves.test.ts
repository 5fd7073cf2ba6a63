import { expect, test } from 'vitest'
import { emptyState, takeRecord } from '../accounts_log.ts'
import { keepShelves, type Shelves } from './shelves.ts'

type Step = [event: object, ...decisions: object[]]

/** A log of one partition, written by hand: events, and what was decided of each. */
function kept(steps: readonly Step[], dead: readonly number[] = []): Shelves {
  const state = emptyState()
  const message = { appended_at: 0, key: null, headers: {} }
  let decided = 0
  for (const [offset, [event, ...decisions]] of steps.entries()) {
    const value = Buffer.from(JSON.stringify({ event_id: `e${offset}`, occurred_at: offset, ...event }))
    takeRecord(state, 'operations', 0, { ...message, offset, value })
    if (decisions.length === 0) continue
    const record = { kind: 'decided', epoch: 1, source_offset: String(offset), decisions }
    takeRecord(state, 'decisions', 0, { ...message, offset: decided++, value: Buffer.from(JSON.stringify(record)) })
  }
  for (const offset of dead) state.dead.set(`operations/0/${offset}`, 'conflict')
  return keepShelves(state)
}

const at = { warehouse_id: 'w', sku: 's' }
const received = (quantity: number) => ({ type: 'stock.received', data: { ...at, quantity } })
const event = (type: string, data: object = {}) => ({ type, data })
const part = (fulfilment_id: string, quantity: number) => ({
  ...{ fulfilment_id, warehouse_id: 'w' },
  lines: [{ line_id: 'l1', sku: 's', quantity }],
})
const routed = (order_id: string, quantity: number) => ({
  ...{ type: 'order.routed', order_id },
  fulfilments: [part(`${order_id}.1`, quantity)],
})
const picked = (order_id: string, quantity: number) =>
  event('line.picked', { order_id, fulfilment_id: `${order_id}.1`, line_id: 'l1', quantity })
const shelfOf = ({ shelves }: Shelves) => shelves.get('w s')

const clean = { granted_without_cover: [], refused_with_cover: [], doubled: [], unresolved: [] }

test('goods come in, are reserved, picked, put back and counted', () => {
  const result = kept([
    [received(10)],
    [event('order.placed'), routed('a', 4)],
    [picked('a', 3)],
    [event('stock.put_back', { ...at, quantity: 2, condition: 'sellable' })],
    [event('stock.put_back', { ...at, quantity: 9, condition: 'waste' })],
    [event('stock.adjusted', { ...at, delta: -50 })],
    [event('stock.counted'), { type: 'stock.corrected', ...at, on_hand: 20, safety: 2, as_of: 6 }],
    [event('order.cancel_asked'), { type: 'order.cancelled', order_id: 'a' }],
  ])
  expect(result).toMatchObject(clean)
  expect(shelfOf(result)).toMatchObject({ on_hand: 20, reserved: 0, safety: 2 })
})

test('what is told late of a time before somebody looked was seen by him', () => {
  const result = kept([
    [received(10)],
    [event('stock.counted'), { type: 'stock.corrected', ...at, on_hand: 8, safety: 0, as_of: 500 }],
    [{ ...received(5), occurred_at: 499 }],
    [{ ...received(1), occurred_at: 500 }],
  ])
  expect(shelfOf(result)).toMatchObject({ on_hand: 9 })
})

test('what is in the bag when an order is cancelled counts as taken', () => {
  const result = kept([
    [received(10)],
    [event('order.placed'), routed('a', 4)],
    [event('pick.started'), { type: 'order.picking', order_id: 'a', fulfilment_id: 'a.1' }],
    [event('order.cancel_asked'), { type: 'order.cancelled', order_id: 'a' }],
  ])
  expect(result).toMatchObject(clean)
  expect(shelfOf(result)).toMatchObject({ on_hand: 6, reserved: 0, safety: 0 })
})

test('a hold becomes an order in one step, and a substitute is reserved', () => {
  const result = kept([
    [received(5)],
    [event('stock.received', { warehouse_id: 'w', sku: 'other', quantity: 5 })],
    [event('hold.asked'), { type: 'hold.granted', hold_id: 'h', fulfilments: [part('h.1', 5)] }],
    [event('hold.confirmed'), { ...routed('a', 5), hold_id: 'h' }],
    [
      event('line.substituted'),
      {
        ...{ type: 'order.substituted', order_id: 'a', fulfilment_id: 'a.1', line_id: 'l1', quantity: 2 },
        ...{ substitute_sku: 'other', substitute_line_id: 'l1s' },
      },
    ],
  ])
  expect(result).toMatchObject(clean)
  expect(shelfOf(result)).toMatchObject({ on_hand: 5, reserved: 3, safety: 0 })
  expect(result.shelves.get('w other')).toMatchObject({ on_hand: 5, reserved: 2, safety: 0 })
})

test('a dead letter and a repeat change nothing', () => {
  const repeat = { event_id: 'e0', ...received(10) }
  const result = kept([[received(10)], [received(7)], [repeat]], [1])
  expect(result).toMatchObject(clean)
  expect(shelfOf(result)?.on_hand).toBe(10)
})

test('a grant without cover is found', () => {
  const { granted_without_cover } = kept([[received(3)], [event('order.placed'), routed('a', 4)]])
  expect(granted_without_cover).toEqual(['operations/0/1 granted of w s, which then has 3 on hand and 4 reserved'])
})

test.each([
  [3, 0],
  [2, 1],
])('a refusal of %i of 2 is found %i times', (quantity, times) => {
  const order = { lines: [{ line_id: 'l1', sku: 's', quantity }] }
  const candidates = [{ warehouse_id: 'w', refused: 'out_of_stock', line_id: 'l1' }]
  const rejected = { type: 'order.rejected', order_id: 'a', reason: 'out_of_stock', order, candidates }
  expect(kept([[received(2)], [event('order.placed'), rejected]]).refused_with_cover).toHaveLength(times)
})

test('an order that is routed, ended or picked twice is found', () => {
  const cancelled = { type: 'order.cancelled', order_id: 'a' }
  const twice = (...steps: Step[]) => kept([[received(10)], [event('order.placed'), routed('a', 4)], ...steps]).doubled
  expect(twice([event('order.placed'), routed('a', 1)])).toHaveLength(1)
  expect(twice([event('x'), cancelled], [event('x'), cancelled])).toHaveLength(1)
  expect(twice([picked('a', 4)], [picked('a', 1)])).toHaveLength(1)
  expect(twice([{ event_id: 'e1', type: 'order.placed' }, routed('b', 1)])).toHaveLength(1)
  expect(twice([picked('a', 4)])).toEqual([])
})

test('what nobody ends is found', () => {
  const hold = { type: 'hold.granted', hold_id: 'h', fulfilments: [part('h.1', 1)] }
  const ended = { type: 'hold.expired', hold_id: 'h' }
  expect(kept([[received(3)], [event('hold.asked'), hold]]).unresolved).toEqual(['hold h was never ended'])
  expect(kept([[received(3)], [event('hold.asked'), hold], [event('tick'), ended]]).unresolved).toEqual([])
})
