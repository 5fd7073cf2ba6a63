import type { FulfilmentPart } from '../ingest/events/decisions.ts'
import {
  type FulfilmentState,
  type OrderState,
  openOf,
  type Reservation,
  type StockState,
  THROTTLE_WINDOW_MS,
  type ZoneState,
} from './state.ts'
import { move, stockOf } from './stock.ts'

/** The life of a reservation: granted = picked + short + released + expired + open. Part of `evolve`: mechanical. */

function placeOf(zone: ZoneState, fulfilment: FulfilmentState, line: Reservation): StockState | undefined {
  return zone.warehouses.get(fulfilment.warehouse_id)?.stock.get(line.sku)
}

/** Resolves part of a reservation: every reserved unit goes through here exactly once. */
export function resolve(
  zone: ZoneState,
  fulfilment: FulfilmentState,
  line: Reservation,
  how: 'picked' | 'short' | 'released' | 'expired',
  quantity: number,
): void {
  const warehouse = zone.warehouses.get(fulfilment.warehouse_id)
  const stock = warehouse?.stock.get(line.sku)
  const was_open = openOf(line) > 0
  line[how] += quantity
  if (stock) stock.reserved -= quantity
  if (warehouse && was_open && openOf(line) === 0) warehouse.open_lines -= 1
}

export function resolveAll(zone: ZoneState, fulfilment: FulfilmentState, how: 'released' | 'expired'): void {
  for (const line of fulfilment.lines) {
    const open = openOf(line)
    if (open > 0) resolve(zone, fulfilment, line, how, open)
  }
}

export function reserve(zone: ZoneState, part: FulfilmentPart): FulfilmentState {
  const warehouse = zone.warehouses.get(part.warehouse_id)
  const lines = part.lines.map(({ line_id, sku, unit, quantity }): Reservation => {
    if (warehouse) {
      stockOf(warehouse, sku, unit).reserved += quantity
      warehouse.open_lines += 1
    }
    return { line_id, sku, unit, granted: quantity, picked: 0, short: 0, released: 0, expired: 0 }
  })
  const { fulfilment_id, warehouse_id, ready_at } = part
  return { fulfilment_id, warehouse_id, state: 'reserved', ready_at, lines }
}

export function reserveForOrder(zone: ZoneState, order: OrderState, parts: readonly FulfilmentPart[]): void {
  for (const part of parts) {
    order.fulfilments.push(reserve(zone, part))
    const warehouse = zone.warehouses.get(part.warehouse_id)
    if (!warehouse) continue
    warehouse.open_orders.add(order.order_id)
    if (warehouse.mode !== 'throttled') continue
    warehouse.routed_at = warehouse.routed_at.filter(at => at > zone.time - THROTTLE_WINDOW_MS)
    warehouse.routed_at.push(zone.time)
  }
}

/** Off the shelf and into the bag. */
export function take(zone: ZoneState, fulfilment: FulfilmentState, line: Reservation, quantity: number): void {
  const place = placeOf(zone, fulfilment, line)
  resolve(zone, fulfilment, line, 'picked', quantity)
  if (place) move(place, -quantity, zone.time)
}
