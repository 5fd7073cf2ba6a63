import { type Static, type TSchema, Type } from 'typebox'
import { WarehouseAvailability } from '../engine/contract.ts'
import { Candidate, FulfilmentPart, PromiseTime, Refusal, ReservedLine } from '../ingest/events/decisions.ts'
import { Stop } from '../ingest/events/deliveries.ts'
import {
  CourierId,
  FulfilmentId,
  LineId,
  Money,
  OrderId,
  Point,
  Quantity,
  Reason,
  Requirement,
  Sku,
  TimeMs,
  TripId,
  Unit,
  WarehouseId,
  ZoneId,
} from '../ingest/events/envelope.ts'

/** What dispatch promises: the orders API, the couriers' API, the dispatchers' commands and the book's rows. */

// ── Life of an order in the book, complete by type ──────────────────────────────────────────────────────────────────
//
//   placed ─► routed ─► picking ─► packed ─► picked_up ─► delivered
//     │         │          │         │           └──────► failed
//     └► rejected          └─────────┴──► cancelled (also from placed and routed)
//
// `assigned` is not a state of the order but a fact beside it: the trip that will carry it (trip_id, courier_id).

export const ORDER_STATES = [
  'placed',
  'routed',
  'picking',
  'packed',
  'picked_up',
  'delivered',
  'failed',
  'rejected',
  'cancelled',
] as const
export type OrderState = (typeof ORDER_STATES)[number]
export const OrderState = Type.Unsafe<OrderState>(Type.Union(ORDER_STATES.map(state => Type.Literal(state))))

/** A courier's ordered stops. `planned` comes after what the courier has now; `offered` waits for the courier's word. */
export const TRIP_STATES = ['planned', 'offered', 'accepted', 'under_way', 'done', 'cancelled'] as const
export type TripState = (typeof TRIP_STATES)[number]
export const TripState = Type.Unsafe<TripState>(Type.Union(TRIP_STATES.map(state => Type.Literal(state))))

/** An order's part from one warehouse. `released`: nothing of it will leave the warehouse. */
export const FULFILMENT_STATES = [
  'reserved',
  'picking',
  'packed',
  'picked_up',
  'delivered',
  'failed',
  'released',
] as const
export type FulfilmentState = (typeof FULFILMENT_STATES)[number]
export const FulfilmentState = Type.Unsafe<FulfilmentState>(
  Type.Union(FULFILMENT_STATES.map(state => Type.Literal(state))),
)

/** One way to a door with an order. */
export const ATTEMPT_STATES = ['on_the_way', 'at_door', 'delivered', 'failed'] as const
export type AttemptState = (typeof ATTEMPT_STATES)[number]

/** Goods that come back. `asked`: the customer still has them. */
export const RETURN_STATES = ['asked', 'with_courier', 'received', 'lost', 'withdrawn'] as const
export type ReturnState = (typeof RETURN_STATES)[number]

/** What a courier is doing, as far as dispatch goes; see life/courier.ts for what follows from which facts. */
export const COURIER_STATES = ['off', 'available', 'offered', 'on_trip', 'returning', 'break', 'unreachable'] as const
export type CourierState = (typeof COURIER_STATES)[number]
export const CourierState = Type.Unsafe<CourierState>(Type.Union(COURIER_STATES.map(state => Type.Literal(state))))

// ── Orders: partners ────────────────────────────────────────────────────────────────────────────────────────────────

/** POST /v1/orders. `external_id` makes it idempotent: the same one with the same content gets the same answer. */
export const PlaceOrder = Type.Object(
  {
    external_id: Type.String({ minLength: 1, maxLength: 64 }),
    contact: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(Type.String({ maxLength: 120 })),
          phone: Type.Optional(Type.String({ maxLength: 40 })),
          address: Type.Optional(Type.String({ maxLength: 300 })),
          note: Type.Optional(Type.String({ maxLength: 500 })),
        },
        { additionalProperties: false, description: 'stays in Postgres and can be erased there' },
      ),
    ),
    customer_ref: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    point: Type.Object(Point.properties, { additionalProperties: false }),
    lines: Type.Array(
      Type.Object(
        {
          line_id: Type.Optional(LineId),
          sku: Sku,
          quantity: Quantity,
          unit: Type.Optional(Unit),
          unit_price: Type.Optional(Type.Object(Money.properties, { additionalProperties: false })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 200 },
    ),
    requires: Type.Optional(Type.Array(Requirement, { maxItems: 8, uniqueItems: true })),
    deliver_between: Type.Optional(Type.Object({ from: TimeMs, to: TimeMs }, { additionalProperties: false })),
    warehouse_id: Type.Optional(WarehouseId),
    split: Type.Optional(Type.Boolean()),
    on_shortfall: Type.Optional(Type.Union([Type.Literal('shorten'), Type.Literal('reject')])),
  },
  { additionalProperties: false },
)
export type PlaceOrder = Static<typeof PlaceOrder>

/** An order's part from one warehouse; mostly there is one. */
export const BookFulfilment = Type.Object({
  fulfilment_id: FulfilmentId,
  warehouse_id: WarehouseId,
  state: FulfilmentState,
  lines: Type.Array(ReservedLine),
  ready_at: TimeMs,
  /** as it was thought before picking began; absent: it has not */
  planned_ready_at: Type.Optional(TimeMs),
  /** picking need not begin before: only of an order for a window */
  start_at: Type.Optional(TimeMs),
  deliver_by: Type.Optional(TimeMs),
  packed_at: Type.Union([TimeMs, Type.Null()]),
})
export type BookFulfilment = Static<typeof BookFulfilment>

/** The book's row of an order, as every API and the dashboards show it. `version` rises with every change. */
export const OrderView = Type.Object({
  order_id: OrderId,
  external_id: Type.Union([Type.String(), Type.Null()]),
  zone_id: ZoneId,
  state: OrderState,
  version: Type.Integer(),
  attempt: Type.Integer(),
  point: Point,
  cell: Type.String(),
  requires: Type.Array(Requirement),
  placed_at: TimeMs,
  fulfilment_id: Type.Union([FulfilmentId, Type.Null()]),
  warehouse_id: Type.Union([WarehouseId, Type.Null()]),
  /** all parts; `fulfilment_id` and `warehouse_id` name the first */
  fulfilments: Type.Array(BookFulfilment),
  lines: Type.Array(ReservedLine),
  promise: Type.Union([PromiseTime, Type.Null()]),
  first_deliver_by: Type.Union([TimeMs, Type.Null()]),
  reason: Type.Union([Reason, Refusal, Type.Null()]),
  candidates: Type.Array(Candidate),
  trip_id: Type.Union([TripId, Type.Null()]),
  courier_id: Type.Union([CourierId, Type.Null()]),
  pinned: Type.Boolean(),
  cancel_asked: Type.Boolean(),
  packed_at: Type.Union([TimeMs, Type.Null()]),
  picked_up_at: Type.Union([TimeMs, Type.Null()]),
  closed_at: Type.Union([TimeMs, Type.Null()]),
  updated_at: TimeMs,
})
export type OrderView = Static<typeof OrderView>

/** POST /v1/orders: 201 with the decision; 202 when none came within 2 s (`decided: false`, look again at `href`). */
export const PlacedAnswer = Type.Object({
  order_id: OrderId,
  decided: Type.Boolean(),
  state: Type.Union([Type.Literal('placed'), Type.Literal('routed'), Type.Literal('rejected')]),
  warehouse_id: Type.Optional(WarehouseId),
  /** where the order is split: every part; `warehouse_id` is the first one's */
  fulfilments: Type.Optional(Type.Array(FulfilmentPart)),
  promise: Type.Optional(PromiseTime),
  reason: Type.Optional(Refusal),
  retryable: Type.Optional(Type.Boolean()),
  line_id: Type.Optional(LineId),
  partition: Type.Integer(),
  offset: Type.String({ description: 'of order.placed in operations' }),
  href: Type.String(),
})
export type PlacedAnswer = Static<typeof PlacedAnswer>

/** The body of commands that need a reason: cancel, decline, failed, pause, resume. */
export const WithReason = Type.Object({ reason: Reason }, { additionalProperties: false })
export type WithReason = Static<typeof WithReason>

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

/** A delivery attempt; number 1 is the first. */
export const AttemptView = Type.Object({
  number: Type.Integer({ minimum: 1 }),
  trip_id: TripId,
  courier_id: CourierId,
  state: Type.Unsafe<AttemptState>(Type.Union(ATTEMPT_STATES.map(state => Type.Literal(state)))),
  reason: orNull(Reason),
  began_at: TimeMs,
  arrived_at: orNull(TimeMs),
  ended_at: orNull(TimeMs),
})
export type AttemptView = Static<typeof AttemptView>

/** A return: a record of its own, the order stays as it ended. */
export const ReturnView = Type.Object({
  return_id: Type.String(),
  zone_id: ZoneId,
  order_id: OrderId,
  fulfilment_id: FulfilmentId,
  trip_id: TripId,
  courier_id: orNull(CourierId),
  warehouse_id: WarehouseId,
  state: Type.Unsafe<ReturnState>(Type.Union(RETURN_STATES.map(state => Type.Literal(state)))),
  version: Type.Integer(),
  reason: Reason,
  opened_at: TimeMs,
  closed_at: orNull(TimeMs),
  updated_at: TimeMs,
})
export type ReturnView = Static<typeof ReturnView>

/** When something is expected, business ms: in nine of ten not before `from`, in nine of ten not after `to`. */
const Expected = Type.Object({ at: TimeMs, from: orNull(TimeMs), to: orNull(TimeMs) })

/** Of an order on a trip; null: over, or nothing can be said yet. */
export const OrderEta = Type.Object({ pickup: orNull(Expected), door: orNull(Expected) })
export type OrderEta = Static<typeof OrderEta>

/** GET /v1/orders/{order_id}. History is oldest first; `actor` null: the engine decided. */
export const OrderWithHistory = Type.Object({
  ...OrderView.properties,
  eta: OrderEta,
  history: Type.Array(
    Type.Object({ at: TimeMs, text: Type.String(), actor: Type.Union([Type.String(), Type.Null()]) }),
  ),
  attempts: Type.Array(AttemptView),
  returns: Type.Array(ReturnView),
})
export type OrderWithHistory = Static<typeof OrderWithHistory>

/**
 * GET /v1/availability?lat=&lng=&sku=&sku=…[&at_least=partition:offset], warehouses that reach the point, shortest promise
 * first. `stale`: even after 50 ms a warehouse's view is missing, or the views are behind `at_least`. 503 while Redis can't be asked: never a guess.
 */
export const AvailabilityAnswer = Type.Object({
  zone_id: ZoneId,
  stale: Type.Boolean(),
  warehouses: Type.Array(WarehouseAvailability),
})
export type AvailabilityAnswer = Static<typeof AvailabilityAnswer>

// ── Trips: couriers and dispatchers ─────────────────────────────────────────────────────────────────────────────────

export const TripView = Type.Object({
  trip_id: TripId,
  zone_id: ZoneId,
  courier_id: CourierId,
  warehouse_id: WarehouseId,
  state: TripState,
  version: Type.Integer(),
  pinned: Type.Boolean({ description: 'set by a dispatcher: the solver leaves it alone' }),
  stops: Type.Array(Stop),
  offered_at: TimeMs,
  updated_at: TimeMs,
})
export type TripView = Static<typeof TripView>

/** Where an idle courier is asked to wait: an advice, which a trip or the next advice replaces. */
export const MoveView = Type.Object({
  courier_id: CourierId,
  zone_id: ZoneId,
  warehouse_id: WarehouseId,
  point: Point,
  /** orders_expected: more orders are expected there than couriers; home: the courier is tied to it */
  why: Type.Union([Type.Literal('orders_expected'), Type.Literal('home')]),
  version: Type.Integer(),
  asked_at: TimeMs,
  arrive_by: TimeMs,
})
export type MoveView = Static<typeof MoveView>

/**
 * GET /v1/work/stream (text/event-stream): what warehouses and couriers must do, as it changes. Every event's data is an
 * absolute row with its version, so a reader keeps the highest and a reconnect (a new `snapshot`) mends everything.
 *   event: snapshot   {orders: OrderView[] not closed, trips: TripView[] not done, moves: MoveView[]}
 *   event: order      OrderView        event: trip   TripView        event: move   MoveView        event: ping  {time_ms}
 */
export const WorkSnapshot = Type.Object({
  orders: Type.Array(OrderView),
  trips: Type.Array(TripView),
  moves: Type.Array(MoveView),
})
export type WorkSnapshot = Static<typeof WorkSnapshot>

/**
 * A command that lost a race, or asks for what cannot be: 409. `current` is the row that stands, `changed_by` who changed it
 * last, `changes` what happened to the order since the version that the caller saw, oldest first.
 */
export const Conflict = Type.Object({
  reason: Type.String(),
  detail: Type.String(),
  current: Type.Optional(Type.Union([OrderView, TripView, ReturnView])),
  changed_by: Type.Optional(Type.String()),
  changed_at: Type.Optional(TimeMs),
  changes: Type.Optional(Type.Array(Type.Object({ at: TimeMs, text: Type.String(), actor: orNull(Type.String()) }))),
  correlation_id: Type.Optional(Type.String()),
})

const NoteTone = Type.Union([Type.Literal('good'), Type.Literal('plain'), Type.Literal('warn'), Type.Literal('bad')])

/**
 * POST /v1/dispatch/notes: a line of the shift log, 201 with the NoteView; 404, 422 where its subject is not known. It goes to
 * everybody who looks on: nobody's name, phone number or address belongs in it, which no schema can check.
 */
export const PostNote = Type.Object(
  {
    zone_id: ZoneId,
    text: Type.String({ minLength: 1, maxLength: 200, pattern: '^\\S[^\\r\\n]*$', description: 'one plain sentence' }),
    tone: NoteTone,
    /** where it happened */
    point: Type.Optional(Type.Object(Point.properties, { additionalProperties: false })),
    /** what it is about */
    warehouse_id: Type.Optional(WarehouseId),
    order_id: Type.Optional(OrderId),
    courier_id: Type.Optional(CourierId),
  },
  { additionalProperties: false },
)
export type PostNote = Static<typeof PostNote>

/** GET /v1/dispatch/notes?zone_id=&limit=&before=: {notes: NoteView[]}, newest first. */
export const NoteView = Type.Object({
  note_id: Type.String(),
  zone_id: ZoneId,
  text: Type.String(),
  tone: NoteTone,
  point: orNull(Point),
  warehouse_id: orNull(WarehouseId),
  order_id: orNull(OrderId),
  courier_id: orNull(CourierId),
  posted_at: TimeMs,
  actor: Type.String(),
})
export type NoteView = Static<typeof NoteView>

/** Why a dispatcher overrules. */
export const HAND_REASONS = [
  'by_hand',
  'closer',
  'late',
  'balance_load',
  'courier_asked',
  'customer_asked',
  'courier_unreachable',
  'equipment',
  'mistake',
  'other',
] as const
export const HandReason = Type.Enum([...HAND_REASONS])
export type HandReason = (typeof HAND_REASONS)[number]

/** Why a courier declines a trip, or gives back one that was accepted. */
export const DECLINE_REASONS = [
  'too_far',
  'too_heavy',
  'on_a_break',
  'flat_tyre',
  'shift_ends',
  'unsafe',
  'other',
] as const
/** Why an order could not be handed over. */
export const FAIL_REASONS = [
  'nobody_home',
  'wrong_address',
  'refused',
  'no_id',
  'no_cash',
  'damaged',
  'unsafe',
  'accident',
  'other',
] as const

/**
 * How an order comes to a courier: as a trip of its own now (`new`, who has a trip is refused), with what the courier is about
 * to fetch (`present`), or as a trip after what the courier has now (`next`).
 */
export const Onto = Type.Union([Type.Literal('new'), Type.Literal('present'), Type.Literal('next')])
export type Onto = Static<typeof Onto>

/** Why a courier should not be given an order. A dispatcher may overrule all but `off`, `under_way` and `on_trip`. */
export const WHY_NOT = [
  'off',
  'under_way',
  'unreachable',
  'on_break',
  'returning',
  'requirement',
  'full',
  'declined',
  'on_trip',
] as const
export type WhyNot = (typeof WHY_NOT)[number]

/**
 * One courier for an order: GET /v1/dispatch/orders/{order_id}/couriers. What would happen were it given now: `eta_s` to the
 * warehouse, `door_at` at the customer. `why` says in a sentence what speaks for or against.
 */
export const CourierChoice = Type.Object({
  courier_id: CourierId,
  state: CourierState,
  distance_m: Type.Integer({ description: 'to the warehouse from where the courier will be free, as the crow flies' }),
  eta_s: Type.Integer({ description: 's until at the warehouse' }),
  door_at: TimeMs,
  late_s: Type.Integer({ description: 's after the promise at the door; negative: early' }),
  load: Type.Integer({ description: 'orders that the courier has now' }),
  capacity: Type.Integer(),
  free: Type.Boolean({ description: 'may be given it now, with `onto`' }),
  onto: Onto,
  why: Type.String(),
  why_not: Type.Optional(Type.Unsafe<WhyNot>(Type.Union([...WHY_NOT].map(why => Type.Literal(why))))),
})
export type CourierChoice = Static<typeof CourierChoice>

/** `best`: at most five, soonest at the door first; `others`: at most fifty, each with why not. */
export const CourierChoices = Type.Object({
  order_id: OrderId,
  version: Type.Integer(),
  as_of: TimeMs,
  best: Type.Array(CourierChoice),
  others: Type.Array(CourierChoice),
})
export type CourierChoices = Static<typeof CourierChoices>

/** What the solver would do in a zone where it only suggests. */
export const Suggestion = Type.Object({
  zone_id: ZoneId,
  courier_id: CourierId,
  warehouse_id: WarehouseId,
  order_ids: Type.Array(OrderId),
  pickup_at: TimeMs,
  door_at: Type.Array(TimeMs),
})
export type Suggestion = Static<typeof Suggestion>

export const ATTENTIONS = ['late', 'no_courier', 'not_answered', 'courier_unreachable', 'cancel_asked'] as const
export type Attention = (typeof ATTENTIONS)[number]

/** One order of GET /v1/dispatch/queue. `slack_s`: the promise less when it is expected at the door. */
export const QueueRow = Type.Object({
  order_id: OrderId,
  external_id: orNull(Type.String()),
  zone_id: ZoneId,
  state: OrderState,
  version: Type.Integer(),
  warehouse_id: orNull(WarehouseId),
  courier_id: orNull(CourierId),
  trip_id: orNull(TripId),
  pinned: Type.Boolean(),
  requires: Type.Array(Requirement),
  placed_at: TimeMs,
  trip_state: orNull(TripState),
  ready_at: TimeMs,
  deliver_by: TimeMs,
  door_at: TimeMs,
  slack_s: Type.Integer(),
  attention: Type.Array(Type.Unsafe<Attention>(Type.Union(ATTENTIONS.map(one => Type.Literal(one))))),
  suggested_courier_id: orNull(CourierId),
})
export type QueueRow = Static<typeof QueueRow>

/** Whether couriers are assigned in a zone by themselves. */
export const ASSIGNMENT_MODES = ['on', 'suggest', 'off'] as const
export type AssignmentMode = (typeof ASSIGNMENT_MODES)[number]

/** Seconds on the road, a whole number. Pure: the same points give the same seconds. */
export type TravelTimes = (from: Point, to: Point) => number
