import { getResolution, isValidCell } from 'h3-js'
import { CELL_RESOLUTION } from '../../ingest/events/envelope.ts'

/** H3 cells as text to the two halves of their 64 bits. */

export interface Halves {
  low: number
  high: number
}

const NONE: Halves = { low: 0, high: 0 }
/** Couriers and customers are in the same few thousand cells all day; h3-js takes 0.2 µs to check one. */
const KNOWN_MAX = 100_000
const known = new Map<string, Halves>()

/** Zeros for what is no cell of our resolution: ClickHouse throws on what is no cell, so it is checked here. */
export function cellHalves(cell: unknown): Halves {
  if (typeof cell !== 'string') return NONE
  const found = known.get(cell)
  if (found) return found
  if (!/^[0-9a-f]{15}$/.test(cell) || !isValidCell(cell) || getResolution(cell) !== CELL_RESOLUTION) return NONE
  if (known.size >= KNOWN_MAX) known.clear()
  const halves = { low: Number.parseInt(cell.slice(7), 16), high: Number.parseInt(cell.slice(0, 7), 16) }
  known.set(cell, halves)
  return halves
}
