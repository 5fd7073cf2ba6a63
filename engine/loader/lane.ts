import { randomUUIDv7 } from 'node:crypto'
import type { Topic } from '../../ingest/contract.ts'
import type { LogBatch } from '../../ingest/io/reader.ts'
import type { BookedBatch, Position, Shelf, Step } from '../io/loader_book.ts'
import { encodeBatch, type Part } from './batch.ts'
import { cutBatch, type Limits } from './cut.ts'
import { type Decoded, decodeRecord } from './decode.ts'
import { type Patience, untilDone } from './patience.ts'
import { type Store, storeBatch } from './store.ts'

/**
 * One topic on its way into its table: one batch at a time.
 *
 *   push(batch of a partition) ──► waiting ──► cut ──► record in the book ──► insert ──► done ──► push resolves
 *                                     ▲                      │ taken by another loader
 *                                     └── look up positions ◄┘
 *
 * What waits is bounded by the reader: it gives the next batch of a partition only when the last one was resolved.
 */

export interface LaneOptions {
  store: Store
  shelf: Shelf & { topic: Topic }
  limits: Limits
  /** A record waits at most so long for company, ms. */
  wait_ms_max: number
  patience: Patience
  /** Told of every batch that ClickHouse has. */
  loaded: (batch: { rows: number; records: number; duration_ms: number }) => void
  /** Kafka deleted records before they were loaded. */
  missed: (partition: number, from: number, to: number) => void
}

export interface Lane {
  /** The partition is ours from here on. */
  assign(partition: number, position: Position): void
  /** Resolves when ClickHouse has all of it, or when the partition is lost. Throws when the lane is closed before. */
  push(batch: LogBatch): Promise<void>
  lose(partition: number): void
  /** Whether this batch is on its way here: nobody need do it again. */
  holds(batch_id: string): boolean
  /** Resolves when the batch on its way has ended, well or not. Abort `patience.signal` to hurry it. */
  close(): Promise<void>
}

interface Slot {
  partition: number
  position: Position
  records: Decoded[]
  pushed: PromiseWithResolvers<void> | null
  /** there is more in Kafka: no need to wait for company */
  behind: boolean
  pushed_at: number
}

interface Booking {
  batch: BookedBatch
  bytes: Uint8Array
  steps: Step[]
  taken: { slot: Slot; records: number }[]
}

export function openLane(options: LaneOptions): Lane {
  const { store, shelf, limits, patience } = options
  const slots = new Map<number, Slot>()
  let on_its_way: string | null = null
  let bell = Promise.withResolvers<void>()
  let closed = false

  const waiting = () => new Map([...slots.values()].map(slot => [slot.partition, slot.records]))

  function book(): Booking {
    const taken = cutBatch(waiting(), limits).flatMap(({ partition, records }) => {
      const slot = slots.get(partition)
      return slot ? [{ slot, records }] : []
    })
    const parts: Part[] = taken.map(({ slot, records }) => ({
      partition: slot.partition,
      records: slot.records.slice(0, records),
      before: slot.position,
    }))
    const { bytes, rows, after } = encodeBatch(shelf.topic, parts)
    const steps = taken.map(({ slot }, index) => stepOf(slot.position, parts[index], after[index]))
    const ranges = parts.map(({ partition, records, before }) => ({
      partition,
      from: records[0]?.offset ?? 0,
      to: endOf(records),
      epoch: before.epoch,
      source_offset: before.source_offset,
    }))
    return { batch: { batch_id: randomUUIDv7(), ranges, rows }, bytes, steps, taken }
  }

  async function load({ batch, bytes, steps, taken }: Booking): Promise<void> {
    const started = performance.now()
    on_its_way = batch.batch_id
    const outcome = await untilDone(patience, () => store.book.record(shelf, batch, steps))
    if (outcome === 'taken') return catchUp(taken.map(({ slot }) => slot))
    store.reached('after_record')
    for (const [index, { slot, records }] of taken.entries()) {
      slot.records.splice(0, records)
      slot.position = steps[index]?.after ?? slot.position
    }
    await storeBatch(store, shelf, batch, bytes, patience)
    const records = taken.reduce((sum, one) => sum + one.records, 0)
    options.loaded({ rows: batch.rows, records, duration_ms: performance.now() - started })
    for (const { slot } of taken) resolveEmpty(slot)
  }

  /** Another loader booked some of it first: what it has is not ours to load. */
  async function catchUp(behind: readonly Slot[]): Promise<void> {
    for (const slot of behind) {
      slot.position = await untilDone(patience, () => store.book.position(shelf, slot.partition))
      slot.records = slot.records.filter(record => record.offset >= slot.position.next_offset)
      resolveEmpty(slot)
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const wait_ms = dueIn([...slots.values()], limits, options.wait_ms_max)
      if (wait_ms > 0) await rung(bell, wait_ms)
      bell = Promise.withResolvers()
      if (closed) return
      if (dueIn([...slots.values()], limits, options.wait_ms_max) > 0) continue
      await load(book()).finally(() => {
        on_its_way = null
      })
    }
  }

  const running = run().catch(error => {
    closed = true
    for (const slot of slots.values()) slot.pushed?.reject(error)
  })

  return {
    assign(partition, position) {
      slots.set(partition, { partition, position, records: [], pushed: null, behind: false, pushed_at: 0 })
    },
    async push({ partition, messages, high }) {
      const slot = slots.get(partition)
      if (closed || !slot) throw new Error(`the lane of ${shelf.topic} does not load partition ${partition}`)
      const [first] = messages
      const { next_offset } = slot.position
      if (first && first.offset > next_offset) options.missed(partition, next_offset, first.offset)
      const fresh = messages.filter(message => message.offset >= next_offset)
      if (fresh.length === 0) return
      slot.records = fresh.map(message => decodeRecord(shelf.topic, partition, message))
      slot.behind = high > endOf(slot.records)
      slot.pushed_at = performance.now()
      slot.pushed = Promise.withResolvers()
      bell.resolve()
      await slot.pushed.promise
    },
    lose(partition) {
      const slot = slots.get(partition)
      slots.delete(partition)
      slot?.pushed?.resolve()
    },
    holds: batch_id => on_its_way === batch_id,
    async close() {
      closed = true
      bell.resolve()
      await running
      for (const slot of slots.values()) slot.pushed?.reject(new Error('the loader is closing'))
    },
  }
}

const endOf = (records: readonly Decoded[]): number => (records.at(-1)?.offset ?? -1) + 1

function stepOf(expected: Position, part: Part | undefined, rule: Omit<Position, 'next_offset'> | undefined): Step {
  if (!part || !rule) throw new Error('a step without its part')
  return { partition: part.partition, expected, after: { ...rule, next_offset: endOf(part.records) } }
}

function resolveEmpty(slot: Slot): void {
  if (slot.records.length > 0) return
  slot.pushed?.resolve()
  slot.pushed = null
}

/** ms until the next batch is to be cut; 0: now; the longest wait when nothing waits. */
function dueIn(slots: readonly Slot[], limits: Limits, wait_ms_max: number): number {
  const full = slots.filter(slot => slot.records.length > 0)
  if (full.length === 0) return Number.POSITIVE_INFINITY
  const rows = full.reduce((sum, slot) => sum + slot.records.length, 0)
  if (rows >= limits.rows_max || full.some(slot => slot.behind)) return 0
  const oldest = Math.min(...full.map(slot => slot.pushed_at))
  return Math.max(0, oldest + wait_ms_max - performance.now())
}

async function rung(bell: PromiseWithResolvers<void>, wait_ms: number): Promise<void> {
  const timer = Number.isFinite(wait_ms) ? setTimeout(bell.resolve, Math.ceil(wait_ms)) : undefined
  await bell.promise
  clearTimeout(timer)
}
