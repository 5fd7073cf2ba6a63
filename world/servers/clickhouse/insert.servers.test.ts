import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Table, tableFromArrays, tableToIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, startTestServer, type TestServer } from './testing.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server?.end())

const command = (query: string) => server.client.command({ query })

/** As Waggle's loader inserts. */
const ONE_BLOCK = {
  async_insert: 0,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: '50000',
  min_insert_block_size_rows: '50000',
  min_insert_block_size_bytes: '0',
} as const

async function insertArrow(table: string, data: Uint8Array, token: string): Promise<void> {
  const values = Readable.from([data], { objectMode: false })
  const clickhouse_settings = { ...ONE_BLOCK, insert_deduplication_token: token }
  const { stream } = await server.client.exec({
    query: `INSERT INTO ${table} FORMAT ArrowStream`,
    values,
    clickhouse_settings,
  })
  stream.resume()
}

function parts(table: string): Promise<{ rows: number }[]> {
  return server.rows(`SELECT rows FROM system.parts WHERE table = '${table}' AND active ORDER BY name`)
}

/** The same three rows in each format. */
const ROWS = `SELECT number AS a, 'x' || toString(number) AS b FROM numbers(3)`

test.each([
  'JSONEachRow',
  'JSONCompactEachRow',
  'JSON',
  'CSV',
  'CSVWithNames',
  'TSV',
  'TSVWithNamesAndTypes',
  'Values',
  'RowBinary',
  'RowBinaryWithNamesAndTypes',
  'Native',
  'ArrowStream',
  'Arrow',
  'Parquet',
  'MsgPack',
  'ORC',
  'Avro',
])('%s goes in as it came out', async format => {
  await command('CREATE OR REPLACE TABLE there (a UInt64, b String, n UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY a')
  const body = await (await server.post(`${ROWS} FORMAT ${format}`)).arrayBuffer()
  const response = await server.post('', { query: `INSERT INTO there (a, b) FORMAT ${format}` }, { body })
  expect(await response.text()).toBe('')
  expect(await server.rows('SELECT * FROM there ORDER BY a')).toEqual([
    { a: 0, b: 'x0', n: 7 },
    { a: 1, b: 'x1', n: 7 },
    { a: 2, b: 'x2', n: 7 },
  ])
})

test('columns go by name where the format has names, in any order, and what is missing gets its default', async () => {
  await command(`CREATE OR REPLACE TABLE named (a UInt32, b String DEFAULT concat('b', toString(a)), double UInt64 MATERIALIZED a * 2,
    at DateTime64(3) DEFAULT now64(3)) ENGINE = MergeTree ORDER BY a`)
  const table = tableFromArrays({ b: ['first', 'second'], a: new Uint32Array([1, 2]) })
  await insertArrow('named', tableToIPC(table, 'stream'), 'names')
  await insertArrow('named', tableToIPC(tableFromArrays({ a: new Uint32Array([3]) }), 'stream'), 'defaults')
  await server.client.insert({ table: 'named', values: [{ b: 'json', a: 4 }, { a: 5 }], format: 'JSONEachRow' })
  await server.post('INSERT INTO named (b, a) FORMAT CSV\ncsv,6')
  expect(await server.rows('SELECT a, b, double, at > now() - 60 AS recent FROM named ORDER BY a')).toEqual([
    { a: 1, b: 'first', double: 2, recent: 1 },
    { a: 2, b: 'second', double: 4, recent: 1 },
    { a: 3, b: 'b3', double: 6, recent: 1 },
    { a: 4, b: 'json', double: 8, recent: 1 },
    { a: 5, b: 'b5', double: 10, recent: 1 },
    { a: 6, b: 'csv', double: 12, recent: 1 },
  ])
})

test('statement in the URL, in the body, or in both', async () => {
  await command('CREATE OR REPLACE TABLE ways (a UInt32, b String) ENGINE = MergeTree ORDER BY a')
  const answers = [
    await server.post("INSERT INTO ways VALUES (1, 'a;b'), (1 + 1, upper('b'))"),
    await server.post('{"a":3}\n{"a":4}', { query: 'INSERT INTO ways FORMAT JSONEachRow' }),
    await server.post('INSERT INTO ways FORMAT JSONEachRow\n{"a":5}'),
    await server.post('INSERT INTO ways SETTINGS max_threads = 1 FORMAT TSV\n6\tx\\ny'),
    await server.post("(7, 'seven')", { query: 'INSERT INTO ways VALUES' }),
    await server.post('SELECT 8, {b:String}', { query: 'INSERT INTO ways', param_b: "it's" }),
    await server.post('INSERT INTO ways VALUES (9, {b:String})', { param_b: "it's" }),
  ]
  expect(await Promise.all(answers.map(answer => answer.text()))).toEqual(answers.map(() => ''))
  expect(await server.rows('SELECT * FROM ways ORDER BY a')).toEqual([
    { a: 1, b: 'a;b' },
    { a: 2, b: 'B' },
    { a: 3, b: '' },
    { a: 4, b: '' },
    { a: 5, b: '' },
    { a: 6, b: 'x\ny' },
    { a: 7, b: 'seven' },
    { a: 8, b: "it's" },
    { a: 9, b: "it's" },
  ])
})

test('a statement cut anywhere by the network is read whole', async () => {
  await command('CREATE TABLE cut (a UInt32, b String) ENGINE = MergeTree ORDER BY a')
  const bytes = Buffer.from('INSERT INTO cut FORMAT JSONEachRow\r\n{"a":1,"b":"🐝"}')
  for (let at = 20; at < bytes.length; at++) {
    const { port } = new URL(server.url())
    const request = httpRequest({ port, method: 'POST', agent: false })
    request.write(bytes.subarray(0, at))
    await new Promise(resolve => setImmediate(resolve))
    request.end(bytes.subarray(at))
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect([at, response.resume().statusCode]).toEqual([at, 200])
  }
  expect(await server.rows('SELECT b, count() AS n FROM cut GROUP BY b')).toEqual([{ b: '🐝', n: bytes.length - 20 }])
})

describe('one insert, one block, one token', () => {
  const batch = (rows: number, first = 0) =>
    tableToIPC(
      tableFromArrays({
        a: Uint32Array.from({ length: rows }, (_, i) => first + i),
        b: Array.from({ length: rows }, (_, i) => `key ${i % 10}`),
      }),
      'stream',
    )

  test('the same token three times is once in, in the table and in every view', async () => {
    await command(
      'CREATE TABLE raw (a UInt32, b String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 1000',
    )
    for (const [name, engine] of [
      ['sums', 'SummingMergeTree'],
      ['plain', 'MergeTree'],
    ]) {
      await command(
        `CREATE TABLE ${name} (b String, n UInt64) ENGINE = ${engine} ORDER BY b SETTINGS non_replicated_deduplication_window = 1000`,
      )
      await command(`CREATE MATERIALIZED VIEW ${name}_view TO ${name} AS SELECT b, count() AS n FROM raw GROUP BY b`)
    }
    await command(`CREATE TABLE uniques (b String, u AggregateFunction(uniqExact, UInt32), s SimpleAggregateFunction(sum, UInt64))
      ENGINE = AggregatingMergeTree ORDER BY b SETTINGS non_replicated_deduplication_window = 1000`)
    await command(`CREATE MATERIALIZED VIEW uniques_view TO uniques AS
      SELECT b, uniqExactState(a) AS u, count() AS s FROM raw GROUP BY b`)
    for (let i = 0; i < 3; i++) await insertArrow('raw', batch(50_000), 'batch 1')
    await insertArrow('raw', batch(50_000), 'batch 2')
    expect(await server.count('raw')).toBe(100_000)
    expect(await server.one('SELECT sum(n) AS x FROM sums')).toBe(100_000)
    expect(await server.one('SELECT sum(n) AS x FROM plain')).toBe(100_000)
    expect(await server.rows('SELECT uniqExactMerge(u) AS u, sum(s) AS s FROM uniques')).toEqual([
      { u: 50000, s: 100000 },
    ])
  })

  test('50,000 rows are one block, in one record batch or in fifty, in Arrow or in JSON', async () => {
    await command('CREATE TABLE blocks (a UInt32, b String, c UInt8) ENGINE = MergeTree ORDER BY a')
    await command('SYSTEM STOP MERGES blocks')
    await insertArrow('blocks', batch(50_000), 'one')
    const pieces = Array.from({ length: 50 }, () =>
      tableFromArrays({ a: new Uint32Array(1000), c: new Uint8Array(1000) }),
    )
    await insertArrow('blocks', tableToIPC(new Table(pieces.flatMap(piece => piece.batches)), 'stream'), 'fifty')
    const values = Array.from({ length: 50_000 }, (_, i) => ({
      a: i,
      b: 'a row as long as rows are in real life, about a hundred bytes of it',
    }))
    await server.client.insert({ table: 'blocks', values, format: 'JSONEachRow', clickhouse_settings: ONE_BLOCK })
    expect(await parts('blocks')).toEqual([{ rows: 50000 }, { rows: 50000 }, { rows: 50000 }])
  })

  test('without a token, and with a window, equal inserts are one', async () => {
    await command(
      'CREATE TABLE honest (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 10',
    )
    for (const token of ['one', 'two']) {
      await server.client.insert({
        table: 'honest',
        values: [{ a: 1 }],
        format: 'JSONEachRow',
        clickhouse_settings: { insert_deduplication_token: token },
      })
    }
    expect(await server.count('honest')).toBe(2)
  })
})

test('PARTITION BY and TTL', async () => {
  await command(
    `CREATE TABLE days (at DateTime, a UInt8) ENGINE = MergeTree PARTITION BY toDate(at) ORDER BY at TTL at + INTERVAL 1 DAY`,
  )
  await server.post('INSERT INTO days SELECT now() - INTERVAL number DAY, number FROM numbers(4)')
  await command('OPTIMIZE TABLE days FINAL')
  expect(await server.one('SELECT max(a) <= 1 AS x FROM days')).toBe(1)
})

test('bad data is refused whole and leaves nothing behind', async () => {
  await command('CREATE TABLE bad (a UInt32) ENGINE = MergeTree ORDER BY a')
  const insert = (body: string, format: string) => server.post(body, { query: `INSERT INTO bad FORMAT ${format}` })
  for (const [body, format, code] of [
    ['{"a":1}\n{"a":"no"}\n', 'JSONEachRow', '27'],
    ['{"a":1}\n{"a":', 'JSONEachRow', '32'],
    ['not arrow', 'ArrowStream', undefined],
    ['1\nx\n', 'TSV', '27'],
    ['1', 'NoSuchFormat', '73'],
  ]) {
    const response = await insert(body ?? '', format ?? '')
    const text = await response.text()
    expect(response.ok, text).toBe(false)
    if (code !== undefined) expect(response.headers.get('x-clickhouse-exception-code')).toBe(code)
    expect(text).not.toContain(server.data_dir)
  }
  expect(await server.count('bad')).toBe(0)
  expect(
    (await failure(server.client.insert({ table: 'nowhere', values: [{ a: 1 }], format: 'JSONEachRow' }))).code,
  ).toBe('60')
  expect(await readdir(join(server.data_dir, 'inbox'))).toEqual([])
})

test('a body that breaks off inserts nothing', async () => {
  await command('CREATE TABLE broken (a UInt32) ENGINE = MergeTree ORDER BY a')
  async function* breaksOff() {
    yield new TextEncoder().encode('{"a":1}\n'.repeat(10_000))
    throw new Error('the loader died')
  }
  const values = Readable.from(breaksOff(), { objectMode: false })
  await expect(server.client.exec({ query: 'INSERT INTO broken FORMAT JSONEachRow', values })).rejects.toThrow(
    'the loader died',
  )
  expect(await server.count('broken')).toBe(0)
  expect(await readdir(join(server.data_dir, 'inbox'))).toEqual([])
})
