import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { Counter, Gauge, type Registry } from 'prom-client'
import { type Accepted, bornAt, type LogEvent } from '../accept.ts'
import { partitionOf, type Topic, topicName } from '../contract.ts'
import { again } from './again.ts'
import type { Log } from './log.ts'
import type { Listener, Pool, Queryable } from './postgres.ts'
import type { Producer } from './producer.ts'

/**
 * Events that belong to a Postgres transaction: written into `outbox` with it, published afterwards.
 *
 * Any number of processes may relay; one at a time works on a zone, held by an advisory lock. Rows go out in the order of
 * id, and each is marked by itself after its acknowledgement (a high-water mark would skip late commits). A crash between
 * the two sends a row again with the same event_id: readers drop it. A transaction that commits late may come after a
 * higher id: readers skip lower versions.
 *
 * The engine can't tell whether an id older than an hour is a repeat, and refuses it. So what waited long gets a new id,
 * in its row first: a crash after that sends the same one again.
 */

/** What goes out: of an accepted event, or made by hand. */
export type OutboxRow = Pick<Accepted, 'topic' | 'key' | 'event'>

/** Call it inside a transaction. Rows keep their order within a zone. @returns their ids */
export async function enqueue(client: Queryable, rows: readonly OutboxRow[]): Promise<number[]> {
  const inserted = await client.query<{ id: number }>(
    `INSERT INTO outbox (zone_id, topic, key, event)
     SELECT zone_id, topic, key, event
       FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY AS r (zone_id, topic, key, event, n)
      ORDER BY n RETURNING id`,
    [
      rows.map(row => row.event.zone_id),
      rows.map(row => row.topic),
      rows.map(row => row.key),
      rows.map(row => JSON.stringify(row.event)),
    ],
  )
  return inserted.rows.map(row => row.id)
}

export interface RelayOptions {
  pool: Pool
  listener: Listener
  producer: Producer
  namespace: string
  partitions: number
  log: Log
  metrics?: Registry
  /** topics that this relay publishes; default: all */
  topics?: readonly Topic[]
  poll_ms?: number
}

export interface Relay {
  /** Publishes what waits now; resolves when done. */
  run(): Promise<void>
  /**
   * Resolves with true when these rows are in Kafka, by whichever relay, and with false when they still wait after
   * `timeout_ms`. Call it after the commit.
   */
  published(ids: readonly number[], timeout_ms: number): Promise<boolean>
  /** Finishes the batch in hand and stops. */
  close(): Promise<void>
}

/** Half of what the engine remembers: the rest is for Kafka to take it, and for the engine to read it. */
const ID_AGE_MS_MAX = 30 * 60_000
const POLL_MS = 1_000
const PUBLISHED_POLL_MS = 10
/** Some 200 kB of events: the reserve of the producer's buffer holds several zones' batches. */
const BATCH_ROWS_MAX = 200
/** Each takes a connection of the pool. */
const ZONES_AT_ONCE = 3
const KEEP_PUBLISHED = '1 day'
const CLEAN_MS = 600_000
const CLEAN_ROWS_MAX = 10_000
/** The first of the two numbers of the advisory lock; the second is the zone's hash. */
const LOCK_CLASS = 720_914

interface Waiting {
  id: number
  topic: Topic
  key: string
  event: LogEvent
}

/** Wakes by NOTIFY and by a poll. A failure is told in the log, and tried again with the next poll. */
export async function relayOutbox(options: RelayOptions): Promise<Relay> {
  const { pool, listener, log, poll_ms = POLL_MS, topics = ['operations', 'couriers', 'deliveries'] } = options
  const published = options.metrics ? relayMetrics(options.metrics, pool) : () => {}
  const closing = new AbortController()
  const passes = again(onePass)
  let failures = 0

  async function onePass(): Promise<void> {
    const { rows } = await pool.query<{ zone_id: string }>(
      'SELECT DISTINCT zone_id FROM outbox WHERE published_at IS NULL AND topic = ANY($1)',
      [topics],
    )
    const zones = rows.values()
    const work = async () => {
      for (const { zone_id } of zones) await relayZone(zone_id)
    }
    await Promise.all(Array.from({ length: ZONES_AT_ONCE }, work))
  }

  async function relayZone(zone_id: string): Promise<void> {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      const lock = [LOCK_CLASS, zone_id]
      const { rows } = await client.query<{ mine: boolean }>(
        'SELECT pg_try_advisory_lock($1, hashtext($2)) AS mine',
        lock,
      )
      if (!rows[0]?.mine) return
      try {
        while (!closing.signal.aborted && (await relayBatch(client, zone_id)) === BATCH_ROWS_MAX);
      } finally {
        await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', lock)
      }
    } catch (error) {
      // The connection may still hold the lock: it is not given to anybody else.
      broken = error instanceof Error ? error : new Error(String(error))
      throw broken
    } finally {
      client.release(broken)
    }
  }

  /** @returns how many rows it found; less than a whole batch: none is left */
  async function relayBatch(client: PoolClient, zone_id: string): Promise<number> {
    const { rows } = await client.query<Waiting>(
      `SELECT id, topic, key, event FROM outbox
        WHERE zone_id = $1 AND published_at IS NULL AND topic = ANY($2) ORDER BY id LIMIT $3`,
      [zone_id, topics, BATCH_ROWS_MAX],
    )
    await renewOldIds(client, rows)
    await publishRows(client, rows)
    return rows.length
  }

  /**
   * All rows at once: the producer keeps the order of the calls, and what waits behind a failed send fails with it. One by
   * one, a zone went at 110 rows a second beside a busy machine; so at some 3,900.
   */
  async function publishRows(client: PoolClient, rows: readonly Waiting[]): Promise<void> {
    const results = await Promise.allSettled(rows.map(publishRow))
    const acknowledged = rows.filter((_, index) => results[index]?.status === 'fulfilled').map(row => row.id)
    await client.query('UPDATE outbox SET published_at = now() WHERE id = ANY ($1)', [acknowledged])
    published(acknowledged.length)
    const failed = results.findIndex(result => result.status === 'rejected')
    const failure = results[failed]
    if (failure?.status !== 'rejected') return
    const why = failure.reason instanceof Error ? failure.reason.message : String(failure.reason)
    await client.query('UPDATE outbox SET attempts = attempts + 1, last_error = left($2, 500) WHERE id = $1', [
      rows[failed]?.id,
      why,
    ])
    throw failure.reason
  }

  async function publishRow({ topic, key, event }: Waiting): Promise<void> {
    await options.producer.send(topicName(options.namespace, topic), {
      partition: partitionOf(key, options.partitions),
      key,
      value: Buffer.from(JSON.stringify(event)),
      headers: { correlation_id: event.correlation_id },
    })
  }

  async function pass(): Promise<void> {
    try {
      await passes.run()
      if (failures > 0) log.warn({ failures }, 'the outbox is published again')
      failures = 0
    } catch (error) {
      failures++
      if (failures === 1) log.warn({ err: error }, 'the outbox could not be published; trying again')
    }
  }

  await listener.on('waggle_outbox', () => void pass())
  const poll = setInterval(() => void pass(), poll_ms)
  const clean = setInterval(() => void removePublished(pool).catch(() => {}), CLEAN_MS)
  void pass()
  return {
    run: () => passes.run(),
    async published(ids, timeout_ms) {
      const until = Date.now() + timeout_ms
      while (!(await arePublished(pool, ids))) {
        if (Date.now() > until) return false
        await Promise.race([pass(), delay(timeout_ms)])
        await delay(PUBLISHED_POLL_MS)
      }
      return true
    },
    async close() {
      closing.abort()
      clearInterval(poll)
      clearInterval(clean)
      await passes.close()
    },
  }
}

async function arePublished(pool: Pool, ids: readonly number[]): Promise<boolean> {
  const { rows } = await pool.query<{ n: number }>(
    'SELECT count(*) AS n FROM outbox WHERE id = ANY($1) AND published_at IS NULL',
    [ids],
  )
  return rows[0]?.n === 0
}

/** Call it under the zone's lock: changes the rows in Postgres and in `rows`. */
async function renewOldIds(client: PoolClient, rows: readonly Waiting[]): Promise<void> {
  const old = rows.filter(row => bornAt(row.event.event_id) < Date.now() - ID_AGE_MS_MAX)
  if (old.length === 0) return
  const renewed = old.map(row => ({ row, event_id: randomUUIDv7() as LogEvent['event_id'] }))
  await client.query(
    `UPDATE outbox SET event = jsonb_set(event, '{event_id}', to_jsonb(r.event_id))
       FROM unnest($1::bigint[], $2::text[]) AS r (id, event_id) WHERE outbox.id = r.id`,
    [old.map(row => row.id), renewed.map(one => one.event_id)],
  )
  for (const { row, event_id } of renewed) row.event.event_id = event_id
}

/** Removes what was published a day ago; a failure waits for the next time. */
async function removePublished(pool: Pool): Promise<void> {
  await pool.query(
    `DELETE FROM outbox WHERE id IN
       (SELECT id FROM outbox WHERE published_at < now() - $1::interval ORDER BY published_at LIMIT $2)`,
    [KEEP_PUBLISHED, CLEAN_ROWS_MAX],
  )
}

const COUNT_WAITING = 'SELECT count(*) AS n FROM outbox WHERE published_at IS NULL'

function relayMetrics(metrics: Registry, pool: Pool): (rows: number) => void {
  const published = new Counter({
    name: 'waggle_outbox_published_total',
    help: 'outbox rows that this process published',
    registers: [metrics],
  })
  new Gauge({
    name: 'waggle_outbox_waiting_rows',
    help: 'outbox rows of all processes that are not published yet',
    registers: [metrics],
    async collect() {
      // Unknown while Postgres is away; the other metrics are still worth having.
      const rows = await pool.query<{ n: number }>(COUNT_WAITING).then(
        answer => answer.rows,
        () => [],
      )
      this.set(rows[0]?.n ?? Number.NaN)
    },
  })
  return rows => published.inc(rows)
}
