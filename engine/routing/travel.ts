import { cellToParent, getResolution } from 'h3-js'
import { CELL_RESOLUTION } from '../../ingest/events/envelope.ts'
import type { EventOfType, WarehouseState } from '../state.ts'

/**
 * A warehouse's travel table: seconds on the road by H3 cell, as measured or bought by somebody who knows the streets. In the
 * state it is one text (base64): 12 bytes a cell, so that 500 warehouses of 3,000 cells take 24 MB and not 150.
 *
 *   n × 8 bytes cell, rising, little endian │ n × 4 bytes seconds
 */
export interface TravelTable {
  version: number
  table: string
}

/** Parts of a newer table that is not complete yet. */
export interface TravelComing {
  version: number
  parts: (string | null)[]
}

const ENTRY_BYTES = 12

type Part = EventOfType<'travel.set'>['data']

/** @returns true when the warehouse has another table than before. A part of an older version changes nothing. */
export function takeTravelPart(warehouse: WarehouseState, { version, part, parts, cells, seconds }: Part): boolean {
  if (version < travelVersion(warehouse) || version === warehouse.travel?.version) return false
  if (warehouse.travel_coming?.version !== version || warehouse.travel_coming.parts.length !== parts) {
    warehouse.travel_coming = { version, parts: Array(parts).fill(null) }
  }
  const { travel_coming } = warehouse
  travel_coming.parts[part] = packTravel(cells, seconds)
  const complete = travel_coming.parts.filter(one => one !== null)
  if (complete.length < parts) return false
  warehouse.travel = { version, table: joinTravel(complete) }
  warehouse.travel_coming = null
  return true
}

/** The newest version that anything is known of; 0: none. */
export const travelVersion = ({ travel, travel_coming }: WarehouseState): number =>
  Math.max(travel?.version ?? 0, travel_coming?.version ?? 0)

/** Of a cell that is named twice the later seconds stand. */
export function packTravel(cells: readonly string[], seconds: readonly number[]): string {
  const entries = new Map(cells.map((cell, place) => [BigInt(`0x${cell}`), seconds[place] ?? 0]))
  return packEntries([...entries])
}

function packEntries(entries: [bigint, number][]): string {
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const bytes = Buffer.alloc(entries.length * ENTRY_BYTES)
  entries.forEach(([cell, seconds], place) => {
    bytes.writeBigUInt64LE(cell, place * 8)
    bytes.writeUInt32LE(seconds, entries.length * 8 + place * 4)
  })
  return bytes.toString('base64')
}

function joinTravel(parts: readonly string[]): string {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const all = new Map<bigint, number>()
  for (const part of parts) {
    const { cells, seconds } = unpack(part)
    cells.forEach((cell, place) => {
      all.set(cell, seconds[place] ?? 0)
    })
  }
  return packEntries([...all])
}

interface Unpacked {
  cells: BigUint64Array
  seconds: Uint32Array
  /** the resolutions that occur, finest first */
  resolutions: number[]
}

function unpack(table: string): Unpacked {
  const bytes = Buffer.from(table, 'base64')
  const count = bytes.length / ENTRY_BYTES
  const cells = new BigUint64Array(count)
  const seconds = new Uint32Array(count)
  const found = new Set<number>()
  for (let place = 0; place < count; place += 1) {
    const cell = bytes.readBigUInt64LE(place * 8)
    cells[place] = cell
    seconds[place] = bytes.readUInt32LE(count * 8 + place * 4)
    found.add(getResolution(cell.toString(16)))
  }
  return { cells, seconds, resolutions: [...found].sort((a, b) => b - a) }
}

/** The cells of a table, rising, each with its seconds. */
export function travelEntries({ table }: TravelTable): { cells: string[]; seconds: number[] } {
  const { cells, seconds } = unpack(table)
  return { cells: [...cells].map(cell => cell.toString(16)), seconds: [...seconds] }
}

/** Follows from the state, so it is none of it. */
const unpacked = new WeakMap<TravelTable, Unpacked>()

/** The cell's own seconds, or those of its nearest parent that the table has; undefined: neither. */
export function tableSeconds(travel: TravelTable, cell: string): number | undefined {
  let table = unpacked.get(travel)
  if (!table) {
    table = unpack(travel.table)
    unpacked.set(travel, table)
  }
  for (const resolution of table.resolutions) {
    const wanted = resolution === CELL_RESOLUTION ? cell : cellToParent(cell, resolution)
    const place = find(table.cells, BigInt(`0x${wanted}`))
    if (place !== undefined) return table.seconds[place]
  }
  return undefined
}

function find(cells: BigUint64Array, wanted: bigint): number | undefined {
  let low = 0
  let high = cells.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const cell = cells[middle] ?? 0n
    if (cell === wanted) return middle
    if (cell < wanted) low = middle + 1
    else high = middle - 1
  }
  return undefined
}
