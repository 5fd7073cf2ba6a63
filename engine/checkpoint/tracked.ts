/**
 * A Map that remembers which rows may have changed since the last checkpoint, so that a checkpoint need not look at all of
 * them. Rows are changed in place, so whoever asks for one by `get` is taken to change it; who only looks may `peek`.
 * Rows that come by iterating are for looking only.
 */
export class Tracked<Key, Row> extends Map<Key, Row> {
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

  /** Takes a row over that a checkpoint holds already. */
  restore(key: Key, row: Row | null): void {
    if (row === null) super.delete(key)
    else super.set(key, row)
  }
}
