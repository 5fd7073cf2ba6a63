/** For tests that use the real servers: `*.servers.test.ts` and `*.browser.test.ts`. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, escapeIdentifier } from 'pg'
import { inject } from 'vitest'
import { PROJECT_DIR, type ServerUrls } from './config.ts'
import { messageOf } from './server.ts'
import './vitest-setup.ts'

/** Where the servers of this test run answer. They are shared: keep to a namespace and a database of your own. */
export function testServers(): ServerUrls {
  return inject('servers')
}

/** A name nobody else has, `[a-z][a-z0-9_]*`, at most 40 long: Kafka topic prefix, ClickHouse database, Redis key prefix. */
export function freshNamespace(label: string): string {
  const clean = label
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 20)
  return `t_${clean}_${process.pid.toString(36)}_${randomBytes(4).toString('hex')}`
}

export interface FreshDatabase extends AsyncDisposable {
  url: string
  /** Ends its connections and removes it. */
  drop(): Promise<void>
}

/**
 * A new Postgres database, for one test file. With `migrate` it is copied from a template that was migrated once, however many files ask;
 * the template is made anew when a file of `sql/postgres` or `migrate` itself has changed.
 */
export async function freshDatabase(
  urls: Pick<ServerUrls, 'postgres_url'>,
  migrate?: (url: string) => Promise<unknown>,
): Promise<FreshDatabase> {
  const name = freshNamespace('db')
  const template = migrate === undefined ? 'template1' : await migratedTemplate(urls.postgres_url, migrate)
  const create = `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE ${escapeIdentifier(template)}`
  await asAdmin(urls.postgres_url, client => withTemplateFree(() => client.query(create)))
  const drop = (): Promise<void> =>
    asAdmin(urls.postgres_url, async client => {
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`)
    })
  return { url: urlOf(urls.postgres_url, name), drop, [Symbol.asyncDispose]: drop }
}

/** Waits until `condition` gives something other than false, null or undefined, and returns it. Throws, naming `what`, when the time is up. */
export async function waitFor<T>(
  condition: () => Promise<T> | T,
  options: { timeout_ms: number; what: string; every_ms?: number },
): Promise<Exclude<T, false | null | undefined>> {
  const started = performance.now()
  let last = 'it was never so'
  for (;;) {
    try {
      const value = await condition()
      if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>
      last = `last seen: ${String(value)}`
    } catch (error) {
      last = `last error: ${messageOf(error)}`
    }
    const waited_ms = performance.now() - started
    if (waited_ms > options.timeout_ms)
      throw new Error(`waited ${Math.round(waited_ms)} ms for ${options.what}; ${last}`)
    await delay(options.every_ms ?? 25)
  }
}

async function migratedTemplate(postgres_url: string, migrate: (url: string) => Promise<unknown>): Promise<string> {
  const name = `template_${shapeHash(migrate)}`
  await asAdmin(postgres_url, async client => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]) // the first file makes it, the others wait
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (found.rowCount !== 0) return
    const making = `${name}_making`
    await client.query(`DROP DATABASE IF EXISTS ${making} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${making}`)
    await migrate(urlOf(postgres_url, making))
    await withTemplateFree(() => client.query(`ALTER DATABASE ${making} RENAME TO ${name}`))
  })
  return name
}

function shapeHash(migrate: (url: string) => Promise<unknown>): string {
  const hash = createHash('sha256').update(String(migrate))
  const dir = join(PROJECT_DIR, 'sql', 'postgres')
  for (const file of readdirSync(dir).sort()) hash.update(file).update(readFileSync(join(dir, file)))
  return hash.digest('hex').slice(0, 16)
}

const OBJECT_IN_USE = '55006'
const TEMPLATE_FREE_TIMEOUT_MS = 10_000

/** A database with a session still closing can be neither copied nor renamed. */
async function withTemplateFree(action: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + TEMPLATE_FREE_TIMEOUT_MS
  for (;;) {
    try {
      await action()
      return
    } catch (error) {
      const in_use = error instanceof Error && 'code' in error && error.code === OBJECT_IN_USE
      if (!in_use || performance.now() > until) throw error
      await delay(50)
    }
  }
}

async function asAdmin(postgres_url: string, action: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: urlOf(postgres_url, 'postgres') })
  client.on('error', () => {}) // the rejected query says the same
  await client.connect()
  try {
    await action(client)
  } finally {
    await client.end()
  }
}

function urlOf(postgres_url: string, database: string): string {
  const url = new URL(postgres_url)
  url.pathname = `/${database}`
  return url.href
}
