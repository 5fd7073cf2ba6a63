import { randomUUIDv7 } from 'node:crypto'
import { latLngToCell } from 'h3-js'
import { type Static, Type } from 'typebox'
import {
  AREA_RESOLUTION,
  type Caller,
  type CourierEvent,
  type DeliveryEvent,
  type EventDraft,
  NOT_AT_THE_DOOR,
  NOWHERE,
  type OperationsEvent,
  partitionOf,
  type REJECTIONS,
  type Topic,
} from './contract.ts'
import {
  Envelope,
  EventId,
  type Point,
  SCHEMA_VERSION,
  type TenantId,
  TimeMs,
  type WarehouseId,
  ZoneId,
} from './events/envelope.ts'
import { cellOf } from './events/geo.ts'
import { type Fault, shapeOf } from './io/shape.ts'
import { KINDS, type Kind } from './kinds.ts'

/** One draft → the whole event as it goes to Kafka, or why not. Pure: the network and both clocks come in as arguments. */

export type LogEvent = OperationsEvent | CourierEvent | DeliveryEvent

export interface Accepted {
  ok: true
  event: LogEvent
  topic: Topic
  key: string
  partition: number
  value: Buffer
}

export interface Rejected {
  ok: false
  reason: Rejection
  /** RFC 6901, into the draft */
  pointer: string
  detail: string
  event_id?: string
}
type Rejection = (typeof REJECTIONS)[number]

/** What accepting must know of the network. A tenant sees only its own. */
export interface Directory {
  zoneOfWarehouse(tenant_id: TenantId, warehouse_id: WarehouseId): ZoneId | undefined
  zoneOfArea(tenant_id: TenantId, area_cell: string): ZoneId | undefined
  hasZone(tenant_id: TenantId, zone_id: ZoneId): boolean
}

export interface Context {
  caller: Caller
  correlation_id: string
  /** wall clock, ms */
  wall_ms: number
  /** business clock, ms */
  time_ms: number
  partitions: number
  /** our own code speaks: every type may be written, and a zone that it names is believed */
  internal?: boolean
}

/** One event as it lies in Kafka; the broker refuses a batch above 1 MB, and a reader keeps many in memory. */
export const EVENT_BYTES_MAX = 262_144
/** The fold remembers ids for an hour; five minutes are kept for the way there. */
const ID_AGE_MS_MAX = 55 * 60_000
const ID_AHEAD_MS_MAX = 5 * 60_000

const Draft = Type.Object({
  type: Envelope.properties.type,
  data: Type.Unknown(),
  event_id: Type.Optional(EventId),
  occurred_at: Type.Optional(TimeMs),
  zone_id: Type.Optional(ZoneId),
  source: Type.Optional(Envelope.properties.source),
  actor: Type.Optional(Envelope.properties.actor),
  correlation_id: Type.Optional(Envelope.properties.correlation_id),
  causation_id: Envelope.properties.causation_id,
  source_seq: Envelope.properties.source_seq,
})
type Draft = Static<typeof Draft>
const draft_shape = shapeOf(Draft)

/** `data` after its check, as far as accepting looks into it. */
interface Data {
  point?: Point
  warehouse_id?: WarehouseId
  to_warehouse_id?: WarehouseId
  mode?: string
  busy_extra_s?: number
  throttle_per_10_min?: number
  courier_id?: string
  order?: { point: Point }
}

/** Costs some 12 µs for an order of two lines. */
export function accept(given: unknown, directory: Directory, context: Context): Accepted | Rejected {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    return reject('not_an_object', '', 'an event is a JSON object')
  }
  if (!draft_shape.fits(given)) return ofFault(draft_shape.fault(given), '', idOf(given))
  return acceptDraft(given, directory, context)
}

function acceptDraft(draft: Draft, directory: Directory, context: Context): Accepted | Rejected {
  const kind = KINDS.get(draft.type)
  if (!kind) return reject('unknown_type', '/type', `there is no event ${draft.type}`, draft.event_id)
  const refused =
    refusedAtTheDoor(draft, kind, context) ?? refusedActor(draft, context) ?? refusedId(draft.event_id, context)
  if (refused) return refused
  if (!kind.shape.fits(draft.data)) return ofFault(kind.shape.fault(draft.data), '/data', draft.event_id)
  const data = draft.data as Data
  const zone = zoneOf(draft, data, kind, directory, context)
  if (typeof zone !== 'string') return zone
  const wrong = refusedTarget(draft, data, zone, directory, context) ?? refusedMode(draft, data)
  if (wrong) return wrong
  return complete(draft, data, kind, zone, context)
}

function complete(draft: Draft, data: Data, kind: Kind, zone_id: ZoneId, context: Context): Accepted | Rejected {
  const event = {
    event_id: draft.event_id ?? randomUUIDv7(),
    type: draft.type,
    schema_version: SCHEMA_VERSION,
    tenant_id: context.caller.tenant_id,
    zone_id,
    occurred_at: draft.occurred_at ?? context.time_ms,
    received_at: context.wall_ms,
    source: draft.source ?? context.caller.actor,
    actor: draft.actor ?? context.caller.actor,
    correlation_id: draft.correlation_id ?? context.correlation_id,
    ...(draft.causation_id !== undefined && { causation_id: draft.causation_id }),
    ...(draft.source_seq !== undefined && { source_seq: draft.source_seq }),
    data: withCell(data, kind),
  } as LogEvent
  const value = Buffer.from(JSON.stringify(event))
  if (value.length > EVENT_BYTES_MAX) {
    return reject('too_large', '', `the event has ${value.length} bytes of ${EVENT_BYTES_MAX}`, draft.event_id)
  }
  const key = kind.topic === 'couriers' && data.courier_id ? data.courier_id : zone_id
  return { ok: true, event, topic: kind.topic, key, partition: partitionOf(key, context.partitions), value }
}

function withCell(data: Data, kind: Kind): object {
  if (kind.cell_in === 'data' && data.point) return { ...data, cell: cellOf(data.point) }
  if (kind.cell_in === 'order' && data.order) {
    return { ...data, order: { ...data.order, cell: cellOf(data.order.point) } }
  }
  return data
}

// ── The zone ────────────────────────────────────────────────────────────────────────────────────────────────────────

function zoneOf(draft: Draft, data: Data, kind: Kind, directory: Directory, context: Context): ZoneId | Rejected {
  if (context.internal && draft.zone_id) return draft.zone_id
  const { tenant_id } = context.caller
  if (draft.zone_id && draft.zone_id !== NOWHERE && !directory.hasZone(tenant_id, draft.zone_id)) {
    return reject('unknown_zone', '/zone_id', `there is no zone ${draft.zone_id}`, draft.event_id)
  }
  const found = foundZone(draft, data, kind, directory, tenant_id)
  if (typeof found === 'string' && kind.placed_by !== 'courier' && draft.zone_id && draft.zone_id !== found) {
    const detail = `the event belongs to the zone ${found}; leave zone_id out, it is found by itself`
    return reject('wrong_zone', '/zone_id', detail, draft.event_id)
  }
  return found
}

function foundZone(draft: Draft, data: Data, kind: Kind, directory: Directory, tenant_id: TenantId): ZoneId | Rejected {
  switch (kind.placed_by) {
    case 'warehouse':
      return zoneOfWarehouse(draft, data, directory, tenant_id)
    case 'point':
      return zoneOfPoint(data.point, directory, tenant_id) ?? NOWHERE
    case 'courier':
      return zoneOfPoint(data.point, directory, tenant_id) ?? draft.zone_id ?? NOWHERE
    case 'sender':
      return draft.zone_id ?? reject('outside_every_zone', '/zone_id', 'name the zone of this event', draft.event_id)
  }
}

function zoneOfPoint(point: Point | undefined, directory: Directory, tenant_id: TenantId): ZoneId | undefined {
  return point && directory.zoneOfArea(tenant_id, latLngToCell(point.lat, point.lng, AREA_RESOLUTION))
}

function zoneOfWarehouse(draft: Draft, data: Data, directory: Directory, tenant_id: TenantId): ZoneId | Rejected {
  const zone_id = data.warehouse_id && directory.zoneOfWarehouse(tenant_id, data.warehouse_id)
  if (zone_id) return zone_id
  const detail = `there is no warehouse ${data.warehouse_id}: write it first with PUT /v1/warehouses/{id}`
  return reject('unknown_warehouse', '/data/warehouse_id', detail, draft.event_id)
}

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

function refusedAtTheDoor(draft: Draft, kind: Kind, context: Context): Rejected | undefined {
  if (context.internal) return undefined
  const elsewhere =
    kind.topic === 'deliveries'
      ? 'tell dispatch of deliveries, and post notes to POST /v1/dispatch/notes'
      : NOT_AT_THE_DOOR[draft.type]
  return elsewhere ? reject('not_at_the_door', '/type', elsewhere, draft.event_id) : undefined
}

function refusedActor({ actor, event_id }: Draft, { caller, internal }: Context): Rejected | undefined {
  if (internal || actor === undefined || actor === caller.actor) return undefined
  const [kind = ''] = actor.split(':')
  if (caller.act_as?.includes(kind)) return undefined
  const detail = `this key speaks as ${caller.actor}: leave actor out, or see act_as in WAGGLE_KEYS`
  return reject('actor_not_allowed', '/actor', detail, event_id)
}

/** Goods move between warehouses of one zone only: what two zones hold is not decided together. */
function refusedTarget(
  draft: Draft,
  { to_warehouse_id }: Data,
  zone_id: ZoneId,
  directory: Directory,
  { caller, internal }: Context,
): Rejected | undefined {
  if (internal || to_warehouse_id === undefined) return undefined
  const there = directory.zoneOfWarehouse(caller.tenant_id, to_warehouse_id)
  const pointer = '/data/to_warehouse_id'
  if (there === undefined) {
    const detail = `there is no warehouse ${to_warehouse_id}: write it first with PUT /v1/warehouses/{id}`
    return reject('unknown_warehouse', pointer, detail, draft.event_id)
  }
  if (there === zone_id) return undefined
  const detail = `${to_warehouse_id} is in the zone ${there}, and a transfer stays in ${zone_id}: adjust both stocks instead`
  return reject('wrong_zone', pointer, detail, draft.event_id)
}

/** A mode says how much: without it, busy would change nothing and throttled would take nothing at all. */
function refusedMode({ event_id }: Draft, { mode, busy_extra_s, throttle_per_10_min }: Data): Rejected | undefined {
  if (mode === 'busy' && busy_extra_s === undefined) {
    return reject('wrong_shape', '/data/busy_extra_s', 'say by how many seconds picking takes longer', event_id)
  }
  if (mode === 'throttled' && throttle_per_10_min === undefined) {
    return reject('wrong_shape', '/data/throttle_per_10_min', 'say how many orders it takes in 10 minutes', event_id)
  }
  return undefined
}

/** Duplicates are told by ids no older than the fold's memory, so an id's birth must be near now, by the wall clock. */
function refusedId(event_id: string | undefined, { wall_ms }: Context): Rejected | undefined {
  if (event_id === undefined) return undefined
  const born_ms = bornAt(event_id)
  if (born_ms < wall_ms - ID_AGE_MS_MAX) {
    const detail = 'the id is older than 55 minutes, so a repeat could not be told: send it with a new UUIDv7'
    return reject('event_id_too_old', '/event_id', detail, event_id)
  }
  if (born_ms <= wall_ms + ID_AHEAD_MS_MAX) return undefined
  const detail = 'the id was born more than 5 minutes from now: set the clock of the sender'
  return reject('event_id_ahead_of_time', '/event_id', detail, event_id)
}

/** Wall time in ms at which a UUIDv7 was made: its first 48 bits (RFC 9562, section 5.7). */
export const bornAt = (event_id: string): number => Number.parseInt(event_id.slice(0, 8) + event_id.slice(9, 13), 16)

function ofFault({ pointer, detail, unknown_field }: Fault, prefix: string, event_id?: string): Rejected {
  const reason = unknown_field ? 'unknown_field' : 'wrong_shape'
  const computed = unknown_field && pointer.endsWith('/cell') ? 'cell is computed from the point; leave it out' : detail
  return reject(reason, `${prefix}${pointer}`, computed, event_id)
}

const idOf = (draft: object): string | undefined =>
  'event_id' in draft && typeof draft.event_id === 'string' ? draft.event_id.slice(0, 64) : undefined

export function reject(reason: Rejection, pointer: string, detail: string, event_id?: string): Rejected {
  return { ok: false, reason, pointer, detail, ...(event_id !== undefined && { event_id }) }
}

/** A draft of our own code is accepted, or our own code is wrong. @throws Error that says why not */
export function acceptOwn(draft: EventDraft, directory: Directory, context: Omit<Context, 'internal'>): Accepted {
  const result = accept(draft, directory, { ...context, internal: true })
  if (result.ok) return result
  throw new Error(
    `${draft.type} was not accepted: ${result.reason} at ${result.pointer || 'the root'}: ${result.detail}`,
  )
}
