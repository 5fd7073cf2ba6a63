-- What the book has learnt of each warehouse: projected from decisions, so that who begins anew knows it. Times are ms since
-- 1970 UTC of the business clock.

CREATE TABLE learned_times (
  tenant_id text NOT NULL,
  warehouse_id text NOT NULL,
  what text NOT NULL CHECK (what IN ('preparation', 'plan_error', 'picking_error')),
  seen integer NOT NULL,
  mean_s double precision NOT NULL,
  variance_s2 double precision NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (tenant_id, warehouse_id, what)
);
COMMENT ON TABLE learned_times IS 'How long orders really take until they are packed: mean and variance, the newest counting most';
COMMENT ON COLUMN learned_times.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN learned_times.warehouse_id IS 'of which warehouse';
COMMENT ON COLUMN learned_times.what IS 'preparation: packed less placed; plan_error: packed less when it was thought to be ready before picking began; picking_error: packed less when it was thought to be ready as picking began';
COMMENT ON COLUMN learned_times.seen IS 'orders that it was learnt from';
COMMENT ON COLUMN learned_times.mean_s IS 's';
COMMENT ON COLUMN learned_times.variance_s2 IS 's squared';
COMMENT ON COLUMN learned_times.updated_at IS 'business time of the last order';

CREATE TABLE warehouse_demand (
  tenant_id text NOT NULL,
  warehouse_id text NOT NULL,
  recent double precision NOT NULL,
  as_of bigint NOT NULL,
  PRIMARY KEY (tenant_id, warehouse_id)
);
COMMENT ON TABLE warehouse_demand IS 'How many orders each warehouse was given of late: what idle couriers are moved by';
COMMENT ON COLUMN warehouse_demand.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN warehouse_demand.warehouse_id IS 'of which warehouse';
COMMENT ON COLUMN warehouse_demand.recent IS 'orders, each fading away with a time constant of twenty minutes';
COMMENT ON COLUMN warehouse_demand.as_of IS 'business time to which it has faded';
