import { Type } from 'typebox'
import { Level, OrderId, Quantity, Reason, Sku, TimeMs, Unit, WarehouseId } from './envelope.ts'

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
}
