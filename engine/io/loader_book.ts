import { Pool, type PoolClient } from 'pg'

/** The loader's book in Postgres: tables loader_positions and loader_batches. */

/** What names the rows of one table of ClickHouse in the book. */
export interface Shelf {
  /** UUID of the ClickHouse table */
  table_id: string
  namespace: string
  /** without the namespace */
  topic: string
}

/** Offsets from ≤ x < to of a partition; epoch and source_offset: the readers' rule as it stood before `from`. */
export interface Range {
  partition: number
  from: number
  to: number
  epoch: number
  source_offset: number
}

export interface BookedBatch {
  batch_id: string
  ranges: Range[]
  rows: number
}

/** Where the next batch of a partition begins, and the readers' rule there. */
export interface Position {
  next_offset: number
  epoch: number
  source_offset: number
}

/** A range to be booked: the position it was cut from, and the one it leads to. */
export interface Step {
  partition: number
  expected: Position
  after: Position
}

export interface LoaderBook {
  ping(): Promise<void>
  /** The first call for a partition opens its row, with next_offset 0. */
  position(shelf: Shelf, partition: number): Promise<Position>
  /**
   * Books the batch if every partition still stands where the batch begins; the same batch again is booked already.
   * 'taken': another loader was faster; nothing is changed.
   */
  record(shelf: Shelf, batch: BookedBatch, steps: readonly Step[]): Promise<'recorded' | 'taken'>
  done(batch_id: string): Promise<void>
  isDone(batch_id: string): Promise<boolean>
  /** Batches with a range of this partition that perhaps never reached ClickHouse, oldest first. */
  undone(shelf: Shelf, partition: number): Promise<BookedBatch[]>
  /**
   * For batches of which ClickHouse may have anything or nothing. Gives `work` all of the shelf that are not done; until it
   * resolves nobody books more there. Then they are done. When it throws nothing is changed. Without such batches `work` is
   * not called.
   */
  settle(shelf: Shelf, work: (batches: BookedBatch[]) => Promise<void>): Promise<void>
  /** Forgets batches that were done so many days ago. */
  forget(days: number): Promise<number>
  close(): Promise<void>
}

const CONNECTIONS_MAX = 5
const TIMEOUT_MS = 10_000
/** A loader that stalls while it settles keeps others from booking for no longer. Reading Kafka again may take 60 s. */
const HOLD_MS_MAX = 120_000
/** Who books shares it, who settles has it alone. Its parameters: `keyOf`. */
const LOCK_OF_SHELF = `hashtextextended(concat_ws('/', 'loader', $1::text, $2::text, $3::text), 0)`

/** `lost`: told of connections that were cut, which mends itself. */
export function openLoaderBook(url: string, lost: (error: Error) => void): LoaderBook {
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: TIMEOUT_MS,
    statement_timeout: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS * 2,
    application_name: 'waggle-loader',
  })
  // The pool listens to idle connections only: one cut in the middle of a transaction would end the process.
  pool.on('connect', client => client.on('error', lost))
  pool.on('error', () => undefined)
  return {
    async ping() {
      await pool.query('SELECT 1')
    },
    position: (shelf, partition) => position(pool, shelf, partition),
    record: (shelf, batch, steps) => record(pool, shelf, batch, steps),
    async done(batch_id) {
      await pool.query('UPDATE loader_batches SET done_at = now() WHERE batch_id = $1 AND done_at IS NULL', [batch_id])
    },
    async isDone(batch_id) {
      const sql = 'SELECT 1 FROM loader_batches WHERE batch_id = $1 AND done_at IS NOT NULL'
      return (await pool.query(sql, [batch_id])).rowCount === 1
    },
    undone: (shelf, partition) => undone(pool, shelf, [{ partition }]),
    settle: (shelf, work) => settle(pool, shelf, work),
    async forget(days) {
      const sql = 'DELETE FROM loader_batches WHERE done_at < now() - make_interval(days => $1)'
      return (await pool.query(sql, [days])).rowCount ?? 0
    },
    close: () => pool.end(),
  }
}

const keyOf = ({ table_id, namespace, topic }: Shelf): string[] => [table_id, namespace, topic]

async function position(pool: Pool, shelf: Shelf, partition: number): Promise<Position> {
  const key = [...keyOf(shelf), partition]
  await pool.query(
    `INSERT INTO loader_positions (table_id, namespace, topic, partition, next_offset) VALUES ($1, $2, $3, $4, 0)
     ON CONFLICT DO NOTHING`,
    key,
  )
  const { rows } = await pool.query<{ next_offset: string; epoch: string; source_offset: string }>(
    `SELECT next_offset, epoch, source_offset FROM loader_positions
     WHERE table_id = $1 AND namespace = $2 AND topic = $3 AND partition = $4`,
    key,
  )
  const [row] = rows
  if (!row) throw new Error(`loader_positions has no row for ${shelf.topic}/${partition} although it was just written`)
  return {
    next_offset: Number(row.next_offset),
    epoch: Number(row.epoch),
    source_offset: Number(row.source_offset),
  }
}

const record = (pool: Pool, shelf: Shelf, batch: BookedBatch, steps: readonly Step[]): Promise<'recorded' | 'taken'> =>
  inTransaction(
    pool,
    client => bookAndMove(client, shelf, batch, steps),
    outcome => outcome === 'recorded',
  )

async function inTransaction<Outcome>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Outcome>,
  isKept: (outcome: Outcome) => boolean = () => true,
): Promise<Outcome> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const outcome = await work(client)
    await client.query(isKept(outcome) ? 'COMMIT' : 'ROLLBACK')
    return outcome
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
    throw broken
  } finally {
    // A connection that failed is closed, and its transaction with it.
    client.release(broken)
  }
}

async function bookAndMove(
  client: PoolClient,
  shelf: Shelf,
  batch: BookedBatch,
  steps: readonly Step[],
): Promise<'recorded' | 'taken'> {
  await client.query(`SELECT pg_advisory_xact_lock_shared(${LOCK_OF_SHELF})`, keyOf(shelf))
  const booked = await client.query(
    `INSERT INTO loader_batches (batch_id, table_id, namespace, topic, ranges, rows) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (batch_id) DO NOTHING`,
    [batch.batch_id, ...keyOf(shelf), JSON.stringify(batch.ranges), batch.rows],
  )
  if (booked.rowCount === 0) return 'recorded'
  const moved = await client.query(
    `UPDATE loader_positions AS held
     SET next_offset = step.next_offset, epoch = step.epoch, source_offset = step.source_offset, updated_at = now()
     FROM unnest($4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
       AS step (partition, expected, next_offset, epoch, source_offset)
     WHERE held.table_id = $1 AND held.namespace = $2 AND held.topic = $3
       AND held.partition = step.partition AND held.next_offset = step.expected`,
    [
      ...keyOf(shelf),
      steps.map(step => step.partition),
      steps.map(step => step.expected.next_offset),
      steps.map(step => step.after.next_offset),
      steps.map(step => step.after.epoch),
      steps.map(step => step.after.source_offset),
    ],
  )
  return moved.rowCount === steps.length ? 'recorded' : 'taken'
}

/** @param touching only batches with such ranges; empty: all */
async function undone(
  client: Pool | PoolClient,
  shelf: Shelf,
  touching: readonly Pick<Range, 'partition'>[],
): Promise<BookedBatch[]> {
  const { rows } = await client.query<BookedBatch>(
    `SELECT batch_id, ranges, rows FROM loader_batches
     WHERE table_id = $1 AND namespace = $2 AND topic = $3 AND done_at IS NULL AND ranges @> $4::jsonb
     ORDER BY recorded_at, batch_id`,
    [...keyOf(shelf), JSON.stringify(touching)],
  )
  return rows
}

const settle = (pool: Pool, shelf: Shelf, work: (batches: BookedBatch[]) => Promise<void>): Promise<void> =>
  inTransaction(pool, async client => {
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${HOLD_MS_MAX}`)
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK_OF_SHELF})`, keyOf(shelf))
    const batches = await undone(client, shelf, [])
    if (batches.length === 0) return
    await work(batches)
    const ids = batches.map(batch => batch.batch_id)
    await client.query('UPDATE loader_batches SET done_at = now() WHERE batch_id = ANY($1) AND done_at IS NULL', [ids])
  })
