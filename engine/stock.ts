import type { Sku } from '../ingest/events/envelope.ts'
import { HOUR_MS, type StockState, type WarehouseState } from './state.ts'

/** Stock of one SKU at one warehouse. on_hand is never negative; available = max(0, on hand − reserved − safety). */

export function stockOf(warehouse: WarehouseState, sku: Sku, unit: 'each' | 'g'): StockState {
  let stock = warehouse.stock.get(sku)
  if (!stock) {
    stock = { on_hand: 0, reserved: 0, safety: 0, unit, counted_as_of: 0, movements: [] }
    warehouse.stock.set(sku, stock)
  }
  return stock
}

/** Goods came or went at `at`. What would go below nothing stops there: the shelf cannot hold less. */
export function move(stock: StockState, delta: number, at: number): void {
  const moved = Math.max(delta, -stock.on_hand)
  if (moved === 0) return
  stock.on_hand += moved
  stock.movements.push({ at, delta: moved })
  forgetOldMovements(stock, at)
}

function forgetOldMovements(stock: StockState, now: number): void {
  let old = 0
  for (const { at } of stock.movements) {
    if (at >= now - HOUR_MS) break
    old += 1
  }
  if (old > 0) stock.movements.splice(0, old)
}

/** A count older than the last one, or than what is remembered of movements, can't be used. */
export const isSuperseded = (stock: StockState | undefined, as_of: number, now: number): boolean =>
  as_of < now - HOUR_MS || (stock !== undefined && as_of < stock.counted_as_of)

/** What is on hand now, given what somebody saw at `as_of`: the count and what moved after it. */
export function onHandAfterCount(stock: StockState | undefined, quantity: number, as_of: number): number {
  let on_hand = quantity
  for (const { at, delta } of stock?.movements ?? []) {
    if (at > as_of) on_hand += delta
  }
  return Math.max(0, on_hand)
}
