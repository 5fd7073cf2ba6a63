import { type Static, Type } from 'typebox'
import { CourierId, FulfilmentId, OrderId, Point, Reason, TimeMs, TripId, WarehouseId } from './envelope.ts'

export const StopKind = Type.Union([Type.Literal('pickup'), Type.Literal('dropoff')])

/** One stop of a trip, in the order in which the courier visits them: at `eta` the parcel is in hand, or handed over. */
export const Stop = Type.Object({
  kind: StopKind,
  fulfilment_id: FulfilmentId,
  order_id: OrderId,
  point: Point,
  eta: TimeMs,
  /** in nine of ten not earlier, and in nine of ten not later, as far as those before tell; absent: not reckoned yet */
  eta_from: Type.Optional(TimeMs),
  eta_to: Type.Optional(TimeMs),
  /** as the courier says */
  arrived_at: Type.Optional(TimeMs),
  /** picked up, handed over or given up: it is behind the courier */
  done_at: Type.Optional(TimeMs),
})
export type Stop = Static<typeof Stop>

/** `version` rises with every change of the trip: a reader skips what is not above what it has. */
const TripHead = {
  trip_id: TripId,
  version: Type.Integer({ minimum: 1 }),
  courier_id: CourierId,
  warehouse_id: WarehouseId,
}
const Stops = Type.Array(Stop, { minItems: 1, maxItems: 200 })
const Pinned = Type.Optional(Type.Boolean({ description: 'a dispatcher chose: the solver leaves the trip alone' }))
const Drop = { ...TripHead, order_id: OrderId, fulfilment_id: FulfilmentId }

/** Written by dispatch through its outbox, in version order within a trip. */
export const delivery_events = {
  'trip.planned': Type.Object({ ...TripHead, stops: Stops }),
  'trip.assigned': Type.Object({
    ...TripHead,
    stops: Stops,
    pinned: Pinned,
    after_present: Type.Optional(Type.Boolean({ description: 'to be offered when the courier has done what is now' })),
  }),
  /** A trip that waited for the courier's present one has its turn. */
  'trip.offered': Type.Object(TripHead),
  /** Orders were put on or taken off, or it was pinned: `stops` are those of orders still to be brought. */
  'trip.changed': Type.Object({
    ...TripHead,
    stops: Type.Array(Stop, { maxItems: 200 }),
    pinned: Type.Boolean(),
    reason: Reason,
  }),
  /** Its times are others than they were told: something went quicker or slower. */
  'trip.retimed': Type.Object({ ...TripHead, stops: Stops }),
  'trip.accepted': Type.Object(TripHead),
  'trip.declined': Type.Object({ ...TripHead, reason: Reason }),
  'trip.reassigned': Type.Object({
    ...TripHead,
    from_courier_id: CourierId,
    reason: Reason,
    stops: Stops,
    pinned: Pinned,
  }),
  'trip.cancelled': Type.Object({
    ...TripHead,
    reason: Reason,
    order_ids: Type.Optional(
      Type.Array(OrderId, { maxItems: 100, description: 'what the courier can not fetch, and another must' }),
    ),
  }),
  'delivery.picked_up': Type.Object({ ...Drop, picked_up_at: TimeMs }),
  'delivery.arrived': Type.Object({ ...Drop, at: StopKind, arrived_at: TimeMs }),
  /** Nothing was handed over, and the courier will try again within this trip. */
  'delivery.attempt_failed': Type.Object({ ...Drop, attempt: Type.Integer({ minimum: 1 }), reason: Reason }),
  'delivery.delivered': Type.Object({
    ...Drop,
    delivered_at: TimeMs,
    late_s: Type.Integer({ description: 's after the first promise; negative: early' }),
  }),
  'delivery.failed': Type.Object({ ...Drop, reason: Reason }),
  /** The goods are at their warehouse again. Its version is the trip's last: it does not change the trip. */
  'delivery.returned': Type.Object({ ...Drop, reason: Reason }),
  /** A customer gives back what was delivered; like the others of a return, it names the trip that brought it and changes nothing of it. */
  'return.asked': Type.Object({ ...Drop, reason: Reason }),
  'return.collected': Type.Object({ ...Drop, reason: Reason }),
  'return.lost': Type.Object({ ...Drop, reason: Reason }),
  'return.withdrawn': Type.Object({ ...Drop, reason: Reason }),
}
