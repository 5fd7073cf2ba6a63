import { replaceExport } from './kafkajs_files.ts'

/**
 * kafkajs made to read the record batches of our topics as fast as they can be read.
 *
 * kafkajs makes a slice and a decoder of each record, and big integers of its times and offsets: 0.4 µs of CPU a record. Ours goes
 * through the batch with plain numbers: 0.1. Connections, leaders, sessions and the rest of a fetch stay kafkajs's, and so does whatever
 * is not the usual batch: compressed, of a transaction, stamped by its producer, or cut off.
 */

/** As kafkajs's own decoder has it. */
interface FetchedRecord {
  magicByte: number
  attributes: number
  /** the broker's clock at append, ms */
  timestamp: string
  offset: string
  key: Buffer | null
  value: Buffer | null
  headers: Headers
  isControlRecord: boolean
  batchContext: object
}
type HeaderValue = Buffer | null
type Headers = Readonly<Record<string, HeaderValue | HeaderValue[]>>

/** The bytes of one partition in an answer, and how far kafkajs has read. */
interface Decoder {
  readonly buffer: Buffer
  readonly offset: number
  forward(bytes: number): void
}
type DecodeBatch = (decoder: Decoder) => Promise<{ records: FetchedRecord[] }>

// ── The batch: record_batch.ts has its layout ───────────────────────────────────────────────────────────────────────

const HEADER_BYTES = 61
/** base offset and length, which the length does not count */
const UNCOUNTED_BYTES = 12
const MAGIC = 2
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

/** @throws Error when it is damaged */
function readUsual(buffer: Buffer): { records: FetchedRecord[] } {
  const first_offset = Number(buffer.readBigInt64BE(0))
  const timestamp = String(buffer.readBigInt64BE(35))
  const context = {
    firstOffset: String(first_offset),
    firstTimestamp: String(buffer.readBigInt64BE(27)),
    partitionLeaderEpoch: buffer.readInt32BE(12),
    inTransaction: false,
    isControlBatch: false,
    lastOffsetDelta: buffer.readInt32BE(23),
    producerId: String(buffer.readBigInt64BE(43)),
    producerEpoch: buffer.readInt16BE(51),
    firstSequence: buffer.readInt32BE(53),
    maxTimestamp: timestamp,
    timestampType: LOG_APPEND_TIME,
  }
  const batchContext = { ...context, magicByte: MAGIC }
  const cursor = { buffer, at: HEADER_BYTES }
  const records: FetchedRecord[] = []
  for (let left = buffer.readInt32BE(57); left > 0; left -= 1) {
    const length = readVarint(cursor)
    const end = cursor.at + length
    const attributes = buffer.readInt8(cursor.at)
    cursor.at += 1
    readVarint(cursor) // its time by the producer's clock
    const offset = String(first_offset + readVarint(cursor))
    const key = readBytes(cursor)
    const value = readBytes(cursor)
    const headers = readHeaders(cursor)
    if (cursor.at !== end) throw new Error(`the record batch at offset ${first_offset} is damaged at ${offset}`)
    records.push({
      magicByte: MAGIC,
      attributes,
      timestamp,
      offset,
      key,
      value,
      headers,
      isControlRecord: false,
      batchContext,
    })
  }
  return { ...context, records }
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

// ── kafkajs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js'

/** Puts our reading before kafkajs's own. It binds its decoder at the first fetch, so this must come before it. */
export function teachReading(): void {
  replaceExport<DecodeBatch>(DECODER, original => async decoder => {
    const { buffer, offset } = decoder
    const bytes = usualBytes(buffer, offset)
    if (bytes === 0) return original(decoder)
    decoder.forward(bytes)
    return readUsual(buffer.subarray(offset, offset + bytes))
  })
}
