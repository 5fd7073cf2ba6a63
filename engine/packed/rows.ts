import type { ChangedRows } from '../checkpoint/tracked.ts'
import { PackedTable } from './table.ts'

/**
 * Rows by id that rest as the JSON a checkpoint writes of them, outside V8's heap, and are objects only while a step of the fold works
 * with them:
 *
 *   get, peek ──► an object, the same one until `settle`; `get` is for changing it in place
 *   settle    ──► what was set or asked for by `get` is written down, and all objects are let go
 *
 * Hundreds of thousands of open orders as objects were marked by V8 again and again: a third of the engine's CPU. Like a Tracked map it
 * remembers which rows may have changed since the last checkpoint. By iterating, rows come in no order that says anything, for looking
 * only. An object that was let go is a picture of its row as it was, and changing it changes nothing.
 */
export class PackedRows<Key extends string, Row extends object> implements ChangedRows<Key, Row> {
  readonly #table = new PackedTable()
  /**
   * A new map after each step, not `clear()`: V8 ties the old table to the new one for whoever may still iterate, so each that had come into
   * the old space kept all later ones, with their rows, from the young collections. A million orders of two lines take 36 CPU-s in all instead of 40.
   */
  #out = new Map<Key, { row: Row; changed: boolean }>()
  /** where marked rows lie, those that were first to change first; some of them may have been written or moved since */
  #changed: number[] = []
  #changed_from = 0
  #marked = 0
  readonly #gone = new Set<Key>()

  get size(): number {
    this.#writeOut()
    return this.#table.size
  }

  has(key: Key): boolean {
    return this.#out.has(key) || this.#table.find(key) !== null
  }

  get(key: Key): Row | undefined {
    return this.#take(key, true)
  }

  peek(key: Key): Row | undefined {
    return this.#take(key, false)
  }

  #take(key: Key, changed: boolean): Row | undefined {
    const out = this.#out.get(key)
    if (out) {
      out.changed ||= changed
      return out.row
    }
    const address = this.#table.find(key)
    if (address === null) return undefined
    const row = this.#rowAt(address)
    this.#out.set(key, { row, changed })
    return row
  }

  set(key: Key, row: Row): this {
    this.#out.set(key, { row, changed: true })
    return this
  }

  delete(key: Key): boolean {
    const out = this.#out.delete(key)
    const address = this.#table.find(key)
    if (address !== null) this.#remove(address)
    if (out || address !== null) this.#gone.add(key)
    return out || address !== null
  }

  /** To be called after each step. */
  settle(): void {
    if (this.#out.size === 0) return
    this.#writeOut()
    this.#out = new Map()
  }

  #writeOut(): void {
    for (const [key, { row, changed }] of this.#out) if (changed) this.#write(key, row)
  }

  #write(key: Key, row: Row): void {
    const known = this.#table.find(key)
    const address = this.#table.write(key, JSON.stringify(row), known)
    if (this.#gone.size > 0) this.#gone.delete(key)
    const marked = this.#table.isMarked(address)
    if (marked && address === known) return
    if (!marked) this.#marked += 1
    this.#table.mark(address, true)
    this.#changed.push(address)
  }

  #remove(address: number): void {
    if (this.#table.isMarked(address)) this.#marked -= 1
    this.#table.remove(address)
  }

  #rowAt(address: number): Row {
    return JSON.parse(this.#table.textAt(address)) as Row
  }

  *keys(): Generator<Key, undefined> {
    for (const [key] of this) yield key
  }

  *values(): Generator<Row, undefined> {
    for (const [, row] of this) yield row
  }

  *[Symbol.iterator](): Generator<[Key, Row], undefined> {
    this.#writeOut()
    for (const address of this.#table.addresses()) yield [this.#table.idAt(address) as Key, this.#rowAt(address)]
  }

  // ── Checkpoints ─────────────────────────────────────────────────────────────────────────────────────────────────

  get changedCount(): number {
    this.settle()
    return this.#marked + this.#gone.size
  }

  *takeChanged(): Generator<[Key, string], undefined> {
    this.settle()
    for (const key of this.#gone) {
      this.#gone.delete(key)
      yield [key, 'null']
    }
    while (this.#changed_from < this.#changed.length) {
      const address = this.#nextChanged()
      if (this.#table.isMarked(address)) yield this.#written(address)
    }
  }

  /** From a list that is mostly taken the front half is cut off. */
  #nextChanged(): number {
    const address = this.#changed[this.#changed_from] ?? 0
    this.#changed_from += 1
    if (this.#changed_from * 2 > this.#changed.length) {
      this.#changed = this.#changed.slice(this.#changed_from)
      this.#changed_from = 0
    }
    return address
  }

  *takeAll(): Generator<[Key, string], undefined> {
    this.settle()
    // Whoever reads them begins with nothing.
    this.#gone.clear()
    for (const address of this.#table.addresses()) yield this.#written(address)
  }

  #written(address: number): [Key, string] {
    if (this.#table.isMarked(address)) this.#marked -= 1
    this.#table.mark(address, false)
    return [this.#table.idAt(address) as Key, this.#table.textAt(address)]
  }

  forgetChanged(): void {
    this.settle()
    for (const address of this.#changed.slice(this.#changed_from)) this.#table.mark(address, false)
    this.#changed = []
    this.#changed_from = 0
    this.#marked = 0
    this.#gone.clear()
  }

  restore(key: Key, row: Row | null): void {
    this.#out.delete(key)
    const known = this.#table.find(key)
    if (row !== null) this.#table.write(key, JSON.stringify(row), known)
    else if (known !== null) this.#remove(known)
  }
}
