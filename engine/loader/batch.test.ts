import { tableFromIPC } from 'apache-arrow'
import { array, assert, constantFrom, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { type BatchMemory, openMemory } from './arrow.ts'
import { encodeBatch } from './batch.ts'
import { rowsIn } from './records.ts'
import { judge, NOTHING_SEEN } from './rule.ts'
import { anyBytes, CELL, decided, envelope, jsonBytes, moved, POISON, routed } from './samples.testing.ts'
import { TABLES } from './tables.ts'
import { stretchOf, wholeOf } from './waiting.ts'

const topics = Object.keys(TOPICS) as Topic[]
const AT_MS = Date.UTC(2026, 10, 20)

/** The rows of records, as whoever reads the Arrow stream gets them. */
function rowsOf(topic: Topic, values: readonly (Buffer | null)[], headers = {}): Record<string, unknown>[] {
  const messages = values.map((value, n) => ({ offset: 5 + n, appended_at: AT_MS, key: null, value, headers }))
  const records = [wholeOf(stretchOf(topic, messages))]
  const { bytes, rows } = encodeBatch(openMemory(topic), [{ partition: 1, records, before: NOTHING_SEEN }])
  const table = tableFromIPC(bytes)
  expect(table.numRows).toBe(rows)
  expect(table.schema.fields.map(field => field.name)).toEqual(Object.keys(TABLES[topic].columns))
  return table.toArray().map(row => row.toJSON())
}

test('whatever the bytes, a record gives at least one row, and its rows can be encoded', { timeout: 30_000 }, () =>
  assert(
    property(constantFrom(...topics), array(anyBytes, { minLength: 1, maxLength: 5 }), (topic, values) => {
      expect(rowsOf(topic, values).length).toBeGreaterThanOrEqual(values.length)
    }),
    { numRuns: 100 },
  ),
)

test('a batch is the same whatever was made in its memory before', () =>
  assert(
    property(constantFrom(...topics), array(anyBytes), array(anyBytes), (topic, first, second) => {
      const memory = openMemory(topic)
      const batchIn = (memory: BatchMemory, values: Buffer[]) => {
        const messages = values.map((value, offset) => ({ offset, appended_at: AT_MS, key: null, value, headers: {} }))
        const records = [wholeOf(stretchOf(topic, messages))]
        return encodeBatch(memory, [{ partition: 1, records, before: NOTHING_SEEN }]).bytes
      }
      batchIn(memory, first)
      expect(Buffer.compare(batchIn(memory, second), batchIn(openMemory(topic), second))).toBe(0)
    }),
    { numRuns: 100 },
  ))

test('rows come back from Arrow as they went in, with nulls, wide characters and 64 bits', () => {
  const order = (order_id: string) => jsonBytes(envelope(1, 'order.placed', { ...routed(1).order, order_id }))
  const rows = rowsOf('operations', [order('ö🐝'), order('plain'), order('\ud800'), ...POISON])
  expect(rows).toHaveLength(POISON.length + 3)
  expect(rows.slice(0, 3).map(row => row.order_id)).toEqual(['ö🐝', 'plain', '\ufffd'])
  for (const [n, row] of rows.slice(0, 3).entries()) {
    expect(row).toMatchObject({ lat: 41.8827, lng: -87.6233, cell: BigInt(`0x${CELL}`), lines: 2, quantity: null })
    const { order_id } = JSON.parse(String(row.data)) as { order_id: string }
    expect(order_id).toBe(['ö🐝', 'plain', '\ud800'][n])
  }
  expect(rows[3]).toMatchObject({ type: 'unreadable', lat: null, cell: 0n, data: '{"type":"order.placed"' })
  expect(rows[4]?.data).toBe(`base64:${POISON[1]?.toString('base64')}`)
})

test('the data of an event is what it says, wherever it stands and whatever stands around it', () => {
  const data = { a: [1, { data: 2 }], text: ',"data":{"x":1}}' }
  const events = [
    { type: 't', data },
    { data, type: 't' },
    { type: 't', nested: { data: 1 }, data },
    { type: 't', list: [{ data: 1 }], data },
    { type: 't', text: '{["data":', data },
    { type: 'ö', data },
  ]
  for (const row of rowsOf('operations', events.map(jsonBytes))) expect(JSON.parse(String(row.data))).toEqual(data)
  const spaced = Buffer.from(JSON.stringify({ type: 't', data }, null, 1))
  expect(JSON.parse(String(rowsOf('operations', [spaced])[0]?.data))).toEqual(data)
  const scalar = rowsOf('operations', [jsonBytes({ type: 't', data: 5 }), jsonBytes({ type: 't', data: null })])
  expect(scalar.map(row => row.data)).toEqual(['5', 'null'])
})

test('each decision of a record is a row with its own text', () => {
  const one = { type: 'order.routed', order_id: 'o', list: [{ type: 'x' }], text: ']}' }
  const two = { type: 'promise.changed', order_id: 'ö' }
  for (const decisions of [[one], [one, two], [two], [one, one, one]]) {
    const rows = rowsOf('decisions', [jsonBytes(decided(1, 7, decisions))])
    expect(rows.map(row => JSON.parse(String(row.data)))).toEqual(decisions)
    expect(rows.map(row => row.decision_index)).toEqual(decisions.map((_, index) => index))
  }
})

test('the cutter knows how many rows our own records will be', () => {
  for (const decisions of [[routed(1)], [routed(1), { type: 'stock.shortfall', missing: 1 }]]) {
    const value = jsonBytes(decided(1, 5, decisions))
    expect(rowsIn('decisions', value)).toBe(rowsOf('decisions', [value]).length)
  }
  for (const offsets of [[3], [3, 4, 9]]) {
    const value = jsonBytes(moved(1, offsets))
    expect(rowsIn('movements', value)).toBe(rowsOf('movements', [value]).length)
  }
  for (const topic of topics) {
    for (const value of POISON) expect(rowsIn(topic, value)).toBeGreaterThan(0)
  }
})

test('a null value is a row too', () => {
  for (const topic of topics) expect(rowsOf(topic, [null])).toMatchObject([{ type: 'unreadable', data: '' }])
})
describe("the readers' rule", () => {
  test('a lower epoch is void, and so is a source offset that does not rise; a marker raises the epoch', () => {
    const marks = [
      { epoch: 2, source_offset: null },
      { epoch: 2, source_offset: 4 },
      { epoch: 1, source_offset: 5 },
      { epoch: 2, source_offset: 4 },
      undefined,
      { epoch: 2, source_offset: 9 },
      { epoch: 3, source_offset: null },
      { epoch: 2, source_offset: 10 },
      { epoch: 2, source_offset: null },
      { epoch: 3, source_offset: 10 },
    ]
    let state = NOTHING_SEEN
    const voids = marks.map(mark => {
      const verdict = judge(state, mark)
      state = verdict.state
      return mark?.source_offset == null ? verdict.void_to > 0 : mark.source_offset <= verdict.void_to
    })
    expect(voids).toEqual([false, false, true, true, false, false, false, true, true, false])
    expect(state).toEqual({ epoch: 3, source_offset: 10 })
  })
})
