-- One row a decision (a record holds one or more); one row for a record without any.
CREATE TABLE IF NOT EXISTS decisions (
  kafka_partition UInt32 COMMENT 'of the topic decisions',
  kafka_offset UInt64 COMMENT 'of the record in its partition; partition and offset name the record' CODEC(Delta, ZSTD(1)),
  appended_at DateTime64(3, 'UTC') COMMENT 'when Kafka took the record, wall clock; rows are partitioned by its day' CODEC(Delta, ZSTD(1)),
  decision_index UInt16 COMMENT 'place of the decision within its record, from 0',
  type LowCardinality(String) COMMENT 'what was decided, such as order.routed; owner: an engine took the partition over; unreadable: the bytes are not a record of decisions',
  void UInt8 COMMENT '1: counts for nobody. Written by an engine that had lost the partition, or a record that the log holds twice',
  epoch UInt64 COMMENT 'of the engine that wrote it: it rises with every new owner of the partition',
  source_offset Nullable(UInt64) COMMENT 'offset in operations, same partition, of the event that led to it; NULL for owner',
  fold_version LowCardinality(String) COMMENT 'version of the code that decided',
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  occurred_at DateTime64(3, 'UTC') COMMENT 'when it was decided, business clock; appended_at for owner' CODEC(Delta, ZSTD(1)),
  correlation_id String COMMENT 'the same from the first request to the last decision' CODEC(ZSTD(1)),
  causation_id String COMMENT 'event_id of the event in operations that led to it' CODEC(ZSTD(1)),
  order_id String COMMENT 'the order, unique within its tenant; empty: the decision names none' CODEC(ZSTD(1)),
  attempt UInt16 COMMENT '1: first routing of the order, +1 with every new one; 0: not about an order',
  fulfilment_id String COMMENT 'the part of the order from one warehouse; empty: the decision names none' CODEC(ZSTD(1)),
  warehouse_id LowCardinality(String) COMMENT 'the warehouse, the first one where an order is split over several; empty: none',
  hold_id String COMMENT 'the reservation in advance of an order; empty: the decision names none' CODEC(ZSTD(1)),
  line_id String COMMENT 'line of the order; empty: the decision names none' CODEC(ZSTD(1)),
  sku LowCardinality(String) COMMENT 'stock keeping unit; empty: the decision names none',
  quantity Nullable(Int64) COMMENT 'what is left of the line, on hand or missing, by type; NULL: none',
  reason LowCardinality(String) COMMENT 'why it was refused or cancelled, in one word; empty: it was not',
  cause LowCardinality(String) COMMENT 'what made the engine change what stood: count, short_pick, warehouse_paused and the like; empty: nothing stood',
  placed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when the order was placed, business clock; with order.routed and order.rejected',
  ready_at Nullable(DateTime64(3, 'UTC')) COMMENT 'promise: packed by then, business clock; NULL: no promise in this decision',
  deliver_by Nullable(DateTime64(3, 'UTC')) COMMENT 'promise: at the door by then, business clock; NULL: no promise in this decision',
  first_deliver_by Nullable(DateTime64(3, 'UTC')) COMMENT 'what the customer was told first, with promise.changed; else NULL',
  lines UInt16 COMMENT 'lines of the order; 0: the decision does not hold them',
  candidates UInt16 COMMENT 'warehouses that were looked at; 0: none',
  lat Nullable(Float64) COMMENT 'degrees north, WGS 84; NULL: the event has no place',
  lng Nullable(Float64) COMMENT 'degrees east, WGS 84; NULL: the event has no place',
  cell UInt64 COMMENT 'H3 cell at resolution 9, some 0.1 km2; 0: the event has no place',
  cell_8 UInt64 MATERIALIZED if(cell = 0, 0, h3ToParent(if(cell = 0, 617700169958293503, cell), 8)) COMMENT 'parent of cell at resolution 8, some 0.7 km2; 0: no place',
  cell_7 UInt64 MATERIALIZED if(cell = 0, 0, h3ToParent(if(cell = 0, 617700169958293503, cell), 7)) COMMENT 'parent of cell at resolution 7, some 5 km2; 0: no place',
  data String COMMENT 'the decision as JSON; bytes that are not UTF-8 stand as base64: and their base64' CODEC(ZSTD(3)),
  INDEX order_id_bloom order_id TYPE bloom_filter GRANULARITY 4,
  INDEX correlation_id_bloom correlation_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(appended_at)
ORDER BY (tenant_id, toStartOfHour(occurred_at), warehouse_id, type, occurred_at)
TTL toDate(appended_at) + INTERVAL 730 DAY
-- The window makes the loader's token count (one for each batch): it is 0 by default, and then a repeated batch doubles.
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
COMMENT 'What the engine decided: one row a decision, and one for each record that holds none. Count only rows with void = 0.';
