/**
 * Messages of one partition in the order of the log, as they wait to be handled: pieces of what Kafka sent, and objects only where somebody
 * asks for them. As an object and two Buffers each, what waited was most of what V8's young collections of the engine's main thread kept.
 */

export interface LogMessage {
  /** below 2^53 */
  offset: number
  /** the broker's clock at append, ms */
  appended_at: number
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
}

/** A list of messages is one, too. */
export interface LogMessages extends Iterable<LogMessage> {
  readonly length: number
  /** From the end when negative, as an array has it. */
  at(place: number): LogMessage | undefined
}

/** `index`: offset, appended_at, start, end of each message; `bytes`: the values, in their order, perhaps with something between them. */
export interface PackedMessages {
  index: Float64Array<ArrayBuffer>
  bytes: Uint8Array<ArrayBuffer>
}

/** How many numbers of the index a message has. */
export const INDEX_STEP = 4

/** Messages that came together, numbered from 0. */
export interface Stretch {
  readonly length: number
  offsetOf(n: number): number
  message(n: number): LogMessage
  /** What the messages `from` ≤ n < `to` take in memory, about; two parts take what both take together. */
  bytesOf(from: number, to: number): number
  /** how many bytes `pack` writes of them */
  packedBytes(from: number, to: number): number
  /** Writes them into the index from `place` on, and their values from `start` on. */
  pack(from: number, to: number, into: PackedMessages, place: number, start: number): void
  /** All of them are handled, and nobody looks at them again. */
  free(): void
}

/** The messages `from` ≤ n < `to` of a stretch; never none. */
export interface Piece {
  stretch: Stretch
  from: number
  to: number
}

export class PiecedMessages implements LogMessages {
  readonly pieces: readonly Piece[]
  readonly length: number

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces
    this.length = pieces.reduce((sum, { from, to }) => sum + to - from, 0)
  }

  at(place: number): LogMessage | undefined {
    let left = place < 0 ? this.length + place : place
    if (left < 0) return undefined
    for (const { stretch, from, to } of this.pieces) {
      if (from + left < to) return stretch.message(from + left)
      left -= to - from
    }
    return undefined
  }

  *[Symbol.iterator](): Generator<LogMessage, undefined> {
    for (const { stretch, from, to } of this.pieces) {
      for (let n = from; n < to; n += 1) yield stretch.message(n)
    }
  }
}

/** Messages that are objects already. */
export class ListedMessages implements Stretch {
  readonly #messages: readonly LogMessage[]
  /** of all before each, and of all */
  readonly #bytes: readonly number[]

  constructor(messages: readonly LogMessage[]) {
    let bytes = 0
    this.#messages = messages
    this.#bytes = [
      0,
      ...messages.map(({ key, value }) => (bytes += (key?.length ?? 0) + (value?.length ?? 0) + MESSAGE_BYTES)),
    ]
  }

  get length(): number {
    return this.#messages.length
  }

  offsetOf(n: number): number {
    return this.message(n).offset
  }

  message(n: number): LogMessage {
    const message = this.#messages[n]
    if (!message) throw new RangeError(`message ${n} of ${this.length}`)
    return message
  }

  bytesOf(from: number, to: number): number {
    return (this.#bytes[to] ?? 0) - (this.#bytes[from] ?? 0)
  }

  packedBytes(from: number, to: number): number {
    return this.#messages.slice(from, to).reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  }

  pack(from: number, to: number, { index, bytes }: PackedMessages, place: number, start: number): void {
    let end = start
    let at = place
    for (const { offset, appended_at, value } of this.#messages.slice(from, to)) {
      index[at] = offset
      index[at + 1] = appended_at
      index[at + 2] = end
      if (value) bytes.set(value, end)
      end += value?.length ?? 0
      index[at + 3] = end
      at += INDEX_STEP
    }
  }

  free(): void {}
}

/** An object, its headers and two Buffers, beside their bytes. */
const MESSAGE_BYTES = 100

/**
 * Messages as one buffer and an index, so that they cross a thread by transfer and not by copy. One without a value (a tombstone) gets an
 * empty one, which is a dead letter like any other that is not JSON.
 */
export function packMessages(messages: LogMessages): PackedMessages {
  const pieces =
    messages instanceof PiecedMessages
      ? messages.pieces
      : [{ stretch: new ListedMessages([...messages]), from: 0, to: messages.length }]
  const total = pieces.reduce((sum, { stretch, from, to }) => sum + stretch.packedBytes(from, to), 0)
  // Not filled with zeros first; and no Buffer, whose `slice` would be no copy.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(total).buffer)
  const packed = { index: new Float64Array(messages.length * INDEX_STEP), bytes }
  let place = 0
  let start = 0
  for (const { stretch, from, to } of pieces) {
    stretch.pack(from, to, packed, place, start)
    place += (to - from) * INDEX_STEP
    start += stretch.packedBytes(from, to)
  }
  return packed
}
