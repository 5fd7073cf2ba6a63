import type { FulfilmentPart } from '../ingest/events/decisions.ts'
import type { WarehouseId } from '../ingest/events/envelope.ts'
import {
  type FulfilmentState,
  type OrderState,
  openOf,
  type Reservation,
  THROTTLE_WINDOW_MS,
  type WarehouseState,
  type ZoneState,
} from './state.ts'
import { move, promise, stockOf, type Why } from './stock.ts'

/**
 * The life of a reserved unit. Part of `evolve`: mechanical. Every unit goes through `end` exactly once, so
 * granted = picked + short + released + expired + open, always.
 *
 *              ┌─► picked     it lies in a bag, and the shelf has one less
 *   open ──────┼─► short      it was not there
 *              ├─► released   it is free again
 *              └─► expired    its hold ended by itself
 */
export type UnitEnd = 'picked' | 'short' | 'released' | 'expired'

/** Ends part of a reservation without anything leaving the shelf. */
export function resolve(
  zone: ZoneState,
  fulfilment: FulfilmentState,
  line: Reservation,
  how: Exclude<UnitEnd, 'picked'>,
  quantity: number,
  why: Why,
): void {
  const warehouse = zone.warehouses.get(fulfilment.warehouse_id)
  const stock = warehouse?.stock.get(line.sku)
  if (!warehouse || !stock) return
  end(warehouse, line, how, quantity)
  promise(zone, stock, fulfilment.warehouse_id, line.sku, -quantity, why)
}

/** Off the shelf and into the bag. `at`: when the picker says that it happened. */
export function take(
  zone: ZoneState,
  fulfilment: FulfilmentState,
  line: Reservation,
  quantity: number,
  ref: string,
  at: number,
): void {
  const warehouse = zone.warehouses.get(fulfilment.warehouse_id)
  const stock = warehouse?.stock.get(line.sku)
  if (!warehouse || !stock) return
  end(warehouse, line, 'picked', quantity)
  move(zone, stock, fulfilment.warehouse_id, line.sku, -quantity, -quantity, { cause: 'picked', ref }, at)
}

function end(warehouse: WarehouseState, line: Reservation, how: UnitEnd, quantity: number): void {
  const was_open = openOf(line) > 0
  line[how] += quantity
  if (was_open && openOf(line) === 0) warehouse.open_lines -= 1
}

export function resolveAll(zone: ZoneState, fulfilment: FulfilmentState, how: 'released' | 'expired', why: Why): void {
  for (const line of fulfilment.lines) {
    const open = openOf(line)
    if (open > 0) resolve(zone, fulfilment, line, how, open, why)
  }
}

/** @param ref the order or the hold that it is for */
export function reserve(zone: ZoneState, part: FulfilmentPart, ref: string): FulfilmentState {
  const { fulfilment_id, warehouse_id, ready_at, deliver_by = 0 } = part
  const fulfilment: FulfilmentState = {
    fulfilment_id,
    warehouse_id,
    state: 'reserved',
    ready_at,
    deliver_by,
    lines: [],
  }
  const why: Why = { cause: 'reserved', ref }
  const warehouse = zone.warehouses.get(warehouse_id)
  for (const line of part.lines) reserveLine(zone, warehouse, fulfilment, line, why)
  return fulfilment
}

export function reserveLine(
  zone: ZoneState,
  warehouse: WarehouseState | undefined,
  fulfilment: FulfilmentState,
  { line_id, sku, unit, quantity }: FulfilmentPart['lines'][number],
  why: Why,
): void {
  const { warehouse_id, lines } = fulfilment
  if (warehouse) {
    promise(zone, stockOf(warehouse, sku, unit), warehouse_id, sku, quantity, why)
    warehouse.open_lines += 1
  }
  lines.push({ line_id, sku, unit, granted: quantity, picked: 0, short: 0, released: 0, expired: 0 })
}

export function reserveForOrder(zone: ZoneState, order: OrderState, parts: readonly FulfilmentPart[]): void {
  for (const part of parts) {
    const fulfilment = reserve(zone, part, order.order_id)
    // Of a single part the promise says it.
    if (part.deliver_by === undefined) fulfilment.deliver_by = order.deliver_by
    order.fulfilments.push(fulfilment)
    const warehouse = zone.warehouses.get(part.warehouse_id)
    if (!warehouse) continue
    warehouse.open_orders.add(order.order_id)
    if (warehouse.mode === 'throttled') noteRouted(warehouse, zone.time)
  }
}

/** Somebody has to pick it, or picks it. */
export const isWork = ({ state }: FulfilmentState): boolean => state === 'reserved' || state === 'picking'

export const isWorkFor = ({ fulfilments }: OrderState, warehouse_id: WarehouseId): boolean =>
  fulfilments.some(part => part.warehouse_id === warehouse_id && isWork(part))

/** So many old ones are cut off at once: neither looking for them nor moving the rest costs anything to speak of. */
const OLD_AT_ONCE = 32

function noteRouted({ routed_at }: WarehouseState, time: number): void {
  routed_at.push(time)
  const old = routed_at[OLD_AT_ONCE - 1]
  if (old !== undefined && old <= time - THROTTLE_WINDOW_MS) routed_at.splice(0, OLD_AT_ONCE)
}
