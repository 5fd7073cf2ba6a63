-- Every round of assignment asks for the open trips: planned ones are in none of the other indexes.
CREATE INDEX trips_open ON trips (tenant_id, trip_id) WHERE state IN ('planned', 'offered', 'accepted', 'under_way');

-- Where idle couriers are asked to wait. Times are ms since 1970 UTC of the business clock.
CREATE TABLE courier_moves (
  tenant_id text NOT NULL,
  courier_id text NOT NULL,
  zone_id text NOT NULL,
  warehouse_id text NOT NULL,
  point jsonb NOT NULL,
  why text NOT NULL CHECK (why IN ('orders_expected', 'home')),
  version integer NOT NULL,
  asked_at bigint NOT NULL,
  arrive_by bigint NOT NULL,
  PRIMARY KEY (tenant_id, courier_id)
);
COMMENT ON TABLE courier_moves IS 'Where each idle courier was last asked to wait: an advice, which a trip or the next advice replaces';
COMMENT ON COLUMN courier_moves.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN courier_moves.courier_id IS 'who is asked';
COMMENT ON COLUMN courier_moves.zone_id IS 'the city';
COMMENT ON COLUMN courier_moves.warehouse_id IS 'where to wait';
COMMENT ON COLUMN courier_moves.point IS '{lat, lng} of that warehouse, degrees WGS 84';
COMMENT ON COLUMN courier_moves.why IS 'orders_expected: more orders are expected there than couriers; home: the courier is tied to it';
COMMENT ON COLUMN courier_moves.version IS 'rises by one with every change';
COMMENT ON COLUMN courier_moves.asked_at IS 'business time of the last change';
COMMENT ON COLUMN courier_moves.arrive_by IS 'business time, when it is followed at once';
