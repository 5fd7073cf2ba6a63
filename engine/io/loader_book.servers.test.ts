import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migratePostgres } from '../../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, testServers, waitFor } from '../../world/servers/testing.ts'
import { type BookedBatch, type LoaderBook, openLoaderBook, type Position, type Shelf } from './loader_book.ts'

/** Ranges are booked once, whole or not at all: what no batch may rest upon twice. */

let database: FreshDatabase
let book: LoaderBook
let are_over = false

beforeAll(async () => {
  database = await freshDatabase(testServers(), migratePostgres)
  // A connection that is being closed may still hear that its database is dropped.
  book = openLoaderBook(database.url, error => are_over || expect.unreachable(error.message))
})
afterAll(async () => {
  are_over = true
  await book.close()
  await database.drop()
})

const shelfOf = (topic: string): Shelf => ({ table_id: '00000000-0000-0000-0000-000000000001', namespace: 'n', topic })

/** Of each partition from where it stands to an offset. */
function batchOf(ranges: readonly { partition: number; expected: Position; to: number }[]) {
  const batch: BookedBatch = {
    batch_id: randomUUIDv7(),
    ranges: ranges.map(({ partition, expected: { next_offset, ...rule }, to }) => ({
      ...{ partition, from: next_offset, to },
      ...rule,
    })),
    rows: 7,
    tokens: 1,
  }
  const steps = ranges.map(({ partition, expected, to }) => ({
    ...{ partition, expected },
    after: { next_offset: to, epoch: 2, source_offset: to },
  }))
  return { batch, steps }
}

test('of two loaders that begin at the same offset one books, and the other changes nothing', async () => {
  const shelf = shelfOf('operations')
  const [one, two] = [await book.position(shelf, 0), await book.position(shelf, 1)]
  expect(one).toEqual({ next_offset: 0, epoch: 0, source_offset: -1 })
  const first = batchOf([{ partition: 0, expected: one, to: 10 }])
  const late = batchOf([
    { partition: 0, expected: one, to: 12 },
    { partition: 1, expected: two, to: 5 },
  ])
  expect(await book.record(shelf, first.batch, first.steps)).toBe('recorded')
  expect(await book.record(shelf, late.batch, late.steps)).toBe('taken')
  expect(await book.position(shelf, 0)).toEqual({ next_offset: 10, epoch: 2, source_offset: 10 })
  expect(await book.position(shelf, 1)).toEqual(two)
  expect(await book.undone(shelf, 0)).toEqual([first.batch])
  expect(await book.undone(shelf, 1)).toEqual([])
  expect(await book.record(shelf, first.batch, first.steps), 'the answer was lost, and it is asked again').toBe(
    'recorded',
  )
  expect((await book.position(shelf, 0)).next_offset).toBe(10)
})

test('a batch is undone until it is done, for each of its partitions and for its own table only', async () => {
  const shelf = shelfOf('decisions')
  const expected = await book.position(shelf, 0)
  await book.position(shelf, 1)
  const { batch, steps } = batchOf([
    { partition: 0, expected, to: 3 },
    { partition: 1, expected, to: 4 },
  ])
  await book.record(shelf, batch, steps)
  expect([await book.undone(shelf, 0), await book.undone(shelf, 1)]).toEqual([[batch], [batch]])
  expect(await book.undone({ ...shelf, table_id: '00000000-0000-0000-0000-000000000002' }, 0)).toEqual([])
  expect(await book.isDone(batch.batch_id)).toBe(false)
  await book.done(batch.batch_id)
  expect([await book.isDone(batch.batch_id), await book.undone(shelf, 0)]).toEqual([true, []])
})

test('while somebody settles nobody books, and what was settled is done; a failure leaves all as it was', async () => {
  const shelf = shelfOf('couriers')
  const expected = await book.position(shelf, 0)
  const first = batchOf([{ partition: 0, expected, to: 3 }])
  const other = batchOf([{ partition: 1, expected: await book.position(shelf, 1), to: 9 }])
  await book.record(shelf, first.batch, first.steps)
  await book.record(shelf, other.batch, other.steps)
  const next = batchOf([{ partition: 0, expected: await book.position(shelf, 0), to: 5 }])
  await expect(book.settle(shelf, () => Promise.reject(new Error('ClickHouse is away')))).rejects.toThrow('is away')
  expect(await book.undone(shelf, 0)).toEqual([first.batch])

  await book.settle(shelf, async (batches, hold) => {
    expect(batches).toEqual([first.batch, other.batch])
    await expect(book.record(shelf, next.batch, next.steps)).rejects.toThrow('settles what is undone of couriers')
    expect(await book.position(shelfOf('deliveries'), 0), 'other shelves are free').toBeDefined()
    await hold.check()
  })
  expect(await book.record(shelf, next.batch, next.steps)).toBe('recorded')
  expect(await book.undone(shelf, 0)).toEqual([next.batch])
  expect(await book.undone(shelf, 1)).toEqual([])
  await book.done(next.batch.batch_id)
  await book.settle(shelf, () => expect.unreachable('nothing is undone'))
})

test('of two that settle one finds nothing left to do, and another process is refused meanwhile', async () => {
  const shelf = shelfOf('movements')
  const { batch, steps } = batchOf([{ partition: 0, expected: await book.position(shelf, 0), to: 3 }])
  await book.record(shelf, batch, steps)
  const another = openLoaderBook(database.url, () => undefined)
  let times = 0
  const settle = () =>
    book.settle(shelf, async () => {
      times += 1
      await expect(another.settle(shelf, async () => {})).rejects.toThrow('settling waits')
    })
  await Promise.all([settle(), settle()])
  expect(times).toBe(1)
  await another.settle(shelf, () => expect.unreachable('nothing is undone'))
  await another.close()
})

test('who loses the connection to Postgres in the middle is told at once, and nothing is done', async () => {
  const shelf = shelfOf('dead-letters')
  const { batch, steps } = batchOf([{ partition: 0, expected: await book.position(shelf, 0), to: 3 }])
  await book.record(shelf, batch, steps)
  await book.takeToken(batch.batch_id, 2)
  await book.takeToken(batch.batch_id, 1)
  const client = new Client({ connectionString: database.url })
  await client.connect()
  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'`
  const lost: unknown[] = []
  const unlucky = openLoaderBook(database.url, () => undefined)
  const settling = unlucky.settle(shelf, async (_batches, hold) => {
    expect((await client.query(cut)).rowCount).toBe(1)
    await waitFor(() => hold.signal.aborted, { timeout_ms: 5_000, what: 'the signal' })
    lost.push(await hold.check().catch(error => error))
  })
  await expect(settling).rejects.toThrow()
  expect(lost).toEqual([new Error('the lock in Postgres was lost')])
  expect(await book.undone(shelf, 0)).toEqual([{ ...batch, tokens: 2 }])
  await unlucky.close()
  await client.end()
})

test('settling may take longer than a loader that stalls may hold it', async () => {
  const shelf = shelfOf('operations')
  const { batch, steps } = batchOf([{ partition: 0, expected: await book.position(shelf, 0), to: 3 }])
  await book.record(shelf, batch, steps)
  const slow = openLoaderBook(database.url, () => undefined, 1_000)
  await slow.settle(shelf, () => delay(2_500))
  expect(await book.isDone(batch.batch_id)).toBe(true)
  await slow.close()
})
