import { expect, test } from 'vitest'
import type { Topic } from '../ingest/contract.ts'
import { compareBook, compareLoaded } from './accounts.ts'
import type { LoadedPartition } from './accounts_books.ts'
import { emptyState, type LogState, takeRecord } from './accounts_log.ts'
import { countOf, countOrders, stateOf } from './accounts_orders.ts'

/** A log written by hand, in partition 0 of each topic. */
function logOf(records: readonly (readonly [Topic, object, Record<string, string>?])[]): LogState {
  const state = emptyState()
  const next: Partial<Record<Topic, number>> = {}
  for (const [topic, value, headers = {}] of records) {
    const offset = next[topic] ?? 0
    next[topic] = offset + 1
    const message = { offset, appended_at: 0, key: null, value: Buffer.from(JSON.stringify(value)), headers }
    takeRecord(state, topic, 0, message)
  }
  return state
}

const placed = (order_id: string) =>
  ['operations', { type: 'order.placed', tenant_id: 't', data: { order_id } }] as const
const decided = (source_offset: number, epoch: number, ...decisions: object[]) =>
  ['decisions', { kind: 'decided', tenant_id: 't', epoch, source_offset: String(source_offset), decisions }] as const
const owner = (epoch: number) => ['decisions', { kind: 'owner', epoch }] as const
const delivery = (type: string, order_id: string, late_s?: number) =>
  ['deliveries', { type: `delivery.${type}`, tenant_id: 't', data: { order_id, late_s } }] as const
const routed = (order_id: string) => ({ type: 'order.routed', order_id })
const packed = (order_id: string) => ({ type: 'order.packed', order_id })

const faultsOf = (log: LogState): string[] => {
  const faults: string[] = []
  countOrders(log, faults)
  return faults
}

test('each order is counted once, by where it stands last', () => {
  const log = logOf([
    ...['a', 'b', 'c', 'd', 'e', 'f'].map(placed),
    owner(1),
    decided(0, 1, routed('a')),
    decided(1, 1, { type: 'order.rejected', order_id: 'b', reason: 'out_of_stock' }),
    decided(2, 1, routed('c')),
    decided(3, 1, { type: 'order.cancelled', order_id: 'd' }),
    decided(4, 1, routed('e')),
    decided(6, 1, packed('a'), packed('c')),
    decided(7, 1, { type: 'order.cancelled', order_id: 'e' }),
    delivery('picked_up', 'a'),
    delivery('delivered', 'a', 61),
    delivery('picked_up', 'c'),
  ])
  const faults: string[] = []
  expect(countOrders(log, faults)).toMatchObject({
    placed: 6,
    routed: 3,
    rejected: 1,
    cancelled_before_routing: 1,
    open: 1,
    delivered: 1,
    late: 1,
    cancelled: 1,
    in_progress: 1,
    rejected_by_reason: { out_of_stock: 1 },
  })
  expect(faults).toEqual([])
})

test('an order that is packed and that nobody has fetched is in progress, and said to wait', () => {
  const log = logOf([
    ...[placed('a'), placed('b'), placed('c'), owner(1)],
    ...[decided(0, 1, routed('a')), decided(1, 1, routed('b')), decided(2, 1, routed('c'))],
    ...[decided(3, 1, packed('a'), packed('b')), delivery('picked_up', 'b')],
  ])
  expect(countOrders(log, [])).toMatchObject({ placed: 3, routed: 3, in_progress: 3, waiting: 1 })
})

test('what an owner of the past, or a repetition, says counts for nobody', () => {
  const late = decided(0, 1, { type: 'order.rejected', order_id: 'a', reason: 'out_of_stock' })
  const log = logOf([placed('a'), owner(1), owner(2), late, decided(0, 2, routed('a')), decided(0, 2, packed('a'))])
  expect(countOrders(log, [])).toMatchObject({ placed: 1, routed: 1, rejected: 0, in_progress: 1 })
  expect([...log.orders.values()].map(stateOf)).toEqual(['routed'])
})

test('an order whose placing is a dead letter was never placed', () => {
  const headers = { origin_topic: 'ns.operations', origin_partition: '0', origin_offset: '1', reason: 'conflict' }
  const log = logOf([placed('a'), placed('b'), ['dead-letters', {}, headers], decided(0, 1, routed('a'))])
  expect(countOrders(log, [])).toMatchObject({ placed: 1, open: 0 })
})

test('contradictions between topics are found', () => {
  expect(faultsOf(logOf([decided(0, 1, routed('a'))]))).toEqual(['t/a was decided but never placed'])
  const both = logOf([
    placed('a'),
    decided(0, 1, routed('a')),
    decided(1, 1, { type: 'order.cancelled', order_id: 'a' }),
    delivery('delivered', 'a', 0),
  ])
  expect(faultsOf(both)).toEqual(['t/a is delivered, and the engine says cancelled'])
  expect(faultsOf(logOf([placed('a'), decided(0, 1, packed('a'))]))).toEqual([
    't/a is packed without having been routed',
  ])
})

test('the book must say of every order what the log says', () => {
  const log = logOf([
    placed('a'),
    placed('b'),
    decided(0, 1, routed('a')),
    decided(1, 1, routed('b')),
    decided(2, 1, packed('b')),
    delivery('delivered', 'b', 5),
  ])
  const compare = (book: Record<string, { state: string; late_s: number | null }>): string[] => {
    const faults: string[] = []
    compareBook(log, new Map(Object.entries(book)), faults)
    return faults
  }
  const right = { 't/a': { state: 'routed', late_s: null }, 't/b': { state: 'delivered', late_s: 5 } }
  expect(compare(right)).toEqual([])
  expect(compare({ ...right, 't/a': { state: 'picking', late_s: null } })).toHaveLength(1)
  expect(compare({ ...right, 't/b': { state: 'delivered', late_s: 4 } })).toHaveLength(1)
  expect(compare({ 't/b': right['t/b'] })).toHaveLength(1)
  expect(compare({ ...right, 't/c': { state: 'routed', late_s: null } })).toHaveLength(1)
})

test('ClickHouse must have every record once, and every decision of it', () => {
  const log = logOf([placed('a'), owner(1), decided(0, 1, routed('a'), packed('a'))])
  const ends = { operations: [1], decisions: [2], movements: [], couriers: [0], deliveries: [0], 'dead-letters': [0] }
  const compare = (decisions: LoadedPartition): string[] => {
    const faults: string[] = []
    const operations = [{ rows: 1, records: 1, lowest: 0, highest: 0 }]
    compareLoaded(
      log,
      { operations, decisions: [decisions], movements: [], couriers: [], deliveries: [], 'dead-letters': [] },
      ends,
      faults,
    )
    return faults
  }
  expect(compare({ rows: 3, records: 2, lowest: 0, highest: 1 })).toEqual([])
  expect(compare({ rows: 4, records: 2, lowest: 0, highest: 1 })).toHaveLength(1)
  expect(compare({ rows: 2, records: 2, lowest: 0, highest: 1 })).toHaveLength(1)
  expect(compare({ rows: 3, records: 1, lowest: 0, highest: 0 })).toHaveLength(1)
})

test('a hole in the log is told', () => {
  const log = emptyState()
  const message = { appended_at: 0, key: null, value: Buffer.from('{}'), headers: {} }
  takeRecord(log, 'operations', 0, { ...message, offset: 0 })
  takeRecord(log, 'operations', 0, { ...message, offset: 2 })
  takeRecord(log, 'operations', 0, { ...message, offset: 1 })
  expect(log.holes).toEqual(['operations/0: 1 to 1'])
})

test('some orders are counted by themselves: who was passed over, moved by hand, or left by a courier', () => {
  const stops = [{ order_id: 'b' }, { order_id: 'b' }]
  const log = logOf([
    ...['a', 'b', 'c'].map(placed),
    owner(1),
    decided(
      0,
      1,
      { ...routed('a'), candidates: [{ warehouse_id: 'w1', refused: 'out_of_stock' }] },
      { ...routed('b'), candidates: [{ warehouse_id: 'w2' }] },
    ),
    decided(1, 1, { type: 'order.rejected', order_id: 'c', reason: 'full' }),
    ['deliveries', { type: 'trip.reassigned', actor: 'dispatcher:ann', tenant_id: 't', data: { stops } }],
    [
      'deliveries',
      { type: 'trip.assigned', actor: 'solver:main', tenant_id: 't', data: { stops: [{ order_id: 'a' }] } },
    ],
    ['deliveries', { type: 'trip.cancelled', actor: 'courier:c1', tenant_id: 't', data: { order_ids: ['a'] } }],
  ])
  expect(countOf(log, 't', ['a', 'b', 'b', 'never'])).toMatchObject({
    ...{ placed: 2, routed: 2, passed_over: 1, reassigned: 1, left_by_courier: 1, rejected: 0 },
  })
  expect(countOf(log, 't', ['c'])).toMatchObject({ placed: 1, rejected_by_reason: { full: 1 }, reassigned: 0 })
})
