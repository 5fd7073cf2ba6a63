import type { Cause, DecisionOf } from '../../ingest/events/decisions.ts'
import type { Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import { forgetUntil } from '../recent_moves.ts'
import type { EventOfType, StockState, ZoneState } from '../state.ts'
import { apply, move, stockOf, type Why } from '../stock.ts'

/** What is on the shelves. Part of `evolve`: mechanical. */

interface StockPlace {
  warehouse_id: WarehouseId
  sku: Sku
  unit: 'each' | 'g'
}

export function moveStock(zone: ZoneState, place: StockPlace, delta: number, why: Why, at: number): void {
  const warehouse = zone.warehouses.get(place.warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, place.sku, place.unit)
  move(zone, stock, place.warehouse_id, place.sku, delta, 0, why, at)
  noteShort(zone, place.warehouse_id, place.sku, stock, why.cause === 'transfer_sent' ? 'transfer' : 'adjustment')
}

/** Waste was off the shelf before and stays off it. */
export function putBack(zone: ZoneState, { data, occurred_at }: EventOfType<'stock.put_back'>): void {
  const why: Why = { cause: 'put_back', ref: data.order_id ?? '' }
  if (data.condition === 'sellable') moveStock(zone, data, data.quantity, why, occurred_at)
}

/** More reserved than on hand: `decide` works it off, in this step and, above its bound, in later ones. */
function noteShort(zone: ZoneState, warehouse_id: WarehouseId, sku: Sku, stock: StockState, cause: Cause): void {
  if (stock.reserved <= stock.on_hand) return
  if (zone.short.some(entry => entry.warehouse_id === warehouse_id && entry.sku === sku)) return
  zone.short.push({ warehouse_id, sku, cause })
}

export function correctStock(zone: ZoneState, decision: DecisionOf<'stock.corrected'>): void {
  const { warehouse_id, sku, unit, as_of, cause } = decision
  const warehouse = zone.warehouses.get(warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, sku, unit)
  const on_hand = decision.on_hand - stock.on_hand
  const safety = decision.safety - stock.safety
  const ref = decision.ref ?? ''
  apply(zone, stock, { warehouse_id, sku, on_hand, reserved: 0, safety, in_transit: 0, cause, ref })
  stock.counted_as_of = as_of
  // What moved before somebody looked is in what he saw.
  forgetUntil(stock.moves, as_of)
  noteShort(zone, warehouse_id, sku, stock, cause)
}

export function setSafety(zone: ZoneState, data: EventOfType<'stock.safety_set'>['data']): void {
  const { warehouse_id, sku, unit } = data
  const warehouse = zone.warehouses.get(warehouse_id)
  if (!warehouse) return
  const stock = stockOf(warehouse, sku, unit)
  const safety = data.safety - stock.safety
  apply(zone, stock, {
    warehouse_id,
    sku,
    on_hand: 0,
    reserved: 0,
    safety,
    in_transit: 0,
    cause: 'safety_set',
    ref: '',
  })
}

/** `until`: 0 resumes. What is reserved stays reserved. */
export function suspend(zone: ZoneState, { warehouse_id, sku }: Omit<StockPlace, 'unit'>, until: number): void {
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  if (stock) stock.suspended_until = until
}

export function isStillShort(zone: ZoneState, { warehouse_id, sku }: { warehouse_id: WarehouseId; sku: Sku }): boolean {
  const stock = zone.warehouses.get(warehouse_id)?.stock.get(sku)
  return stock !== undefined && stock.reserved > stock.on_hand
}
