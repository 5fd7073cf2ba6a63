import { createRequire } from 'node:module'
import { crc32c } from './crc32c.ts'

/**
 * Kafka's record batch, version 2 (kafka.apache.org/documentation, "Record Batch"), and kafkajs made to send it as it is.
 *
 * kafkajs puts a batch together from two zeroed buffers a record, copies all of it five times and sums it byte by byte: 10 µs a record
 * of 1,100 bytes. Written into one buffer that is used again, and sent from there, it is 0.9. Connections, leaders, retries and answers
 * stay kafkajs's.
 *
 *   base offset i64 · length i32 · leader epoch i32 · magic i8 · CRC-32C u32 of all that follows ·
 *   attributes i16 · last offset delta i32 · first, max timestamp i64 · producer id i64, epoch i16, sequence i32 · count i32 · records
 */
export interface BatchRecord {
  key: string
  value: Buffer
  headers?: Record<string, string>
}

const CRC_AT = 17
const CRC_FROM = 21
const HEADER_BYTES = 61
const MAGIC = 2
const VARINT_BYTES_MAX = 5

/** The bytes of one batch, not compressed, of a producer that is not idempotent. `now`: its timestamps, ms. */
export function encodeBatch(records: readonly BatchRecord[], now: number): Buffer {
  const bytes = Buffer.allocUnsafe(roomFor(records))
  return bytes.subarray(0, writeBatch(bytes, records, now))
}

/** @returns how many bytes it has */
function writeBatch(bytes: Buffer, records: readonly BatchRecord[], now: number): number {
  let end = HEADER_BYTES
  records.forEach((record, place) => {
    end = writeRecord(bytes, end, record, place)
  })
  bytes.writeBigInt64BE(0n, 0)
  bytes.writeInt32BE(end - 12, 8)
  bytes.writeInt32BE(0, 12)
  bytes.writeInt8(MAGIC, 16)
  bytes.writeInt16BE(0, 21)
  bytes.writeInt32BE(records.length - 1, 23)
  bytes.writeBigInt64BE(BigInt(now), 27)
  bytes.writeBigInt64BE(BigInt(now), 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt16BE(-1, 51)
  bytes.writeInt32BE(-1, 53)
  bytes.writeInt32BE(records.length, 57)
  bytes.writeUInt32BE(crc32c(bytes, CRC_FROM, end), CRC_AT)
  return end
}

/** Enough for any of them: three bytes of UTF-8 for each unit of UTF-16, and every length at its longest. */
function roomFor(records: readonly BatchRecord[]): number {
  let bytes = HEADER_BYTES
  for (const { key, value, headers } of records) {
    bytes += 1 + 6 * VARINT_BYTES_MAX + key.length * 3 + value.length
    if (!headers) continue
    for (const [name, text] of Object.entries(headers)) bytes += 2 * VARINT_BYTES_MAX + (name.length + text.length) * 3
  }
  return bytes
}

/** length · attributes i8 · timestamp delta · offset delta · key · value · headers, each length a zigzag varint. */
function writeRecord(bytes: Buffer, start: number, { key, value, headers }: BatchRecord, place: number): number {
  const key_utf8 = keyBytes(key)
  const key_bytes = key_utf8.length
  const entries = headers ? headerBytes(headers) : NO_HEADERS
  const length =
    2 +
    varintBytes(place) +
    varintBytes(key_bytes) +
    key_bytes +
    varintBytes(value.length) +
    value.length +
    entries.length
  let at = writeVarint(bytes, start, length)
  bytes[at] = 0 // attributes
  bytes[at + 1] = 0 // timestamp delta: the broker stamps the append
  at = writeVarint(bytes, at + 2, place)
  at = writeVarint(bytes, at, key_bytes)
  bytes.set(key_utf8, at)
  at += key_bytes
  at = writeVarint(bytes, at, value.length)
  bytes.set(value, at)
  at += value.length
  bytes.set(entries, at)
  return at + entries.length
}

/** Most records of a batch have the same key: a zone's. */
let last_key = ''
let last_key_bytes = Buffer.alloc(0)

function keyBytes(key: string): Buffer {
  if (key === last_key) return last_key_bytes
  last_key = key
  last_key_bytes = Buffer.from(key)
  return last_key_bytes
}

const NO_HEADERS = Buffer.from([0])

function headerBytes(headers: Record<string, string>): Buffer {
  const texts = Object.entries(headers).flat()
  const bytes = Buffer.allocUnsafe(VARINT_BYTES_MAX + texts.reduce((sum, text) => sum + text.length * 3 + 5, 0))
  let at = writeVarint(bytes, 0, texts.length / 2)
  for (const text of texts) {
    at = writeVarint(bytes, at, Buffer.byteLength(text))
    at += bytes.write(text, at)
  }
  return bytes.subarray(0, at)
}

/** Of a number ≥ 0, which zigzag doubles. */
function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) bytes += 1
  return bytes
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value * 2
  for (; rest > 0x7f; rest >>>= 7) {
    bytes[at] = (rest & 0x7f) | 0x80
    at += 1
  }
  bytes[at] = rest
  return at + 1
}

// ── kafkajs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A kafkajs message that stands for a whole batch: the only one of its send. */
export interface BatchMessage {
  partition: number
  /** Ours never looks at it. kafkajs's own encoder throws at it, instead of sending an empty record in the batch's place. */
  value: Buffer
  /** the produce request */
  body: InPlace
}

/**
 * Bytes with room before them, in which kafkajs's heads of a request are written. Its encoder would copy a body of a megabyte twice, each
 * time to fresh zeroed memory: 3.6 KB a record, which made the main thread collect garbage three times a second.
 */
export class InPlace {
  readonly memory: Buffer<ArrayBuffer>
  readonly #from: number
  readonly #to: number
  #requests = 0

  constructor(memory: Buffer<ArrayBuffer>, from: number, to: number) {
    this.memory = memory
    this.#from = from
    this.#to = to
  }

  get buffer(): Buffer {
    return this.memory.subarray(this.#from, this.#to)
  }

  /** as kafkajs knows an encoder */
  get buf(): Buffer {
    return this.buffer
  }

  size(): number {
    return this.#to - this.#from
  }

  /** For a request; for a second one a copy, since a stalled connection may still be about to send the first. */
  forRequest(): InPlace {
    this.#requests += 1
    return this.#requests === 1 ? this : new InPlace(Buffer.from(this.memory), this.#from, this.#to)
  }

  /** Once it is acknowledged: nobody will send these bytes any more. */
  isFree(): boolean {
    return this.#requests <= 1
  }

  /** These bytes behind a head; null: there is no room for it. */
  behind(head: Buffer): InPlace | null {
    const from = this.#from - head.length
    if (from < 0) return null
    head.copy(this.memory, from)
    return new InPlace(this.memory, from, this.#to)
  }
}

const NO_VALUE = { says: 'a broker older than Kafka 2.1 does not take these batches' } as unknown as Buffer
/** acks = all */
const ACKS = -1
const TIMEOUT_MS = 30_000
const BODY_HEAD_BYTES = 26
/** For the request's length, kind and number, and the client's id. */
const ROOM_BEFORE_BYTES = 256

/**
 * Records as a message for kafkajs.
 * @param reused the memory of an earlier message that is acknowledged: fresh memory by the megabyte costs its first touch, and collections
 */
export function batchMessage(
  { topic, partition }: { topic: string; partition: number },
  records: readonly BatchRecord[],
  now: number,
  reused: Buffer<ArrayBuffer> | null,
): BatchMessage {
  const head_bytes = BODY_HEAD_BYTES + Buffer.byteLength(topic)
  const batch_at = ROOM_BEFORE_BYTES + head_bytes
  const room = batch_at + roomFor(records)
  const memory = reused !== null && reused.length >= room ? reused : Buffer.from(new ArrayBuffer(room))
  const batch_bytes = writeBatch(memory.subarray(batch_at), records, now)
  writeHead(memory.subarray(ROOM_BEFORE_BYTES), topic, partition, batch_bytes)
  return { partition, value: NO_VALUE, body: new InPlace(memory, ROOM_BEFORE_BYTES, batch_at + batch_bytes) }
}

/** transactional id (null) i16 · acks i16 · timeout i32 · one topic: name · one partition: number i32 · batch with its length i32 */
function writeHead(body: Buffer, topic: string, partition: number, batch_bytes: number): void {
  const name_bytes = Buffer.byteLength(topic)
  body.writeInt16BE(-1, 0)
  body.writeInt16BE(ACKS, 2)
  body.writeInt32BE(TIMEOUT_MS, 4)
  body.writeInt32BE(1, 8)
  body.writeInt16BE(name_bytes, 12)
  body.write(topic, 14)
  body.writeInt32BE(1, 14 + name_bytes)
  body.writeInt32BE(partition, 18 + name_bytes)
  body.writeInt32BE(batch_bytes, 22 + name_bytes)
}

interface ProduceRequest {
  topicData: { topic: string; partitions: { partition: number; messages: Partial<BatchMessage>[] }[] }[]
}

/** The newest produce request that kafkajs knows; a broker that takes only older ones is older than Kafka 2.1. */
const REQUEST = 'kafkajs/src/protocol/requests/produce/v7/request.js'
const ENCODER = 'kafkajs/src/protocol/encoder.js'

interface Encoder {
  readonly buffer: Buffer
  writeEncoder(value: object): object
}

/**
 * Puts our encoder before kafkajs's: a request of one batch message is sent as it is, every other goes the usual way. kafkajs has no
 * public place for that; its version is pinned, and any test that sends fails if this stops working: its own encoder throws at a batch.
 */
export function teachBatches(): void {
  const require = createRequire(import.meta.url)
  const original = require(REQUEST) as (request: ProduceRequest) => object
  const module = require.cache[require.resolve(REQUEST)]
  if (!module) throw new Error(`kafkajs has no ${REQUEST}: is it another version than the one that is pinned?`)
  if ('teaches_batches' in original) return
  module.exports = Object.assign(
    (request: ProduceRequest) => {
      const [data, ...others] = request.topicData
      const [part, ...more] = data?.partitions ?? []
      const body = part?.messages[0]?.body
      if (!part || !body) return original(request)
      if (others.length + more.length > 0 || part.messages.length > 1)
        throw new Error('a batch travels alone: one topic, one partition, one message')
      // kafkajs copies what has the two fields of its own encoder.
      return { ...original({ ...request, topicData: [] }), encode: async () => body.forRequest() }
    },
    { teaches_batches: true },
  )
  const encoder: Encoder = require(ENCODER).prototype
  const copied = encoder.writeEncoder
  encoder.writeEncoder = function (this: Encoder, value) {
    return (value instanceof InPlace ? value.behind(this.buffer) : null) ?? copied.call(this, value)
  }
}
