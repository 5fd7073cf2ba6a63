import { fileURLToPath } from 'node:url'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { Client } from 'pg'
import { type AppliedMigration, type MigrationFile, pendingMigrations, readMigrations } from './files.ts'
import { statementsOf } from './statements.ts'

/**
 * Brings both databases to the shape that the files of `sql/` describe. Safe to run twice, and from several processes.
 *
 * Postgres: everything under one advisory lock of the database; each file is one transaction with its record, so a file
 * is either done and recorded, or not there at all.
 *
 * ClickHouse has neither locks nor transactions, so its files are written to be repeatable: every statement says
 * IF NOT EXISTS (or CREATE OR REPLACE for what holds no data). A file is recorded after its last statement; who stopped
 * between runs it again, and two at once do the same thing twice. The record itself collapses by number.
 */

export type Say = (text: string) => void

const POSTGRES_FOLDER = fileURLToPath(new URL('./postgres', import.meta.url))
const CLICKHOUSE_FOLDER = fileURLToPath(new URL('./clickhouse', import.meta.url))
/** Any fixed number, the same in every version: names the lock within one database. */
const LOCK = 7_209_114_001
/** Long enough for another process to migrate an empty database; then something is stuck. */
const LOCK_TIMEOUT_MS = 120_000
const CONNECT_TIMEOUT_MS = 10_000
/** The client prints every error beside throwing it. */
const QUIET = { level: ClickHouseLogLevel.OFF }

/**
 * @returns the names of the files that were applied now
 * @throws Error as `pendingMigrations` says, or the database's own with the file's name before it
 */
export async function migratePostgres(url: string, say: Say = () => {}, folder = POSTGRES_FOLDER): Promise<string[]> {
  const files = await readMigrations(folder)
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  await client.connect()
  try {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await client.query('RESET lock_timeout')
    return await applyToPostgres(client, files, say)
  } finally {
    await client.end()
  }
}

async function applyToPostgres(client: Client, files: MigrationFile[], say: Say): Promise<string[]> {
  await client.query(`CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
  const { rows } = await client.query<AppliedMigration>('SELECT number, name, sha256 FROM migrations ORDER BY number')
  const pending = pendingMigrations(files, rows)
  for (const file of pending) {
    try {
      await client.query('BEGIN')
      await client.query(file.text)
      const record = 'INSERT INTO migrations (number, name, sha256) VALUES ($1, $2, $3)'
      await client.query(record, [file.number, file.name, file.sha256])
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw inFile(file, error)
    }
    say(`postgres: ${file.name}`)
  }
  return pending.map(file => file.name)
}

/**
 * The database is made when it is missing.
 * @param database the namespace
 * @returns the names of the files that were applied now
 * @throws Error as `pendingMigrations` says, or the database's own with the file's name before it
 */
export async function migrateClickhouse(
  url: string,
  database: string,
  say: Say = () => {},
  folder = CLICKHOUSE_FOLDER,
): Promise<string[]> {
  const files = await readMigrations(folder)
  await makeDatabase(url, database)
  const client = createClient({ url, database, request_timeout: LOCK_TIMEOUT_MS, log: QUIET })
  try {
    return await applyToClickhouse(client, files, say)
  } finally {
    await client.close()
  }
}

async function makeDatabase(url: string, database: string): Promise<void> {
  if (!/^[a-z][a-z0-9_-]*$/.test(database)) {
    throw new Error(`${JSON.stringify(database)} cannot name a ClickHouse database: use a-z, 0-9, _ and -`)
  }
  const client = createClient({ url, request_timeout: CONNECT_TIMEOUT_MS, log: QUIET })
  try {
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database}\`` })
  } finally {
    await client.close()
  }
}

async function applyToClickhouse(client: ClickHouseClient, files: MigrationFile[], say: Say): Promise<string[]> {
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS migrations (
      number UInt32 COMMENT 'of the file', name String COMMENT 'of the file',
      sha256 String COMMENT 'of the text of the file: an edit afterwards is refused',
      applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'UTC')
      ENGINE = ReplacingMergeTree(applied_at) ORDER BY (number, sha256)
      COMMENT 'Which files of sql/clickhouse this database has'`,
  })
  const query = 'SELECT number, name, sha256 FROM migrations FINAL ORDER BY number'
  const applied = await (await client.query({ query, format: 'JSONEachRow' })).json<AppliedMigration>()
  const pending = pendingMigrations(files, applied)
  for (const file of pending) {
    try {
      for (const statement of statementsOf(file.text)) await client.command({ query: statement })
    } catch (error) {
      throw inFile(file, error)
    }
    await recordInClickhouse(client, file)
    say(`clickhouse: ${file.name}`)
  }
  return pending.map(file => file.name)
}

async function recordInClickhouse(client: ClickHouseClient, { number, name, sha256 }: MigrationFile): Promise<void> {
  const values = [{ number, name, sha256 }]
  await client.insert({
    table: 'migrations',
    columns: ['number', 'name', 'sha256'],
    values,
    format: 'JSONEachRow',
    clickhouse_settings: { async_insert: 0 },
  })
}

const inFile = (file: MigrationFile, error: unknown): Error =>
  new Error(`${file.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
