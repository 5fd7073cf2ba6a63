-- One row a record of the topic `couriers`. The largest table: positions each second.
CREATE TABLE IF NOT EXISTS couriers (
  kafka_partition UInt32 COMMENT 'of the topic couriers',
  kafka_offset UInt64 COMMENT 'of the record in its partition; partition and offset name the record' CODEC(Delta, ZSTD(1)),
  appended_at DateTime64(3, 'UTC') COMMENT 'when Kafka took the record, wall clock; rows are partitioned by its day' CODEC(Delta, ZSTD(1)),
  event_id String COMMENT 'UUIDv7 of the event; an event sent twice may stand twice in the log, and so here' CODEC(ZSTD(1)),
  type LowCardinality(String) COMMENT 'courier.moved, shift.started, shift.ended or state.changed; unreadable: the bytes are not an event',
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  occurred_at DateTime64(3, 'UTC') COMMENT 'when it happened, business clock; appended_at where the event does not say' CODEC(Delta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') COMMENT 'when ingest took it, wall clock; appended_at where the event does not say' CODEC(Delta, ZSTD(1)),
  source LowCardinality(String) COMMENT 'the system that spoke',
  actor String COMMENT 'who is behind it, kind:id' CODEC(ZSTD(1)),
  correlation_id String COMMENT 'the same from the first request to the last decision' CODEC(ZSTD(1)),
  causation_id String COMMENT 'event_id of what led to it; empty: nothing did' CODEC(ZSTD(1)),
  courier_id LowCardinality(String) COMMENT 'the courier; empty: the event names none',
  state LowCardinality(String) COMMENT 'available or break; empty: the event does not say',
  vehicle LowCardinality(String) COMMENT 'bicycle, scooter, car or foot, when a shift starts; else empty',
  speed_mps Nullable(Float32) COMMENT 'm/s as the device says; NULL: it does not',
  heading_deg Nullable(Float32) COMMENT 'degrees clockwise from north as the device says; NULL: it does not',
  lat Nullable(Float64) COMMENT 'degrees north, WGS 84; NULL: the event has no place',
  lng Nullable(Float64) COMMENT 'degrees east, WGS 84; NULL: the event has no place',
  cell UInt64 COMMENT 'H3 cell at resolution 9, some 0.1 km2; 0: the event has no place',
  cell_8 UInt64 MATERIALIZED if(cell = 0, 0, h3ToParent(if(cell = 0, 617700169958293503, cell), 8)) COMMENT 'parent of cell at resolution 8, some 0.7 km2; 0: no place',
  cell_7 UInt64 MATERIALIZED if(cell = 0, 0, h3ToParent(if(cell = 0, 617700169958293503, cell), 7)) COMMENT 'parent of cell at resolution 7, some 5 km2; 0: no place',
  data String COMMENT 'the data of the event as JSON; bytes that are not UTF-8 stand as base64: and their base64' CODEC(ZSTD(3))
)
ENGINE = MergeTree
PARTITION BY toDate(appended_at)
ORDER BY (tenant_id, toStartOfHour(occurred_at), zone_id, type, courier_id, occurred_at)
TTL toDate(appended_at) + INTERVAL 90 DAY
-- The window makes the loader's token count (one for each batch): it is 0 by default, and then a repeated batch doubles.
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
COMMENT 'Where couriers are and what they say of themselves: one row a record of the topic couriers.';
