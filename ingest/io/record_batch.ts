import { crc32c } from './crc32c.ts'

/**
 * Kafka's record batch, version 2 (kafka.apache.org/documentation, "Record Batch").
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

/**
 * Writes one batch, not compressed, of a producer that is not idempotent, to the front of `bytes`.
 * @param now its timestamps, ms
 * @returns how many bytes it has
 */
export function writeBatch(bytes: Buffer, records: readonly BatchRecord[], now: number): number {
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
export function roomFor(records: readonly BatchRecord[]): number {
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
