import { sample } from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Topic } from '../../ingest/contract.ts'
import { migrateClickhouse } from '../../sql/migrate.ts'
import { freshNamespace, testServers } from '../../world/servers/testing.ts'
import { type ClickHouse, openClickhouse } from '../io/clickhouse.ts'
import { openMemory } from './arrow.ts'
import { encodeBatch } from './batch.ts'
import { anyBytes, decided, delivered, POISON, routed } from './samples.testing.ts'
import { TABLES } from './tables.ts'
import { stretchOf, wholeOf } from './waiting.ts'

/** What the whole of loading rests on: one INSERT is one block is one token, in the table and behind its views. */

const database = freshNamespace('insert')
let clickhouse: ClickHouse

beforeAll(async () => {
  await migrateClickhouse(testServers().clickhouse_url, database)
  clickhouse = openClickhouse(testServers().clickhouse_url, database)
})
afterAll(async () => {
  await clickhouse.client.command({ query: `DROP DATABASE \`${database}\`` })
  await clickhouse.close()
})

const ROWS = 50_000
const DAY_MS = Date.UTC(2026, 10, 20)

function batchOf(topic: 'decisions' | 'deliveries', value: (n: number) => object): Uint8Array {
  const messages = Array.from({ length: ROWS }, (_, offset) => ({
    offset,
    appended_at: DAY_MS + offset,
    key: null,
    value: Buffer.from(JSON.stringify(value(offset))),
    headers: {},
  }))
  const records = [wholeOf(stretchOf(topic, messages))]
  return encodeBatch(openMemory(topic), [{ partition: 0, records, before: { epoch: 0, source_offset: -1 } }]).bytes
}

async function select<R>(query: string): Promise<R[]> {
  return (await clickhouse.client.query({ query, format: 'JSONEachRow' })).json<R>()
}

const insert = (table: string, topic: 'decisions' | 'deliveries', bytes: Uint8Array, token: string) =>
  clickhouse.insertArrow({ table, columns: Object.keys(TABLES[topic].columns), bytes, token })

const partsOf = (table: string) =>
  select<{ rows: number }>(
    `SELECT toUInt32(rows) AS rows FROM system.parts WHERE database = '${database}' AND table = '${table}' AND active`,
  )

test('50,000 decisions are one part, and the same token again, thrice and two at a time, changes nothing', async () => {
  for (const table of ['decisions', 'orders_per_minute_parts']) {
    await clickhouse.client.command({ query: `SYSTEM STOP MERGES \`${database}\`.${table}` })
  }
  const bytes = batchOf('decisions', n => decided(1, n, [routed(n)]))
  await Promise.all([1, 2].map(() => insert('decisions', 'decisions', bytes, 'a')))
  for (let time = 0; time < 3; time += 1) await insert('decisions', 'decisions', bytes, 'a')
  expect(await partsOf('decisions')).toEqual([{ rows: ROWS }])
  expect(await partsOf('orders_per_minute_parts')).toHaveLength(2)
  const sums = 'SELECT toUInt32(sum(placed)) AS placed, toUInt32(sum(routed)) AS routed FROM orders_per_minute'
  expect(await select(sums)).toEqual([{ placed: ROWS, routed: ROWS }])
  await insert('decisions', 'decisions', bytes, 'b')
  expect(await select(sums)).toEqual([{ placed: 2 * ROWS, routed: 2 * ROWS }])
})

test('deliveries too, with their sets', async () => {
  const bytes = batchOf('deliveries', n => delivered(n, n % 2))
  for (let time = 0; time < 3; time += 1) await insert('deliveries', 'deliveries', bytes, 'c')
  const [sums] = await select(
    'SELECT toUInt32(sum(delivered)) AS delivered, toUInt32(sum(late)) AS late FROM orders_per_minute',
  )
  expect(sums).toEqual({ delivered: ROWS, late: ROWS / 2 })
  expect(await select('SELECT toUInt32(count()) AS rows FROM deliveries')).toEqual([{ rows: ROWS }])
})

test.each(Object.keys(TABLES) as Topic[])('ClickHouse takes whatever is decoded from any bytes: %s', async topic => {
  const values = [...POISON, ...sample(anyBytes, 2_000)]
  const messages = values.map((value, offset) => ({ offset, appended_at: DAY_MS, key: null, value, headers: {} }))
  const records = [wholeOf(stretchOf(topic, messages))]
  const { bytes, rows } = encodeBatch(openMemory(topic), [
    { partition: 7, records, before: { epoch: 0, source_offset: -1 } },
  ])
  const { name, columns } = TABLES[topic]
  await clickhouse.insertArrow({ table: name, columns: Object.keys(columns), bytes, token: `any-${topic}` })
  const found = await select(`SELECT toUInt32(count()) AS rows FROM ${name} WHERE kafka_partition = 7`)
  expect(found).toEqual([{ rows }])
})

test('the columns that are written are those of the tables, in their order', async () => {
  const TYPES = {
    text: /^String$/,
    word: /^LowCardinality\(String\)$/,
    bytes: /^String$/,
    u8: /^UInt8$/,
    u16: /^UInt16$/,
    u32: /^UInt32$/,
    u64: /^UInt64$/,
    cell: /^UInt64$/,
    u64_or_null: /^Nullable\(UInt64\)$/,
    i64: /^Int64$/,
    i64_or_null: /^Nullable\(Int64\)$/,
    f32_or_null: /^Nullable\(Float32\)$/,
    f64_or_null: /^Nullable\(Float64\)$/,
    time: /^DateTime64\(3, 'UTC'\)$/,
    time_or_null: /^Nullable\(DateTime64\(3, 'UTC'\)\)$/,
  }
  for (const { name, columns } of Object.values(TABLES)) {
    const found = await select<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${name}' AND default_kind = ''
       ORDER BY position`,
    )
    expect(found.map(column => column.name)).toEqual(Object.keys(columns))
    for (const [at, kind] of Object.values(columns).entries()) expect(found[at]?.type).toMatch(TYPES[kind])
  }
})
