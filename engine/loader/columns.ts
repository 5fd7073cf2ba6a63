import {
  type Data,
  type DataType,
  Dictionary,
  Float32,
  Float64,
  Int32,
  Int64,
  makeData,
  makeVector,
  TimestampMillisecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow'
import { cellHalves } from './cells.ts'
import type { Kind } from './tables.ts'

/**
 * The columns of one INSERT, filled value by value while records are read: no row is ever an object. CPU-s a million records,
 * JSON.parse included, which alone is 1.8 to 4.6: orders 7.5 with rows as objects and 5.2 so, positions 8.5 and 5.6, decisions
 * 16.1 and 9.9. apache-arrow's builders take several times as long.
 */

export interface Column {
  length: number
  finish(): Data
}

const TWO_32 = 2 ** 32
const CAPACITY_MIN = 64

/** 50,000 ids: 4.7 ms of CPU with Buffer.write each, 17 joined and written at once; empty ones, which are many, cost nothing. */
export class TextColumn implements Column {
  length = 0
  ends = new Int32Array(CAPACITY_MIN)
  bytes = Buffer.allocUnsafe(CAPACITY_MIN * 16)
  end = 0

  add(value: string): void {
    if (value.length > 0) {
      // UTF-8 takes at most three bytes for each unit of UTF-16.
      const needed = this.end + value.length * 3
      if (needed > this.bytes.length)
        this.bytes = twice(this.bytes, Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2)))
      this.end += this.bytes.write(value, this.end, 'utf8')
    }
    this.length += 1
    if (this.length === this.ends.length) this.ends = twice(this.ends, new Int32Array(this.length * 2))
    this.ends[this.length] = this.end
  }

  finish(): Data<Utf8> {
    const valueOffsets = this.ends.subarray(0, this.length + 1)
    return makeData({
      type: new Utf8(),
      length: this.length,
      nullCount: 0,
      valueOffsets,
      data: this.bytes.subarray(0, this.end),
    })
  }
}

/** A few words again and again (LowCardinality in ClickHouse): each once, and a number a row. */
export class WordColumn implements Column {
  length = 0
  places = new Map<string, number>()
  last = ''
  last_place = -1
  rows = new Int32Array(CAPACITY_MIN)

  add(value: string): void {
    if (this.last_place < 0 || value !== this.last) {
      let place = this.places.get(value)
      if (place === undefined) {
        place = this.places.size
        this.places.set(value, place)
      }
      this.last = value
      this.last_place = place
    }
    if (this.length === this.rows.length) this.rows = twice(this.rows, new Int32Array(this.length * 2))
    this.rows[this.length] = this.last_place
    this.length += 1
  }

  finish(): Data {
    const words = new TextColumn()
    for (const word of this.places.keys()) words.add(word)
    const dictionary = makeVector(words.finish())
    const type = new Dictionary(new Utf8(), new Int32())
    const data = this.rows.subarray(0, this.length)
    return makeData({ type, length: this.length, nullCount: 0, data, dictionary })
  }
}

/** Bytes of records as they lie in Kafka, copied once. */
export class BytesColumn implements Column {
  length = 0
  from: Buffer[] = []
  ranges: number[] = []
  bytes = 0

  add(value: Buffer, start: number, end: number): void {
    this.from.push(value)
    this.ranges.push(start, end)
    this.bytes += end - start
    this.length += 1
  }

  addText(text: string): void {
    const value = Buffer.from(text)
    this.add(value, 0, value.length)
  }

  finish(): Data {
    const valueOffsets = new Int32Array(this.length + 1)
    const data = Buffer.allocUnsafe(this.bytes)
    let end = 0
    for (let row = 0; row < this.length; row += 1) {
      const from = this.ranges[row * 2] ?? 0
      const to = this.ranges[row * 2 + 1] ?? 0
      end += this.from[row]?.copy(data, end, from, to) ?? 0
      valueOffsets[row + 1] = end
    }
    return makeData({ type: new Utf8(), length: this.length, nullCount: 0, valueOffsets, data })
  }
}

type Small = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array

/** Numbers of at most 32 bits, and floating ones; null where `nullable`. */
export class NumberColumn<Numbers extends Small> implements Column {
  length = 0
  valid: Validity
  type: () => DataType
  make: (length: number) => Numbers
  values: Numbers

  constructor(type: () => DataType, make: (length: number) => Numbers) {
    this.valid = new Validity()
    this.type = type
    this.make = make
    this.values = make(CAPACITY_MIN)
  }

  add(value: number | null): void {
    if (this.length === this.values.length) this.values = twice(this.values, this.make(this.length * 2))
    if (value === null) this.valid.miss(this.length)
    else this.values[this.length] = value
    this.length += 1
  }

  finish(): Data {
    const { length } = this
    const data = this.values.subarray(0, length)
    return makeData({ type: this.type(), length, data, ...this.valid.finish(length) } as Parameters<typeof makeData>[0])
  }
}

/** Whole numbers below 2^53, and times, in 64 bits: written as two halves, since 50,000 BigInts take 1.1 ms, and these 0.1. */
export class LongColumn implements Column {
  length = 0
  valid = new Validity()
  type: () => DataType
  halves = new Uint32Array(CAPACITY_MIN * 2)

  constructor(type: () => DataType) {
    this.type = type
  }

  add(value: number | null): void {
    if (value === null) {
      this.valid.miss(this.length)
      this.addHalves(0, 0)
      return
    }
    const high = Math.floor(value / TWO_32)
    this.addHalves(value - high * TWO_32, high)
  }

  addHalves(low: number, high: number): void {
    const at = this.length * 2
    if (at === this.halves.length) this.halves = twice(this.halves, new Uint32Array(at * 2))
    this.halves[at] = low
    this.halves[at + 1] = high
    this.length += 1
  }

  finish(): Data {
    const { length } = this
    const type = this.type()
    const Longs = type instanceof Uint64 ? BigUint64Array : BigInt64Array
    const data = new Longs(this.halves.buffer, 0, length)
    return makeData({ type, length, data, ...this.valid.finish(length) } as Parameters<typeof makeData>[0])
  }
}

/** H3 cells as text, which are 64 bits in the table; 0 for what is none. */
export class CellColumn extends LongColumn {
  constructor() {
    super(() => new Uint64())
  }

  addCell(cell: unknown): void {
    const { low, high } = cellHalves(cell)
    this.addHalves(low, high)
  }
}

/** Arrow's validity bitmap, made only when something is missing: bit i of byte i / 8 is 1 where row i has a value. */
class Validity {
  missing: number[] = []

  miss(row: number): void {
    this.missing.push(row)
  }

  finish(length: number): { nullCount: number; nullBitmap: Uint8Array | null } {
    const { missing } = this
    if (missing.length === 0) return { nullCount: 0, nullBitmap: null }
    const bitmap = new Uint8Array(Math.ceil(length / 8)).fill(255)
    for (const row of missing) bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) & ~(1 << (row & 7))
    return { nullCount: missing.length, nullBitmap: bitmap }
  }
}

function twice<Numbers extends Small | Int32Array | Buffer>(old: Numbers, larger: Numbers): Numbers {
  larger.set(old)
  return larger
}

const MAKE = {
  text: () => new TextColumn(),
  word: () => new WordColumn(),
  bytes: () => new BytesColumn(),
  u8: () =>
    new NumberColumn(
      () => new Uint8(),
      length => new Uint8Array(length),
    ),
  u16: () =>
    new NumberColumn(
      () => new Uint16(),
      length => new Uint16Array(length),
    ),
  u32: () =>
    new NumberColumn(
      () => new Uint32(),
      length => new Uint32Array(length),
    ),
  u64: () => new LongColumn(() => new Uint64()),
  u64_or_null: () => new LongColumn(() => new Uint64()),
  cell: () => new CellColumn(),
  i64: () => new LongColumn(() => new Int64()),
  i64_or_null: () => new LongColumn(() => new Int64()),
  f32_or_null: () =>
    new NumberColumn(
      () => new Float32(),
      length => new Float32Array(length),
    ),
  f64_or_null: () =>
    new NumberColumn(
      () => new Float64(),
      length => new Float64Array(length),
    ),
  time: () => new LongColumn(() => new TimestampMillisecond('UTC')),
  time_or_null: () => new LongColumn(() => new TimestampMillisecond('UTC')),
} satisfies Record<Kind, () => Column>

export type ColumnOf<K extends Kind> = ReturnType<(typeof MAKE)[K]>

export const newColumn = <K extends Kind>(kind: K): ColumnOf<K> => MAKE[kind]() as ColumnOf<K>
