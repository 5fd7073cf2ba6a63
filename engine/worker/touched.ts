import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import type { Moved, ZoneState } from '../state.ts'

/** Which parts of the live views a step may have changed: warehouse → SKUs. Too much is harmless, too little is a wrong view. */
export type Touched = Map<WarehouseId, Set<Sku>>

/** Every change of a level is a movement, and the lines that wait change only with one; the rest is said by the event. */
export function noteTouched(
  touched: Touched,
  zone: ZoneState,
  event: OperationsEvent,
  movements: readonly Moved[],
): void {
  const told = 'warehouse_id' in event.data ? event.data.warehouse_id : undefined
  const told_sku = 'sku' in event.data ? event.data.sku : undefined
  if (told) touch(touched, told, told_sku)
  if (event.type === 'policy.changed') for (const warehouse_id of zone.warehouses.keys()) touch(touched, warehouse_id)
  for (const { warehouse_id, sku } of movements) {
    if (warehouse_id !== told || sku !== told_sku) touch(touched, warehouse_id, sku)
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
