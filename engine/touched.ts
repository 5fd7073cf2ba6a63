import type { OperationsEvent } from '../ingest/contract.ts'
import type { Decision } from '../ingest/events/decisions.ts'
import type { HoldId, OrderId, Sku, WarehouseId } from '../ingest/events/envelope.ts'
import type { FulfilmentState, ZoneState } from './state.ts'

/** Which parts of the live views a step may have changed: warehouse → SKUs. Too much is harmless, too little is a wrong view. */
export type Touched = Map<WarehouseId, Set<Sku>>

export function noteTouched(
  touched: Touched,
  zone: ZoneState,
  event: OperationsEvent,
  decisions: readonly Decision[],
): void {
  if ('order_id' in event.data) touchOrder(touched, zone, event.data.order_id)
  if ('warehouse_id' in event.data && event.data.warehouse_id) {
    touch(touched, event.data.warehouse_id, 'sku' in event.data ? event.data.sku : undefined)
  }
  if (event.type === 'policy.changed') for (const warehouse_id of zone.warehouses.keys()) touch(touched, warehouse_id)
  for (const decision of decisions) touchDecision(touched, zone, decision)
}

function touchDecision(touched: Touched, zone: ZoneState, decision: Decision): void {
  if ('order_id' in decision) touchOrder(touched, zone, decision.order_id)
  if ('hold_id' in decision && decision.hold_id) touchHold(touched, zone, decision.hold_id)
  if ('warehouse_id' in decision && 'sku' in decision) touch(touched, decision.warehouse_id, decision.sku)
}

function touchOrder(touched: Touched, zone: ZoneState, order_id: OrderId | undefined): void {
  if (order_id) touchParts(touched, zone.orders.get(order_id)?.fulfilments)
}

function touchHold(touched: Touched, zone: ZoneState, hold_id: HoldId): void {
  touchParts(touched, zone.holds.get(hold_id)?.fulfilments)
}

function touchParts(touched: Touched, parts: readonly FulfilmentState[] | undefined): void {
  for (const { warehouse_id, lines } of parts ?? []) {
    for (const { sku } of lines) touch(touched, warehouse_id, sku)
  }
}

function touch(touched: Touched, warehouse_id: WarehouseId, sku?: Sku): void {
  let skus = touched.get(warehouse_id)
  if (!skus) {
    skus = new Set()
    touched.set(warehouse_id, skus)
  }
  if (sku) skus.add(sku)
}
