import type { Topic } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { rowsIn } from './records.ts'

/**
 * Records of the log that wait to be loaded: their values one behind the other, and an array for each figure. As an object
 * and a Buffer each they filled the heap that V8 marks some three times a second: a seventh of the loader's CPU, together
 * with columns that were made anew for each batch.
 */

/** Records that came together, in the order of the log. Record n's value is `values` from `starts[n]` to `starts[n + 1]`. */
export interface Stretch {
  values: Buffer
  starts: Uint32Array
  offsets: Float64Array
  /** the broker's clock, ms */
  appended_at: Float64Array
  /** how many rows each is about to be */
  rows: Uint32Array
  headers: readonly Readonly<Record<string, string>>[]
}

/** Records `from` ≤ n < `to` of a stretch. */
export interface Piece {
  stretch: Stretch
  from: number
  to: number
}

export const NO_HEADERS: Readonly<Record<string, string>> = {}

/** A copy of them, so that what Kafka sent can be forgotten. A null value is taken for an empty one: both are unreadable. */
export function stretchOf(topic: Topic, messages: readonly LogMessage[]): Stretch {
  const count = messages.length
  const total = messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  const stretch = {
    values: Buffer.allocUnsafeSlow(total),
    starts: new Uint32Array(count + 1),
    offsets: new Float64Array(count),
    appended_at: new Float64Array(count),
    rows: new Uint32Array(count),
    // Nothing of the others' headers is loaded.
    headers: topic === 'dead-letters' ? messages.map(({ headers }) => headers) : [],
  }
  let end = 0
  messages.forEach(({ offset, appended_at, value }, n) => {
    if (value) end += value.copy(stretch.values, end)
    stretch.starts[n + 1] = end
    stretch.offsets[n] = offset
    stretch.appended_at[n] = appended_at
    stretch.rows[n] = rowsIn(topic, value)
  })
  return stretch
}

export const wholeOf = (stretch: Stretch): Piece => ({ stretch, from: 0, to: stretch.offsets.length })

/** Behind the last of these records; 0: there are none. */
export function endOf(pieces: readonly Piece[]): number {
  const last = pieces.at(-1)
  return last ? offsetAt(last, last.to - 1) + 1 : 0
}

export const offsetAt = ({ stretch }: Piece, n: number): number => stretch.offsets[n] ?? 0

export const bytesAt = ({ starts }: Stretch, n: number): number => (starts[n + 1] ?? 0) - (starts[n] ?? 0)

/** Framing and figures of a record, beside its value. */
const RECORD_BYTES = 40

/** What waits of one partition: first in, first out. */
export class Waiting {
  pieces: Piece[] = []
  length = 0
  rows = 0
  /** memory that they take */
  bytes = 0

  push(stretch: Stretch): void {
    const piece = wholeOf(stretch)
    if (piece.to === 0) return
    this.pieces.push(piece)
    this.count(piece, 1)
  }

  /** The first so many of them; they stay. */
  first(count: number): Piece[] {
    const found: Piece[] = []
    let left = count
    for (const { stretch, from, to } of this.pieces) {
      if (left <= 0) break
      found.push({ stretch, from, to: Math.min(to, from + left) })
      left -= to - from
    }
    return found
  }

  /** Takes the first so many of them away. */
  drop(count: number): void {
    let left = count
    while (left > 0) {
      const [piece] = this.pieces
      if (!piece) return
      const { stretch, from, to } = piece
      const gone = { stretch, from, to: Math.min(to, from + left) }
      left -= gone.to - from
      this.count(gone, -1)
      if (gone.to === to) this.pieces.shift()
      else this.pieces[0] = { stretch, from: gone.to, to }
    }
  }

  /** How many of them lie before an offset. */
  before(offset: number): number {
    let count = 0
    for (const piece of this.pieces) {
      for (let n = piece.from; n < piece.to; n += 1) {
        if (offsetAt(piece, n) >= offset) return count
        count += 1
      }
    }
    return count
  }

  count({ stretch, from, to }: Piece, sign: 1 | -1): void {
    this.length += sign * (to - from)
    this.bytes += sign * ((stretch.starts[to] ?? 0) - (stretch.starts[from] ?? 0) + (to - from) * RECORD_BYTES)
    for (let n = from; n < to; n += 1) this.rows += sign * (stretch.rows[n] ?? 0)
  }
}
