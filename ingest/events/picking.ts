import { Type } from 'typebox'
import { FulfilmentId, LineId, OrderId, Quantity, Seconds, Sku, WarehouseId } from './envelope.ts'

const Part = { order_id: OrderId, fulfilment_id: FulfilmentId, warehouse_id: WarehouseId }

export const picking_events = {
  'pick.started': Type.Object({
    ...Part,
    picker: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    ready_in_s: Type.Optional(Seconds),
  }),
  /** Whoever picks says anew when the part will be ready, before or after the beginning. */
  'pick.revised': Type.Object({ ...Part, ready_in_s: Seconds }),
  'line.picked': Type.Object({ ...Part, line_id: LineId, quantity: Quantity }),
  /** The shelf was found empty after `quantity` less than asked; what else is reserved there is uncovered too. */
  'line.short': Type.Object({ ...Part, line_id: LineId, quantity: Quantity }),
  'line.substituted': Type.Object({ ...Part, line_id: LineId, substitute_sku: Sku, quantity: Quantity }),
  'order.packed': Type.Object({ ...Part, bags: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
}
