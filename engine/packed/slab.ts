/**
 * Memory outside V8's heap for many rows of differing length, which the collector never looks at. Pages are added, never copied, so no
 * row waits for another's growth.
 *
 *   page  = 16 KiB, the next ones larger up to 1 MiB (or one larger row), cut into blocks of whole units
 *   unit  = 64 bytes
 *   block = units (4 bytes) │ what its user writes there
 *
 * A block that is freed is the next one of its length to be given out; blocks are neither split nor joined.
 */
const UNIT_BYTES = 64
const PAGE_BITS = 14
const PAGE_UNITS_MAX = 1 << PAGE_BITS
const FIRST_PAGE_UNITS = 256

/** Where a block lies: number of its page, and its first unit there. */
export type Address = number

export interface Page {
  bytes: Buffer
  /** the same memory */
  words: Uint32Array
  /** units given out so far, from the first one on */
  used: number
}

export class Slab {
  readonly #pages: Page[] = []
  /** by units: the block freed last, plus one; its second word leads to the one before it */
  readonly #free = new Map<number, number>()

  /** A block with room for so many bytes beside its first word. What lies there is undefined. */
  allocate(bytes: number): Address {
    const units = Math.ceil((4 + bytes) / UNIT_BYTES)
    const freed = this.#free.get(units) ?? 0
    if (freed > 0) {
      const address = freed - 1
      this.#free.set(units, this.pageOf(address).words[wordOf(address) + 1] ?? 0)
      return address
    }
    const last = this.#pages.length - 1
    let page = this.#pages[last]
    if (!page || (page.used + units) * UNIT_BYTES > page.bytes.length) page = this.#addPage(units)
    const address = (this.#pages.length - 1) * PAGE_UNITS_MAX + page.used
    page.words[wordOf(address)] = units
    page.used += units
    return address
  }

  /** What lay there is gone but for the first word, and for its third one, which is 0. */
  free(address: Address): void {
    const { words } = this.pageOf(address)
    const at = wordOf(address)
    const units = words[at] ?? 0
    words[at + 1] = this.#free.get(units) ?? 0
    words[at + 2] = 0
    this.#free.set(units, address + 1)
  }

  /** Bytes that the block has room for beside its first word. */
  roomOf(address: Address): number {
    return (this.pageOf(address).words[wordOf(address)] ?? 0) * UNIT_BYTES - 4
  }

  pageOf(address: Address): Page {
    const page = this.#pages[address >>> PAGE_BITS]
    if (!page) throw new Error(`no page holds the block ${address}`)
    return page
  }

  /** All blocks, those that are free too, by where they lie. The slab may be changed meanwhile. */
  *blocks(): Generator<Address> {
    for (let number = 0; number < this.#pages.length; number += 1) {
      const first = number * PAGE_UNITS_MAX
      for (let unit = 0; unit < this.pageOf(first).used; ) {
        yield first + unit
        unit += this.pageOf(first).words[wordOf(first + unit)] ?? PAGE_UNITS_MAX
      }
    }
  }

  #addPage(units: number): Page {
    const usual = Math.min(PAGE_UNITS_MAX, FIRST_PAGE_UNITS << Math.min(this.#pages.length, PAGE_BITS))
    const memory = new ArrayBuffer(Math.max(usual, units) * UNIT_BYTES)
    const page = { bytes: Buffer.from(memory), words: new Uint32Array(memory), used: 0 }
    this.#pages.push(page)
    return page
  }
}

/** Where a block begins within its page, in words of 4 bytes. */
export const wordOf = (address: Address): number => (address % PAGE_UNITS_MAX) * (UNIT_BYTES / 4)
