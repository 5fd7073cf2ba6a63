import type { Topic } from '../../ingest/contract.ts'
import type { ClickHouse } from '../io/clickhouse.ts'
import type { BookedBatch, LoaderBook, Shelf } from '../io/loader_book.ts'
import { type Patience, untilDone } from './patience.ts'
import { TABLES } from './tables.ts'

/** Where a booked batch goes: one INSERT with its token, then `done`. */

/** Moments at which a test may kill the process. */
export type Failpoint = 'after_record' | 'after_insert' | 'after_done'

export interface Store {
  book: LoaderBook
  clickhouse: Pick<ClickHouse, 'insertArrow' | 'tableId'>
  reached: (point: Failpoint) => void
  /** It cannot go on at all: the process should end. */
  fault: (error: Error) => void
}

/**
 * Inserts a booked batch until ClickHouse has it, and marks it done. Bears repetition, also by two loaders at once: the
 * token lets the rows in once. Before a second try the book is asked whether somebody else was faster: a process that
 * slept for a day could come back when the token is forgotten.
 */
export async function storeBatch(
  store: Store,
  shelf: Shelf & { topic: Topic },
  batch: BookedBatch,
  bytes: Uint8Array,
  patience: Patience,
): Promise<void> {
  const { name: table, columns } = TABLES[shelf.topic]
  await untilDone(patience, async attempt => {
    if (attempt > 1) {
      if (await store.book.isDone(batch.batch_id)) return
      await checkTable(store, shelf)
    }
    const token = `${batch.batch_id}:${shelf.table_id}`
    await store.clickhouse.insertArrow({
      table,
      columns: Object.keys(columns),
      bytes,
      token,
      signal: patience.signal,
    })
    store.reached('after_insert')
  })
  await untilDone(patience, () => store.book.done(batch.batch_id))
  store.reached('after_done')
}

/** A table that was made anew meanwhile lacks all that was loaded before: only a restart loads it from the beginning. */
async function checkTable(store: Store, shelf: Shelf & { topic: Topic }): Promise<void> {
  const { name } = TABLES[shelf.topic]
  if ((await store.clickhouse.tableId(name)) === shelf.table_id) return
  const error = new Error(`the table ${name} was made anew while the loader ran: start the loader again to fill it`)
  store.fault(error)
  throw error
}
