-- Who carries what. Times are ms since 1970 UTC of the business clock.

CREATE TABLE trips (
  tenant_id text NOT NULL,
  trip_id text NOT NULL,
  zone_id text NOT NULL,
  courier_id text NOT NULL,
  warehouse_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('offered', 'accepted', 'under_way', 'done', 'cancelled')),
  version integer NOT NULL,
  pinned boolean NOT NULL,
  stops jsonb NOT NULL,
  offered_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant_id, trip_id)
);
CREATE UNIQUE INDEX trips_one_a_courier ON trips (tenant_id, courier_id) WHERE state IN ('offered', 'accepted', 'under_way');
CREATE INDEX trips_active ON trips (zone_id) WHERE state IN ('offered', 'accepted', 'under_way');
COMMENT ON TABLE trips IS 'A courier''s ordered stops. A courier is on one active trip at most: the partial index says so';
COMMENT ON COLUMN trips.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN trips.trip_id IS 'UUIDv7';
COMMENT ON COLUMN trips.zone_id IS 'the city';
COMMENT ON COLUMN trips.courier_id IS 'who carries it';
COMMENT ON COLUMN trips.warehouse_id IS 'of the first pickup';
COMMENT ON COLUMN trips.state IS 'see dispatch/trip_life.ts';
COMMENT ON COLUMN trips.version IS 'rises by one with every change; the version of its events in deliveries';
COMMENT ON COLUMN trips.pinned IS 'set by a dispatcher: the solver leaves it alone';
COMMENT ON COLUMN trips.stops IS 'list of {kind, fulfilment_id, order_id, point, eta} in the order of visiting';
COMMENT ON COLUMN trips.offered_at IS 'when this courier was asked';
COMMENT ON COLUMN trips.updated_at IS 'business time of the last change';
COMMENT ON COLUMN trips.changed_by IS 'actor of the last change, as kind:id';

CREATE TABLE trip_orders (
  tenant_id text NOT NULL,
  trip_id text NOT NULL,
  order_id text NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, trip_id, order_id),
  FOREIGN KEY (tenant_id, trip_id) REFERENCES trips (tenant_id, trip_id)
);
CREATE UNIQUE INDEX trip_orders_one_an_order ON trip_orders (tenant_id, order_id) WHERE active;
COMMENT ON TABLE trip_orders IS 'Which orders a trip carries. An order is on one active trip at most: the partial index says so';
COMMENT ON COLUMN trip_orders.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN trip_orders.trip_id IS 'of trips';
COMMENT ON COLUMN trip_orders.order_id IS 'of orders';
COMMENT ON COLUMN trip_orders.active IS 'still to be brought by this trip';

CREATE TABLE declined_offers (
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  courier_id text NOT NULL,
  until bigint NOT NULL,
  PRIMARY KEY (tenant_id, order_id, courier_id)
);
COMMENT ON TABLE declined_offers IS 'Whom not to ask again at once: the courier declined this order or did not answer';
COMMENT ON COLUMN declined_offers.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN declined_offers.order_id IS 'of orders';
COMMENT ON COLUMN declined_offers.courier_id IS 'who declined';
COMMENT ON COLUMN declined_offers.until IS 'business time after which the courier may be asked again';
