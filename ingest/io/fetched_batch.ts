import { letGo, need, needForEver } from './answers.ts'
import { replaceExport } from './kafkajs_files.ts'
import { INDEX_STEP, type LogMessage, type PackedMessages, type Stretch } from './log_messages.ts'

/**
 * kafkajs made to read the record batches of our topics as fast as they can be read.
 *
 * kafkajs makes a slice and a decoder of each record, and big integers of its times and offsets: 0.4 µs of CPU a record, and twice as much
 * again until a consumer has it. Ours finds where each record lies: 0.1. Connections, leaders, sessions and the rest of a fetch stay kafkajs's, and so does whatever
 * is not the usual batch: compressed, of a transaction, stamped by its producer, or cut off.
 */

type HeaderValue = Buffer | null
type Headers = Readonly<Record<string, HeaderValue | HeaderValue[]>>

/** The bytes of one partition in an answer, and how far kafkajs has read. */
interface Decoder {
  readonly buffer: Buffer
  readonly offset: number
  forward(bytes: number): void
}
type DecodeBatch = (decoder: Decoder) => Promise<{ records: object[] }>

// ── The batch: record_batch.ts has its layout ───────────────────────────────────────────────────────────────────────

const HEADER_BYTES = 61
/** base offset and length, which the length does not count */
const UNCOUNTED_BYTES = 12

/** not compressed, of no transaction, no control batch, stamped by the broker */
const USUAL_ATTRIBUTES = 8
const LOG_APPEND_TIME = 1

/** How many bytes the usual batch has that begins there; 0: it is another, or not all of it came. */
function usualBytes(buffer: Buffer, at: number): number {
  if (buffer.length < at + HEADER_BYTES) return 0
  if (buffer.readInt16BE(at + 21) !== USUAL_ATTRIBUTES) return 0
  const bytes = UNCOUNTED_BYTES + buffer.readInt32BE(at + 8)
  return bytes >= HEADER_BYTES && at + bytes <= buffer.length ? bytes : 0
}

/** Of each record: its offset less the batch's, where the length of its key is, where its value starts and ends. Without one it ends before. */
const [DELTA, KEY, START, END, STEP] = [0, 1, 2, 3, 4]
const NO_PLACES = new Int32Array(0)

/**
 * The records of a batch as they lie in Kafka's answer, and where. To kafkajs it is one record, the last of the batch: with an object for each,
 * its own passes over them and their big integers were half of what the engine's main thread allocated.
 */
export class FetchedBatch implements Stretch {
  readonly length: number
  /** What kafkajs's own decoder says of a batch. */
  readonly context: object
  /** its last record's, for kafkajs */
  readonly offset: string
  readonly #buffer: Buffer
  readonly #first_offset: number
  readonly #appended_at: number
  #places: Int32Array

  /** @throws Error when it is damaged */
  constructor(buffer: Buffer) {
    this.length = buffer.readInt32BE(57)
    this.#buffer = buffer
    this.#first_offset = Number(buffer.readBigInt64BE(0))
    this.#appended_at = Number(buffer.readBigInt64BE(35))
    this.context = {
      firstOffset: String(this.#first_offset),
      firstTimestamp: String(buffer.readBigInt64BE(27)),
      partitionLeaderEpoch: buffer.readInt32BE(12),
      inTransaction: false,
      isControlBatch: false,
      lastOffsetDelta: buffer.readInt32BE(23),
      producerId: String(buffer.readBigInt64BE(43)),
      producerEpoch: buffer.readInt16BE(51),
      firstSequence: buffer.readInt32BE(53),
      maxTimestamp: String(this.#appended_at),
      timestampType: LOG_APPEND_TIME,
    }
    this.#places = this.#find()
    this.offset = this.length > 0 ? String(this.offsetOf(this.length - 1)) : ''
    if (this.length > 0) need(buffer)
  }

  #find(): Int32Array {
    const cursor = { buffer: this.#buffer, at: HEADER_BYTES }
    if (this.length < 0 || this.length > this.#buffer.length)
      throw this.#damaged(`says that it has ${this.length} records`)
    const places = new Int32Array(this.length * STEP)
    for (let at = 0; at < places.length; at += STEP) {
      const length = readVarint(cursor)
      const end = cursor.at + length
      cursor.at += 1 // attributes, of which there are none
      readVarint(cursor) // its time by the producer's clock
      places[at + DELTA] = readVarint(cursor)
      places[at + KEY] = cursor.at
      skipBytes(cursor)
      const value_bytes = readVarint(cursor)
      places[at + START] = cursor.at
      places[at + END] = cursor.at + value_bytes
      if (value_bytes > 0) cursor.at += value_bytes
      skipHeaders(cursor)
      if (cursor.at !== end) throw this.#damaged(`is damaged at ${this.#first_offset + (places[at + DELTA] ?? 0)}`)
    }
    return places
  }

  #damaged(how: string): Error {
    return new Error(`the record batch at offset ${this.#first_offset} ${how}`)
  }

  // What kafkajs asks of a record.

  get isControlRecord(): boolean {
    return false
  }

  get batchContext(): object {
    return this.context
  }

  get timestamp(): string {
    return String(this.#appended_at)
  }

  /** It is no marker of an aborted transaction. */
  get key(): null {
    return null
  }

  /** @throws Error a consumer that is not our reader would take the whole batch for one message */
  get value(): never {
    throw new Error('this process reads whole batches: read with openReader')
  }

  /** @throws Error as `value` */
  get headers(): never {
    return this.value
  }

  // Ours, by their numbers.

  free(): void {
    if (this.#places === NO_PLACES) return
    this.#places = NO_PLACES
    letGo(this.#buffer)
  }

  #place(n: number, what: number): number {
    const found = this.#places[n * STEP + what]
    if (found !== undefined) return found
    throw new RangeError(n < this.length ? 'this batch was given back already' : `record ${n} of ${this.length}`)
  }

  offsetOf(n: number): number {
    return this.#first_offset + this.#place(n, DELTA)
  }

  #valueEnd(n: number): number {
    return Math.max(this.#place(n, START), this.#place(n, END))
  }

  message(n: number): LogMessage {
    const buffer = this.#buffer
    const start = this.#place(n, START)
    const end = this.#place(n, END)
    return {
      offset: this.offsetOf(n),
      appended_at: this.#appended_at,
      key: readBytes({ buffer, at: this.#place(n, KEY) }),
      value: end < start ? null : buffer.subarray(start, end),
      headers: textsOf(readHeaders({ buffer, at: this.#valueEnd(n) })),
    }
  }

  bytesOf(from: number, to: number): number {
    const end = to < this.length ? this.#place(to, KEY) : this.#buffer.length
    return end - this.#place(from, KEY) + (to - from) * STEP * Int32Array.BYTES_PER_ELEMENT
  }

  /** From the first value's start to the last one's end, with what lies between them: one copy for all. */
  packedBytes(from: number, to: number): number {
    return this.#valueEnd(to - 1) - this.#place(from, START)
  }

  pack(from: number, to: number, { index, bytes }: PackedMessages, place: number, start: number): void {
    const first = this.#place(from, START)
    bytes.set(this.#buffer.subarray(first, this.#valueEnd(to - 1)), start)
    let at = place
    for (let n = from; n < to; n += 1) {
      index[at] = this.offsetOf(n)
      index[at + 1] = this.#appended_at
      index[at + 2] = start + this.#place(n, START) - first
      index[at + 3] = start + this.#valueEnd(n) - first
      at += INDEX_STEP
    }
  }
}

interface Cursor {
  readonly buffer: Buffer
  at: number
}

/** Zigzag, seven bits a byte, the lowest first. What is longer than 32 bits is read to its end, and comes out as something else. */
function readVarint(cursor: Cursor): number {
  const { buffer } = cursor
  let byte = buffer[cursor.at++] as number
  let value = byte & 0x7f
  for (let shift = 7; byte > 0x7f; shift += 7) {
    byte = buffer[cursor.at++] as number
    value |= (byte & 0x7f) << shift
  }
  return (value >>> 1) ^ -(value & 1)
}

/** A part of the answer's own memory. */
function readBytes(cursor: Cursor): Buffer | null {
  const length = readVarint(cursor)
  if (length < 0) return null
  cursor.at += length
  return cursor.buffer.subarray(cursor.at - length, cursor.at)
}

function skipBytes(cursor: Cursor): void {
  const length = readVarint(cursor)
  if (length > 0) cursor.at += length
}

function skipHeaders(cursor: Cursor): void {
  for (let left = readVarint(cursor); left > 0; left -= 1) {
    skipBytes(cursor)
    skipBytes(cursor)
  }
}

const NO_HEADERS: Headers = Object.freeze({})

/** A name that comes several times has a list. */
function readHeaders(cursor: Cursor): Headers {
  const count = readVarint(cursor)
  if (count <= 0) return NO_HEADERS
  const headers = new Map<string, HeaderValue | HeaderValue[]>()
  for (let left = count; left > 0; left -= 1) {
    const name = String(readBytes(cursor) ?? '')
    const value = readBytes(cursor)
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value])
  }
  // Defines each as its own, `__proto__` too.
  return Object.fromEntries(headers)
}

/** A name that came several times has its texts, with commas. */
export const textsOf = (
  headers: Readonly<Record<string, HeaderText | HeaderText[] | undefined>>,
): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)]))
type HeaderText = Buffer | string | null

// ── kafkajs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js'

/** Puts our reading before kafkajs's own. It binds its decoder at the first fetch, so this must come before it. */
export function teachReading(): void {
  replaceExport<DecodeBatch>(DECODER, original => async decoder => {
    const { buffer, offset } = decoder
    const bytes = usualBytes(buffer, offset)
    if (bytes === 0) {
      const other = await original(decoder)
      needForEver(buffer)
      return other
    }
    decoder.forward(bytes)
    const batch = new FetchedBatch(buffer.subarray(offset, offset + bytes))
    return { ...batch.context, records: batch.length > 0 ? [batch] : [] }
  })
}
