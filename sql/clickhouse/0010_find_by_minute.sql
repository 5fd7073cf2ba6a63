-- What the views made of some minutes is compared with the rows of these minutes (engine/io/rollups.ts). The tables are ordered by other
-- things: without an index all rows of a tenant are read for it. Times come nearly in order, so a granule holds few minutes.
ALTER TABLE decisions
  ADD INDEX IF NOT EXISTS placed_minute toStartOfMinute(coalesce(placed_at, occurred_at)) TYPE minmax GRANULARITY 1,
  ADD INDEX IF NOT EXISTS decided_minute toStartOfMinute(occurred_at) TYPE minmax GRANULARITY 1;

ALTER TABLE decisions MATERIALIZE INDEX placed_minute, MATERIALIZE INDEX decided_minute;

ALTER TABLE movements
  ADD INDEX IF NOT EXISTS moved_hour toStartOfHour(toDateTime(occurred_at, 'UTC')) TYPE minmax GRANULARITY 1;

ALTER TABLE movements MATERIALIZE INDEX moved_hour;
