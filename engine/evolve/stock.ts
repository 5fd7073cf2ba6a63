import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Cause, DecisionOf } from '../../ingest/events/decisions.ts'
import type { Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import type { StockState, ZoneState } from '../state.ts'
import { move, stockOf } from '../stock.ts'

/** What is on the shelves. Part of `evolve`: mechanical. */

interface StockPlace {
  warehouse_id: WarehouseId
  sku: Sku
  unit: 'each' | 'g'
}

export function moveStock(zone: ZoneState, place: StockPlace, delta: number, cause: Cause): void {
  const warehouse = zone.warehouses.get(place.warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, place.sku, place.unit)
  move(stock, delta, zone.time)
  noteShort(zone, place.warehouse_id, place.sku, stock, cause)
}

/** More reserved than on hand: `decide` works it off, in this step and, above its bound, in later ones. */
function noteShort(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku, stock: StockState, cause: Cause): void {
  if (stock.reserved <= stock.on_hand) return
  if (zone.short.some(entry => entry.warehouse_id === warehouse_id && entry.sku === sku)) return
  zone.short.push({ warehouse_id, sku, cause })
}

export function correctStock(zone: ZoneState, decision: DecisionOf<'stock.corrected'>, event: OperationsEvent): void {
  const warehouse = zone.warehouses.get(decision.warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, decision.sku, decision.unit)
  stock.on_hand = decision.on_hand
  stock.safety = decision.safety
  if (event.type === 'stock.counted') {
    // A clock that runs ahead must not make every later count look old.
    const as_of = Math.min(event.data.as_of, zone.time)
    stock.counted_as_of = as_of
    // What moved before the count is in it already.
    stock.movements = stock.movements.filter(({ at }) => at > as_of)
  }
  noteShort(zone, decision.warehouse_id, decision.sku, stock, decision.cause)
}

export function isStillShort(zone: ZoneState, { warehouse_id, sku }: { warehouse_id: WarehouseId; sku: Sku }): boolean {
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  return stock !== undefined && stock.reserved > stock.on_hand
}
