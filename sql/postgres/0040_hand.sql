-- The dispatchers' hand and the couriers' side of the book. Times are ms since 1970 UTC of the business clock.

CREATE TABLE commands (
  tenant_id text NOT NULL,
  actor text NOT NULL,
  idempotency_key text NOT NULL,
  action text NOT NULL,
  request_hash text NOT NULL,
  outcome jsonb,
  at bigint NOT NULL,
  at_wall timestamptz NOT NULL DEFAULT now(),
  correlation_id text NOT NULL,
  PRIMARY KEY (tenant_id, actor, idempotency_key)
);
CREATE INDEX commands_age ON commands (at_wall);
COMMENT ON TABLE commands IS 'What became of each command that came with an Idempotency-Key, written in the transaction of its effect: whoever asks again learns it, after a crash too';
COMMENT ON COLUMN commands.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN commands.actor IS 'who commanded, as kind:id; a key is unique within its actor';
COMMENT ON COLUMN commands.idempotency_key IS 'as the caller sent it; a bulk adds # and the number of the row';
COMMENT ON COLUMN commands.action IS 'such as order.reassign';
COMMENT ON COLUMN commands.request_hash IS 'sha256 of subject, version and body: the same key with another request is refused';
COMMENT ON COLUMN commands.outcome IS 'the answer: {done} or {refused}; null only within the transaction that makes it';
COMMENT ON COLUMN commands.at IS 'business time';
COMMENT ON COLUMN commands.at_wall IS 'wall time; rows are forgotten after some days';
COMMENT ON COLUMN commands.correlation_id IS 'of the first asking';

-- The key is kept in commands now; here it only tells which rows one command wrote.
DROP INDEX audit_idempotency;
ALTER TABLE audit ADD COLUMN undone_by bigint;
COMMENT ON COLUMN audit.undone_by IS 'id of the row that took this one back; null: it stands';

ALTER TABLE order_history ADD COLUMN version integer;
COMMENT ON COLUMN order_history.version IS 'of the order after it; null: the order''s row did not change';

ALTER TABLE trips DROP CONSTRAINT trips_state_check;
ALTER TABLE trips ADD CONSTRAINT trips_state_check
  CHECK (state IN ('planned', 'offered', 'accepted', 'under_way', 'done', 'cancelled'));
CREATE INDEX trips_planned ON trips (tenant_id, courier_id, trip_id) WHERE state = 'planned';
COMMENT ON TABLE trips IS 'A courier''s ordered stops. A courier is on one trip at most (the partial index says so); what comes after it is planned';

-- Every part of an order has a state of its own now.
UPDATE orders SET fulfilments = coalesce((
  SELECT jsonb_agg(part || jsonb_build_object('state', CASE
    WHEN orders.state IN ('picked_up', 'delivered', 'failed') THEN orders.state
    WHEN orders.state IN ('rejected', 'cancelled') THEN 'released'
    WHEN part ->> 'packed_at' IS NOT NULL THEN 'packed'
    WHEN orders.state = 'picking' THEN 'picking'
    ELSE 'reserved' END) ORDER BY n)
  FROM jsonb_array_elements(orders.fulfilments) WITH ORDINALITY AS parts (part, n)), '[]');
COMMENT ON COLUMN orders.fulfilments IS 'list of {fulfilment_id, warehouse_id, state, lines, ready_at, packed_at}; mostly one. state: see dispatch/fulfilment_life.ts';

CREATE TABLE delivery_attempts (
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  trip_id text NOT NULL,
  courier_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('on_the_way', 'at_door', 'delivered', 'failed')),
  reason text,
  began_at bigint NOT NULL,
  arrived_at bigint,
  ended_at bigint,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant_id, order_id, number)
);
-- An order is being brought to one door at a time.
CREATE UNIQUE INDEX delivery_attempts_one_open ON delivery_attempts (tenant_id, order_id) WHERE ended_at IS NULL;
COMMENT ON TABLE delivery_attempts IS 'Each time that a courier sets out to a door with an order, and what became of it';
COMMENT ON COLUMN delivery_attempts.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN delivery_attempts.order_id IS 'of orders';
COMMENT ON COLUMN delivery_attempts.number IS '1 for the first';
COMMENT ON COLUMN delivery_attempts.trip_id IS 'of trips';
COMMENT ON COLUMN delivery_attempts.courier_id IS 'who brings it';
COMMENT ON COLUMN delivery_attempts.state IS 'see dispatch/attempt_life.ts';
COMMENT ON COLUMN delivery_attempts.reason IS 'why it failed; null: it did not';
COMMENT ON COLUMN delivery_attempts.began_at IS 'the pickup, or the end of the attempt before';
COMMENT ON COLUMN delivery_attempts.arrived_at IS 'at the door; null: nobody said so';
COMMENT ON COLUMN delivery_attempts.ended_at IS 'delivered or failed; null: it goes on';
COMMENT ON COLUMN delivery_attempts.changed_by IS 'actor of the last change, as kind:id';

CREATE TABLE returns (
  tenant_id text NOT NULL,
  return_id text NOT NULL,
  zone_id text NOT NULL,
  order_id text NOT NULL,
  fulfilment_id text NOT NULL,
  trip_id text NOT NULL,
  courier_id text,
  warehouse_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'with_courier', 'received', 'lost', 'withdrawn')),
  version integer NOT NULL,
  reason text NOT NULL,
  opened_at bigint NOT NULL,
  closed_at bigint,
  updated_at bigint NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant_id, return_id)
);
-- Goods come back once: a part has one return that was not withdrawn.
CREATE UNIQUE INDEX returns_one_a_part ON returns (tenant_id, order_id, fulfilment_id) WHERE state <> 'withdrawn';
CREATE INDEX returns_open ON returns (tenant_id, courier_id) WHERE closed_at IS NULL;
COMMENT ON TABLE returns IS 'Goods on their way back: what could not be handed over, or what a customer gives back after delivery. The order itself stays as it ended';
COMMENT ON COLUMN returns.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN returns.return_id IS 'UUIDv7';
COMMENT ON COLUMN returns.zone_id IS 'the city';
COMMENT ON COLUMN returns.order_id IS 'of orders';
COMMENT ON COLUMN returns.fulfilment_id IS 'the part of the order from one warehouse';
COMMENT ON COLUMN returns.trip_id IS 'the trip on which it went out';
COMMENT ON COLUMN returns.courier_id IS 'who has the goods; null: the customer has';
COMMENT ON COLUMN returns.warehouse_id IS 'where they came from and go to';
COMMENT ON COLUMN returns.state IS 'see dispatch/return_life.ts';
COMMENT ON COLUMN returns.version IS 'rises by one with every change';
COMMENT ON COLUMN returns.reason IS 'one word';
COMMENT ON COLUMN returns.opened_at IS 'business time';
COMMENT ON COLUMN returns.closed_at IS 'received, lost or withdrawn; null: open';
COMMENT ON COLUMN returns.updated_at IS 'business time of the last change';
COMMENT ON COLUMN returns.changed_by IS 'actor of the last change, as kind:id';

CREATE TABLE zone_assignment (
  tenant_id text NOT NULL,
  zone_id text NOT NULL REFERENCES zones ON DELETE CASCADE,
  mode text NOT NULL CHECK (mode IN ('on', 'suggest', 'off')),
  version integer NOT NULL,
  reason text NOT NULL,
  updated_at bigint NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant_id, zone_id)
);
COMMENT ON TABLE zone_assignment IS 'Whether couriers are assigned by themselves; a zone without a row: on';
COMMENT ON COLUMN zone_assignment.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN zone_assignment.zone_id IS 'of zones';
COMMENT ON COLUMN zone_assignment.mode IS 'on: the plan is carried out; suggest: it is only shown; off: nothing is planned';
COMMENT ON COLUMN zone_assignment.version IS 'rises by one with every change';
COMMENT ON COLUMN zone_assignment.reason IS 'as the person gave it';
COMMENT ON COLUMN zone_assignment.updated_at IS 'business time of the last change';
COMMENT ON COLUMN zone_assignment.changed_by IS 'actor of the last change, as kind:id';
