/**
 * The event ids of the last hour, exactly: no false hits, no forgotten ones.
 *
 * A UUIDv7 carries the wall time of its birth, so an id belongs to one bucket of ten minutes for ever, and a bucket can be
 * dropped whole when its time is over: an id that would have been in it is too old to be told apart, and is refused.
 * Each bucket is an open-addressing table over typed arrays (a Set throws at 16.7 M entries).
 */
const BUCKET_MS = 600_000
const AHEAD_MS = 300_000
export const REMEMBERED_MS = 3_600_000

export type IdVerdict = 'new' | 'seen' | 'too_late_to_tell' | 'id_ahead_of_time'

export class RecentIds {
  readonly #buckets = new Map<number, IdTable>()

  /** `now`: the largest append time seen, wall ms. */
  check(id: string, now: number): IdVerdict {
    const born = bornAt(id)
    if (born < now - REMEMBERED_MS) return 'too_late_to_tell'
    if (born > now + AHEAD_MS) return 'id_ahead_of_time'
    return this.#buckets.get(Math.floor(born / BUCKET_MS))?.has(id) ? 'seen' : 'new'
  }

  add(id: string, now: number): void {
    const bucket = Math.floor(bornAt(id) / BUCKET_MS)
    let table = this.#buckets.get(bucket)
    if (!table) {
      this.#forget(now)
      table = new IdTable()
      this.#buckets.set(bucket, table)
    }
    table.add(id)
  }

  #forget(now: number): void {
    for (const bucket of this.#buckets.keys()) {
      if ((bucket + 1) * BUCKET_MS <= now - REMEMBERED_MS) this.#buckets.delete(bucket)
    }
  }

  get size(): number {
    let size = 0
    for (const table of this.#buckets.values()) size += table.size
    return size
  }

  /** Bucket → its ids in order, as base64 of 16 bytes each. The same set gives the same text, however it was built. */
  encode(): [number, string][] {
    return [...this.#buckets].toSorted(([a], [b]) => a - b).map(([bucket, table]) => [bucket, table.encode()])
  }

  static decode(buckets: [number, string][]): RecentIds {
    const ids = new RecentIds()
    for (const [bucket, text] of buckets) ids.#buckets.set(bucket, IdTable.decode(text))
    return ids
  }
}

/** Wall ms at which a UUIDv7 was made. */
export function bornAt(id: string): number {
  const words = wordsOf(id)
  return words[0] * 65_536 + (words[1] >>> 16)
}

/** A set of 128-bit ids: four words a slot, a slot of zeros is free (no UUID is all zeros: its version is 7). */
class IdTable {
  #words = new Uint32Array(4 * 256)
  size = 0

  has(id: string): boolean {
    const words = wordsOf(id)
    return this.#words[this.#slotOf(words)] !== 0
  }

  add(id: string): void {
    if ((this.size + 1) * 2 > this.#words.length / 4) this.#grow()
    const words = wordsOf(id)
    const slot = this.#slotOf(words)
    if (this.#words[slot] !== 0) return
    this.#words.set(words, slot)
    this.size += 1
  }

  /** Where the id stands, or the free slot where it would stand. The first word holds the time and is never 0. */
  #slotOf(words: Readonly<Words>): number {
    const table = this.#words
    const mask = table.length / 4 - 1
    let slot = (words[3] ^ Math.imul(words[2], 0x9e3779b1)) & mask
    while (true) {
      const at = slot * 4
      if (table[at] === 0) return at
      if (
        table[at] === words[0] &&
        table[at + 1] === words[1] &&
        table[at + 2] === words[2] &&
        table[at + 3] === words[3]
      ) {
        return at
      }
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const old = this.#words
    this.#words = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] === 0) continue
      const words = old.subarray(at, at + 4)
      this.#words.set(words, this.#slotOf([words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0]))
    }
  }

  encode(): string {
    const rows: Buffer[] = []
    for (let at = 0; at < this.#words.length; at += 4) {
      if (this.#words[at] === 0) continue
      const row = Buffer.alloc(16)
      for (let word = 0; word < 4; word += 1) row.writeUInt32BE(this.#words[at + word] ?? 0, word * 4)
      rows.push(row)
    }
    return Buffer.concat(rows.sort(Buffer.compare)).toString('base64')
  }

  static decode(text: string): IdTable {
    const bytes = Buffer.from(text, 'base64')
    const table = new IdTable()
    for (let at = 0; at < bytes.length; at += 16) table.add(uuidOf(bytes.subarray(at, at + 16)))
    return table
  }
}

type Words = [number, number, number, number]

/** The id that was read last: it is asked for, and then added, and both need its birth and its words. */
let read_id = ''
const read_words: Words = [0, 0, 0, 0]

/** The answer is used up before the next call. 0.1 µs; slices and parseInt took 0.4, and that four times an event. */
function wordsOf(id: string): Words {
  if (id === read_id) return read_words
  read_words[0] = hexAt(id, 0, 8)
  read_words[1] = ((hexAt(id, 9, 13) << 16) | hexAt(id, 14, 18)) >>> 0
  read_words[2] = ((hexAt(id, 19, 23) << 16) | hexAt(id, 24, 28)) >>> 0
  read_words[3] = hexAt(id, 28, 36)
  read_id = id
  return read_words
}

function hexAt(id: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at += 1) {
    const code = id.charCodeAt(at)
    // '0' is 48 and 'a' is 97
    value = (value << 4) | (code < 58 ? code - 48 : code - 87)
  }
  return value >>> 0
}

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
