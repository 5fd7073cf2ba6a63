/**
 * A bounded memory of recent ids: two sets, of which the older is dropped when the younger is full. Holds between
 * `ids_max` / 2 and `ids_max` of the latest ones.
 */
export interface Recent {
  /** Remembers `id`. @returns whether it was known */
  seen(id: string): boolean
}

export function recentIds(ids_max: number): Recent {
  let younger = new Set<string>()
  let older = new Set<string>()
  return {
    seen(id) {
      if (younger.has(id)) return true
      const known = older.has(id)
      younger.add(id)
      if (younger.size >= ids_max / 2) {
        older = younger
        younger = new Set()
      }
      return known
    },
  }
}
