import { type Static, Type } from 'typebox'
import {
  Cell,
  HoldId,
  LineId,
  OrderId,
  OrderLine,
  Point,
  Reason,
  Requirement,
  Seconds,
  TimeMs,
  WarehouseId,
  ZoneId,
} from './envelope.ts'

const Lines = Type.Array(OrderLine, { minItems: 1, maxItems: 200 })

/** What an order wants, whoever sends it. No name, phone, address text or note: those never enter the log. */
export const OrderRequest = Type.Object({
  order_id: OrderId,
  external_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "the partner's own number" })),
  customer_ref: Type.String({ minLength: 1, maxLength: 64, description: 'a pseudonym; contacts live in Postgres' }),
  point: Point,
  cell: Cell,
  lines: Lines,
  requires: Type.Optional(Type.Array(Requirement, { maxItems: 8, uniqueItems: true })),
  deliver_between: Type.Optional(Type.Object({ from: TimeMs, to: TimeMs })),
  warehouse_id: Type.Optional(WarehouseId),
  split: Type.Optional(Type.Boolean({ description: 'may be served from more than one warehouse; default no' })),
  on_shortfall: Type.Optional(
    Type.Union([Type.Literal('shorten'), Type.Literal('reject')], { description: 'default shorten' }),
  ),
})
export type OrderRequest = Static<typeof OrderRequest>

export const order_events = {
  'order.placed': OrderRequest,
  /**
   * A neighbouring zone had no stock or no time for it and offers it here, once: this zone takes it or rejects it. Published by
   * the engine, after its decision `order.offered`; it may come more than once.
   */
  'order.offered_over': Type.Object({
    order: OrderRequest,
    from_zone_id: ZoneId,
    source_offset: Type.String({ pattern: '^[0-9]+$', description: 'of the order in the partition of `from_zone_id`' }),
    placed_at: TimeMs,
  }),
  'order.changed': Type.Object({
    order_id: OrderId,
    lines: Type.Array(Type.Object({ line_id: LineId, quantity: Type.Integer({ minimum: 0, maximum: 1_000_000 }) }), {
      minItems: 1,
      maxItems: 200,
    }),
  }),
  'order.cancel_asked': Type.Object({ order_id: OrderId, reason: Reason }),
}

export const hold_events = {
  'hold.asked': Type.Object({
    hold_id: HoldId,
    point: Point,
    cell: Cell,
    lines: Lines,
    warehouse_id: Type.Optional(WarehouseId),
    ttl_s: Seconds,
  }),
  'hold.confirmed': Type.Object({ hold_id: HoldId, order: OrderRequest }),
  'hold.released': Type.Object({ hold_id: HoldId, reason: Reason }),
}
