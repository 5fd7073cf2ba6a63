import type { WarehouseId } from '../../ingest/events/envelope.ts'
import { centreOf, distanceMeters } from '../../ingest/events/geo.ts'
import type { WarehouseState, ZoneState } from '../state.ts'
import { reach, travelSeconds } from './rank.ts'
import { tableSeconds } from './travel.ts'

/**
 * Who reaches a cell and how long the way takes, computed once a cell and thrown away when warehouses, policy or travel
 * tables change. Not part of the state: it follows from it.
 */

/** Two lists of one length, by warehouse id, so that of equal promises the first is the one with the lower id. */
export interface Ways {
  warehouses: readonly WarehouseState[]
  travel_s: readonly number[]
}

interface Remembered {
  sorted: WarehouseState[]
  cells: Map<string, Ways>
  ways: number
}

const remembered = new WeakMap<ZoneState['warehouses'], Remembered>()
/** 16 bytes each. A city's day of orders comes from some thousand cells. */
const WAYS_REMEMBERED = 1_000_000

export function waysTo(zone: ZoneState, cell: string): Ways {
  let memory = remembered.get(zone.warehouses)
  if (!memory) {
    memory = { sorted: [...zone.warehouses.values()].sort(byId), cells: new Map(), ways: 0 }
    remembered.set(zone.warehouses, memory)
  }
  const known = memory.cells.get(cell)
  if (known) return known
  const found = findWays(zone, memory.sorted, cell)
  if (memory.ways > WAYS_REMEMBERED) {
    memory.cells.clear()
    memory.ways = 0
  }
  memory.cells.set(cell, found)
  memory.ways += found.warehouses.length + 1
  return found
}

const byId = (a: WarehouseState, b: WarehouseState): number => (a.warehouse_id < b.warehouse_id ? -1 : 1)

/** A cell of the warehouse's own travel table takes its seconds, any other the great circle; the radius limits both. */
function findWays(zone: ZoneState, sorted: readonly WarehouseState[], cell: string): Ways {
  const centre = centreOf(cell)
  const warehouses: WarehouseState[] = []
  const travel_s: number[] = []
  for (const warehouse of sorted) {
    const way = reach(warehouse, centre, zone.policy)
    if (!way) continue
    warehouses.push(warehouse)
    travel_s.push((warehouse.travel && tableSeconds(warehouse.travel, cell)) ?? way.travel_s)
  }
  return { warehouses, travel_s }
}

/** undefined: the warehouse does not reach the cell. */
export function travelSecondsTo(zone: ZoneState, warehouse_id: WarehouseId, cell: string): number | undefined {
  const { warehouses, travel_s } = waysTo(zone, cell)
  const place = warehouses.findIndex(warehouse => warehouse.warehouse_id === warehouse_id)
  return travel_s[place]
}

/** Also of a warehouse whose radius does not hold the cell any more. */
export function roadSeconds(zone: ZoneState, warehouse: WarehouseState, cell: string): number {
  const known = warehouse.travel ? tableSeconds(warehouse.travel, cell) : undefined
  return known ?? travelSeconds(distanceMeters(warehouse.point, centreOf(cell)), zone.policy)
}

/** To be called when a warehouse, its travel table or the policy changes. */
export function forgetReach(zone: ZoneState): void {
  remembered.delete(zone.warehouses)
}
