import { readFileSync } from 'node:fs'
import type { Point } from '../../ingest/events/envelope.ts'
import { type Row, rowOf } from './table.ts'

/**
 * Stores and thousands of doors with the seconds on the road between them, in the format of ODDP (github PeterDieter/ODDP):
 *
 *   KEY : value                                        lines of these, in any order
 *   WAREHOUSE_SECTION    id longitude latitude couriers pickers
 *   CLIENT_SECTION       id longitude latitude
 *   EDGE_WEIGHT_SECTION  a row for each client: s to each store
 *   EOF
 */
export interface Stores {
  stores: readonly { point: Point; couriers: number; pickers: number }[]
  clients: readonly Point[]
  /** s from client to store and back: client × stores + store */
  seconds: Int32Array
  picking_s_mean: number
  door_s_mean: number
}

/** Mean s between orders in each hour of the opening: published beside the data, not in the file. */
export const GAPS_S: readonly number[] = [24, 25, 24, 13, 14, 19, 21, 15, 11, 15, 18, 24, 24]

const SECTIONS = ['WAREHOUSE_SECTION', 'CLIENT_SECTION', 'EDGE_WEIGHT_SECTION', 'EOF'] as const
const DAY_S = 86_400

/** @throws Error that names the line and the field that can't be used, or the part that is missing */
export function readStores(path: string): Stores {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/)
  const [warehouses = [], clients = [], edges = []] = sectionsOf(path, lines)
  const stores = warehouses.map(row => ({
    point: pointOf(row),
    couriers: row.number(3, 'couriers', 0, 10_000),
    pickers: row.number(4, 'pickers', 1, 1_000),
  }))
  if (stores.length === 0) throw new Error(`${path}: WAREHOUSE_SECTION is empty`)
  if (clients.length === 0) throw new Error(`${path}: CLIENT_SECTION is empty`)
  if (edges.length !== clients.length) {
    throw new Error(`${path}: EDGE_WEIGHT_SECTION has ${edges.length} rows for ${clients.length} clients`)
  }
  const seconds = new Int32Array(clients.length * stores.length)
  for (const [client, row] of edges.entries()) {
    for (const store of stores.keys()) {
      seconds[client * stores.length + store] = row.number(store, `seconds to store ${store + 1}`, 0, DAY_S)
    }
  }
  return {
    stores,
    clients: clients.map(pointOf),
    seconds,
    picking_s_mean: numberAt(path, lines, 'MEAN_COMMISSION_TIME'),
    door_s_mean: numberAt(path, lines, 'MEAN_SERVICE_AT_CLIENT_TIME'),
  }
}

/** The rows of the three sections, in the order of SECTIONS. */
function sectionsOf(path: string, lines: readonly string[]): Row[][] {
  const begins = SECTIONS.map(name => lines.findIndex(line => line.trim() === name))
  for (const [at, begin] of begins.entries()) {
    if (begin < 0) throw new Error(`${path} has no ${SECTIONS[at]}`)
    if (begin < (begins[at - 1] ?? 0)) throw new Error(`${path} has its ${SECTIONS[at]} before its ${SECTIONS[at - 1]}`)
  }
  return begins
    .slice(0, -1)
    .map((begin, at) =>
      lines.slice(begin + 1, begins[at + 1]).map((line, row) => rowOf(path, begin + row + 2, line.trim().split(/\s+/))),
    )
}

const pointOf = (row: Row): Point => ({
  lng: row.number(1, 'longitude', -180, 180),
  lat: row.number(2, 'latitude', -90, 90),
})

function numberAt(path: string, lines: readonly string[], key: string): number {
  const at = lines.findIndex(line => line.split(':')[0]?.trim() === key)
  if (at < 0) throw new Error(`${path} has no ${key}`)
  return rowOf(path, at + 1, (lines[at] ?? '').split(':')).number(1, key, 0, DAY_S)
}

/** s from store to store: the shortest way by some door, which is all that the file tells. */
export function betweenStores({ stores, clients, seconds }: Stores): number[][] {
  const n = stores.length
  return stores.map((_, from) =>
    stores.map((_, to) => {
      if (from === to) return 0
      let least = Number.POSITIVE_INFINITY
      for (let client = 0; client < clients.length; client++) {
        least = Math.min(least, (seconds[client * n + from] ?? 0) + (seconds[client * n + to] ?? 0))
      }
      return least
    }),
  )
}
