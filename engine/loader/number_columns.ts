import { type Data, type DataType, makeData, Uint64 } from 'apache-arrow'
import { cellHalves } from './cells.ts'
import { CAPACITY_MIN, type Column, type Small, twice } from './column.ts'

/** Columns of numbers and times. */

const TWO_32 = 2 ** 32

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
    this.values[this.length] = value ?? 0
    this.length += 1
  }

  finish(): Data {
    const { length } = this
    const data = this.values.subarray(0, length)
    return makeData({ type: this.type(), length, data, ...this.valid.finish(length) } as Parameters<typeof makeData>[0])
  }

  clear(): void {
    this.length = 0
    this.valid.clear()
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

  clear(): void {
    this.length = 0
    this.valid.clear()
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

  clear(): void {
    this.missing.length = 0
  }
}
