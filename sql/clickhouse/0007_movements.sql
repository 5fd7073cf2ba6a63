-- The ledger of stock: one row a movement (a record of the topic `movements` holds many); one row for a record without any.
--
-- No day of the wall clock is needed to find a SKU's history, so it is ordered by warehouse, SKU and time alone: the last
-- 100 movements of one SKU read one granule or two of each day.
CREATE TABLE IF NOT EXISTS movements (
  kafka_partition UInt32 COMMENT 'of the topic movements, and of the event in operations',
  kafka_offset UInt64 COMMENT 'of the record in its partition; partition, offset and movement_index name the row' CODEC(Delta, ZSTD(1)),
  appended_at DateTime64(3, 'UTC') COMMENT 'when Kafka took the record, wall clock; rows are partitioned by its day' CODEC(Delta, ZSTD(1)),
  movement_index UInt32 COMMENT 'place of the movement within its record, from 0' CODEC(Delta, ZSTD(1)),
  type LowCardinality(String) COMMENT 'moved; owner: an engine took the partition over; unreadable: the bytes are not a record of movements',
  void UInt8 COMMENT '1: counts for nobody. Written by an engine that had lost the partition, or told before: after a crash the next engine tells again what it folds again',
  epoch UInt64 COMMENT 'of the engine that wrote it: it rises with every new owner of the partition',
  source_offset Nullable(UInt64) COMMENT 'offset in operations, same partition, of the event that led to it; NULL for owner' CODEC(Delta, ZSTD(1)),
  fold_version LowCardinality(String) COMMENT 'version of the code that folded',
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  warehouse_id LowCardinality(String) COMMENT 'the warehouse whose stock changed',
  sku LowCardinality(String) COMMENT 'stock keeping unit',
  occurred_at DateTime64(3, 'UTC') COMMENT 'when it changed, business clock; appended_at for owner' CODEC(Delta, ZSTD(1)),
  on_hand Int64 COMMENT 'change of what is on the shelf, in the unit of the SKU' CODEC(T64, ZSTD(1)),
  reserved Int64 COMMENT 'change of what is kept for orders and holds' CODEC(T64, ZSTD(1)),
  safety Int64 COMMENT 'change of what is never promised' CODEC(T64, ZSTD(1)),
  in_transit Int64 COMMENT 'change of what is on its way to this warehouse' CODEC(T64, ZSTD(1)),
  cause LowCardinality(String) COMMENT 'why, in one word: count, adjustment, received, put_back, reserved, released, expired, picked, short and the like',
  ref String COMMENT 'order, hold or transfer, or the reason of an adjustment; empty: nothing to name' CODEC(ZSTD(1)),
  data String COMMENT 'empty for movements, whose columns say all; else the record as it came; bytes that are not UTF-8 stand as base64: and their base64' CODEC(ZSTD(3)),
  INDEX ref_bloom ref TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(appended_at)
ORDER BY (tenant_id, warehouse_id, sku, occurred_at, source_offset)
TTL toDate(appended_at) + INTERVAL 730 DAY
-- The window makes the loader's token count (one for each batch): it is 0 by default, and then a repeated batch doubles.
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1, allow_nullable_key = 1
COMMENT 'Every change of stock with its cause: one row a movement. Count only rows with void = 0: their sum up to a source_offset is what the engine held there.';

-- What moved in an hour of the business clock, by SKU and cause. Levels are running sums of it (view stock_levels).
-- Not partitioned and without a TTL, since hours come from events and a level needs all hours before it.
CREATE TABLE IF NOT EXISTS stock_by_hour_parts (
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  warehouse_id LowCardinality(String) COMMENT 'the warehouse',
  sku LowCardinality(String) COMMENT 'stock keeping unit',
  hour DateTime('UTC') COMMENT 'start of the hour, business clock',
  on_hand SimpleAggregateFunction(sum, Int64) COMMENT 'change of what is on the shelf',
  reserved SimpleAggregateFunction(sum, Int64) COMMENT 'change of what is kept for orders and holds',
  safety SimpleAggregateFunction(sum, Int64) COMMENT 'change of what is never promised',
  in_transit SimpleAggregateFunction(sum, Int64) COMMENT 'change of what is on its way to this warehouse',
  came_in SimpleAggregateFunction(sum, Int64) COMMENT 'received, put back, and from other warehouses',
  picked SimpleAggregateFunction(sum, Int64) COMMENT 'off the shelf and into bags',
  corrected SimpleAggregateFunction(sum, Int64) COMMENT 'by counts and adjustments; below 0: goods were missing',
  movements SimpleAggregateFunction(sum, UInt64) COMMENT 'rows of movements in these sums'
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, warehouse_id, sku, hour, zone_id)
-- A window of its own: without it a repeated batch is dropped from the raw table and counted again here.
SETTINGS non_replicated_deduplication_window = 100000
COMMENT 'Parts of stock_by_hour, which is the one to read';

CREATE MATERIALIZED VIEW IF NOT EXISTS movements_to_hours TO stock_by_hour_parts AS
SELECT
  tenant_id, zone_id, warehouse_id, sku, toStartOfHour(toDateTime(occurred_at, 'UTC')) AS hour,
  sum(m.on_hand) AS on_hand, sum(m.reserved) AS reserved, sum(m.safety) AS safety, sum(m.in_transit) AS in_transit,
  sumIf(m.on_hand, cause IN ('received', 'put_back', 'transfer_received')) AS came_in,
  -sumIf(m.on_hand, cause = 'picked') AS picked,
  sumIf(m.on_hand, cause IN ('count', 'adjustment')) AS corrected,
  count() AS movements
FROM movements AS m
WHERE void = 0 AND type = 'moved'
GROUP BY tenant_id, zone_id, warehouse_id, sku, hour;

CREATE VIEW IF NOT EXISTS stock_by_hour (
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  warehouse_id LowCardinality(String) COMMENT 'the warehouse',
  sku LowCardinality(String) COMMENT 'stock keeping unit',
  hour DateTime('UTC') COMMENT 'start of the hour, business clock; only hours in which something moved',
  on_hand Int64 COMMENT 'on the shelf at the end of the hour, in the unit of the SKU',
  reserved Int64 COMMENT 'kept for orders and holds at the end of the hour',
  safety Int64 COMMENT 'never promised, at the end of the hour',
  in_transit Int64 COMMENT 'on its way to this warehouse at the end of the hour',
  came_in Int64 COMMENT 'received, put back, and from other warehouses, in the hour',
  picked Int64 COMMENT 'off the shelf and into bags in the hour',
  corrected Int64 COMMENT 'by counts and adjustments in the hour; below 0: goods were missing',
  movements UInt64 COMMENT 'changes in the hour'
) AS
SELECT
  tenant_id, zone_id, warehouse_id, sku, hour,
  sum(d_on_hand) OVER past AS on_hand, sum(d_reserved) OVER past AS reserved,
  sum(d_safety) OVER past AS safety, sum(d_in_transit) OVER past AS in_transit,
  came_in, picked, corrected, movements
FROM (
  SELECT
    tenant_id, zone_id, warehouse_id, sku, hour,
    sum(on_hand) AS d_on_hand, sum(reserved) AS d_reserved, sum(safety) AS d_safety, sum(in_transit) AS d_in_transit,
    sum(came_in) AS came_in, sum(picked) AS picked, sum(corrected) AS corrected, sum(movements) AS movements
  FROM stock_by_hour_parts
  GROUP BY tenant_id, zone_id, warehouse_id, sku, hour
)
WINDOW past AS (PARTITION BY tenant_id, warehouse_id, sku ORDER BY hour ROWS UNBOUNDED PRECEDING)
COMMENT 'Levels at the end of each hour in which something moved, and what moved in it (business clock)';
