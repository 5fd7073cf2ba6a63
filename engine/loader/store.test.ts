import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BookedBatch } from '../io/loader_book.ts'
import { type Encoded, type Store, storeBatch, type TopicShelf } from './store.ts'

/**
 * A batch comes into ClickHouse once, and so does what the views make of it, however often ClickHouse is killed and wherever.
 * ClickHouse here is a model of what it was seen to do: the token is noted first, then the rows are there, then the same again
 * in the view's target; it can be killed behind each of these steps, or answer to nobody.
 */

const STEPS = ['nothing', 'token', 'rows', 'view_token', 'view_rows'] as const
type Kill = (typeof STEPS)[number]

const shelf: TopicShelf = { topic: 'decisions', namespace: 'n', table_id: 'table' }

/** @param kills one for each INSERT, until they are used up; null: it is answered */
function world(kills: (Kill | null)[], others: BookedBatch[]) {
  const tokens = new Set<string>()
  const view_tokens = new Set<string>()
  const rows = new Map<number, number>()
  const view = new Map<number, number>()
  const done = new Set<string>()
  const taken = new Map<string, number>()
  const said: string[] = []
  const alarms: object[] = []
  const add = (to: Map<number, number>, from: number) => to.set(from, (to.get(from) ?? 0) + 1)
  const all: BookedBatch[] = []
  const store: Store = {
    book: {
      ping: async () => {},
      position: () => expect.unreachable(),
      record: () => expect.unreachable(),
      undone: () => expect.unreachable(),
      forget: () => expect.unreachable(),
      close: async () => {},
      done: async id => void done.add(id),
      isDone: async id => done.has(id),
      takeToken: async (id, nth) => void taken.set(id, Math.max(nth, taken.get(id) ?? 1)),
      async settle(_shelf, work) {
        const undone = [...others, ...all].filter(batch => !done.has(batch.batch_id))
        if (undone.length === 0) return
        const with_tokens = undone.map(batch => ({ ...batch, tokens: taken.get(batch.batch_id) ?? 1 }))
        await work(with_tokens, { signal: new AbortController().signal, check: async () => {} })
        for (const batch of undone) done.add(batch.batch_id)
      },
    },
    clickhouse: {
      tableId: async () => 'table',
      async insertArrow({ token, bytes }) {
        const [from = 0] = bytes
        const kill = kills.shift() ?? null
        const killed = (step: Kill) => {
          if (kill === step) throw new Error(`killed behind ${step}`)
        }
        said.push(token)
        killed('nothing')
        if (!tokens.has(token)) {
          tokens.add(token)
          killed('token')
          add(rows, from)
        }
        killed('rows')
        if (!view_tokens.has(token)) {
          view_tokens.add(token)
          killed('view_token')
          add(view, from)
        }
        killed('view_rows')
      },
      countRows: async (_table, ranges) => ranges.reduce((sum, range) => sum + (rows.get(range.from) ?? 0), 0),
      async evenRollups(_table, ranges, { has_doubled, check }) {
        await check()
        for (const { from } of ranges) {
          const [wanted, there] = [rows.get(from) ?? 0, view.get(from) ?? 0]
          if (wanted > there || has_doubled) view.set(from, wanted)
        }
      },
    },
    again: async (_shelf, batch) => encodedOf(batch),
    alarm: facts => void alarms.push(facts),
    reached: () => {},
    fault: error => expect.unreachable(error.message),
  }
  return { store, rows, view, done, said, alarms, book: (batch: BookedBatch) => all.push(batch) }
}

const batchAt = (from: number): BookedBatch => ({
  batch_id: `batch${from}`,
  ranges: [{ partition: 0, from, to: from + 1, epoch: 0, source_offset: -1 }],
  rows: 1,
  tokens: 1,
})

const encodedOf = ({ ranges }: BookedBatch): Encoded => ({
  bytes: Uint8Array.of(ranges[0]?.from ?? 0),
  rows: 1,
  appended_at: 1_000,
})

const TRIES_MAX = 100

const patience = () => {
  const ending = new AbortController()
  let tries = 0
  const pause = async () => {
    tries += 1
    if (tries === TRIES_MAX) ending.abort(new Error(`not done after ${TRIES_MAX} tries`))
  }
  return { signal: ending.signal, trouble: () => {}, pause }
}

test('wherever ClickHouse is killed, rows and what the views make of them are in once', async () => {
  const kill = fc.option(fc.constantFrom(...STEPS))
  await fc.assert(
    fc.asyncProperty(fc.array(kill, { maxLength: 12 }), fc.boolean(), async (kills, has_other) => {
      const other = batchAt(7)
      const { store, rows, view, done, book } = world([...kills], has_other ? [other] : [])
      const batch = batchAt(3)
      book(batch)
      await storeBatch(store, shelf, batch, encodedOf(batch), patience())
      expect([rows.get(3), view.get(3), done.has('batch3')]).toEqual([1, 1, true])
      if (rows.has(7)) expect([rows.get(7), view.get(7)]).toEqual([1, 1])
    }),
    { numRuns: 2_000 },
  )
})

test('an INSERT that is answered at once is done without another question', async () => {
  const { store, said, done, book } = world([], [])
  book(batchAt(3))
  await storeBatch(store, shelf, batchAt(3), encodedOf(batchAt(3)), patience())
  expect([said, [...done]]).toEqual([['batch3:table'], ['batch3']])
})

test('rows that a known token has lost go in under the next one, and somebody is told', async () => {
  const { store, said, alarms, book } = world(['token', null, 'rows'], [])
  book(batchAt(3))
  await storeBatch(store, shelf, batchAt(3), encodedOf(batchAt(3)), patience())
  // The second one was not answered, so both are said once more.
  expect(said).toEqual([1, 1, 2, 1, 2].map(nth => (nth === 1 ? 'batch3:table' : `batch3:table:${nth}`)))
  expect(alarms).toEqual([{ table: 'decisions', batch_id: 'batch3', nth: 2 }])
})

test('a server that loses them each time is given up, by name', async () => {
  const failures: string[] = []
  const { store, book } = world(
    Array.from({ length: 20 * TRIES_MAX }, () => 'token' as const),
    [],
  )
  book(batchAt(3))
  const trouble = (error: Error | null) => void failures.push(error?.message ?? '')
  const storing = storeBatch(store, shelf, batchAt(3), encodedOf(batchAt(3)), { ...patience(), trouble })
  await expect(storing).rejects.toThrow(`not done after ${TRIES_MAX} tries`)
  expect(failures.at(-1)).toBe('batch batch3: ClickHouse took it 10 times and has no row of it: see its log')
})
