import { type Static, Type } from 'typebox'
import { Cell, Point, Reason, Seconds, TimeMs, WarehouseId, ZoneId } from './envelope.ts'

/** Minutes of the local week, Monday 00:00 = 0; a span may not wrap (split it). Empty list: always closed. */
export const OpeningSpan = Type.Object({
  from_minute: Type.Integer({ minimum: 0, maximum: 10_080 }),
  to_minute: Type.Integer({ minimum: 0, maximum: 10_080 }),
})
export type OpeningSpan = Static<typeof OpeningSpan>

/** Everything the fold must know of a warehouse. */
export const Warehouse = Type.Object({
  warehouse_id: WarehouseId,
  name: Type.String({ minLength: 1, maxLength: 80 }),
  point: Point,
  cell: Cell,
  time_zone: Type.String({ minLength: 1, maxLength: 64, description: 'IANA name' }),
  utc_offset_s: Type.Integer({
    minimum: -50_400,
    maximum: 50_400,
    description: 'of `time_zone` now, computed by ingest: the fold reads no zone database',
  }),
  radius_m: Type.Integer({ minimum: 100, maximum: 100_000 }),
  pickers: Type.Integer({ minimum: 1, maximum: 1_000 }),
  pick_s_per_line: Seconds,
  pack_s: Seconds,
  opening: Type.Optional(Type.Array(OpeningSpan, { maxItems: 64, description: 'absent: always open' })),
})
export type Warehouse = Static<typeof Warehouse>

/** How a warehouse takes orders while it is not paused (which is a command of its own, with a version). */
export const WarehouseMode = Type.Union([Type.Literal('normal'), Type.Literal('busy'), Type.Literal('throttled')])
export type WarehouseMode = Static<typeof WarehouseMode>

/** How a zone decides. Seconds are of the business clock. */
export const Policy = Type.Object({
  promise_s_max: Seconds,
  road_factor: Type.Number({ minimum: 1, maximum: 5, description: 'road metres per metre as the crow flies' }),
  speed_mps: Type.Number({ minimum: 0.5, maximum: 50, description: 'courier on the road, m/s' }),
  courier_wait_s: Seconds,
  handover_s: Seconds,
  promise_buffer_s: Seconds,
  candidates_max: Type.Integer({ minimum: 1, maximum: 50 }),
  neighbours: Type.Optional(
    Type.Array(ZoneId, {
      maxItems: 8,
      uniqueItems: true,
      description: 'an order refused for stock or capacity is offered once, to the first of these zones',
    }),
  ),
})
export type Policy = Static<typeof Policy>

/** The law until a `policy.changed` says otherwise. */
export const DEFAULT_POLICY: Policy = {
  promise_s_max: 3_600,
  road_factor: 1.35,
  speed_mps: 5.5,
  courier_wait_s: 240,
  handover_s: 120,
  promise_buffer_s: 180,
  candidates_max: 5,
}

/**
 * How wall time maps to the business clock: time = time_ms + (wall − wall_ms) × rate.
 * Rate 1 with time_ms = wall_ms is real time.
 */
export const Clock = Type.Object({
  wall_ms: TimeMs,
  time_ms: TimeMs,
  rate: Type.Number({ minimum: 0.01, maximum: 10_000 }),
})
export type Clock = Static<typeof Clock>

/** Some 125 kB a part: far below the 1 MB that Kafka takes at once. */
export const TRAVEL_PART_CELLS_MAX = 5_000
export const TRAVEL_PARTS_MAX = 40

export const network_events = {
  'warehouse.upserted': Warehouse,
  'warehouse.paused': Type.Object({ warehouse_id: WarehouseId, reason: Reason }),
  'warehouse.resumed': Type.Object({ warehouse_id: WarehouseId }),
  'warehouse.mode': Type.Object({
    warehouse_id: WarehouseId,
    mode: WarehouseMode,
    busy_extra_s: Type.Optional({ ...Seconds, description: 'of busy: so much longer until an order is packed, s' }),
    throttle_per_10_min: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100_000, description: 'of throttled: orders in any 10 minutes' }),
    ),
  }),
  /**
   * Seconds on the road from the warehouse to each cell (resolution 9, or coarser for all that lies below), in parts. When the
   * last part of a version is there it replaces the table before it whole; an older version never comes over a newer one.
   */
  'travel.set': Type.Object({
    warehouse_id: WarehouseId,
    version: Type.Integer({ minimum: 1, maximum: 2 ** 48 }),
    part: Type.Integer({ minimum: 0, maximum: TRAVEL_PARTS_MAX - 1 }),
    parts: Type.Integer({ minimum: 1, maximum: TRAVEL_PARTS_MAX }),
    cells: Type.Array(Cell, { maxItems: TRAVEL_PART_CELLS_MAX }),
    seconds: Type.Array(Seconds, { maxItems: TRAVEL_PART_CELLS_MAX }),
  }),
  'policy.changed': Type.Object({ policy: Policy }),
  'clock.set': Clock,
  /** Nothing happened, but time went on: published by the partition's owner when a timer of the fold is due. */
  tick: Type.Object({}),
}
