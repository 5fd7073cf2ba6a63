import type { Data } from 'apache-arrow'

export interface Column {
  length: number
  /** Data over the column's own memory, good until it is cleared. */
  finish(): Data
  /** Empty again; its memory stays. */
  clear(): void
}

/** Values that a new column has room for. */
export const CAPACITY_MIN = 64

/** A column's memory when it is full, copied into larger one. */
export function twice<Numbers extends Small | Int32Array | Buffer>(old: Numbers, larger: Numbers): Numbers {
  larger.set(old)
  return larger
}

export type Small = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array
