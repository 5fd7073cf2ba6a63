import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, testServers, waitFor } from '../../world/servers/testing.ts'
import { openLog } from './log.ts'
import { openListener, openPostgres, type Pool, transaction } from './postgres.ts'

const log = openLog('test', 'silent')
let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase(testServers())
  pool = openPostgres(database.url, { max: 3, service: 'test' })
  await pool.query('CREATE TABLE t (n bigint)')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

test('int8 is a number while it fits, and an error when it does not', async () => {
  const { rows } = await pool.query('SELECT 9007199254740991::bigint AS n, count(*) AS many FROM t')
  expect(rows[0]).toEqual({ n: Number.MAX_SAFE_INTEGER, many: 0 })
  await expect(pool.query('SELECT 9007199254740993::bigint AS n')).rejects.toThrow(/does not fit/)
})

test('a transaction that throws leaves nothing, one that resolves leaves all', async () => {
  const failing = transaction(pool, async client => {
    await client.query('INSERT INTO t VALUES (1)')
    throw new Error('changed my mind')
  })
  await expect(failing).rejects.toThrow('changed my mind')
  const answer = await transaction(pool, async client => {
    await client.query('INSERT INTO t VALUES (2)')
    return 'done'
  })
  const { rows } = await pool.query('SELECT n FROM t')
  expect([answer, rows]).toEqual(['done', [{ n: 2 }]])
})

test('a listener that was cut off comes back, says so, and hears again', async () => {
  const listener = await openListener(database.url, { service: 'test', log })
  const heard: (string | null)[] = []
  await listener.on('news', payload => heard.push(payload))
  await pool.query(`SELECT pg_notify('news', 'one')`)
  await waitFor(() => heard.length === 1, { timeout_ms: 5_000, what: 'the first notification' })
  await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test listener'`)
  await waitFor(() => heard.length === 2, { timeout_ms: 5_000, what: 'the word that it was cut off' })
  await pool.query(`SELECT pg_notify('news', 'two')`)
  await waitFor(() => heard.length === 3, { timeout_ms: 5_000, what: 'a notification after it' })
  await listener.close()
  expect(heard).toEqual(['one', null, 'two'])
})

test('a Postgres that is not there is a clear error', async () => {
  const nobody = 'postgres://nobody@127.0.0.1:1/none'
  await expect(openListener(nobody, { service: 'test', log })).rejects.toThrow(/ECONNREFUSED/)
})
