import type { Refusal } from '../../ingest/events/decisions.ts'
import type { LineId, OrderLine } from '../../ingest/events/envelope.ts'
import { available } from '../contract.ts'
import { THROTTLE_WINDOW_MS, type WarehouseState } from '../state.ts'
import { isOpen, type Window } from './timing.ts'

/** Why a warehouse can't take an order, one question a function. On the path of every order: nothing is allocated here. */

export interface Refused {
  refused: Refusal
  line_id?: LineId
}

/** The order of the questions is the order in which a person would look. For a window, timing.ts asks for the hours. */
export function refusesNow(warehouse: WarehouseState, time: number, window: Window | undefined): Refusal | null {
  if (warehouse.paused) return 'warehouse_paused'
  if (!window && !isOpen(warehouse, time)) return 'closed'
  return isThrottled(warehouse, time) ? 'throttled' : null
}

/** The first line that the warehouse can't cover, together with those before it that ask for the same SKU. */
export function firstUncovered(warehouse: WarehouseState, lines: readonly OrderLine[], time: number): Refused | null {
  for (let place = 0; place < lines.length; place += 1) {
    const line = lines[place]
    const refused = line && uncovered(warehouse, line, askedBefore(lines, place, line), time)
    if (refused) return { refused, line_id: line.line_id }
  }
  return null
}

/** Two lines may ask for the same SKU: they must be covered together. Lines are few, so looking back costs least. */
function askedBefore(lines: readonly OrderLine[], place: number, { sku }: OrderLine): number {
  let quantity = 0
  for (let before = 0; before < place; before += 1) {
    const line = lines[before]
    if (line?.sku === sku) quantity += line.quantity
  }
  return quantity
}

/** `taken`: of the same SKU, by other lines. */
export function uncovered(warehouse: WarehouseState, line: OrderLine, taken: number, time: number): Refusal | null {
  const stock = warehouse.stock.peek(line.sku)
  if (!stock) return 'sku_unknown'
  if (stock.unit !== line.unit) return 'unit_mismatch'
  if (stock.suspended_until > time) return 'suspended'
  return available(stock) < line.quantity + taken ? 'out_of_stock' : null
}

function isThrottled({ mode, routed_at, throttle_per_10_min }: WarehouseState, time: number): boolean {
  if (mode !== 'throttled') return false
  if (throttle_per_10_min === 0) return true
  // It took as many as it may, and the first of those is not ten minutes ago.
  const first = routed_at[routed_at.length - throttle_per_10_min]
  return first !== undefined && first > time - THROTTLE_WINDOW_MS
}
