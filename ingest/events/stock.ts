import { Type } from 'typebox'
import { Level, OrderId, Quantity, Reason, Sku, TimeMs, TransferId, Unit, WarehouseId } from './envelope.ts'

const Place = { warehouse_id: WarehouseId, sku: Sku, unit: Unit }

export const stock_events = {
  /** What somebody saw on the shelf at `as_of` (business clock); movements after that are added to it. */
  'stock.counted': Type.Object({ ...Place, quantity: Level, as_of: TimeMs, safety: Type.Optional(Level) }),
  'stock.adjusted': Type.Object({
    ...Place,
    delta: Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, description: 'in `unit`' }),
    reason: Reason,
  }),
  'stock.received': Type.Object({
    ...Place,
    quantity: Quantity,
    reference: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  }),
  /** Goods of a cancelled or returned order are on the shelf again, or gone: a person says which. */
  'stock.put_back': Type.Object({
    ...Place,
    quantity: Quantity,
    condition: Type.Union([Type.Literal('sellable'), Type.Literal('waste')]),
    order_id: Type.Optional(OrderId),
  }),
  /** What is kept back from being promised, without a count. */
  'stock.safety_set': Type.Object({ ...Place, safety: Level }),
  /** Nothing new is granted until then; what is reserved stays. Said again, the last word holds. */
  'sku.suspended': Type.Object({
    warehouse_id: WarehouseId,
    sku: Sku,
    /** business clock; absent: until sku.resumed */
    until: Type.Optional(TimeMs),
    reason: Reason,
  }),
  'sku.resumed': Type.Object({ warehouse_id: WarehouseId, sku: Sku }),
}

const TransferLines = Type.Array(Type.Object({ sku: Sku, unit: Unit, quantity: Level }), {
  minItems: 1,
  maxItems: 500,
})

/**
 * Goods between two warehouses of one zone. Each event happens at `warehouse_id`: it is sent and cancelled by the one that
 * gives, received by the one that takes.
 */
export const transfer_events = {
  'transfer.sent': Type.Object({
    transfer_id: TransferId,
    warehouse_id: WarehouseId,
    to_warehouse_id: WarehouseId,
    lines: TransferLines,
  }),
  /** `lines`: what was really there, where it differs from what was sent; a SKU that is not named came as it was sent. */
  'transfer.received': Type.Object({
    transfer_id: TransferId,
    warehouse_id: WarehouseId,
    lines: Type.Optional(TransferLines),
  }),
  'transfer.cancelled': Type.Object({ transfer_id: TransferId, warehouse_id: WarehouseId, reason: Reason }),
}
