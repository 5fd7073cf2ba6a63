import { type Data, Dictionary, Int32, makeData, makeVector, Utf8 } from 'apache-arrow'
import { CAPACITY_MIN, type Column, twice } from './column.ts'

/** Columns of texts. */

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

  clear(): void {
    this.length = 0
    this.end = 0
  }
}

/** A few words again and again (LowCardinality in ClickHouse): each once, and a number a row. */
export class WordColumn implements Column {
  length = 0
  places = new Map<string, number>()
  last = ''
  last_place = -1
  rows = new Int32Array(CAPACITY_MIN)
  id: number

  /** `id`: of its dictionary, another one than those of its table's other columns */
  constructor(id: number) {
    this.id = id
  }

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
    const type = new Dictionary(new Utf8(), new Int32(), this.id)
    const data = this.rows.subarray(0, this.length)
    return makeData({ type, length: this.length, nullCount: 0, data, dictionary })
  }

  clear(): void {
    this.length = 0
    this.places.clear()
    this.last_place = -1
  }
}

/** Bytes of records as they lie in Kafka. */
export class BytesColumn implements Column {
  length = 0
  ends = new Int32Array(CAPACITY_MIN)
  bytes = Buffer.allocUnsafeSlow(CAPACITY_MIN * 16)
  end = 0

  add(values: Buffer, start: number, end: number): void {
    const needed = this.end + end - start
    if (needed > this.bytes.length)
      this.bytes = twice(this.bytes, Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2)))
    values.copy(this.bytes, this.end, start, end)
    this.end = needed
    this.length += 1
    if (this.length === this.ends.length) this.ends = twice(this.ends, new Int32Array(this.length * 2))
    this.ends[this.length] = needed
  }

  addText(text: string): void {
    const value = Buffer.from(text)
    this.add(value, 0, value.length)
  }

  finish(): Data<Utf8> {
    return makeData({
      type: new Utf8(),
      length: this.length,
      nullCount: 0,
      valueOffsets: this.ends.subarray(0, this.length + 1),
      data: this.bytes.subarray(0, this.end),
    })
  }

  clear(): void {
    this.length = 0
    this.end = 0
  }
}
