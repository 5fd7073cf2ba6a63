import type { Topic } from '../../ingest/contract.ts'

/**
 * The columns that the loader writes, by topic, in the order of sql/clickhouse/ (a test compares them with the real tables).
 * The computed columns (parents of the cell) are ClickHouse's own.
 */

/** `_or_null`: the column is Nullable. `time`: ms since 1970 UTC. */
export type Kind =
  | 'text'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'u64_or_null'
  | 'i64'
  | 'i64_or_null'
  | 'f32_or_null'
  | 'f64_or_null'
  | 'time'
  | 'time_or_null'

const position = { kafka_partition: 'u32', kafka_offset: 'u64', appended_at: 'time' } as const
const envelope = {
  event_id: 'text',
  type: 'text',
  tenant_id: 'text',
  zone_id: 'text',
  occurred_at: 'time',
  received_at: 'time',
  source: 'text',
  actor: 'text',
  correlation_id: 'text',
  causation_id: 'text',
} as const
const place = { lat: 'f64_or_null', lng: 'f64_or_null', cell: 'u64' } as const

export const TABLES = {
  operations: {
    name: 'operations',
    columns: {
      ...position,
      ...envelope,
      warehouse_id: 'text',
      order_id: 'text',
      fulfilment_id: 'text',
      hold_id: 'text',
      line_id: 'text',
      sku: 'text',
      quantity: 'i64_or_null',
      unit: 'text',
      reason: 'text',
      lines: 'u16',
      ...place,
      data: 'text',
    },
  },
  couriers: {
    name: 'couriers',
    columns: {
      ...position,
      ...envelope,
      courier_id: 'text',
      state: 'text',
      vehicle: 'text',
      speed_mps: 'f32_or_null',
      heading_deg: 'f32_or_null',
      ...place,
      data: 'text',
    },
  },
  decisions: {
    name: 'decisions',
    columns: {
      ...position,
      decision_index: 'u16',
      type: 'text',
      void: 'u8',
      epoch: 'u64',
      source_offset: 'u64_or_null',
      fold_version: 'text',
      tenant_id: 'text',
      zone_id: 'text',
      occurred_at: 'time',
      correlation_id: 'text',
      causation_id: 'text',
      order_id: 'text',
      attempt: 'u16',
      fulfilment_id: 'text',
      warehouse_id: 'text',
      hold_id: 'text',
      line_id: 'text',
      sku: 'text',
      quantity: 'i64_or_null',
      reason: 'text',
      cause: 'text',
      placed_at: 'time_or_null',
      ready_at: 'time_or_null',
      deliver_by: 'time_or_null',
      first_deliver_by: 'time_or_null',
      lines: 'u16',
      candidates: 'u16',
      ...place,
      data: 'text',
    },
  },
  movements: {
    name: 'movements',
    columns: {
      ...position,
      movement_index: 'u32',
      type: 'text',
      void: 'u8',
      epoch: 'u64',
      source_offset: 'u64_or_null',
      fold_version: 'text',
      tenant_id: 'text',
      zone_id: 'text',
      warehouse_id: 'text',
      sku: 'text',
      occurred_at: 'time',
      on_hand: 'i64',
      reserved: 'i64',
      safety: 'i64',
      in_transit: 'i64',
      cause: 'text',
      ref: 'text',
      data: 'text',
    },
  },
  deliveries: {
    name: 'deliveries',
    columns: {
      ...position,
      ...envelope,
      trip_id: 'text',
      version: 'u32',
      courier_id: 'text',
      warehouse_id: 'text',
      order_id: 'text',
      fulfilment_id: 'text',
      reason: 'text',
      stops: 'u16',
      picked_up_at: 'time_or_null',
      delivered_at: 'time_or_null',
      late_s: 'i64_or_null',
      data: 'text',
    },
  },
  'dead-letters': {
    name: 'dead_letters',
    columns: {
      ...position,
      origin_topic: 'text',
      origin_partition: 'u32',
      origin_offset: 'u64',
      reason: 'text',
      detail: 'text',
      event_id: 'text',
      type: 'text',
      tenant_id: 'text',
      zone_id: 'text',
      occurred_at: 'time',
      correlation_id: 'text',
      data: 'text',
    },
  },
} as const satisfies Record<Topic, { name: string; columns: Record<string, Kind> }>

/** Offsets and times are whole numbers below 2^53; a cell needs all 64 bits. */
type Value<K extends Kind> = K extends 'text'
  ? string
  : K extends 'u64'
    ? number | bigint
    : K extends `${string}_or_null`
      ? number | null
      : number

type Columns<T extends Topic> = (typeof TABLES)[T]['columns']

/** One row of the table of a topic. */
export type Row<T extends Topic = Topic> = T extends Topic
  ? { [C in keyof Columns<T>]: Columns<T>[C] extends Kind ? Value<Columns<T>[C]> : never }
  : never
