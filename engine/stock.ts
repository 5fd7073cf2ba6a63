import type { Sku, WarehouseId } from '../ingest/events/envelope.ts'
import type { MovementCause } from '../ingest/events/movements.ts'
import { noMoves, noteMove, sumAfter } from './recent_moves.ts'
import { HOUR_MS, type Moved, type StockState, type WarehouseState, type ZoneState } from './state.ts'

/**
 * Stock of one SKU at one warehouse. on_hand is never negative; available = max(0, on hand − reserved − safety).
 *
 * `apply` is the only place where its four numbers change, and it notes what it did: so the movements of the log sum up to
 * the state.
 */

export function stockOf(warehouse: WarehouseState, sku: Sku, unit: 'each' | 'g'): StockState {
  let stock = warehouse.stock.get(sku)
  if (!stock) {
    stock = {
      on_hand: 0,
      reserved: 0,
      safety: 0,
      in_transit: 0,
      unit,
      suspended_until: 0,
      counted_as_of: 0,
      moved_since: 0,
      moves: noMoves(),
    }
    warehouse.stock.set(sku, stock)
  }
  return stock
}

export function apply(zone: ZoneState, stock: StockState, movement: Moved): void {
  const { on_hand, reserved, safety, in_transit } = movement
  if (on_hand === 0 && reserved === 0 && safety === 0 && in_transit === 0) return
  stock.on_hand += on_hand
  stock.reserved += reserved
  stock.safety += safety
  stock.in_transit += in_transit
  zone.moved.push(movement)
}

/** Why something moved, and for which order, hold, transfer … */
export interface Why {
  cause: MovementCause
  ref: string
}

/** Promised, or not promised any longer. Nothing leaves the shelf. */
export function promise(
  zone: ZoneState,
  stock: StockState,
  warehouse_id: WarehouseId,
  sku: Sku,
  quantity: number,
  { cause, ref }: Why,
): void {
  apply(zone, stock, { warehouse_id, sku, on_hand: 0, reserved: quantity, safety: 0, in_transit: 0, cause, ref })
}

/**
 * Goods came or went. What would go below nothing stops there: the shelf cannot hold less. What is told late, and happened
 * before the newest count, is in that count already.
 * @param promised by how much the promises change with it: what is picked was promised before
 * @param told_at when it happened, as the one says who saw it
 */
export function move(
  zone: ZoneState,
  stock: StockState,
  warehouse_id: WarehouseId,
  sku: Sku,
  delta: number,
  promised: number,
  { cause, ref }: Why,
  told_at: number,
): void {
  // A clock that runs ahead must not make goods come after a count that saw them.
  const at = Math.min(told_at, zone.time)
  const on_hand = at < stock.counted_as_of ? 0 : Math.max(delta, -stock.on_hand)
  apply(zone, stock, { warehouse_id, sku, on_hand, reserved: promised, safety: 0, in_transit: 0, cause, ref })
  if (on_hand === 0) return
  const forgotten = noteMove(stock.moves, on_hand, at, zone.time)
  if (forgotten !== null) stock.moved_since = forgotten
}

/** A count older than the last one, or than what is remembered of movements, can't be used. */
export const isSuperseded = (stock: StockState | undefined, as_of: number, now: number): boolean =>
  as_of < now - HOUR_MS || (stock !== undefined && (as_of < stock.counted_as_of || as_of < stock.moved_since))

/** What is on hand now, given what somebody saw at `as_of`: the count and what moved after it. */
export const onHandAfterCount = (stock: StockState | undefined, quantity: number, as_of: number): number =>
  Math.max(0, quantity + (stock ? sumAfter(stock.moves, as_of) : 0))
