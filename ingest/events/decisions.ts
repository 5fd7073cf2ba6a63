import { type Static, Type } from 'typebox'
import {
  FulfilmentId,
  HoldId,
  Level,
  LineId,
  OrderId,
  Quantity,
  Reason,
  Seconds,
  Sku,
  TenantId,
  TimeMs,
  Unit,
  WarehouseId,
  ZoneId,
} from './envelope.ts'
import { OrderRequest } from './orders.ts'

/** Why a warehouse, or in the end an order, was refused. A closed list: metrics and screens reuse it as labels. */
export const REFUSALS = {
  outside_service_area: { retryable: false, says: 'no warehouse serves this place' },
  warehouse_unknown: { retryable: false, says: 'the warehouse asked for is not in this zone' },
  warehouse_paused: { retryable: true, says: 'the warehouse is paused' },
  closed: { retryable: true, says: 'the warehouse is closed at this hour' },
  sku_unknown: { retryable: false, says: 'the warehouse never had this item' },
  unit_mismatch: { retryable: false, says: 'the item is kept in another unit' },
  suspended: { retryable: true, says: 'the item is suspended there for now' },
  out_of_stock: { retryable: true, says: 'not enough available' },
  full: { retryable: true, says: 'the promise would be longer than the policy allows' },
  throttled: { retryable: true, says: 'the warehouse takes no more orders for now' },
  window_missed: { retryable: false, says: 'it cannot be there within the time asked for' },
} as const
export type Refusal = keyof typeof REFUSALS
export const Refusal = Type.Unsafe<Refusal>(Type.Enum(Object.keys(REFUSALS) as Refusal[]))

/** Why something that stood was changed afterwards. */
export const Cause = Type.Union([
  Type.Literal('count'),
  Type.Literal('adjustment'),
  Type.Literal('transfer'),
  Type.Literal('short_pick'),
  Type.Literal('substitution'),
  Type.Literal('warehouse_paused'),
  Type.Literal('customer'),
  Type.Literal('load'),
  Type.Literal('picking'),
])
export type Cause = Static<typeof Cause>

/** One warehouse that was looked at, best first; `refused` says why it did not get the order. */
export const Candidate = Type.Object({
  warehouse_id: WarehouseId,
  promise_s: Seconds,
  travel_s: Seconds,
  refused: Type.Optional(Refusal),
  line_id: Type.Optional(LineId),
})
export type Candidate = Static<typeof Candidate>

/** All times of the business clock. `deliver_by` is what the customer was told. */
export const PromiseTime = Type.Object({
  ready_at: TimeMs,
  deliver_by: TimeMs,
  /** not before: only of an order for a window */
  deliver_from: Type.Optional(TimeMs),
})
export type PromiseTime = Static<typeof PromiseTime>

export const ReservedLine = Type.Object({ line_id: LineId, sku: Sku, quantity: Quantity, unit: Unit })
export type ReservedLine = Static<typeof ReservedLine>

export const FulfilmentPart = Type.Object({
  fulfilment_id: FulfilmentId,
  warehouse_id: WarehouseId,
  lines: Type.Array(ReservedLine),
  ready_at: TimeMs,
  /** picking need not begin before, so that it is fresh: only of an order for a window */
  start_at: Type.Optional(TimeMs),
  /** of an order of several parts, when this one is at the door; the promise is the latest of them */
  deliver_by: Type.Optional(TimeMs),
})
export type FulfilmentPart = Static<typeof FulfilmentPart>

const Attempt = {
  order_id: OrderId,
  attempt: Type.Integer({ minimum: 1, description: '1 for the first routing, +1 with every re-routing' }),
}
const Routed = {
  ...Attempt,
  fulfilments: Type.Array(FulfilmentPart, { minItems: 1 }),
  promise: PromiseTime,
  candidates: Type.Array(Candidate),
}

/** type → what the fold decided. A record of the `decisions` topic holds a list of these, in order. */
export const decision_bodies = {
  'order.routed': Type.Object({
    ...Routed,
    order: OrderRequest,
    placed_at: TimeMs,
    hold_id: Type.Optional(HoldId),
    from_zone_id: Type.Optional(ZoneId),
  }),
  'order.rerouted': Type.Object({ ...Routed, cause: Cause, replaced: Type.Array(FulfilmentId) }),
  'order.shortened': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    line_id: LineId,
    sku: Sku,
    quantity_before: Level,
    quantity: Level,
    ended: Type.Union([Type.Literal('short'), Type.Literal('released')], {
      description: 'what became of the difference: it was not there, or it is free again',
    }),
    cause: Cause,
  }),
  'order.substituted': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    line_id: LineId,
    sku: Sku,
    substitute_line_id: LineId,
    substitute_sku: Sku,
    quantity: Quantity,
  }),
  'order.rejected': Type.Object({
    ...Attempt,
    reason: Refusal,
    retryable: Type.Boolean(),
    line_id: Type.Optional(LineId),
    candidates: Type.Array(Candidate),
    order: OrderRequest,
    placed_at: TimeMs,
    /** the zone that offered it here */
    from_zone_id: Type.Optional(ZoneId),
  }),
  /** Refused here for stock or capacity, and offered to a neighbouring zone, which takes or rejects it. */
  'order.offered': Type.Object({
    ...Attempt,
    to_zone_id: ZoneId,
    reason: Refusal,
    retryable: Type.Boolean(),
    line_id: Type.Optional(LineId),
    candidates: Type.Array(Candidate),
    order: OrderRequest,
    placed_at: TimeMs,
  }),
  /** The customer cancels what was offered over: the word goes after it. */
  'order.cancel_passed': Type.Object({ ...Attempt, to_zone_id: ZoneId, reason: Reason }),
  'order.cancelled': Type.Object({
    ...Attempt,
    reason: Reason,
    by: Cause,
    to_put_back: Type.Array(Type.Object({ warehouse_id: WarehouseId, sku: Sku, quantity: Quantity })),
  }),
  'order.packed': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    packed_at: TimeMs,
  }),
  'order.picking': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    started_at: TimeMs,
    ready_at: TimeMs,
  }),
  'order.revised': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    ready_at: TimeMs,
  }),
  /** Nothing is left of one part of an order; the others stand. */
  'order.part_dropped': Type.Object({
    ...Attempt,
    fulfilment_id: FulfilmentId,
    warehouse_id: WarehouseId,
    cause: Cause,
  }),
  'promise.changed': Type.Object({
    ...Attempt,
    fulfilment_id: Type.Optional(FulfilmentId),
    promise: PromiseTime,
    first_deliver_by: TimeMs,
    cause: Cause,
  }),
  'hold.granted': Type.Object({
    hold_id: HoldId,
    fulfilments: Type.Array(FulfilmentPart, { minItems: 1 }),
    candidates: Type.Array(Candidate),
    promise: PromiseTime,
    expires_at: TimeMs,
  }),
  'hold.refused': Type.Object({
    hold_id: HoldId,
    reason: Refusal,
    retryable: Type.Boolean(),
    line_id: Type.Optional(LineId),
    candidates: Type.Array(Candidate),
  }),
  'hold.released': Type.Object({ hold_id: HoldId, reason: Reason }),
  'hold.expired': Type.Object({ hold_id: HoldId }),
  'stock.corrected': Type.Object({
    warehouse_id: WarehouseId,
    sku: Sku,
    on_hand_before: Level,
    on_hand: Level,
    safety: Level,
    unit: Unit,
    as_of: TimeMs,
    cause: Type.Union([Type.Literal('count'), Type.Literal('short_pick')]),
    ref: Type.Optional(OrderId),
  }),
  'stock.shortfall': Type.Object({ warehouse_id: WarehouseId, sku: Sku, missing: Quantity, cause: Cause }),
  /** A part of an older travel table than the one known. */
  'travel.superseded': Type.Object({
    warehouse_id: WarehouseId,
    version: Type.Integer({ minimum: 1 }),
    current_version: Type.Integer({ minimum: 1 }),
  }),
  'count.superseded': Type.Object({
    warehouse_id: WarehouseId,
    sku: Sku,
    as_of: TimeMs,
    counted_as_of: TimeMs,
  }),
}
type Bodies = typeof decision_bodies
export type DecisionType = keyof Bodies

export type Decision = { [T in DecisionType]: { type: T } & Static<Bodies[T]> }[DecisionType]
export type DecisionOf<T extends DecisionType> = Extract<Decision, { type: T }>

export const Decision = Type.Unsafe<Decision>(
  Type.Union(
    Object.entries(decision_bodies).map(([type, body]) =>
      Type.Object({ type: Type.Literal(type), ...body.properties }),
    ),
  ),
)

/**
 * One record of the `decisions` topic: everything one source offset led to. It lies in the same partition number as its
 * source. A record whose `epoch` is below the highest epoch seen in its partition is void for every reader.
 */
export const DecisionRecord = Type.Object({
  kind: Type.Literal('decided'),
  epoch: Type.Integer({ minimum: 1 }),
  fold_version: Type.String(),
  tenant_id: TenantId,
  zone_id: ZoneId,
  source_offset: Type.String({ pattern: '^[0-9]+$', description: 'in `operations`, same partition' }),
  causation_id: Type.String({ description: 'event_id of the source' }),
  correlation_id: Type.String(),
  decided_at: TimeMs,
  decisions: Type.Array(Decision, { minItems: 1 }),
})
export type DecisionRecord = Static<typeof DecisionRecord>

/** The first record of a new owner of a partition: from here on lower epochs are void. */
export const OwnerMarker = Type.Object({
  kind: Type.Literal('owner'),
  epoch: Type.Integer({ minimum: 1 }),
  fold_version: Type.String(),
  owner: Type.String({ description: 'host, process and instance, for people' }),
})
export type OwnerMarker = Static<typeof OwnerMarker>

export type DecisionsRecord = DecisionRecord | OwnerMarker
