import { type Static, Type } from 'typebox'
import type { courier_events } from './events/couriers.ts'
import type { delivery_events } from './events/deliveries.ts'
import {
  Cell,
  type EventOf,
  type Point,
  Seconds,
  type TenantId,
  TimeMs,
  type WarehouseId,
  ZoneId,
} from './events/envelope.ts'
import { Clock, network_events, type OpeningSpan, Policy, Warehouse } from './events/network.ts'
import { hold_events, order_events } from './events/orders.ts'
import { picking_events } from './events/picking.ts'
import { stock_events, transfer_events } from './events/stock.ts'

/** What ingest promises to the other rooms: the topics, their partitions, the door's shapes, the network and the clock. */

// ── Topics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const operations_events = {
  ...order_events,
  ...hold_events,
  ...stock_events,
  ...transfer_events,
  ...picking_events,
  ...network_events,
}
export type OperationsEvent = EventOf<typeof operations_events>
export type OperationsType = OperationsEvent['type']
export type CourierEvent = EventOf<typeof courier_events>
export type DeliveryEvent = EventOf<typeof delivery_events>

const DAY_MS = 86_400_000

/** One table of all topics. `retention_ms` −1: for ever (the log is the truth). Partition counts are fixed at creation. */
export const TOPICS = {
  operations: { key: 'zone_id', retention_ms: -1 },
  decisions: { key: 'zone_id', retention_ms: -1 },
  movements: { key: 'zone_id', retention_ms: -1 },
  couriers: { key: 'courier_id', retention_ms: 7 * DAY_MS },
  deliveries: { key: 'zone_id', retention_ms: -1 },
  'dead-letters': { key: 'origin', retention_ms: 90 * DAY_MS },
} as const
export type Topic = keyof typeof TOPICS

/** A topic's name in Kafka. The namespace keeps installations on one broker apart (tests use one each). */
export const topicName = (namespace: string, topic: Topic): string => `${namespace}.${topic}`

export const PARTITIONS_DEFAULT = 8

/**
 * The partition of a key: murmur2 as in Kafka's Java client, so that any producer with the default partitioner agrees.
 * Source: org.apache.kafka.common.utils.Utils.murmur2; the test compares it with kafkajs.
 */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}

function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const length = data.length
  const byte = (at: number) => data[at] ?? 0
  let h = 0x9747b28c ^ length
  const whole = length - (length % 4)
  for (let i = 0; i < whole; i += 4) {
    let k = byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = length - whole
  if (rest === 3) h ^= byte(whole + 2) << 16
  if (rest >= 2) h ^= byte(whole + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ byte(whole), m)
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}

// ── The door: POST /v1/events ───────────────────────────────────────────────────────────────────────────────────────

/**
 * What a caller writes. ingest adds `event_id` where there is none, `received_at`, `tenant_id` (from the key), `zone_id`
 * and every `cell`. `data` is the schema of `type` without `cell`.
 */
export interface EventDraft {
  type: string
  data: unknown
  event_id?: string
  occurred_at?: number
  zone_id?: string
  source?: string
  actor?: string
  correlation_id?: string
  causation_id?: string
  source_seq?: number
}

/** Types that only Waggle's own services may publish: the door says where to go instead. */
export const NOT_AT_THE_DOOR: Partial<Record<string, string>> = {
  'order.placed': 'place orders with POST /v1/orders of dispatch',
  'order.offered_over': 'offers between zones are published by the engine',
  'order.changed': 'change orders through the API of dispatch',
  'order.cancel_asked': 'cancel with POST /v1/orders/{id}/cancel of dispatch',
  'hold.asked': 'holds go through the API of dispatch',
  'hold.confirmed': 'holds go through the API of dispatch',
  'hold.released': 'holds go through the API of dispatch',
  'warehouse.upserted': 'write warehouses with PUT /v1/warehouses/{id}',
  'warehouse.paused': 'pause with POST /v1/dispatch/warehouses/{id}/pause of dispatch',
  'warehouse.resumed': 'resume with POST /v1/dispatch/warehouses/{id}/resume of dispatch',
  'policy.changed': 'write the policy with PUT /v1/zones/{id}',
  'travel.set': 'write travel tables with PUT /v1/warehouses/{id}/travel',
  'clock.set': 'set the clock with PUT /v1/clock',
  tick: 'ticks are published by the engine',
}

export const REJECTIONS = [
  'not_json',
  'not_an_object',
  'unknown_type',
  'not_at_the_door',
  'unknown_field',
  'wrong_shape',
  'unknown_warehouse',
  'unknown_zone',
  'wrong_zone',
  'outside_every_zone',
  'actor_not_allowed',
  'event_id_too_old',
  'event_id_ahead_of_time',
  'too_large',
] as const

/** The answer per event, in the order sent. `pointer` is an RFC 6901 pointer into that event. */
export const EventAnswer = Type.Union([
  Type.Object({
    status: Type.Literal('accepted'),
    event_id: Type.String(),
    zone_id: Type.String(),
    partition: Type.Integer(),
    offset: Type.String(),
    duplicate_hint: Type.Optional(Type.Literal(true)),
  }),
  Type.Object({
    status: Type.Literal('rejected'),
    event_id: Type.Optional(Type.String()),
    reason: Type.Enum([...REJECTIONS]),
    pointer: Type.String(),
    detail: Type.String(),
  }),
  /** only in an NDJSON stream, and its last lines: Kafka did not acknowledge; send it again with the same event_id */
  Type.Object({
    status: Type.Literal('failed'),
    event_id: Type.String(),
    reason: Type.Literal('kafka_unreachable'),
    detail: Type.String(),
  }),
])
export type EventAnswer = Static<typeof EventAnswer>

// ── The network: rows of Postgres, written through ingest's admin door ──────────────────────────────────────────────

/** The zone of everything that lies in no zone. It has no warehouses, so orders there are rejected by a decision. */
export const NOWHERE = 'nowhere' as ZoneId

/** Resolution of the cells that make a zone's area: about 5 km² each. */
export const AREA_RESOLUTION = 7

export const Zone = Type.Object({
  zone_id: ZoneId,
  name: Type.String({ minLength: 1, maxLength: 80 }),
  time_zone: Type.String({ minLength: 1, maxLength: 64, description: 'IANA name' }),
  cells: Type.Array(Type.String({ pattern: '^[0-9a-f]{15}$' }), {
    maxItems: 20_000,
    description: 'H3 at resolution 7',
  }),
})
export type Zone = Static<typeof Zone>

/** Body of PUT /v1/zones/{zone_id}. */
export const ZoneWrite = Type.Object({
  name: Zone.properties.name,
  time_zone: Zone.properties.time_zone,
  cells: Zone.properties.cells,
  policy: Type.Optional(Policy),
})
export type ZoneWrite = Static<typeof ZoneWrite>

/** Body of PUT /v1/warehouses/{warehouse_id}. */
export const WarehouseWrite = Type.Object({
  zone_id: ZoneId,
  ...Type.Omit(Warehouse, ['warehouse_id', 'cell', 'utc_offset_s']).properties,
})
export type WarehouseWrite = Static<typeof WarehouseWrite>

/** A city's warehouse needs some thousands at resolution 9. */
export const TRAVEL_CELLS_MAX = 100_000

/** Body of PUT /v1/warehouses/{warehouse_id}/travel: `seconds[i]` to `cells[i]`. It replaces the table before it whole. */
export const TravelWrite = Type.Object({
  cells: Type.Array(Cell, { maxItems: TRAVEL_CELLS_MAX, description: 'H3 at resolution 9, or coarser for all below' }),
  seconds: Type.Array(Seconds, { maxItems: TRAVEL_CELLS_MAX }),
})
export type TravelWrite = Static<typeof TravelWrite>

/** A warehouse as Postgres holds it: what the fold knows, and what people change with a version. */
export interface WarehouseRow {
  warehouse_id: WarehouseId
  zone_id: ZoneId
  tenant_id: TenantId
  name: string
  point: Point
  cell: string
  time_zone: string
  utc_offset_s: number
  radius_m: number
  pickers: number
  pick_s_per_line: number
  pack_s: number
  /** null: always open */
  opening: OpeningSpan[] | null
  paused: boolean
  paused_reason: string | null
  version: number
}

// ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Wall time to business time, ms. */
export function businessTime(clock: Clock, wall_ms: number): number {
  return Math.round(clock.time_ms + (wall_ms - clock.wall_ms) * clock.rate)
}

/** Business time to wall time, ms. */
export function wallTime(clock: Clock, time_ms: number): number {
  return Math.round(clock.wall_ms + (time_ms - clock.time_ms) / clock.rate)
}

/** Body of PUT /v1/clock. Without `time_ms` the time goes on from where it is; it never steps back. */
export const ClockWrite = Type.Object({ time_ms: Type.Optional(TimeMs), rate: Clock.properties.rate })
export type ClockWrite = Static<typeof ClockWrite>

export const REAL_TIME: Clock = { wall_ms: 0, time_ms: 0, rate: 1 }

// ── Who asks ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const SCOPES = ['events:write', 'network:write', 'orders', 'dispatch', 'courier', 'dashboards'] as const
export type Scope = (typeof SCOPES)[number]

/** Every route and socket passes `authenticate(request)` and works with this. */
export interface Caller {
  tenant_id: TenantId
  /** kind:id, such as `partner:demo` or `courier:c17` */
  actor: string
  scopes: readonly Scope[]
  /** kinds of actor it may name in the `actor` of an event, such as courier */
  act_as?: readonly string[]
}

/** The HTTP error body of every service. `reason` is from a closed list of the route; `detail` says what to do. */
export const Problem = Type.Object({
  reason: Type.String(),
  detail: Type.String(),
  pointer: Type.Optional(Type.String()),
  correlation_id: Type.Optional(Type.String()),
})
export type Problem = Static<typeof Problem>
