import { type Address, Slab, wordOf } from './slab.ts'

/**
 * Texts by id, neither of them on V8's heap: a million of them cost its collector nothing.
 *
 *   id ─ hash ─► segment ─► slot: hash, address + 1 (0: free) ─► block in the slab
 *
 *   block = units │ bytes of the text │ length of the id, LIVE, MARKED │ id │ text (UTF-8)
 *
 * Open addressing with linear probing. Each of the segments doubles by itself, so that no call waits until all ids are placed anew.
 */
const SEGMENT_BITS = 6
const SLOTS_MIN = 8

const HEAD_WORDS = 3
const HEAD_BYTES = HEAD_WORDS * 4
const ID_LENGTH = 0xff
const LIVE = 0x100
const MARKED = 0x200

interface Segment {
  /** hash, address + 1 of each slot */
  slots: Uint32Array
  count: number
}

export class PackedTable {
  readonly #slab = new Slab()
  readonly #segments: (Segment | undefined)[] = []
  size = 0

  /** null: there is none of this id. An address holds until its text is written again or taken away. */
  find(id: string): Address | null {
    const hash = hashOf(id)
    const segment = this.#segments[hash >>> (32 - SEGMENT_BITS)]
    if (!segment) return null
    const { slots } = segment
    const mask = slots.length / 2 - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const held = slots[slot * 2 + 1] ?? 0
      if (held === 0) return null
      if (slots[slot * 2] === hash && this.#isAt(held - 1, id)) return held - 1
    }
  }

  /**
   * Writes a text, over the one of this id that lies at `known`. Returns where it lies now; the mark goes with it.
   * @param id ASCII, at most 255 characters
   * @param known what `find` has said of this id
   */
  write(id: string, text: string, known: Address | null): Address {
    const bytes = Buffer.byteLength(text)
    const needed = HEAD_BYTES - 4 + id.length + bytes
    if (known !== null && this.#slab.roomOf(known) >= needed) {
      this.#writeText(known, id.length, text, bytes)
      return known
    }
    const marked = known !== null && this.isMarked(known)
    if (known !== null) this.remove(known)
    const address = this.#slab.allocate(needed)
    this.#writeId(address, id)
    this.#writeText(address, id.length, text, bytes)
    this.#place(hashOf(id), address)
    this.size += 1
    if (marked) this.mark(address, true)
    return address
  }

  remove(address: Address): void {
    this.#displace(hashOf(this.idAt(address)), address)
    this.#slab.free(address)
    this.size -= 1
  }

  idAt(address: Address): string {
    const { bytes, words } = this.#slab.pageOf(address)
    const at = wordOf(address)
    const start = at * 4 + HEAD_BYTES
    return bytes.toString('latin1', start, start + ((words[at + 2] ?? 0) & ID_LENGTH))
  }

  textAt(address: Address): string {
    const { bytes, words } = this.#slab.pageOf(address)
    const at = wordOf(address)
    const start = at * 4 + HEAD_BYTES + ((words[at + 2] ?? 0) & ID_LENGTH)
    return bytes.toString('utf8', start, start + (words[at + 1] ?? 0))
  }

  /** Of a block that was freed: false. */
  isMarked(address: Address): boolean {
    return ((this.#slab.pageOf(address).words[wordOf(address) + 2] ?? 0) & MARKED) !== 0
  }

  /** A bit for the one who keeps the table. */
  mark(address: Address, marked: boolean): void {
    const { words } = this.#slab.pageOf(address)
    const at = wordOf(address) + 2
    words[at] = marked ? (words[at] ?? 0) | MARKED : (words[at] ?? 0) & ~MARKED
  }

  /** By where they lie. The table may be changed meanwhile: what is gone does not come, what is new may or may not. */
  *addresses(): Generator<Address> {
    for (const address of this.#slab.blocks()) {
      if (((this.#slab.pageOf(address).words[wordOf(address) + 2] ?? 0) & LIVE) !== 0) yield address
    }
  }

  // ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #isAt(address: Address, id: string): boolean {
    const { bytes, words } = this.#slab.pageOf(address)
    const at = wordOf(address)
    if (((words[at + 2] ?? 0) & ID_LENGTH) !== id.length) return false
    const start = at * 4 + HEAD_BYTES
    for (let place = 0; place < id.length; place += 1) if (bytes[start + place] !== id.charCodeAt(place)) return false
    return true
  }

  #writeId(address: Address, id: string): void {
    const { bytes, words } = this.#slab.pageOf(address)
    const at = wordOf(address)
    words[at + 2] = id.length | LIVE
    bytes.write(id, at * 4 + HEAD_BYTES, id.length, 'latin1')
  }

  #writeText(address: Address, id_length: number, text: string, length: number): void {
    const { bytes, words } = this.#slab.pageOf(address)
    const at = wordOf(address)
    words[at + 1] = length
    if (length > 0) bytes.write(text, at * 4 + HEAD_BYTES + id_length, length, 'utf8')
  }

  // ── Slots ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #place(hash: number, address: Address): void {
    const number = hash >>> (32 - SEGMENT_BITS)
    let segment = this.#segments[number]
    if (!segment) {
      segment = { slots: new Uint32Array(SLOTS_MIN * 2), count: 0 }
      this.#segments[number] = segment
    }
    // At most three of four slots are taken: a search ends soon.
    if ((segment.count + 1) * 8 > segment.slots.length * 3) segment.slots = doubled(segment.slots)
    takeSlot(segment.slots, hash, address + 1)
    segment.count += 1
  }

  /** What follows in the same run moves up, so that no search stops short of it. */
  #displace(hash: number, address: Address): void {
    const segment = this.#segments[hash >>> (32 - SEGMENT_BITS)]
    if (!segment) return
    const { slots } = segment
    const mask = slots.length / 2 - 1
    let free = hash & mask
    while (slots[free * 2 + 1] !== address + 1) free = (free + 1) & mask
    for (let slot = (free + 1) & mask; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const wanted = (slots[slot * 2] ?? 0) & mask
      if (((slot - wanted) & mask) < ((slot - free) & mask)) continue
      slots[free * 2] = slots[slot * 2] ?? 0
      slots[free * 2 + 1] = slots[slot * 2 + 1] ?? 0
      free = slot
    }
    slots[free * 2 + 1] = 0
    segment.count -= 1
  }
}

function doubled(slots: Uint32Array): Uint32Array {
  const wider = new Uint32Array(slots.length * 2)
  for (let at = 0; at < slots.length; at += 2) {
    const held = slots[at + 1] ?? 0
    if (held !== 0) takeSlot(wider, slots[at] ?? 0, held)
  }
  return wider
}

function takeSlot(slots: Uint32Array, hash: number, held: number): void {
  const mask = slots.length / 2 - 1
  let slot = hash & mask
  while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
  slots[slot * 2] = hash
  slots[slot * 2 + 1] = held
}

/** FNV-1a with a finalizer, so that its lowest and its highest bits are as good as the rest. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
