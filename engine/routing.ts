import { type Candidate, REFUSALS, type Refusal } from '../ingest/events/decisions.ts'
import type { FulfilmentId, LineId, OrderLine, WarehouseId } from '../ingest/events/envelope.ts'
import { centreOf } from '../ingest/events/geo.ts'
import { available } from './contract.ts'
import { byPromise, type PromiseTerms, promiseSeconds, type Reach, reach, readySeconds } from './rank.ts'
import { THROTTLE_WINDOW_MS, type WarehouseState, type ZoneState } from './state.ts'

/** Which warehouse gets an order: every one that reaches the cell, by promise time, until one covers all lines. */

export interface Wish {
  cell: string
  lines: readonly OrderLine[]
  warehouse_id?: WarehouseId
  deliver_between?: { from: number; to: number }
}

export interface Winner {
  warehouse: WarehouseState
  ready_at: number
  deliver_by: number
}

export type Routing =
  | { kind: 'found'; winner: Winner; candidates: Candidate[] }
  | { kind: 'refused'; reason: Refusal; line_id?: LineId; candidates: Candidate[] }

/** Pure: reads the zone, changes nothing. `not`: the warehouse that the order is being taken away from. */
export function route(zone: ZoneState, wish: Wish, not?: WarehouseId): Routing {
  const candidates: Candidate[] = []
  for (const { warehouse, promise_s, travel_s } of ranked(zone, wish, not)) {
    const refusal = refuse(zone, warehouse, wish, promise_s)
    const { warehouse_id } = warehouse
    if (!refusal) {
      candidates.push({ warehouse_id, promise_s, travel_s })
      const ready_at = zone.time + 1_000 * readySeconds(promiseTerms(zone, warehouse), wish.lines.length)
      const earliest = zone.time + 1_000 * promise_s
      const deliver_by = Math.max(earliest, wish.deliver_between?.to ?? 0)
      return { kind: 'found', winner: { warehouse, ready_at, deliver_by }, candidates: shown(zone, candidates) }
    }
    candidates.push({ warehouse_id, promise_s, travel_s, ...refusal })
  }
  const best = candidates[0]
  const reason = best?.refused ?? (wish.warehouse_id ? 'warehouse_unknown' : 'outside_service_area')
  const line_id = best?.line_id
  return { kind: 'refused', reason, ...(line_id ? { line_id } : {}), candidates: shown(zone, candidates) }
}

/** The explanation keeps the best ones and always the winner. */
function shown(zone: ZoneState, candidates: Candidate[]): Candidate[] {
  const { candidates_max } = zone.policy
  if (candidates.length <= candidates_max) return candidates
  const last = candidates.at(-1)
  const kept = candidates.slice(0, candidates_max)
  return last && !last.refused ? [...kept.slice(0, -1), last] : kept
}

interface Ranked {
  warehouse: WarehouseState
  warehouse_id: WarehouseId
  promise_s: number
  travel_s: number
}

function ranked(zone: ZoneState, wish: Wish, not?: WarehouseId): Ranked[] {
  const list: Ranked[] = []
  for (const [warehouse_id, way] of reachable(zone, wish.cell)) {
    if (warehouse_id === not || (wish.warehouse_id && warehouse_id !== wish.warehouse_id)) continue
    const warehouse = zone.warehouses.get(warehouse_id)
    if (!warehouse) continue
    const promise_s = promiseSeconds(promiseTerms(zone, warehouse), wish.lines.length, way.travel_s)
    list.push({ warehouse, warehouse_id, promise_s, travel_s: way.travel_s })
  }
  return list.sort(byPromise)
}

/**
 * Who reaches a cell, computed once a cell and thrown away when the network changes: a distance to every warehouse
 * for every order would cost more than the rest of the step. Not part of the state: it follows from it.
 */
const reachByCell = new WeakMap<ZoneState['warehouses'], Map<string, Map<WarehouseId, Reach>>>()

export function reachable(zone: ZoneState, cell: string): Map<WarehouseId, Reach> {
  let cells = reachByCell.get(zone.warehouses)
  if (!cells) {
    cells = new Map()
    reachByCell.set(zone.warehouses, cells)
  }
  let found = cells.get(cell)
  if (!found) {
    const centre = centreOf(cell)
    found = new Map()
    for (const [warehouse_id, warehouse] of zone.warehouses) {
      const way = reach(warehouse, centre, zone.policy)
      if (way) found.set(warehouse_id, way)
    }
    if (cells.size >= CELLS_REMEMBERED) cells.clear()
    cells.set(cell, found)
  }
  return found
}
const CELLS_REMEMBERED = 50_000

/** To be called when a warehouse or the policy changes. */
export function forgetReach(zone: ZoneState): void {
  reachByCell.delete(zone.warehouses)
}

/** What a promise from this warehouse is made of, at its present load. */
export function promiseTerms(zone: ZoneState, warehouse: WarehouseState): PromiseTerms {
  const { policy } = zone
  const waiting_s = Math.round((warehouse.open_lines * warehouse.pick_s_per_line) / warehouse.pickers)
  const busy_s = warehouse.mode === 'busy' ? warehouse.busy_extra_s : 0
  return {
    ready_in_s: waiting_s + warehouse.pick_s_per_line + warehouse.pack_s + busy_s,
    pick_s_per_line: warehouse.pick_s_per_line,
    courier_wait_s: policy.courier_wait_s,
    fixed_s: policy.handover_s + policy.promise_buffer_s,
  }
}

function refuse(
  zone: ZoneState,
  warehouse: WarehouseState,
  wish: Wish,
  promise_s: number,
): { refused: Refusal; line_id?: LineId } | null {
  if (warehouse.paused) return { refused: 'warehouse_paused' }
  if (!isOpen(warehouse, zone.time)) return { refused: 'closed' }
  if (isThrottled(warehouse, zone.time)) return { refused: 'throttled' }
  const uncovered = firstUncovered(warehouse, wish.lines)
  if (uncovered) return uncovered
  const asked = wish.deliver_between
  if (asked) return zone.time + 1_000 * promise_s > asked.to ? { refused: 'window_missed' } : null
  return promise_s > zone.policy.promise_s_max ? { refused: 'full' } : null
}

function firstUncovered(
  warehouse: WarehouseState,
  lines: readonly OrderLine[],
): { refused: Refusal; line_id: LineId } | null {
  // Two lines may ask for the same SKU: they must be covered together.
  const taken = new Map<string, number>()
  for (const { sku, quantity, unit, line_id } of lines) {
    const stock = warehouse.stock.get(sku)
    if (!stock) return { refused: 'sku_unknown', line_id }
    if (stock.unit !== unit) return { refused: 'unit_mismatch', line_id }
    const needed = quantity + (taken.get(sku) ?? 0)
    if (available(stock) < needed) return { refused: 'out_of_stock', line_id }
    taken.set(sku, needed)
  }
  return null
}

/** Opening spans are minutes of the local week from Monday 00:00; 1970-01-01 was a Thursday. */
function isOpen(warehouse: WarehouseState, time: number): boolean {
  if (!warehouse.opening) return true
  const minutes = Math.floor((time + 1_000 * warehouse.utc_offset_s) / 60_000) + 3 * 1_440
  const minute = ((minutes % 10_080) + 10_080) % 10_080
  return warehouse.opening.some(({ from_minute, to_minute }) => from_minute <= minute && minute < to_minute)
}

function isThrottled(warehouse: WarehouseState, time: number): boolean {
  if (warehouse.mode !== 'throttled') return false
  const recent = warehouse.routed_at.filter(at => at > time - THROTTLE_WINDOW_MS)
  return recent.length >= warehouse.throttle_per_10_min
}

export const isRetryable = (reason: Refusal): boolean => REFUSALS[reason].retryable

/** An order's parts are named after it, the attempt and their place, so that every replay gives the same names. */
export const fulfilmentName = (owner: string, attempt: number): FulfilmentId => `${owner}.${attempt}` as FulfilmentId
