-- One row a record of the topic `dead-letters`.
CREATE TABLE IF NOT EXISTS dead_letters (
  kafka_partition UInt32 COMMENT 'of the topic dead-letters',
  kafka_offset UInt64 COMMENT 'of the record in its partition; partition and offset name the record' CODEC(Delta, ZSTD(1)),
  appended_at DateTime64(3, 'UTC') COMMENT 'when Kafka took the record, wall clock; rows are partitioned by its day' CODEC(Delta, ZSTD(1)),
  origin_topic LowCardinality(String) COMMENT 'topic of the record that could not be used',
  origin_partition UInt32 COMMENT 'partition of that record',
  origin_offset UInt64 COMMENT 'offset of that record; with topic and partition it tells repeats apart',
  reason LowCardinality(String) COMMENT 'why it could not be used, from a closed list',
  detail String COMMENT 'the same in a sentence' CODEC(ZSTD(1)),
  event_id String COMMENT 'of the event, if it can be read; else empty' CODEC(ZSTD(1)),
  type LowCardinality(String) COMMENT 'of the event, if it can be read; else unreadable',
  tenant_id LowCardinality(String) COMMENT 'of the event, if it can be read; else empty',
  zone_id LowCardinality(String) COMMENT 'of the event, if it can be read; else empty',
  occurred_at DateTime64(3, 'UTC') COMMENT 'of the event, if it can be read, business clock; else appended_at' CODEC(Delta, ZSTD(1)),
  correlation_id String COMMENT 'of the event, if it can be read; else empty' CODEC(ZSTD(1)),
  data String COMMENT 'the whole record as it came; bytes that are not UTF-8 stand as base64: and their base64' CODEC(ZSTD(3)),
  INDEX correlation_id_bloom correlation_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(appended_at)
ORDER BY (tenant_id, toStartOfHour(occurred_at), origin_topic, reason, occurred_at)
TTL toDate(appended_at) + INTERVAL 180 DAY
-- The window makes the loader's token count (one for each batch): it is 0 by default, and then a repeated batch doubles.
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
COMMENT 'What could not be used, with the reason: one row a record of the topic dead-letters.';
