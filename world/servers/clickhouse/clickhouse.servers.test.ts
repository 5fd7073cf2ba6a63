import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { TupleParam } from '@clickhouse/client'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure, startTestServer, type TestServer } from './testing.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server?.end())

describe('queries', () => {
  test('every bound parameter comes back as it was sent', async () => {
    const text = 'it\'s "quoted" `so`\n\ttab \\ back\\\' slash \0 é 🐝 {x:String} ; DROP TABLE t --'
    const params = {
      text,
      empty: '',
      list: ["a'b", '\\', 'c\nd', '🐝'],
      at: new Date(1_700_000_000_123),
      big: 18_446_744_073_709_551_615n,
      nothing: null,
      map: { 'k"\'': 1 },
      pair: new TupleParam([1, "x'y"]),
    }
    const query = `SELECT {text:String} AS text, {empty:String} AS empty, {list:Array(String)} AS list, {at:DateTime64(3)} AS at,
      {big:UInt64} AS big, {nothing:Nullable(String)} AS nothing, {map:Map(String, UInt8)} AS map, {pair:Tuple(UInt8, String)} AS pair`
    const expected = {
      text,
      empty: '',
      list: params.list,
      at: '2023-11-14 22:13:20.123',
      nothing: null,
      map: { 'k"\'': 1 },
      pair: [1, "x'y"],
    }
    const settings = {
      output_format_json_named_tuples_as_objects: 0,
      output_format_json_quote_64bit_integers: 1,
    } as const
    for (const use_multipart_params of [false, true]) {
      const [row] = await server.rows(query, {
        query_params: params,
        use_multipart_params,
        clickhouse_settings: settings,
      })
      expect(row).toMatchObject(expected)
      expect(row).toHaveProperty('big', '18446744073709551615')
    }
  })

  test('long parameters go in the URL and as a form', async () => {
    const list = Array.from({ length: 20_000 }, (_, i) => `name ${i}`)
    for (const use_multipart_params of [false, true]) {
      const more = { query_params: { list }, use_multipart_params }
      expect(await server.one('SELECT length({list:Array(String)}) AS x', more)).toBe(20_000)
    }
  })

  test('a setting holds for its query only', async () => {
    const query = "SELECT getSetting('max_threads') AS x"
    const before = await server.one(query)
    expect(await server.one(query, { clickhouse_settings: { max_threads: 3 } })).toBe(3)
    for (let i = 0; i < 10; i++) expect(await server.one(query)).toBe(before)
  })

  test('a big result is streamed, row by row', async () => {
    const result = await server.client.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONEachRow' })
    let seen = 0
    for await (const part of result.stream<{ number: number }>()) {
      for (const row of part) if (row.json().number === seen) seen++
    }
    expect(seen).toBe(500_000)
  })

  test('formats that wrap their rows come whole', async () => {
    const response = await server.post('SELECT number FROM numbers(200000) FORMAT JSON')
    const body = (await response.json()) as { rows: number; data: unknown[] }
    expect([body.rows, body.data.length]).toEqual([200_000, 200_000])
    expect(response.headers.get('content-type')).toBe('application/json; charset=UTF-8')
    const arrow = await server.post('SELECT number AS n FROM numbers(100000) FORMAT ArrowStream', {
      output_format_arrow_compression_method: 'none',
    })
    expect(tableFromIPC(new Uint8Array(await arrow.arrayBuffer())).numRows).toBe(100_000)
    const parquet = Buffer.from(await (await server.post('SELECT 1 AS n FORMAT Parquet')).arrayBuffer())
    expect(parquet.subarray(0, 4).toString()).toBe('PAR1')
  })

  test('the format comes from the statement, a header or a parameter', async () => {
    expect(await (await server.post('SELECT 1 AS a')).text()).toBe('1\n')
    expect(await (await server.post('SELECT 1 AS a', { default_format: 'CSVWithNames' })).text()).toBe('"a"\n1\n')
    const with_header = await server.post('SELECT 1 AS a', {}, { headers: { 'X-ClickHouse-Format': 'JSONEachRow' } })
    expect(await with_header.text()).toBe('{"a":1}\n')
    expect(with_header.headers.get('x-clickhouse-format')).toBe('JSONEachRow')
  })

  test('database, query id, time zone and summary', async () => {
    await server.client.command({ query: 'CREATE DATABASE IF NOT EXISTS other' })
    const response = await server.post('SELECT currentDatabase(), timezone()', { database: 'other', query_id: 'my-id' })
    expect(await response.text()).toBe('other\tUTC\n')
    expect(response.headers.get('x-clickhouse-query-id')).toBe('my-id')
    expect(response.headers.get('x-clickhouse-timezone')).toBe('UTC')
    expect(JSON.parse(response.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ result_rows: '1' })
  })

  test('a session keeps its temporary tables and keeps no setting of a query', async () => {
    const session = server.clientWith({ session_id: 'my-session' })
    await session.command({ query: 'CREATE TEMPORARY TABLE mine (a UInt8)' })
    await session.insert({ table: 'mine', values: [{ a: 5 }], format: 'JSONEachRow' })
    const result = await session.query({ query: 'SELECT a FROM mine', format: 'JSONEachRow' })
    expect(await result.json()).toEqual([{ a: 5 }])
    expect((await failure(server.client.command({ query: 'SELECT a FROM mine' }))).type).toBe('UNKNOWN_TABLE')
  })

  test('H3', async () => {
    expect(await server.one('SELECT h3ToString(geoToH3(41.8781, -87.6298, 9)) AS x')).toMatch(/^89/)
    expect(await server.one('SELECT h3GetResolution(h3ToParent(geoToH3(41.8781, -87.6298, 9), 7)) AS x')).toBe(7)
  })

  test('curl', async () => {
    const curl = async (...args: string[]) => (await promisify(execFile)('curl', ['-s', ...args])).stdout
    expect(await curl(`${server.url()}/ping`)).toBe('Ok.\n')
    expect(await curl(`${server.url()}/?query=SELECT%201%2B1`)).toBe('2\n')
    expect(await curl(server.url(), '--data-binary', "SELECT 'ü' FORMAT CSV")).toBe('"ü"\n')
    expect(await curl('--compressed', `${server.url()}/?enable_http_compression=1`, '-d', 'SELECT 3')).toBe('3\n')
  })
})

describe('compression', () => {
  test('of the answer', async () => {
    for (const coding of ['gzip', 'zstd', 'br', 'deflate']) {
      const response = await server.post(
        'SELECT repeat(toString(number), 3) FROM numbers(300000)',
        { enable_http_compression: '1' },
        {
          headers: { 'accept-encoding': coding },
        },
      )
      expect(response.headers.get('content-encoding')).toBe(coding)
      if (coding === 'zstd') continue // not every fetch can read it
      expect((await response.text()).split('\n')).toHaveLength(300_001)
    }
    expect(
      (await server.post('SELECT 1', {}, { headers: { 'accept-encoding': 'gzip' } })).headers.get('content-encoding'),
    ).toBeNull()
  })

  test('of the request', async () => {
    await server.client.command({ query: 'CREATE OR REPLACE TABLE packed (a UInt32) ENGINE = MergeTree ORDER BY a' })
    const lines = Array.from({ length: 50_000 }, (_, i) => String(i)).join('\n')
    const packers = { gzip: gzipSync, zstd: zstdCompressSync, br: brotliCompressSync, deflate: deflateSync }
    for (const [coding, pack] of Object.entries(packers)) {
      const response = await fetch(`${server.url()}/?query=INSERT+INTO+packed+FORMAT+TSV`, {
        method: 'POST',
        headers: { 'content-encoding': coding },
        body: new Uint8Array(pack(lines)),
      })
      expect([coding, response.status, await response.text()]).toEqual([coding, 200, ''])
    }
    expect(await server.count('packed')).toBe(200_000)
    const broken = await fetch(`${server.url()}/?query=INSERT+INTO+packed+FORMAT+TSV`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: 'not gzip at all',
    })
    expect(broken.status).toBe(500)
    expect(await server.count('packed')).toBe(200_000)
  })

  test('both ways with the client', async () => {
    for (const codec of ['gzip', 'zstd'] as const) {
      const packing = server.clientWith({ compression: { request: { codec }, response: { codec } } })
      await packing.command({ query: 'CREATE OR REPLACE TABLE both (a String) ENGINE = MergeTree ORDER BY a' })
      await packing.insert({ table: 'both', values: [{ a: 'ü' }], format: 'JSONEachRow' })
      const result = await packing.query({ query: 'SELECT a FROM both', format: 'JSONEachRow' })
      expect(await result.json()).toEqual([{ a: 'ü' }])
    }
  })
})
