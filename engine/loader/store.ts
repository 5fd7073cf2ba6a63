import type { Topic } from '../../ingest/contract.ts'
import type { ClickHouse } from '../io/clickhouse.ts'
import type { BookedBatch, LoaderBook, Shelf } from '../io/loader_book.ts'
import type { LoadedRange } from '../io/rollups.ts'
import { DAY_MS, dayOf } from './cut.ts'
import { type Patience, untilDone } from './patience.ts'
import { TABLES } from './tables.ts'

/**
 * Where a booked batch goes: one INSERT with its token, then `done`. An INSERT that was not answered is settled:
 *
 *   insert ── answered ──► done
 *     └ not answered ► again, same token ► have its rows come? ── yes ──────────────────► views even ► done
 *                                               └ no: the token was kept and the rows lost ► next token ┘
 */

/** Moments at which a test may kill the process. */
export type Failpoint = 'after_record' | 'after_insert' | 'after_done'

export type TopicShelf = Shelf & { topic: Topic }

/** A batch as it goes to ClickHouse. */
export interface Encoded {
  /** an Arrow IPC stream */
  bytes: Uint8Array
  rows: number
  /** when Kafka took the first of its records, ms; null: it has none any more */
  appended_at: number | null
}

export interface Store {
  book: LoaderBook
  clickhouse: Pick<ClickHouse, 'insertArrow' | 'tableId' | 'countRows' | 'evenRollups'>
  /** A booked batch once more, from Kafka. */
  again: (shelf: TopicShelf, batch: BookedBatch, signal: AbortSignal) => Promise<Encoded>
  /** rows were lost, or others than before when they were read again: somebody must look */
  alarm: (facts: object, text: string) => void
  reached: (point: Failpoint) => void
  /** It cannot go on at all: the process should end. */
  fault: (error: Error) => void
}

/** A server that is killed in the middle of each of so many has another trouble. */
const TOKENS_MAX = 10

/**
 * Inserts a booked batch until ClickHouse has it, and marks it done. Bears repetition, also by two loaders at once: the
 * token lets the rows in once. Before a second try the book is asked whether somebody else was faster: a process that
 * slept for a day could come back when the token is forgotten.
 */
export async function storeBatch(
  store: Store,
  shelf: TopicShelf,
  batch: BookedBatch,
  encoded: Encoded,
  patience: Patience,
): Promise<void> {
  const is_answered = await untilDone(patience, async attempt => {
    if (attempt === 1) await insert(store, shelf, batch, encoded, 1, patience.signal)
    else if (!(await store.book.isDone(batch.batch_id))) {
      await settle({ ...store, again: againOr(store, batch, encoded) }, shelf, patience.signal)
    }
    store.reached('after_insert')
    return attempt === 1
  })
  if (is_answered) await untilDone(patience, () => store.book.done(batch.batch_id))
  store.reached('after_done')
}

const againOr =
  (store: Store, batch: BookedBatch, encoded: Encoded): Store['again'] =>
  async (shelf, other, signal) =>
    other.batch_id === batch.batch_id ? encoded : store.again(shelf, other, signal)

/**
 * Brings batches of which ClickHouse may have anything or nothing to their end: all of the shelf that are not done. Nobody
 * books meanwhile, so whatever rows the views have not seen yet are of these batches. Bears repetition.
 * @returns how many there were
 * @throws the first error: nothing is marked done then
 */
export async function settle(store: Store, shelf: TopicShelf, signal: AbortSignal): Promise<number> {
  await checkTable(store, shelf)
  let settled = 0
  await store.book.settle(shelf, async (batches, hold) => {
    const either = AbortSignal.any([signal, hold.signal])
    const ranges: LoadedRange[] = []
    let has_doubled = false
    for (const batch of batches) {
      try {
        const encoded = await store.again(shelf, batch, either)
        const { tokens, there } = await bringIn(store, shelf, batch, encoded, either)
        ranges.push(...there)
        has_doubled ||= tokens > 1
      } catch (error) {
        throw new Error(`batch ${batch.batch_id}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    }
    // Whatever became of the views' own tokens: the table is right now, and they are made from it.
    const { check } = hold
    await store.clickhouse.evenRollups(TABLES[shelf.topic].name, ranges, { has_doubled, check, signal: either })
    settled = batches.length
  })
  return settled
}

/**
 * Inserts a batch under the tokens it has had, and under the next one where that changes nothing although its rows are not
 * there. Each is said again first: an INSERT of it that is still on its way changes nothing afterwards.
 * @returns tokens: how many it has had now; there: where its rows are
 */
async function bringIn(
  store: Store,
  shelf: TopicShelf,
  batch: BookedBatch,
  encoded: Encoded,
  signal: AbortSignal,
): Promise<{ tokens: number; there: LoadedRange[] }> {
  const { batch_id, tokens } = batch
  const { appended_at } = encoded
  const { name: table } = TABLES[shelf.topic]
  if (encoded.rows === 0 || appended_at === null) return { tokens, there: [] }
  const day_ms = dayOf(appended_at) * DAY_MS
  const there = batch.ranges.map(({ partition, from, to }) => ({ day_ms, partition, from, to }))
  for (let nth = 1; ; nth += 1) {
    if (nth > tokens) {
      // One batch is one part: it is there, or nothing of it is.
      if ((await store.clickhouse.countRows(table, there, signal)) > 0) return { tokens: nth - 1, there }
      if (nth > TOKENS_MAX) throw new Error(`ClickHouse took it ${TOKENS_MAX} times and has no row of it: see its log`)
      store.alarm({ table, batch_id, nth }, 'ClickHouse kept the token of a batch and lost its rows: they go in again')
      await store.book.takeToken(batch_id, nth)
    }
    await insert(store, shelf, batch, encoded, nth, signal)
  }
}

async function insert(
  store: Store,
  shelf: TopicShelf,
  { batch_id }: BookedBatch,
  { bytes }: Encoded,
  nth: number,
  signal: AbortSignal,
): Promise<void> {
  const { name: table, columns } = TABLES[shelf.topic]
  const token = nth === 1 ? `${batch_id}:${shelf.table_id}` : `${batch_id}:${shelf.table_id}:${nth}`
  await store.clickhouse.insertArrow({ table, columns: Object.keys(columns), bytes, token, signal })
}

/** A table that was made anew meanwhile lacks all that was loaded before: only a restart loads it from the beginning. */
async function checkTable(store: Store, shelf: TopicShelf): Promise<void> {
  const { name } = TABLES[shelf.topic]
  if ((await store.clickhouse.tableId(name)) === shelf.table_id) return
  const error = new Error(`the table ${name} was made anew while the loader ran: start the loader again to fill it`)
  store.fault(error)
  throw error
}
