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
  /** under how many tokens its rows may have gone in: the first, the second … */
  tokens: number
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

/** That nobody else books. It ends with its connection to Postgres, and when the process does not speak up for a while. */
export interface Hold {
  /** aborted when it is lost */
  signal: AbortSignal
  /** Throws when it is lost. */
  check(): Promise<void>
}

export interface LoaderBook {
  ping(): Promise<void>
  /** The first call for a partition opens its row, with next_offset 0. */
  position(shelf: Shelf, partition: number): Promise<Position>
  /**
   * Books the batch if every partition still stands where the batch begins; the same batch again is booked already.
   * 'taken': another loader was faster; nothing is changed.
   * @throws Error while somebody settles the shelf: try again
   */
  record(shelf: Shelf, batch: BookedBatch, steps: readonly Step[]): Promise<'recorded' | 'taken'>
  done(batch_id: string): Promise<void>
  isDone(batch_id: string): Promise<boolean>
  /** Its rows are about to go in under the nth token. */
  takeToken(batch_id: string, nth: number): Promise<void>
  /** Batches with a range of this partition that perhaps never reached ClickHouse, oldest first. */
  undone(shelf: Shelf, partition: number): Promise<BookedBatch[]>
  /**
   * For batches of which ClickHouse may have anything or nothing. Gives `work` all of the shelf that are not done; until it
   * resolves nobody books more there. Then they are done. When it throws nothing is changed. Without such batches `work` is
   * not called. One at a time in a process.
   * @throws Error when another process is settling or booking: try again
   */
  settle(shelf: Shelf, work: (batches: BookedBatch[], hold: Hold) => Promise<void>): Promise<void>
  /** Forgets batches that were done so many days ago. */
  forget(days: number): Promise<number>
  close(): Promise<void>
}

const CONNECTIONS_MAX = 5
const TIMEOUT_MS = 10_000
const HOLD_MS_MAX = 30_000
/** Who books shares it, who settles has it alone. Its parameters: `keyOf`. */
const LOCK_OF_SHELF = `hashtextextended(concat_ws('/', 'loader', $1::text, $2::text, $3::text), 0)`

/**
 * @param lost told of connections that were cut, which mends itself
 * @param hold_ms_max a loader that stalls in the middle keeps others from booking or settling for no longer
 */
export function openLoaderBook(url: string, lost: (error: Error) => void, hold_ms_max = HOLD_MS_MAX): LoaderBook {
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: TIMEOUT_MS,
    statement_timeout: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS * 2,
    idle_in_transaction_session_timeout: hold_ms_max,
    application_name: 'waggle-loader',
  })
  // The pool listens to idle connections only: one cut in the middle of a transaction would end the process.
  pool.on('connect', client => client.on('error', lost))
  pool.on('error', () => undefined)
  // Each holds a connection for as long as ClickHouse and Kafka take: all at once would leave none for the others.
  let settling: Promise<unknown> = Promise.resolve()
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
    async takeToken(batch_id, nth) {
      await pool.query('UPDATE loader_batches SET tokens = greatest(tokens, $2) WHERE batch_id = $1', [batch_id, nth])
    },
    undone: (shelf, partition) => undone(pool, shelf, [{ partition }]),
    settle(shelf, work) {
      const mine = settling.then(() => settle(pool, shelf, work, hold_ms_max / 3))
      settling = mine.catch(() => undefined)
      return mine
    },
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
  if (!(await isLocked(client, 'pg_try_advisory_xact_lock_shared', shelf))) {
    throw new Error(`a loader settles what is undone of ${shelf.topic}: booking waits for it`)
  }
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
    `SELECT batch_id, ranges, rows, tokens FROM loader_batches
     WHERE table_id = $1 AND namespace = $2 AND topic = $3 AND done_at IS NULL AND ranges @> $4::jsonb
     ORDER BY recorded_at, batch_id`,
    [...keyOf(shelf), JSON.stringify(touching)],
  )
  return rows
}

async function isLocked(
  client: PoolClient,
  tryLock: 'pg_try_advisory_xact_lock' | 'pg_try_advisory_xact_lock_shared',
  shelf: Shelf,
): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT ${tryLock}(${LOCK_OF_SHELF}) AS locked`,
    keyOf(shelf),
  )
  return rows[0]?.locked === true
}

const settle = (
  pool: Pool,
  shelf: Shelf,
  work: Parameters<LoaderBook['settle']>[1],
  speak_every_ms: number,
): Promise<void> =>
  inTransaction(pool, async client => {
    if (!(await isLocked(client, 'pg_try_advisory_xact_lock', shelf))) {
      throw new Error(`another loader books or settles ${shelf.topic}: settling waits for it`)
    }
    const batches = await undone(client, shelf, [])
    if (batches.length === 0) return
    using hold = holdOf(client, speak_every_ms)
    await work(batches, hold)
    const ids = batches.map(batch => batch.batch_id)
    await client.query('UPDATE loader_batches SET done_at = now() WHERE batch_id = ANY($1) AND done_at IS NULL', [ids])
  })

/** Speaks up from time to time, and notices when the connection is gone. */
function holdOf(client: PoolClient, speak_every_ms: number): Hold & Disposable {
  const losing = new AbortController()
  const lose = () => losing.abort(new Error('the lock in Postgres was lost'))
  const check = async () => {
    await client.query('SELECT 1').catch(lose)
    losing.signal.throwIfAborted()
  }
  const timer = setInterval(() => void check().catch(() => undefined), speak_every_ms)
  client.once('end', lose)
  return {
    signal: losing.signal,
    check,
    [Symbol.dispose]() {
      clearInterval(timer)
      client.off('end', lose)
    },
  }
}
