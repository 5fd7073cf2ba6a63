import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'

/**
 * The words every event of the log is made of.
 *
 * Schemas here are tolerant (an unknown field passes), because a reader must survive a newer writer. The door of ingest
 * uses `strict(schema)` instead, which refuses unknown fields.
 */

declare const brand: unique symbol
type Brand<Name extends string> = string & { readonly [brand]: Name }

const id = <Name extends string>(description: string, length_max = 64) =>
  Type.Unsafe<Brand<Name>>(Type.String({ pattern: `^[A-Za-z0-9][A-Za-z0-9_.:-]{0,${length_max - 1}}$`, description }))

/** What the engine derives from a given id (a part, a substitute) is a little longer than that. */
const DERIVED_LENGTH_MAX = 80

export const TenantId = id<'tenant_id'>('who the data belongs to')
export const ZoneId = id<'zone_id'>('a city and the warehouses that serve it; one order of events')
export const WarehouseId = id<'warehouse_id'>('a place of stock: dark store, shop or depot')
export const OrderId = id<'order_id'>('an order, unique within its tenant')
export const FulfilmentId = id<'fulfilment_id'>("an order's part from one warehouse", DERIVED_LENGTH_MAX)
export const LineId = id<'line_id'>('a line of an order, unique within the order', DERIVED_LENGTH_MAX)
const GivenLineId = id<'line_id'>('a line of an order, unique within the order')
export const Sku = id<'sku'>('a stock keeping unit')
export const HoldId = id<'hold_id'>('a reservation in advance of an order')
export const TransferId = id<'transfer_id'>('goods on their way from one warehouse to another')
export const CourierId = id<'courier_id'>('who carries orders')
export const TripId = id<'trip_id'>("a courier's ordered stops")

export type TenantId = Static<typeof TenantId>
export type ZoneId = Static<typeof ZoneId>
export type WarehouseId = Static<typeof WarehouseId>
export type OrderId = Static<typeof OrderId>
export type FulfilmentId = Static<typeof FulfilmentId>
export type LineId = Static<typeof LineId>
export type Sku = Static<typeof Sku>
export type HoldId = Static<typeof HoldId>
export type TransferId = Static<typeof TransferId>
export type CourierId = Static<typeof CourierId>
export type TripId = Static<typeof TripId>

/** UUIDv7: its first 48 bits are its birth in ms of wall time, on which the engine's memory for duplicates rests (RFC 9562). */
export const EventId = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  description: 'UUIDv7, lower case',
})

/** Milliseconds since 1970 UTC. 2^48 is the year 10889. */
export const TimeMs = Type.Integer({ minimum: 0, maximum: 2 ** 48, description: 'ms since 1970 UTC' })

export const Point = Type.Object({
  lat: Type.Number({ minimum: -90, maximum: 90, description: 'degrees north, WGS 84' }),
  lng: Type.Number({ minimum: -180, maximum: 180, description: 'degrees east, WGS 84' }),
})
export type Point = Static<typeof Point>

/** Resolution of every `cell` in the log: hexagons of about 0.1 km². Coarser ones are its parents. */
export const CELL_RESOLUTION = 9
export const Cell = Type.String({
  pattern: '^[0-9a-f]{15}$',
  description: 'H3 index at resolution 9, computed by ingest',
})

export const Unit = Type.Union([Type.Literal('each'), Type.Literal('g')])
export const Quantity = Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'in `unit`' })
export const Level = Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'in `unit`' })
export const Seconds = Type.Integer({ minimum: 0, maximum: 7 * 86_400, description: 's' })
export const Reason = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z][a-z0-9_]*$' })

export const Money = Type.Object({
  amount: Type.Integer({ minimum: 0, maximum: 2 ** 40, description: 'minor units' }),
  currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
})

export const OrderLine = Type.Object({
  line_id: GivenLineId,
  sku: Sku,
  quantity: Quantity,
  unit: Unit,
  unit_price: Type.Optional(Money),
})
export type OrderLine = Static<typeof OrderLine>

/** What a courier must bring for an order, and may have. */
export const Requirement = Type.Union([Type.Literal('cold'), Type.Literal('id_check'), Type.Literal('cash')])
export type Requirement = Static<typeof Requirement>

export const SCHEMA_VERSION = 1

/**
 * What stands around every event's `data`.
 *
 * `occurred_at` is the business clock (the one that `clock.set` may speed up in a demo); `received_at` is ingest's wall
 * clock, so that latencies can be measured. Without a `clock.set` both are the same clock.
 */
export const Envelope = Type.Object({
  event_id: EventId,
  type: Type.String({ minLength: 1, maxLength: 64 }),
  schema_version: Type.Integer({ minimum: 1, maximum: 1_000 }),
  tenant_id: TenantId,
  zone_id: ZoneId,
  occurred_at: TimeMs,
  received_at: TimeMs,
  source: Type.String({ minLength: 1, maxLength: 64, description: 'the system that speaks' }),
  actor: Type.String({ minLength: 1, maxLength: 64, description: 'who is behind it: kind:id' }),
  correlation_id: Type.String({ minLength: 1, maxLength: 64 }),
  causation_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  source_seq: Type.Optional(Type.Integer({ minimum: 0, description: "the device's own count" })),
})
export type Envelope = Static<typeof Envelope>

/** A family of events: type name → schema of its `data`. */
export type Family = Record<string, TSchema>

/** The union of the whole events of a family, told apart by `type`. */
export type EventOf<F extends Family> = {
  [Type in keyof F & string]: Omit<Envelope, 'type'> & { type: Type; data: Static<F[Type]> }
}[keyof F & string]

/**
 * The same schema with unknown fields refused at every depth.
 * Shape in, shape out: only `additionalProperties: false` is added to objects.
 */
export function strict<Schema extends TSchema>(schema: Schema): Schema {
  return deepStrict(schema) as Schema
}

function deepStrict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepStrict)
  if (value === null || typeof value !== 'object') return value
  const copy: Record<string, unknown> = {}
  for (const name of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name)
    if (!descriptor) continue
    const changed = { ...descriptor, value: deepStrict(descriptor.value) }
    Object.defineProperty(copy, name, changed)
  }
  if (copy.type === 'object' && copy.properties && copy.additionalProperties === undefined) {
    copy.additionalProperties = false
  }
  return copy
}

/** A schema with some of its properties left out, such as the ones that ingest computes. */
export function without<P extends TProperties>(schema: TObject<P>, names: readonly string[]): TObject {
  const kept = Object.entries(schema.properties).filter(([name]) => !names.includes(name))
  return Type.Object(Object.fromEntries(kept))
}
