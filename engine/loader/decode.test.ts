import { tableFromIPC } from 'apache-arrow'
import { array, assert, constantFrom, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { encodeBatch } from './batch.ts'
import { decodeRecord } from './decode.ts'
import { judge, NOTHING_SEEN } from './rule.ts'
import { anyBytes, envelope, jsonBytes, POISON, routed } from './samples.testing.ts'
import { TABLES } from './tables.ts'

const topics = Object.keys(TOPICS) as Topic[]
const AT_MS = Date.UTC(2026, 10, 20)

const decode = (topic: Topic, value: Buffer | null, headers = {}) =>
  decodeRecord(topic, 1, { offset: 5, appended_at: AT_MS, key: null, value, headers })

test('whatever the bytes, a record gives at least one row, and its rows can be encoded', { timeout: 30_000 }, () =>
  assert(
    property(constantFrom(...topics), array(anyBytes, { minLength: 1, maxLength: 5 }), (topic, values) => {
      const records = values.map(value => decode(topic, value))
      for (const { rows } of records) expect(rows.length).toBeGreaterThan(0)
      const { bytes, rows } = encodeBatch(topic, [{ partition: 1, records, before: NOTHING_SEEN }])
      const table = tableFromIPC(bytes)
      expect(table.numRows).toBe(rows)
      expect(table.schema.fields.map(field => field.name)).toEqual(Object.keys(TABLES[topic].columns))
    }),
    { numRuns: 100 },
  ),
)

test('rows come back from Arrow as they went in, with nulls, wide characters and 64 bits', () => {
  const records = [jsonBytes(envelope(1, 'order.placed', { ...routed(1).order, order_id: 'ö🐝' })), ...POISON].map(
    value => decode('operations', value),
  )
  const { bytes } = encodeBatch('operations', [{ partition: 1, records, before: NOTHING_SEEN }])
  const table = tableFromIPC(bytes)
  const rows = records.flatMap(one => one.rows) as {
    order_id: string
    lat: number | null
    cell: bigint
    data: string
  }[]
  for (const [at, row] of rows.entries()) {
    const back = table.get(at)
    expect(back?.order_id).toBe(row.order_id.toWellFormed())
    expect(back?.lat).toBe(row.lat)
    expect(back?.cell).toBe(row.cell)
    expect(back?.data).toBe(row.data.toWellFormed())
  }
  expect(rows[0]?.cell).toBe(0x892664c1a8fffffn)
})

test('a null value is a row too', () => {
  for (const topic of topics) expect(decode(topic, null).rows).toMatchObject([{ type: 'unreadable', data: '' }])
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
