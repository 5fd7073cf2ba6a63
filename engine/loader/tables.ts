import type { Topic } from '../../ingest/contract.ts'

/**
 * The columns that the loader writes, by topic, in the order of sql/clickhouse/ (a test compares them with the real tables).
 * The computed columns (parents of the cell) are ClickHouse's own.
 */

/**
 * `_or_null`: the column is Nullable. `word`: LowCardinality. `bytes`: a text that is copied from the record as it lies there.
 * `time`: ms since 1970 UTC.
 */
export type Kind =
  | 'text'
  | 'word'
  | 'bytes'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'u64_or_null'
  | 'cell'
  | 'i64'
  | 'i64_or_null'
  | 'f32_or_null'
  | 'f64_or_null'
  | 'time'
  | 'time_or_null'

const position = { kafka_partition: 'u32', kafka_offset: 'u64', appended_at: 'time' } as const
const envelope = {
  event_id: 'text',
  type: 'word',
  tenant_id: 'word',
  zone_id: 'word',
  occurred_at: 'time',
  received_at: 'time',
  source: 'word',
  actor: 'text',
  correlation_id: 'text',
  causation_id: 'text',
} as const
const place = { lat: 'f64_or_null', lng: 'f64_or_null', cell: 'cell' } as const

export const TABLES = {
  operations: {
    name: 'operations',
    columns: {
      ...position,
      ...envelope,
      warehouse_id: 'word',
      order_id: 'text',
      fulfilment_id: 'text',
      hold_id: 'text',
      line_id: 'text',
      sku: 'word',
      quantity: 'i64_or_null',
      unit: 'word',
      reason: 'word',
      lines: 'u16',
      ...place,
      data: 'bytes',
    },
  },
  couriers: {
    name: 'couriers',
    columns: {
      ...position,
      ...envelope,
      courier_id: 'word',
      state: 'word',
      vehicle: 'word',
      speed_mps: 'f32_or_null',
      heading_deg: 'f32_or_null',
      ...place,
      data: 'bytes',
    },
  },
  decisions: {
    name: 'decisions',
    columns: {
      ...position,
      decision_index: 'u16',
      type: 'word',
      void: 'u8',
      epoch: 'u64',
      source_offset: 'u64_or_null',
      fold_version: 'word',
      tenant_id: 'word',
      zone_id: 'word',
      occurred_at: 'time',
      correlation_id: 'text',
      causation_id: 'text',
      order_id: 'text',
      attempt: 'u16',
      fulfilment_id: 'text',
      warehouse_id: 'word',
      hold_id: 'text',
      line_id: 'text',
      sku: 'word',
      quantity: 'i64_or_null',
      reason: 'word',
      cause: 'word',
      placed_at: 'time_or_null',
      ready_at: 'time_or_null',
      deliver_by: 'time_or_null',
      first_deliver_by: 'time_or_null',
      lines: 'u16',
      candidates: 'u16',
      ...place,
      data: 'bytes',
    },
  },
  movements: {
    name: 'movements',
    columns: {
      ...position,
      movement_index: 'u32',
      type: 'word',
      void: 'u8',
      epoch: 'u64',
      source_offset: 'u64_or_null',
      fold_version: 'word',
      tenant_id: 'word',
      zone_id: 'word',
      warehouse_id: 'word',
      sku: 'word',
      occurred_at: 'time',
      on_hand: 'i64',
      reserved: 'i64',
      safety: 'i64',
      in_transit: 'i64',
      cause: 'word',
      ref: 'text',
      data: 'bytes',
    },
  },
  deliveries: {
    name: 'deliveries',
    columns: {
      ...position,
      ...envelope,
      trip_id: 'text',
      version: 'u32',
      courier_id: 'word',
      warehouse_id: 'word',
      order_id: 'text',
      fulfilment_id: 'text',
      reason: 'word',
      stops: 'u16',
      picked_up_at: 'time_or_null',
      delivered_at: 'time_or_null',
      late_s: 'i64_or_null',
      data: 'bytes',
    },
  },
  'dead-letters': {
    name: 'dead_letters',
    columns: {
      ...position,
      origin_topic: 'word',
      origin_partition: 'u32',
      origin_offset: 'u64',
      reason: 'word',
      detail: 'text',
      event_id: 'text',
      type: 'word',
      tenant_id: 'word',
      zone_id: 'word',
      occurred_at: 'time',
      correlation_id: 'text',
      data: 'bytes',
    },
  },
} as const satisfies Record<Topic, { name: string; columns: Record<string, Kind> }>
