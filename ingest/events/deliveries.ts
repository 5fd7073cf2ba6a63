import { type Static, Type } from 'typebox'
import { CourierId, FulfilmentId, OrderId, Point, Reason, TimeMs, TripId, WarehouseId } from './envelope.ts'

export const StopKind = Type.Union([Type.Literal('pickup'), Type.Literal('dropoff')])

/** One stop of a trip, in the order in which the courier visits them. `eta` is of the business clock. */
export const Stop = Type.Object({
  kind: StopKind,
  fulfilment_id: FulfilmentId,
  order_id: OrderId,
  point: Point,
  eta: TimeMs,
})
export type Stop = Static<typeof Stop>

/** `version` rises with every change of the trip: a reader skips what is not above what it has. */
const TripHead = {
  trip_id: TripId,
  version: Type.Integer({ minimum: 1 }),
  courier_id: CourierId,
  warehouse_id: WarehouseId,
}
const Drop = { ...TripHead, order_id: OrderId, fulfilment_id: FulfilmentId }

/** Written by dispatch through its outbox, in version order within a trip. */
export const delivery_events = {
  'trip.planned': Type.Object({ ...TripHead, stops: Type.Array(Stop, { minItems: 1, maxItems: 200 }) }),
  'trip.assigned': Type.Object({ ...TripHead, stops: Type.Array(Stop, { minItems: 1, maxItems: 200 }) }),
  'trip.accepted': Type.Object(TripHead),
  'trip.declined': Type.Object({ ...TripHead, reason: Reason }),
  'trip.reassigned': Type.Object({
    ...TripHead,
    from_courier_id: CourierId,
    reason: Reason,
    stops: Type.Array(Stop, { minItems: 1, maxItems: 200 }),
  }),
  'trip.cancelled': Type.Object({ ...TripHead, reason: Reason }),
  'delivery.picked_up': Type.Object({ ...Drop, picked_up_at: TimeMs }),
  'delivery.delivered': Type.Object({
    ...Drop,
    delivered_at: TimeMs,
    late_s: Type.Integer({ description: 's after the first promise; negative: early' }),
  }),
  'delivery.failed': Type.Object({ ...Drop, reason: Reason }),
  'delivery.returned': Type.Object({ ...Drop, reason: Reason }),
}
