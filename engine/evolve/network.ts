import type { WarehouseId } from '../../ingest/events/envelope.ts'
import type { Warehouse } from '../../ingest/events/network.ts'
import { Tracked } from '../checkpoint/tracked.ts'
import { PackedIds } from '../packed/ids.ts'
import { forgetReach } from '../routing/reach.ts'
import { takeTravelPart } from '../routing/travel.ts'
import type { EventOfType, OrderState, WarehouseState, ZoneState } from '../state.ts'

/** Warehouses and their modes. Part of `evolve`: mechanical. */

export function upsertWarehouse(zone: ZoneState, data: Warehouse): void {
  const known = zone.warehouses.get(data.warehouse_id)
  const fresh: WarehouseState = {
    ...data,
    paused: known?.paused ?? false,
    mode: known?.mode ?? 'normal',
    busy_extra_s: known?.busy_extra_s ?? 0,
    throttle_per_10_min: known?.throttle_per_10_min ?? 0,
    routed_at: known?.routed_at ?? [],
    stock: known?.stock ?? new Tracked(),
    open_orders: known?.open_orders ?? new PackedIds(),
    open_lines: known?.open_lines ?? 0,
    travel: known?.travel ?? null,
    travel_coming: known?.travel_coming ?? null,
  }
  zone.warehouses.set(data.warehouse_id, fresh)
  forgetReach(zone)
}

export function setTravel(zone: ZoneState, data: EventOfType<'travel.set'>['data']): void {
  const warehouse = zone.warehouses.get(data.warehouse_id)
  if (warehouse && takeTravelPart(warehouse, data)) forgetReach(zone)
}

/** Whatever is not being picked yet waits to be routed anew, in the order in which it was placed. */
export function pauseWarehouse(zone: ZoneState, warehouse_id: WarehouseId): void {
  const warehouse = zone.warehouses.get(warehouse_id)
  if (!warehouse) return
  warehouse.paused = true
  for (const order of openOrdersAt(zone, warehouse)) {
    for (const fulfilment of order.fulfilments) {
      if (fulfilment.warehouse_id !== warehouse_id || fulfilment.state !== 'reserved') continue
      const { order_id } = order
      zone.reroute.push({ order_id, fulfilment_id: fulfilment.fulfilment_id, cause: 'warehouse_paused' })
    }
  }
}

export function resumeWarehouse(zone: ZoneState, warehouse_id: WarehouseId): void {
  const warehouse = zone.warehouses.get(warehouse_id)
  if (warehouse) warehouse.paused = false
}

export function changeMode(zone: ZoneState, data: EventOfType<'warehouse.mode'>['data']): void {
  const warehouse = zone.warehouses.get(data.warehouse_id)
  if (!warehouse) return
  warehouse.mode = data.mode
  warehouse.busy_extra_s = data.busy_extra_s ?? 0
  warehouse.throttle_per_10_min = data.throttle_per_10_min ?? 0
}

/** Oldest first. Sorted, because a Set remembers how it was built. */
export function openOrdersAt(zone: ZoneState, warehouse: WarehouseState): OrderState[] {
  const orders: OrderState[] = []
  for (const order_id of warehouse.open_orders) {
    const order = zone.orders.peek(order_id)
    if (order) orders.push(order)
  }
  return orders.sort((a, b) => a.sequence - b.sequence)
}
