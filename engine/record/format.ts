import { type Static, Type } from 'typebox'
import { Zone } from '../../ingest/contract.ts'
import { courier_events } from '../../ingest/events/couriers.ts'
import { delivery_events } from '../../ingest/events/deliveries.ts'
import { TimeMs } from '../../ingest/events/envelope.ts'
import { network_events } from '../../ingest/events/network.ts'
import { order_events } from '../../ingest/events/orders.ts'
import { picking_events } from '../../ingest/events/picking.ts'
import { stock_events } from '../../ingest/events/stock.ts'

/**
 * A recording: NDJSON that stands alone. What came in from outside, as our own events, in order; nothing that Waggle decided.
 *
 *   {"recording": 1, "zone": …, "from": ms, "to": ms}          the zone, and the stretch of business time
 *   {"type": "policy.changed" | "warehouse.upserted" | …}      how things stood at `from`: the network, shelves as counts
 *                                                              (what was promised to earlier orders taken off), who was on shift
 *   {"type": "order.placed", "occurred_at": ms, …}             what happened until `to`, in order
 *   {"end": 1234}                                              so many events: a file without it was cut off
 */
export const RecordingHead = Type.Object({ recording: Type.Literal(1), zone: Zone, from: TimeMs, to: TimeMs })
export type RecordingHead = Static<typeof RecordingHead>

export const RecordingEnd = Type.Object({ end: Type.Integer({ minimum: 0 }) })

/** What is recorded, and the shape of its `data`. */
export const RECORDED = {
  'policy.changed': network_events['policy.changed'],
  'warehouse.upserted': network_events['warehouse.upserted'],
  'warehouse.mode': network_events['warehouse.mode'],
  'warehouse.paused': network_events['warehouse.paused'],
  'warehouse.resumed': network_events['warehouse.resumed'],
  'travel.set': network_events['travel.set'],
  'stock.counted': stock_events['stock.counted'],
  'stock.adjusted': stock_events['stock.adjusted'],
  'stock.received': stock_events['stock.received'],
  'stock.put_back': stock_events['stock.put_back'],
  'stock.safety_set': stock_events['stock.safety_set'],
  'sku.suspended': stock_events['sku.suspended'],
  'sku.resumed': stock_events['sku.resumed'],
  'order.placed': order_events['order.placed'],
  'order.cancel_asked': order_events['order.cancel_asked'],
  'pick.started': picking_events['pick.started'],
  'line.short': picking_events['line.short'],
  'order.packed': picking_events['order.packed'],
  'shift.started': courier_events['shift.started'],
  'shift.ended': courier_events['shift.ended'],
  'delivery.failed': delivery_events['delivery.failed'],
} as const
export type RecordedType = keyof typeof RECORDED

/** One event of a recording. `occurred_at`: business clock, ms. */
export type RecordedEvent = {
  [Of in RecordedType]: { type: Of; occurred_at: number; actor: string; data: Static<(typeof RECORDED)[Of]> }
}[RecordedType]

export const isRecordedType = (type: string): type is RecordedType => Object.hasOwn(RECORDED, type)

/** Around the data, which has a shape for each type. */
export const RecordedLine = Type.Object({
  type: Type.Enum(Object.keys(RECORDED)),
  occurred_at: TimeMs,
  actor: Type.String({ minLength: 1, maxLength: 64 }),
  data: Type.Unknown(),
})
