import {
  type Data,
  type DataType,
  Field,
  Float32,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow'
import type { Kind } from './tables.ts'

/**
 * Rows to an Arrow stream of one record batch, which ClickHouse takes 2 to 4 times faster than JSON. Columns are filled
 * by hand: apache-arrow's builders take several times as long.
 */

type AnyRow = Readonly<Record<string, unknown>>

const TYPES: Record<Kind, () => DataType> = {
  text: () => new Utf8(),
  u8: () => new Uint8(),
  u16: () => new Uint16(),
  u32: () => new Uint32(),
  u64: () => new Uint64(),
  u64_or_null: () => new Uint64(),
  i64: () => new Int64(),
  i64_or_null: () => new Int64(),
  f32_or_null: () => new Float32(),
  f64_or_null: () => new Float64(),
  time: () => new TimestampMillisecond('UTC'),
  time_or_null: () => new TimestampMillisecond('UTC'),
}

/** Rows in, the bytes of an Arrow IPC stream out: the schema and one record batch with the columns in the order given. */
export function encodeArrow(columns: Readonly<Record<string, Kind>>, rows: readonly object[]): Uint8Array {
  const list = rows as readonly AnyRow[]
  const fields = Object.entries(columns).map(
    ([name, kind]) => new Field(name, TYPES[kind](), kind.endsWith('_or_null')),
  )
  const schema = new Schema(fields)
  const children = Object.entries(columns).map(([name, kind]) => encodeColumn(kind, name, list))
  const data = makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children })
  return RecordBatchStreamWriter.writeAll([new RecordBatch(schema, data)]).toUint8Array(true)
}

function encodeColumn(kind: Kind, name: string, rows: readonly AnyRow[]): Data {
  const type = TYPES[kind]()
  const length = rows.length
  if (kind === 'text') return makeData({ type: type as Utf8, length, nullCount: 0, ...encodeTexts(name, rows) })
  const data = numbersOf(kind, length)
  const { nullCount, nullBitmap } = fill(data, name, rows)
  return makeData({ type, length, data, nullCount, nullBitmap } as Parameters<typeof makeData>[0])
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array | BigUint64Array | BigInt64Array

function numbersOf(kind: Exclude<Kind, 'text'>, length: number): Numbers {
  switch (kind) {
    case 'u8':
      return new Uint8Array(length)
    case 'u16':
      return new Uint16Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'u64':
    case 'u64_or_null':
      return new BigUint64Array(length)
    case 'f32_or_null':
      return new Float32Array(length)
    case 'f64_or_null':
      return new Float64Array(length)
    case 'i64':
    case 'i64_or_null':
    case 'time':
    case 'time_or_null':
      return new BigInt64Array(length)
  }
}

/** Arrow's validity bitmap: bit i of byte i / 8 is 1 where row i has a value. */
function fill(
  data: Numbers,
  name: string,
  rows: readonly AnyRow[],
): { nullCount: number; nullBitmap: Uint8Array | null } {
  const bitmap = new Uint8Array(Math.ceil(rows.length / 8))
  const big = data instanceof BigUint64Array || data instanceof BigInt64Array
  let nullCount = 0
  for (let at = 0; at < rows.length; at += 1) {
    const value = rows[at]?.[name] as number | bigint | null
    if (value === null) {
      nullCount += 1
      continue
    }
    bitmap[at >> 3] = (bitmap[at >> 3] ?? 0) | (1 << (at & 7))
    if (big) data[at] = BigInt(value)
    else data[at] = Number(value)
  }
  return { nullCount, nullBitmap: nullCount > 0 ? bitmap : null }
}

/** 50,000 ids: 2.1 ms of CPU with Buffer.write, 3.7 with TextEncoder.encodeInto; empty ones, which are most: 0.4 and 4.5. */
function encodeTexts(name: string, rows: readonly AnyRow[]): { valueOffsets: Int32Array; data: Uint8Array } {
  const valueOffsets = new Int32Array(rows.length + 1)
  let bytes = Buffer.allocUnsafe(rows.length * 16 + 1_024)
  let end = 0
  for (let at = 0; at < rows.length; at += 1) {
    const value = rows[at]?.[name] as string
    if (value.length > 0) {
      // UTF-8 takes at most three bytes for each unit of UTF-16.
      const needed = end + value.length * 3
      if (needed > bytes.length) bytes = enlarged(bytes, end, needed)
      end += bytes.write(value, end, 'utf8')
    }
    valueOffsets[at + 1] = end
  }
  return { valueOffsets, data: bytes.subarray(0, end) }
}

function enlarged(bytes: Buffer<ArrayBuffer>, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.max(needed, bytes.length * 2))
  bytes.copy(larger, 0, 0, used)
  return larger
}
