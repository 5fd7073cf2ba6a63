import type { Piece, Stretch } from './log_messages.ts'

/** Messages of one partition that were fetched and are not handled yet, without a hole. */
export class MessageQueue {
  /** what they take in memory, about */
  bytes = 0
  #pieces: Piece[] = []
  /** the offset that goes on from here */
  #end: number

  constructor(next_offset: number) {
    this.#end = next_offset
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  get end(): number {
    return this.#end
  }

  /**
   * Takes those in that go on from the last one; what lies before its end it has already.
   * @returns the offset that it found instead of the next one; undefined: nothing is missing
   */
  push(stretches: readonly Stretch[]): number | undefined {
    for (const stretch of stretches) {
      const piece = from(stretch, this.#end)
      if (piece.from < piece.to) {
        this.#pieces.push(piece)
        this.#end += piece.to - piece.from
        this.bytes += bytesOf(piece)
      }
      if (piece.to < stretch.length) return stretch.offsetOf(piece.to)
    }
    return undefined
  }

  /** The first of them: at least one if there is one, at most so many and so large. They stay. */
  first(messages_max: number, bytes_max: number): Piece[] {
    const taken: Piece[] = []
    let count = 0
    let bytes = 0
    for (const { stretch, from, to } of this.#pieces) {
      const least = count === 0 ? 1 : 0
      const all = Math.min(to - from, messages_max - count)
      const few = largest(least, all, some => bytes + stretch.bytesOf(from, from + some) <= bytes_max)
      if (few > 0) taken.push({ stretch, from, to: from + few })
      if (few < to - from) break
      count += few
      bytes += stretch.bytesOf(from, to)
    }
    return taken
  }

  /** Takes away what `first` has found. @returns the stretches of which nothing waits any more */
  drop(pieces: readonly Piece[]): Stretch[] {
    for (const piece of pieces) {
      const [waiting] = this.#pieces
      if (waiting && piece.to < waiting.to) this.#pieces[0] = { ...waiting, from: piece.to }
      else this.#pieces.shift()
      this.bytes -= bytesOf(piece)
    }
    return pieces.filter(({ stretch, to }) => to === stretch.length).map(({ stretch }) => stretch)
  }
}

const bytesOf = ({ stretch, from, to }: Piece): number => stretch.bytesOf(from, to)

/** What of a stretch goes on from an offset, up to its first hole. */
function from(stretch: Stretch, offset: number): Piece {
  let start = 0
  while (start < stretch.length && stretch.offsetOf(start) < offset) start += 1
  let to = start
  while (to < stretch.length && stretch.offsetOf(to) === offset + to - start) to += 1
  return { stretch, from: start, to }
}

/** The largest number from `least` to `most` that fits, where all below one that fits do; `least` even if it does not. */
function largest(least: number, most: number, fits: (count: number) => boolean): number {
  if (most <= least || fits(most)) return most
  let low = least
  for (let high = most; high - low > 1; ) {
    const middle = (low + high) >>> 1
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}
