import pg from 'pg'
import type { Log } from './log.ts'
import { waitUnlessAborted } from './wait.ts'

/** Postgres: a pool, a transaction, and a connection that hears notifications and comes back by itself. */

export type Pool = pg.Pool
/** Inside a transaction, or a pool: whatever can run one statement. */
export type Queryable = Pick<pg.ClientBase, 'query'>

const CONNECT_TIMEOUT_MS = 3_000
const STATEMENT_TIMEOUT_MS = 30_000
const HEARTBEAT_MS = 10_000
const BACK_OFF_MS_MAX = 5_000

/**
 * int8 as number: ids, times and counts here stay below 2^53. One that does not is an error, never a rounded number.
 * (pg's own default is text, with which `'9' > '10'`.)
 */
function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} does not fit a number`)
  return value
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? parseInt8 : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/** Opens nothing yet: the first query does, and fails with a clear error after 3 s. */
export function openPostgres(url: string, options: { max: number; service: string }): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: options.service,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    types,
  })
  // A connection that breaks fails its next query, and is replaced. Without these listeners it would end the process:
  // the first is for idle ones, the second for those that somebody holds between two queries.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}

/** Resolves when Postgres answers. */
export async function pingPostgres(pool: Pool): Promise<void> {
  await pool.query('SELECT 1')
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export async function transaction<Result>(
  pool: Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failed: Error) => {
      broken = failed
    })
    throw error
  } finally {
    client.release(broken)
  }
}

/** Runs reads as of one moment: between two of them nothing changes. */
export const asOfOneMoment = <Result>(pool: Pool, read: (client: Queryable) => Promise<Result>): Promise<Result> =>
  transaction(pool, async client => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
    return read(client)
  })

/** A payload, or null: the connection was lost and is back, so anything may have happened: read everything again. */
export type Heard = (payload: string | null) => void

export interface Listener {
  /** Resolves when the channel is being listened to. Read the state after that, not before. */
  on(channel: string, heard: Heard): Promise<void>
  close(): Promise<void>
}

/** One connection for all LISTENs of a service. Opens at once; later losses are mended by itself. */
export async function openListener(url: string, options: { service: string; log: Log }): Promise<Listener> {
  const channels = new Map<string, Heard[]>()
  const closing = new AbortController()
  let client = await connect()
  let mending: Promise<void> | undefined
  const heartbeat = setInterval(() => client.query('SELECT 1').catch(() => client.end()), HEARTBEAT_MS)
  watch(client)

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: `${options.service} listener`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: HEARTBEAT_MS / 2,
      keepAlive: true,
    })
    fresh.on('error', () => {})
    await fresh.connect()
    for (const channel of channels.keys()) await fresh.query(`LISTEN ${fresh.escapeIdentifier(channel)}`)
    return fresh
  }

  function watch(current: pg.Client): void {
    current.on('notification', ({ channel, payload }) => {
      for (const heard of channels.get(channel) ?? []) heard(payload ?? '')
    })
    current.once('end', () => {
      if (!closing.signal.aborted) mending ??= mend().finally(() => (mending = undefined))
    })
  }

  async function mend(): Promise<void> {
    const lost_at = Date.now()
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      try {
        client = await connect()
      } catch {
        await waitUnlessAborted(Math.min(100 * 2 ** attempt, BACK_OFF_MS_MAX), closing.signal)
        continue
      }
      watch(client)
      options.log.warn({ attempt, away_ms: Date.now() - lost_at }, 'the Postgres listener was cut off and is back')
      for (const heards of channels.values()) for (const heard of heards) heard(null)
      return
    }
  }

  return {
    async on(channel, heard) {
      const known = channels.get(channel)
      if (known) return void known.push(heard)
      channels.set(channel, [heard])
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
    },
    async close() {
      closing.abort()
      clearInterval(heartbeat)
      await mending
      await client.end()
    },
  }
}

/** Postgres' own code of an error, such as 23505; undefined when it is none of Postgres'. */
export function postgresCode(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
