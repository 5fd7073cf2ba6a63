-- The dashboard's question: what became of orders, minute by minute (business clock).
--
-- How it counts once. Decisions are unique but for repeats, and the loader marks those void, so they are summed. A record
-- of `deliveries` may come twice (dispatch sends at least once) in two batches far apart, so a sum would count it twice and
-- no token can help: delivered orders are kept as the exact set of their ids. A repeat has the same content and so the same
-- minute, where the set swallows it. The set costs 16 bytes an order; the alternative, remembering the ids in the loader,
-- would need a memory that survives a kill. An order split over two couriers counts in each minute in which a part arrived.
--
-- Not partitioned and without a TTL on purpose: minutes come from events, and a wrong clock must neither open hundreds of
-- partitions in one insert (which fails) nor delete what was loaded.
CREATE TABLE IF NOT EXISTS orders_per_minute_parts (
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  minute DateTime('UTC') COMMENT 'start of the minute, business clock',
  placed SimpleAggregateFunction(sum, UInt64) COMMENT 'orders placed in this minute: first decisions that routed or rejected them',
  routed SimpleAggregateFunction(sum, UInt64) COMMENT 'orders given to a warehouse in this minute',
  rejected SimpleAggregateFunction(sum, UInt64) COMMENT 'orders rejected in this minute',
  cancelled SimpleAggregateFunction(sum, UInt64) COMMENT 'orders cancelled in this minute',
  delivered_orders AggregateFunction(uniqExact, String) COMMENT 'set of the orders delivered in this minute; read with uniqExactMerge',
  late_orders AggregateFunction(uniqExact, String) COMMENT 'those of them after the first promise; read with uniqExactMerge'
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, zone_id, minute)
-- A window of its own: without it a repeated batch is dropped from the raw table and counted again here.
SETTINGS non_replicated_deduplication_window = 100000
COMMENT 'Parts of orders_per_minute, which is the one to read';

-- Placed is counted in the minute of the placing, everything else in the minute in which it was decided.
CREATE MATERIALIZED VIEW IF NOT EXISTS orders_placed_to_minutes TO orders_per_minute_parts AS
SELECT tenant_id, zone_id, toStartOfMinute(coalesce(placed_at, occurred_at)) AS minute, count() AS placed
FROM decisions
WHERE void = 0 AND (type = 'order.routed' OR (type = 'order.rejected' AND attempt <= 1))
GROUP BY tenant_id, zone_id, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS orders_decided_to_minutes TO orders_per_minute_parts AS
SELECT
  tenant_id, zone_id, toStartOfMinute(occurred_at) AS minute,
  countIf(type = 'order.routed') AS routed,
  countIf(type = 'order.rejected') AS rejected,
  countIf(type = 'order.cancelled') AS cancelled
FROM decisions
WHERE void = 0 AND type IN ('order.routed', 'order.rejected', 'order.cancelled')
GROUP BY tenant_id, zone_id, minute;

CREATE MATERIALIZED VIEW IF NOT EXISTS orders_delivered_to_minutes TO orders_per_minute_parts AS
SELECT
  tenant_id, zone_id, toStartOfMinute(coalesce(delivered_at, occurred_at)) AS minute,
  uniqExactState(order_id) AS delivered_orders,
  uniqExactStateIf(order_id, late_s > 0) AS late_orders
FROM deliveries
WHERE type = 'delivery.delivered'
GROUP BY tenant_id, zone_id, minute;

CREATE VIEW IF NOT EXISTS orders_per_minute (
  tenant_id LowCardinality(String) COMMENT 'who the data belongs to',
  zone_id LowCardinality(String) COMMENT 'a city and the warehouses that serve it',
  minute DateTime('UTC') COMMENT 'start of the minute, business clock',
  placed UInt64 COMMENT 'orders placed in this minute and decided since',
  routed UInt64 COMMENT 'orders given to a warehouse in this minute',
  rejected UInt64 COMMENT 'orders rejected in this minute',
  cancelled UInt64 COMMENT 'orders cancelled in this minute',
  delivered UInt64 COMMENT 'orders delivered in this minute',
  late UInt64 COMMENT 'those of them after the first promise'
) AS
SELECT
  tenant_id, zone_id, minute,
  sum(placed) AS placed, sum(routed) AS routed, sum(rejected) AS rejected, sum(cancelled) AS cancelled,
  uniqExactMerge(delivered_orders) AS delivered, uniqExactMerge(late_orders) AS late
FROM orders_per_minute_parts
GROUP BY tenant_id, zone_id, minute
COMMENT 'What became of orders, minute by minute (business clock)';
