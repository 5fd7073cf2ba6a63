import { type Candidate, type PromiseTime, REFUSALS, type Refusal } from '../ingest/events/decisions.ts'
import type { FulfilmentId, LineId, OrderLine, WarehouseId } from '../ingest/events/envelope.ts'
import { promiseAfterS } from './routing/load.ts'
import { type Ways, waysTo } from './routing/reach.ts'
import { firstUncovered, type Refused, refusesNow } from './routing/refusal.ts'
import { split } from './routing/splitting.ts'
import { type Timing, timingOf, type Window } from './routing/timing.ts'
import type { WarehouseState, ZoneState } from './state.ts'

/**
 * Which warehouse gets an order: every one that reaches the cell, by promise time, until one covers all lines. Where none
 * does and the order may be split, as few as possible (splitting.ts).
 */

export interface Wish {
  cell: string
  lines: readonly OrderLine[]
  warehouse_id?: WarehouseId
  deliver_between?: Window
  split?: boolean
}

/** What one warehouse gives. */
export interface Share extends Timing {
  warehouse: WarehouseState
  lines: readonly OrderLine[]
}

export type Routing =
  | { kind: 'found'; shares: Share[]; promise: PromiseTime; candidates: Candidate[] }
  | { kind: 'refused'; reason: Refusal; line_id?: LineId; candidates: Candidate[] }

/** A warehouse in the order of promises. */
export interface Ranked {
  warehouse: WarehouseState
  travel_s: number
  promise_s: number
}

/** Pure: reads the zone, changes nothing. `not`: the warehouse that the order is being taken away from. */
export function route(zone: ZoneState, wish: Wish, not?: WarehouseId): Routing {
  const ways = waysTo(zone, wish.cell)
  const count = rank(zone, ways, wish, not)
  const { candidates_max } = zone.policy
  const candidates: Candidate[] = []
  for (let place = 0; place < count; place += 1) {
    // The first is found by looking; only where it refuses is the rest put in order.
    if (place === 1) keys.subarray(1, count).sort()
    const ranked = rankedAt(ways, place)
    const timing = tryOne(zone, wish, ranked)
    if (!('refused' in timing)) {
      if (candidates.length === candidates_max) candidates.pop()
      candidates.push(candidateOf(ranked))
      return found([{ ...timing, warehouse: ranked.warehouse, lines: wish.lines }], candidates, wish)
    }
    if (candidates.length < candidates_max) candidates.push(candidateOf(ranked, timing))
  }
  return splitOrRefuse(zone, wish, candidates, () => inOrder(ways, count))
}

function splitOrRefuse(zone: ZoneState, wish: Wish, candidates: Candidate[], ranked: () => Ranked[]): Routing {
  const first = candidates[0]
  const parts = first && wish.split && wish.lines.length > 1 ? split(zone, wish, ranked()) : null
  if (parts?.kind === 'found') return found(parts.shares, explained(zone, candidates, parts), wish)
  const reason = first?.refused ?? (wish.warehouse_id ? 'warehouse_unknown' : 'outside_service_area')
  const failed = parts ?? (first?.line_id ? { reason, line_id: first.line_id } : { reason })
  const { reason: why, line_id } = { line_id: undefined, ...failed }
  return { kind: 'refused', reason: why, ...(line_id ? { line_id } : {}), candidates }
}

/** The explanation of a split order: those who take a part always, and the best of the others. */
function explained(zone: ZoneState, refused: Candidate[], { ranked }: { ranked: readonly Ranked[] }): Candidate[] {
  const taking = new Set<string>(ranked.map(({ warehouse }) => warehouse.warehouse_id))
  const others = refused.filter(({ warehouse_id }) => !taking.has(warehouse_id))
  const kept = others.slice(0, Math.max(0, zone.policy.candidates_max - taking.size))
  const all = [...kept, ...ranked.map(one => candidateOf(one))]
  return all.sort((a, b) => a.promise_s - b.promise_s || (a.warehouse_id < b.warehouse_id ? -1 : 1))
}

/** The order is there when its last part is. */
function found(shares: Share[], candidates: Candidate[], { deliver_between }: Wish): Routing {
  let ready_at = 0
  let deliver_by = 0
  for (const share of shares) {
    ready_at = Math.max(ready_at, share.ready_at)
    deliver_by = Math.max(deliver_by, share.deliver_by)
  }
  const promise = deliver_between
    ? { ready_at, deliver_by, deliver_from: deliver_between.from }
    : { ready_at, deliver_by }
  return { kind: 'found', shares, promise, candidates }
}

function tryOne(zone: ZoneState, wish: Wish, { warehouse, travel_s, promise_s }: Ranked): Timing | Refused {
  const { lines, deliver_between } = wish
  const now = refusesNow(warehouse, zone.time, deliver_between)
  if (now) return { refused: now }
  const uncovered = firstUncovered(warehouse, lines, zone.time)
  if (uncovered) return uncovered
  const timing = timingOf(zone, warehouse, { lines: lines.length, travel_s, promise_s }, deliver_between)
  return typeof timing === 'string' ? { refused: timing } : timing
}

/** What the schema of a candidate can say: a week. */
const SHOWN_S_MAX = 604_800

function candidateOf({ warehouse, promise_s, travel_s }: Ranked, why?: Refused): Candidate {
  const { warehouse_id } = warehouse
  return { warehouse_id, promise_s: Math.min(promise_s, SHOWN_S_MAX), travel_s, ...why }
}

// ── The order of promises ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * promise × 2^16 + place among the ways, so that one number says both and ties go by warehouse id. One array for all
 * orders: nothing is allocated or sorted for a warehouse that is not asked. 0.8 µs of CPU an order where ten reach the cell,
 * 10 µs where 500 do.
 */
let keys = new Float64Array(64)
const PLACES = 65_536

/** @returns how many there are; the best is first, the rest as they come */
function rank(zone: ZoneState, ways: Ways, { lines, warehouse_id }: Wish, not: WarehouseId | undefined): number {
  const { warehouses, travel_s } = ways
  if (keys.length < warehouses.length) keys = new Float64Array(warehouses.length * 2)
  let count = 0
  let best = 0
  for (let place = 0; place < warehouses.length; place += 1) {
    const warehouse = warehouses[place]
    if (!warehouse || warehouse.warehouse_id === not) continue
    if (warehouse_id !== undefined && warehouse.warehouse_id !== warehouse_id) continue
    const key = promiseAfterS(zone, warehouse, lines.length, travel_s[place] ?? 0) * PLACES + place
    keys[count] = key
    if (key < (keys[best] ?? 0)) best = count
    count += 1
  }
  const first = keys[0] ?? 0
  keys[0] = keys[best] ?? 0
  keys[best] = first
  return count
}

function rankedAt({ warehouses, travel_s }: Ways, position: number): Ranked {
  const key = keys[position] ?? 0
  const place = key % PLACES
  const warehouse = warehouses[place]
  if (!warehouse) throw new Error(`no way has the place ${place}`)
  return { warehouse, travel_s: travel_s[place] ?? 0, promise_s: (key - place) / PLACES }
}

const inOrder = (ways: Ways, count: number): Ranked[] =>
  Array.from({ length: count }, (_, place) => rankedAt(ways, place))

export const isRetryable = (reason: Refusal): boolean => REFUSALS[reason].retryable

/**
 * An order's parts are named after it, the attempt and, where there are several, their place, so that every replay gives the
 * same names.
 */
export const fulfilmentName = (owner: string, attempt: number, place?: number): FulfilmentId =>
  (place === undefined ? `${owner}.${attempt}` : `${owner}.${attempt}.${place}`) as FulfilmentId
