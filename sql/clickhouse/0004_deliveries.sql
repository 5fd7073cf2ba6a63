-- One row a record of the topic `deliveries`.
CREATE TABLE IF NOT EXISTS deliveries (
  kafka_partition UInt32 COMMENT 'of the topic deliveries',
  kafka_offset UInt64 COMMENT 'of the record in its partition; partition and offset name the record' CODEC(Delta, ZSTD(1)),
  appended_at DateTime64(3, 'UTC') COMMENT 'when Kafka took the record, wall clock; rows are partitioned by its day' CODEC(Delta, ZSTD(1)),
  event_id String COMMENT 'UUIDv7 of the event; an event sent twice may stand twice in the log, and so here' CODEC(ZSTD(1)),
  type LowCardinality(String) COMMENT 'such as trip.assigned or delivery.delivered; unreadable: the bytes are not an event',
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  occurred_at DateTime64(3, 'UTC') COMMENT 'when it happened, business clock; appended_at where the event does not say' CODEC(Delta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') COMMENT 'when ingest took it, wall clock; appended_at where the event does not say' CODEC(Delta, ZSTD(1)),
  source LowCardinality(String) COMMENT 'the system that spoke',
  actor String COMMENT 'who is behind it, kind:id' CODEC(ZSTD(1)),
  correlation_id String COMMENT 'the same from the first request to the last decision' CODEC(ZSTD(1)),
  causation_id String COMMENT 'event_id of what led to it; empty: nothing did' CODEC(ZSTD(1)),
  trip_id String COMMENT 'the ordered stops of one courier; empty: unreadable' CODEC(ZSTD(1)),
  version UInt32 COMMENT 'of the trip, rising with every change of it; the same one twice is a repeat',
  courier_id LowCardinality(String) COMMENT 'the courier; empty: the event names none',
  warehouse_id LowCardinality(String) COMMENT 'the warehouse; empty: the event names none',
  order_id String COMMENT 'the order, unique within its tenant; empty: the event names none' CODEC(ZSTD(1)),
  fulfilment_id String COMMENT 'the part of the order from one warehouse; empty: the event names none' CODEC(ZSTD(1)),
  reason LowCardinality(String) COMMENT 'why, in one word; empty: the event gives none',
  stops UInt16 COMMENT 'stops of the trip; 0: the event does not hold them',
  picked_up_at Nullable(DateTime64(3, 'UTC')) COMMENT 'business clock, with delivery.picked_up; else NULL',
  delivered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'business clock, with delivery.delivered; else NULL',
  late_s Nullable(Int64) COMMENT 's after the first promise, negative: early; with delivery.delivered; else NULL',
  data String COMMENT 'the data of the event as JSON; bytes that are not UTF-8 stand as base64: and their base64' CODEC(ZSTD(3)),
  INDEX order_id_bloom order_id TYPE bloom_filter GRANULARITY 4,
  INDEX correlation_id_bloom correlation_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(appended_at)
ORDER BY (tenant_id, toStartOfHour(occurred_at), warehouse_id, type, occurred_at)
TTL toDate(appended_at) + INTERVAL 730 DAY
-- The window makes the loader's token count (one for each batch): it is 0 by default, and then a repeated batch doubles.
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
COMMENT 'What dispatch and couriers did: one row a record of the topic deliveries. A record that dispatch sent twice stands twice: count distinct orders.';
