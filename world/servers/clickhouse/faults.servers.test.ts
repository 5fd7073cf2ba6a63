import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startClickhouse } from './start.ts'
import { failure, startTestServer, type TestServer, until } from './testing.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ running_max: 4, waiting_max: 2 })
})

afterAll(() => server?.end())

const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1'
const running = () => server.one<number>("SELECT count() - 1 AS x FROM system.processes WHERE query NOT LIKE 'KILL%'")

test('exceptions carry their code, their name and a status', async () => {
  for (const [sql, code, name, status] of [
    ['SELECT * FROM nowhere', 60, 'UNKNOWN_TABLE', 404],
    ['SELECT * FROM nowhere.nowhere', 81, 'UNKNOWN_DATABASE', 404],
    ['SELECT (1', 62, 'SYNTAX_ERROR', 400],
    ['SELECT nofunction(1)', 46, 'UNKNOWN_FUNCTION', 404],
    ['SELECT 1 SETTINGS nosetting = 1', 115, 'UNKNOWN_SETTING', 404],
    ["SELECT throwIf(1, 'on purpose')", 395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 500],
    ['SELECT {missing:String}', 456, 'UNKNOWN_QUERY_PARAMETER', 400],
    ["SELECT * FROM file('/etc/passwd')", 497, 'ACCESS_DENIED', 500],
    [`${ENDLESS} SETTINGS max_execution_time = 0.1`, 159, 'TIMEOUT_EXCEEDED', 408],
  ] as const) {
    const response = await server.post(sql)
    const text = await response.text()
    expect([response.status, response.headers.get('x-clickhouse-exception-code'), text]).toEqual([
      status,
      String(code),
      expect.stringMatching(
        new RegExp(
          `^Code: ${code}\\. DB::Exception: .*\\(${name}\\) \\(version 26\\.[0-9.]+ \\(official build\\)\\)\\n$`,
          's',
        ),
      ),
    ])
    expect(await failure(server.client.query({ query: sql }))).toMatchObject({ code: String(code), type: name })
  }
  expect((await server.post('SELECT 1', { nosetting: '1' })).status).toBe(404)
  expect((await server.post('SELECT 1', { "max_threads='1'; DROP": '1' })).status).toBe(404)
  expect((await server.post('SELECT 1', { database: '`; DROP DATABASE default; `' })).status).toBe(404)
  expect((await fetch(`${server.url()}/?query=CREATE+TABLE+t+(a+UInt8)+ENGINE=Memory`)).status).toBe(500)
})

test('no file of this machine can be read in place of a table, also after a restart', async () => {
  const file = `${server.data_dir}/secret.tsv`
  await writeFile(file, 'secret\n')
  const tries: [string, Record<string, string>?][] = [
    [`SELECT * FROM '${file}'`],
    [`SELECT * FROM numbers(1), '${file}'`],
    [`SELECT * FROM "${file}"`],
    [`SELECT * FROM default.\`${file}\``],
    ['SELECT * FROM {name:Identifier}', { param_name: file }],
    [`SELECT * FROM loop('default', '${file}') LIMIT 1`],
    [`DESCRIBE '${file}'`],
    [`SELECT * FROM merge('default', '.*')`],
    [`SELECT * FROM fi\u006ce('${file}')`],
    [`SELECT * FROM file(${'/*'.repeat(2)}*/*/'${file}')`],
    [`CREATE OR REPLACE TABLE b (line String) ENGINE = Buffer('default', '${file}', 1, 1, 1, 1, 1, 1, 1)`],
    ['SELECT * FROM b'],
    [`CREATE OR REPLACE TABLE m (line String) ENGINE = Merge('default', '${file}')`],
    ['SELECT * FROM m'],
    [
      `CREATE OR REPLACE DICTIONARY d (line String, c String) PRIMARY KEY line SOURCE(CLICKHOUSE(TABLE '${file}')) LAYOUT(COMPLEX_KEY_DIRECT())`,
    ],
    [`SELECT dictGet('d', 'c', tuple('secret'))`],
    [`CREATE MATERIALIZED VIEW v TO default.\`${file}\` AS SELECT 'x' AS line`],
    [`SELECT * FROM v`],
  ]
  for (const again of [false, true]) {
    if (again) await server.stopAndStartAgain()
    for (const [sql, parameters] of tries)
      expect(await (await server.post(sql, parameters)).text(), sql).not.toContain('secret\n')
    expect(await server.one("SELECT engine AS x FROM system.databases WHERE name = 'default'")).toBe('Atomic')
  }
})

test('an exception in the middle of a stream reaches the client', async () => {
  const query = "SELECT throwIf(number = 900000, 'in the middle') AS t, number FROM numbers(1000000)"
  for (const client of [server.client, server.clientWith({ compression: { response: true } })]) {
    const result = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: { max_threads: 1 } })
    let seen = 0
    const read = async () => {
      for await (const part of result.stream()) seen += part.length
    }
    expect(await failure(read())).toMatchObject({ code: '395' })
    expect(seen).toBeGreaterThan(100_000)
  }
  await expect((await server.post(`${query} FORMAT TSV`)).text()).rejects.toThrow()
  expect((await server.post(`${query} FORMAT TSV`, { wait_end_of_query: '1' })).status).toBe(500)
})

test('a slow query does not hold up a fast one, whatever the slow one does', async () => {
  for (const slow of [
    'SELECT sleep(1)',
    'WITH (SELECT sleep(1)) AS x SELECT x',
    "INSERT INTO FUNCTION null('a UInt8') SELECT sleep(1)",
  ]) {
    let ended = false
    const pending = server.post(slow).then(async response => {
      ended = true
      return await response.text()
    })
    await until('the slow query runs', async () => (await running()) === 1)
    for (let i = 0; i < 5; i++) expect(await server.one('SELECT 1 AS x')).toBe(1)
    expect(ended, slow).toBe(false)
    expect(await pending).not.toContain('Exception')
  }
})

test('what is beyond the line is refused, and the line moves on', async () => {
  const answers = await Promise.all(
    Array.from({ length: 9 }, () => server.post('SELECT sleep(0.5)').then(response => response.status)),
  )
  expect(answers.toSorted()).toEqual([200, 200, 200, 200, 200, 200, 503, 503, 503])
  expect(await server.one('SELECT 1 AS x')).toBe(1)
})

test('a client that goes away takes its query with it', async () => {
  for (const query of [ENDLESS, 'SELECT number FROM numbers(1000000000000) FORMAT TSV', `${ENDLESS} FORMAT JSON`]) {
    const abort = new AbortController()
    const pending = server.post(query, {}, { signal: abort.signal }).then(response => response.text())
    await until('it runs', async () => (await running()) === 1)
    abort.abort()
    await expect(pending).rejects.toThrow(/abort/i)
    await until('it has ended', async () => (await running()) === 0)
  }
})

test('what a client that goes away was writing is written', async () => {
  await server.client.command({ query: 'CREATE TABLE left_alone (a UInt8) ENGINE = MergeTree ORDER BY a' })
  const abort = new AbortController()
  const pending = server.post('INSERT INTO left_alone SELECT sleep(1)', {}, { signal: abort.signal })
  await until('it runs', async () => (await running()) === 1)
  abort.abort()
  await expect(pending).rejects.toThrow(/abort/i)
  await until('it is written', async () => (await server.count('left_alone')) === 1)
})

test('KILL QUERY by the id the caller gave', async () => {
  const killed = failure(server.client.query({ query: ENDLESS, query_id: "my 'slow' one" }))
  await until('it runs', async () => (await running()) === 1)
  expect(
    (await server.post('SELECT 1', { query_id: "my 'slow' one" })).headers.get('x-clickhouse-exception-code'),
  ).toBe('216')
  const report = await server.post("KILL QUERY WHERE query_id = 'my \\'slow\\' one' SYNC")
  expect(await report.text()).toContain('waiting')
  expect(await killed).toMatchObject({ code: '394', type: 'QUERY_WAS_CANCELLED' })
  expect(await (await server.post("KILL QUERY WHERE query_id = 'nobody'")).text()).toBe('')
})

test('what was acknowledged outlives a kill -9 in the middle of inserts, once, however often it is sent again', async () => {
  await server.client.command({ query: 'CREATE DATABASE kept' })
  await server.client.command({
    query:
      'CREATE TABLE kept.t (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 1000',
  })
  const insert = (a: number, token = `insert ${a}`) =>
    server.client.insert({
      table: 'kept.t',
      values: [{ a }],
      format: 'JSONEachRow',
      clickhouse_settings: { insert_deduplication_token: token },
    })
  let acknowledged = 0
  const inserting = (async () => {
    for (;;) {
      await insert(acknowledged)
      acknowledged++
    }
  })().catch(() => undefined)
  await until('some are in', () => acknowledged > 20)
  await server.kill()
  await inserting
  await server.startAgain()
  for (let a = 0; a <= acknowledged; a++) await insert(a)
  // The one that the kill cut short may be known by its token and yet be lost (engine/io/rollups.ts says why).
  if ((await server.count(`kept.t WHERE a = ${acknowledged}`)) === 0) await insert(acknowledged, 'another token')
  expect(await server.rows('SELECT count() AS n, uniqExact(a) AS u, max(a) AS m FROM kept.t')).toEqual([
    { n: acknowledged + 1, u: acknowledged + 1, m: acknowledged },
  ])
})

test('a second server on the same data says so and leaves the first one alone', async () => {
  const lines: string[] = []
  const second = startClickhouse({ data_dir: server.data_dir, log: line => void lines.push(line) })
  await expect(second).rejects.toThrow(/ended while starting/)
  expect(lines.join('\n')).toMatch(/lock|already|another/i)
  expect(await server.one('SELECT 1 AS x')).toBe(1)
})

test('SIGTERM ends it cleanly in the middle of queries, whose callers are told', async () => {
  const pending = server.post(ENDLESS).then(response => response.text())
  await until('it runs', async () => (await running()) === 1)
  process.kill(server.pid(), 'SIGTERM')
  expect(await pending).toContain('QUERY_WAS_CANCELLED')
  await until('it is gone', () => !isAlive(server.pid()))
  await server.startAgain()
  expect(await server.one('SELECT count() > 20 AS x FROM kept.t')).toBe(1)
})

test('it ends when the process that started it is killed', async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'waggle-clickhouse-'))
  const code = `
    import { startClickhouse } from ${JSON.stringify(new URL('start.ts', import.meta.url).href)}
    const server = await startClickhouse({ data_dir: ${JSON.stringify(data_dir)}, log: () => {} })
    console.log(server.pid)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: parent.stdout }), 'line')
  const pid = Number(line)
  expect(isAlive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await until('it is gone', () => !isAlive(pid))
  await rm(data_dir, { recursive: true, force: true })
})

test('only the configured user is let in', async () => {
  const closed = await startTestServer({ user: 'waggle', password: 'se:cret' })
  try {
    const wrong = closed.clientWith({ username: 'waggle', password: 'wrong' })
    expect(await failure(wrong.query({ query: 'SELECT 1' }))).toMatchObject({
      code: '516',
      type: 'AUTHENTICATION_FAILED',
    })
    const right = closed.clientWith({ username: 'waggle', password: 'se:cret' })
    expect(await (await right.query({ query: 'SELECT 1 AS a', format: 'JSONEachRow' })).json()).toEqual([{ a: 1 }])
    const headers = { 'X-ClickHouse-User': 'waggle', 'X-ClickHouse-Key': 'se:cret' }
    expect((await closed.post('SELECT 1', {}, { headers })).status).toBe(200)
    expect((await closed.post('SELECT 1')).status).toBe(403)
  } finally {
    await closed.end()
  }
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
