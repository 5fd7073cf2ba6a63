/**
 * A file of other people's, read cell by cell: whatever can't be used is named with its file, line and field, so that it can
 * be looked at.
 */
export interface Row {
  text(at: number, field: string): string
  /** @param low, high both included */
  number(at: number, field: string, low?: number, high?: number): number
  /** @throws Error about this line, or about one field of it */
  refuse(why: string, field?: string): never
}

/** @param line from 1 on, as editors count */
export function rowOf(path: string, line: number, cells: readonly string[]): Row {
  const refuse = (why: string, field?: string): never => {
    throw new Error(`${path}: line ${line}${field === undefined ? '' : `, ${field}`}: ${why}`)
  }
  const text = (at: number, field: string): string => {
    const cell = cells[at]?.trim() ?? ''
    return cell === '' ? refuse('is missing', field) : cell
  }
  return {
    refuse,
    text,
    number(at, field, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY) {
      const value = Number(text(at, field))
      if (!Number.isFinite(value)) refuse(`"${cells[at]}" is not a number`, field)
      if (value < low) refuse(`${value} is below ${low}`, field)
      if (value > high) refuse(`${value} is above ${high}`, field)
      return value
    },
  }
}

/** Hands each row on, and refuses one whose id was there before. */
export function withoutTwins<Thing extends { id: string }>(rows: readonly Row[], read: (row: Row) => Thing): Thing[] {
  const ids = new Set<string>()
  return rows.map(row => {
    const thing = read(row)
    if (ids.has(thing.id)) row.refuse(`${thing.id} stands above already`)
    ids.add(thing.id)
    return thing
  })
}
