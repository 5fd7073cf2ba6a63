import { PackedTable } from './table.ts'

/** A set of ids (ASCII, at most 255 characters) of which none lies on V8's heap. By iterating they come in no order that says anything. */
export class PackedIds<Id extends string> {
  readonly #table = new PackedTable()

  get size(): number {
    return this.#table.size
  }

  has(id: Id): boolean {
    return this.#table.find(id) !== null
  }

  add(id: Id): void {
    if (this.#table.find(id) === null) this.#table.write(id, '', null)
  }

  delete(id: Id): void {
    const known = this.#table.find(id)
    if (known !== null) this.#table.remove(known)
  }

  *[Symbol.iterator](): Generator<Id, undefined> {
    for (const address of this.#table.addresses()) yield this.#table.idAt(address) as Id
  }
}
