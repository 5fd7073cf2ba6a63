import { randomUUIDv7 } from 'node:crypto'
import type { LogBatch } from '../../ingest/io/reader.ts'
import type { BookedBatch, Position, Step } from '../io/loader_book.ts'
import { openMemory } from './arrow.ts'
import { encodeBatch, type Part } from './batch.ts'
import { cutBatch, type Limits } from './cut.ts'
import { type Patience, untilDone } from './patience.ts'
import { type Encoded, type Store, storeBatch, type TopicShelf } from './store.ts'
import { endOf, offsetAt, type Piece, stretchOf, Waiting } from './waiting.ts'

/**
 * One topic on its way into its table: one batch at a time.
 *
 *   push(messages of a partition) ──► waiting ──► cut ──► record in the book ──► insert ──► done
 *                                        ▲                      │ taken by another loader
 *                                        └── look up positions ◄┘
 *
 * What waits is bounded: a push resolves when there is room for the next one, and the reader gives it only then. Waiting
 * records are bytes as they came; they are read when they are cut. A batch is cut when it is full, when the room is, or when
 * its oldest record has waited long enough, also far behind: fewer rows an INSERT mean more parts and more merging.
 */

export interface LaneOptions {
  store: Store
  shelf: TopicShelf
  limits: Limits
  /** A record waits at most so long for company, ms. */
  wait_ms_max: number
  room: Room
  patience: Patience
  /** Told of every batch that ClickHouse has. */
  loaded: (batch: { rows: number; records: number; duration_ms: number }) => void
  /** Kafka deleted records before they were loaded. */
  missed: (partition: number, from: number, to: number) => void
}

/** Bytes that wait in all lanes of a process. */
export interface Room {
  used_bytes: number
  bytes_max: number
}

/** So much a lane may always hold, whatever the others do. */
const LANE_BYTES_MIN = 2 * 1024 * 1024

export interface Lane {
  /** The partition is ours from here on. */
  assign(partition: number, position: Position): void
  /** Resolves when there is room for more, or when the partition is lost. Throws when the lane is closed before. */
  push(batch: LogBatch): Promise<void>
  lose(partition: number): void
  /** records of a partition that were pushed and are not in ClickHouse yet */
  waiting(partition: number): number
  /** Whether this batch is on its way here: nobody need do it again. */
  holds(batch_id: string): boolean
  /** Resolves when the batch on its way has ended, well or not. Abort `patience.signal` to hurry it. */
  close(): Promise<void>
}

interface Slot {
  partition: number
  position: Position
  waiting: Waiting
  /** cut and on their way */
  on_its_way: number
  /** since when the first of them waits */
  since: number
  lost: boolean
}

interface Booking {
  batch: BookedBatch
  encoded: Encoded
  steps: Step[]
  taken: { slot: Slot; records: number }[]
}

export function openLane(options: LaneOptions): Lane {
  const { store, shelf, limits, patience, room } = options
  const slots = new Map<number, Slot>()
  // The next batch is made when ClickHouse has this one.
  const memory = openMemory(shelf.topic)
  let on_its_way: string | null = null
  let bell = Promise.withResolvers<void>()
  /** rung when room may have come about */
  let space = Promise.withResolvers<void>()
  let waiting_bytes = 0
  let closed: Error | null = null

  const waitingPieces = () => new Map([...slots.values()].map(slot => [slot.partition, slot.waiting.pieces]))

  const hasRoom = () =>
    waiting_bytes < LANE_BYTES_MIN || (waiting_bytes < limits.bytes_max && room.used_bytes < room.bytes_max)

  function hold(bytes: number): void {
    waiting_bytes += bytes
    room.used_bytes += bytes
    if (bytes >= 0) return
    space.resolve()
    space = Promise.withResolvers()
  }

  function book(): Booking {
    const taken = cutBatch(waitingPieces(), limits).flatMap(({ partition, records }) => {
      const slot = slots.get(partition)
      return slot ? [{ slot, records }] : []
    })
    const parts: Part[] = taken.map(({ slot, records }) => ({
      partition: slot.partition,
      records: slot.waiting.first(records),
      before: slot.position,
    }))
    const { after, ...encoded } = encodeBatch(memory, parts)
    const steps = taken.map(({ slot }, index) => stepOf(slot.position, parts[index], after[index]))
    const ranges = parts.map(({ partition, records, before }) => ({
      partition,
      from: beginOf(records),
      to: endOf(records),
      epoch: before.epoch,
      source_offset: before.source_offset,
    }))
    return { batch: { batch_id: randomUUIDv7(), ranges, rows: encoded.rows, tokens: 1 }, encoded, steps, taken }
  }

  async function load({ batch, encoded, steps, taken }: Booking): Promise<void> {
    const started = performance.now()
    on_its_way = batch.batch_id
    const outcome = await untilDone(patience, () => store.book.record(shelf, batch, steps))
    if (outcome === 'taken') return catchUp(taken.map(({ slot }) => slot))
    store.reached('after_record')
    for (const [index, { slot, records }] of taken.entries()) {
      release(slot, records)
      slot.on_its_way = records
      slot.since = performance.now()
      slot.position = steps[index]?.after ?? slot.position
    }
    await storeBatch(store, shelf, batch, encoded, patience)
    for (const { slot } of taken) slot.on_its_way = 0
    const records = taken.reduce((sum, one) => sum + one.records, 0)
    options.loaded({ rows: batch.rows, records, duration_ms: performance.now() - started })
  }

  /** They wait no more. A slot that was lost has given its room back already. */
  function release(slot: Slot, records: number): void {
    const { bytes } = slot.waiting
    slot.waiting.drop(records)
    if (!slot.lost) hold(slot.waiting.bytes - bytes)
  }

  /** Another loader booked some of it first: what it has is not ours to load. */
  async function catchUp(behind: readonly Slot[]): Promise<void> {
    for (const slot of behind) {
      slot.position = await untilDone(patience, () => store.book.position(shelf, slot.partition))
      release(slot, slot.waiting.before(slot.position.next_offset))
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const wait_ms = dueIn()
      if (wait_ms > 0) await rung(bell, wait_ms)
      bell = Promise.withResolvers()
      if (closed) return
      if (dueIn() > 0) continue
      await load(book()).finally(() => {
        on_its_way = null
      })
    }
  }

  /** ms until the next batch is to be cut; 0: now; Infinity: nothing waits */
  function dueIn(): number {
    const full = [...slots.values()].filter(slot => slot.waiting.length > 0)
    if (full.length === 0) return Number.POSITIVE_INFINITY
    const rows = full.reduce((sum, slot) => sum + slot.waiting.rows, 0)
    if (rows >= limits.rows_max || !hasRoom()) return 0
    const since = Math.min(...full.map(slot => slot.since))
    return Math.max(0, since + options.wait_ms_max - performance.now())
  }

  function close(error: Error): void {
    closed ??= error
    bell.resolve()
    space.resolve()
  }

  const running = run().catch(close)

  return {
    assign(partition, position) {
      slots.set(partition, { partition, position, waiting: new Waiting(), on_its_way: 0, since: 0, lost: false })
    },
    async push({ partition, messages }) {
      const slot = slots.get(partition)
      if (closed || !slot) throw new Error(`the lane of ${shelf.topic} does not load partition ${partition}`)
      const next_offset = Math.max(slot.position.next_offset, endOf(slot.waiting.pieces))
      const fresh = [...messages].filter(message => message.offset >= next_offset)
      const [first] = fresh
      if (first && first.offset > next_offset) options.missed(partition, next_offset, first.offset)
      if (slot.waiting.length === 0) slot.since = performance.now()
      const { bytes } = slot.waiting
      slot.waiting.push(stretchOf(shelf.topic, fresh))
      hold(slot.waiting.bytes - bytes)
      bell.resolve()
      while (!closed && !slot.lost && !hasRoom()) await space.promise
      if (closed) throw closed
    },
    lose(partition) {
      const slot = slots.get(partition)
      if (!slot) return
      slots.delete(partition)
      release(slot, slot.waiting.length)
      slot.lost = true
      space.resolve()
      space = Promise.withResolvers()
    },
    waiting(partition) {
      const slot = slots.get(partition)
      return slot ? slot.waiting.length + slot.on_its_way : 0
    },
    holds: batch_id => on_its_way === batch_id,
    async close() {
      close(new Error('the loader is closing'))
      await running
    },
  }
}

const beginOf = ([first]: readonly Piece[]): number => (first ? offsetAt(first, first.from) : 0)

function stepOf(expected: Position, part: Part | undefined, rule: Omit<Position, 'next_offset'> | undefined): Step {
  if (!part || !rule) throw new Error('a step without its part')
  return { partition: part.partition, expected, after: { ...rule, next_offset: endOf(part.records) } }
}

async function rung(bell: PromiseWithResolvers<void>, wait_ms: number): Promise<void> {
  const timer = Number.isFinite(wait_ms) ? setTimeout(bell.resolve, Math.ceil(wait_ms)) : undefined
  await bell.promise
  clearTimeout(timer)
}
