import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freshDatabase, freshNamespace, testServers } from '../world/servers/testing.ts'
import { migrateClickhouse, migratePostgres } from './migrate.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waggle-sql-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = (name: string, text: string) => writeFile(join(folder, name), text)

async function rowsOf(url: string, query: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(query)).rows
  } finally {
    await client.end()
  }
}

test('Postgres: once, in order, from four processes at a time', async () => {
  await using database = await freshDatabase(testServers())
  await write('0002_b.sql', 'ALTER TABLE a ADD COLUMN n integer; INSERT INTO a VALUES (1);')
  await write('0001_a.sql', 'CREATE TABLE a ()')
  const applied = await Promise.all([1, 2, 3, 4].map(() => migratePostgres(database.url, undefined, folder)))
  expect(applied.flat()).toEqual(['0001_a.sql', '0002_b.sql'])
  expect(await rowsOf(database.url, 'SELECT n FROM a')).toEqual([{ n: 1 }])
  expect(await migratePostgres(database.url, undefined, folder)).toEqual([])
})

test('Postgres: a file that fails leaves nothing, names itself, and can be mended', async () => {
  await using database = await freshDatabase(testServers())
  await write('0001_a.sql', 'CREATE TABLE a (); CREATE TABLE a ();')
  await expect(migratePostgres(database.url, undefined, folder)).rejects.toThrow(/^0001_a\.sql: .*already exists/)
  await write('0001_a.sql', 'CREATE TABLE a ()')
  expect(await migratePostgres(database.url, undefined, folder)).toEqual(['0001_a.sql'])
})

test('what was edited, lost, late, doubled or badly named is refused', async () => {
  await using database = await freshDatabase(testServers())
  const migrate = () => migratePostgres(database.url, undefined, folder)
  await write('0002_b.sql', 'CREATE TABLE b ()')
  await migrate()
  await write('0002_b.sql', 'CREATE TABLE b (n integer)')
  await expect(migrate()).rejects.toThrow(/0002_b\.sql was changed after it was applied/)
  await rm(join(folder, '0002_b.sql'))
  await expect(migrate()).rejects.toThrow(/0002_b\.sql, which this version does not know/)
  await write('0002_b.sql', 'CREATE TABLE b ()')
  await write('0001_a.sql', 'CREATE TABLE a ()')
  await expect(migrate()).rejects.toThrow(/0001_a\.sql comes too late/)
  await rm(join(folder, '0001_a.sql'))
  await write('0002_c.sql', 'CREATE TABLE c ()')
  await expect(migrate()).rejects.toThrow(/Two migrations have the number 2/)
  await rm(join(folder, '0002_c.sql'))
  await write('3_c.sql', 'CREATE TABLE c ()')
  await expect(migrate()).rejects.toThrow(/name migrations like/)
})

test('ClickHouse: from three processes at a time, again after stopping half-way, and not when edited', async () => {
  const url = testServers().clickhouse_url
  const database = freshNamespace('sql')
  const client = createClient({ url, database })
  const migrate = () => migrateClickhouse(url, database, undefined, folder)
  try {
    await write(
      '0001_a.sql',
      'CREATE TABLE IF NOT EXISTS a (n UInt8) ORDER BY n; CREATE TABLE IF NOT EXISTS b (n Nope) ORDER BY n',
    )
    await expect(migrate()).rejects.toThrow(/^0001_a\.sql: .*Nope/)
    await write(
      '0001_a.sql',
      `CREATE TABLE IF NOT EXISTS a (n UInt8 COMMENT 'a; b') ORDER BY n; CREATE TABLE IF NOT EXISTS b (n UInt8) ORDER BY n;`,
    )
    await Promise.all([migrate(), migrate(), migrate()])
    const result = await client.query({ query: 'SELECT name FROM migrations FINAL', format: 'JSONEachRow' })
    expect(await result.json()).toEqual([{ name: '0001_a.sql' }])
    expect(await migrate()).toEqual([])
    await write('0001_a.sql', 'CREATE TABLE IF NOT EXISTS a (n UInt16) ORDER BY n')
    await expect(migrate()).rejects.toThrow(/was changed after it was applied/)
  } finally {
    await client.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    await client.close()
  }
})

test('every table and column of both databases has a comment', async () => {
  const urls = testServers()
  const name = freshNamespace('comments')
  await migrateClickhouse(urls.clickhouse_url, name)
  const client = createClient({ url: urls.clickhouse_url })
  const bare = `
    SELECT table || '.' || name AS name FROM system.columns WHERE database = {name:String} AND comment = ''
      AND table NOT IN (SELECT name FROM system.tables WHERE database = {name:String} AND engine = 'MaterializedView')
    UNION ALL SELECT name FROM system.tables WHERE database = {name:String} AND comment = '' AND engine != 'MaterializedView'`
  const result = await client.query({ query: bare, query_params: { name }, format: 'JSONEachRow' })
  expect(await result.json()).toEqual([])
  await client.command({ query: `DROP DATABASE ${name}` })
  await client.close()
  await using database = await freshDatabase(urls, migratePostgres)
  const uncommented = `
    SELECT relname || coalesce('.' || attname, '') AS name FROM pg_class
    JOIN pg_attribute ON attrelid = pg_class.oid AND attnum >= 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname != 'migrations'
      AND col_description(pg_class.oid, attnum) IS NULL
    UNION ALL SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
      AND relname != 'migrations' AND obj_description(oid, 'pg_class') IS NULL ORDER BY 1`
  expect(await rowsOf(database.url, uncommented)).toEqual([])
})
