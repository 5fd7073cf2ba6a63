/** Rows by key that tell a checkpoint which of them to write. Texts: JSON, of a row that is gone `null`. */
export interface ChangedRows<Key, Row> {
  /** rows that may have changed and were not taken since */
  readonly changedCount: number
  /** Those, each of them once. The fold may go on meanwhile. */
  takeChanged(): Generator<[Key, string], undefined>
  /** All rows there are; what the fold changes meanwhile may come here, and is to be taken again. */
  takeAll(): Generator<[Key, string], undefined>
  /** For a fold that writes no checkpoints. */
  forgetChanged(): void
  /** Takes a row over that a checkpoint holds already; null: it is gone. */
  restore(key: Key, row: Row | null): void
}

/**
 * A Map that remembers which rows may have changed since the last checkpoint, so that a checkpoint need not look at all of
 * them. Rows are changed in place, so whoever asks for one by `get` is taken to change it; who only looks may `peek`.
 * Rows that come by iterating are for looking only.
 */
export class Tracked<Key, Row> extends Map<Key, Row> implements ChangedRows<Key, Row> {
  /** keys of rows that were set, asked for or deleted since they were last written */
  readonly changed = new Set<Key>()

  override get(key: Key): Row | undefined {
    const row = super.get(key)
    if (row !== undefined) this.changed.add(key)
    return row
  }

  peek(key: Key): Row | undefined {
    return super.get(key)
  }

  override set(key: Key, row: Row): this {
    this.changed.add(key)
    return super.set(key, row)
  }

  override delete(key: Key): boolean {
    this.changed.add(key)
    return super.delete(key)
  }

  get changedCount(): number {
    return this.changed.size
  }

  *takeChanged(): Generator<[Key, string], undefined> {
    for (const key of this.changed) {
      this.changed.delete(key)
      yield [key, JSON.stringify(this.peek(key) ?? null)]
    }
  }

  /** A Map may be changed while it is walked through: what is new comes at the end, what is gone does not come. */
  *takeAll(): Generator<[Key, string], undefined> {
    for (const [key, row] of this) {
      this.changed.delete(key)
      yield [key, JSON.stringify(row)]
    }
  }

  forgetChanged(): void {
    this.changed.clear()
  }

  restore(key: Key, row: Row | null): void {
    if (row === null) super.delete(key)
    else super.set(key, row)
  }
}
