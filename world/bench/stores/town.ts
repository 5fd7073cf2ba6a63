import { readFileSync } from 'node:fs'
import type { Point } from '../../../ingest/events/envelope.ts'

/** Ten stores and thousands of doors with the seconds on the road between them: `KEY : value` lines and three sections. */
export interface Town {
  stores: readonly { point: Point; couriers: number; pickers: number }[]
  clients: readonly Point[]
  /** s from client to store and back: client × stores + store */
  seconds: Int32Array
  picking_s_mean: number
  door_s_mean: number
}

/** @throws Error that says which part of the file is missing */
export function readTown(path: string): Town {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/)
  const section = (from: string, to: string): number[][] => {
    const [begin, end] = [lines.indexOf(from), lines.indexOf(to)]
    if (begin < 0 || end < begin) throw new Error(`${path} has no ${from} before its ${to}`)
    return lines.slice(begin + 1, end).map(line => line.trim().split(/\s+/).map(Number))
  }
  const value = (key: string): number => {
    const line = lines.find(one => one.startsWith(`${key} :`))
    if (line === undefined) throw new Error(`${path} has no ${key}`)
    return Number(line.split(':')[1])
  }
  const stores = section('WAREHOUSE_SECTION', 'CLIENT_SECTION').map(
    ([, lng = 0, lat = 0, couriers = 0, pickers = 0]) => ({
      point: { lat, lng },
      couriers,
      pickers,
    }),
  )
  const edges = section('EDGE_WEIGHT_SECTION', 'EOF')
  return {
    stores,
    clients: section('CLIENT_SECTION', 'EDGE_WEIGHT_SECTION').map(([, lng = 0, lat = 0]) => ({ lat, lng })),
    seconds: Int32Array.from(edges.flat()),
    picking_s_mean: value('MEAN_COMMISSION_TIME'),
    door_s_mean: value('MEAN_SERVICE_AT_CLIENT_TIME'),
  }
}

/** s from store to store: the shortest way by some door, which is all that the file tells. */
export function betweenStores({ stores, clients, seconds }: Town): number[][] {
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
