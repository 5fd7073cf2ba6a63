-- The book of orders: what was asked, what the engine decided of it, and how far its decisions were read.
-- Times are ms since 1970 UTC of the business clock, unless a name says wall.

CREATE TABLE order_requests (
  tenant_id text NOT NULL,
  external_id text NOT NULL,
  order_id text NOT NULL,
  request_hash text NOT NULL,
  zone_id text NOT NULL,
  event jsonb NOT NULL,
  event_id uuid NOT NULL,
  event_made_at_wall bigint NOT NULL,
  asked_at bigint NOT NULL,
  correlation_id text NOT NULL,
  log_partition integer,
  log_offset bigint,
  PRIMARY KEY (tenant_id, external_id),
  UNIQUE (tenant_id, order_id)
);
COMMENT ON TABLE order_requests IS 'One row an order that a partner asked for: what makes POST /v1/orders idempotent. Written before the order goes into the log';
COMMENT ON COLUMN order_requests.tenant_id IS 'who the order belongs to';
COMMENT ON COLUMN order_requests.external_id IS 'the partner''s own number; unique within the tenant';
COMMENT ON COLUMN order_requests.order_id IS 'made once, with the first asking';
COMMENT ON COLUMN order_requests.request_hash IS 'sha256 of the request in canonical form: another hash under the same external_id is a conflict';
COMMENT ON COLUMN order_requests.zone_id IS 'the zone of the order''s point when it was first asked for';
COMMENT ON COLUMN order_requests.event IS 'data of order.placed as published; without contact';
COMMENT ON COLUMN order_requests.event_id IS 'of order.placed; the same in every repetition while the engine still remembers it';
COMMENT ON COLUMN order_requests.event_made_at_wall IS 'when event_id was made, ms of wall time';
COMMENT ON COLUMN order_requests.asked_at IS 'occurred_at of order.placed';
COMMENT ON COLUMN order_requests.correlation_id IS 'of the first asking';
COMMENT ON COLUMN order_requests.log_partition IS 'where order.placed lies in operations; null: Kafka has not acknowledged it, so nobody was promised anything';
COMMENT ON COLUMN order_requests.log_offset IS 'as log_partition';

CREATE TABLE contacts (
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  name text,
  phone text,
  address text,
  note text,
  PRIMARY KEY (tenant_id, order_id)
);
COMMENT ON TABLE contacts IS 'Who receives an order. The only place of names, phones and addresses: deleting a row here erases the person';
COMMENT ON COLUMN contacts.tenant_id IS 'who the order belongs to';
COMMENT ON COLUMN contacts.order_id IS 'of order_requests';
COMMENT ON COLUMN contacts.name IS 'as the partner sent it';
COMMENT ON COLUMN contacts.phone IS 'as the partner sent it';
COMMENT ON COLUMN contacts.address IS 'as the partner sent it';
COMMENT ON COLUMN contacts.note IS 'for the courier, as the partner sent it';

CREATE TABLE orders (
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  external_id text,
  zone_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('placed', 'routed', 'picking', 'packed', 'picked_up', 'delivered', 'failed', 'rejected', 'cancelled')),
  version integer NOT NULL,
  attempt integer NOT NULL,
  point jsonb NOT NULL,
  cell text NOT NULL,
  requires jsonb NOT NULL,
  placed_at bigint NOT NULL,
  fulfilment_id text,
  warehouse_id text,
  fulfilments jsonb NOT NULL,
  lines jsonb NOT NULL,
  promise jsonb,
  first_deliver_by bigint,
  reason text,
  candidates jsonb NOT NULL,
  trip_id text,
  courier_id text,
  pinned boolean NOT NULL,
  cancel_asked boolean NOT NULL,
  packed_at bigint,
  picked_up_at bigint,
  closed_at bigint,
  late_s integer,
  updated_at bigint NOT NULL,
  changed_by text NOT NULL,
  correlation_id text NOT NULL,
  PRIMARY KEY (tenant_id, order_id)
);
CREATE INDEX orders_open ON orders (zone_id, placed_at) WHERE closed_at IS NULL;
CREATE INDEX orders_closed ON orders (tenant_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE UNIQUE INDEX orders_external ON orders (tenant_id, external_id) WHERE external_id IS NOT NULL;
COMMENT ON TABLE orders IS 'The book: one row an order, projected from the engine''s decisions; trips and people add who carries it';
COMMENT ON COLUMN orders.tenant_id IS 'who the order belongs to';
COMMENT ON COLUMN orders.order_id IS 'unique within its tenant';
COMMENT ON COLUMN orders.external_id IS 'the partner''s own number; null: the order came without';
COMMENT ON COLUMN orders.zone_id IS 'the city that decides it';
COMMENT ON COLUMN orders.state IS 'see dispatch/order_life.ts';
COMMENT ON COLUMN orders.version IS 'rises by one with every change; what If-Match names';
COMMENT ON COLUMN orders.attempt IS 'of routing: 0 before the first decision, 1 for the first, +1 with every re-routing';
COMMENT ON COLUMN orders.point IS '{lat, lng} of the door, degrees WGS 84';
COMMENT ON COLUMN orders.cell IS 'H3 of the door at resolution 9';
COMMENT ON COLUMN orders.requires IS 'list: what a courier must have';
COMMENT ON COLUMN orders.placed_at IS 'business time';
COMMENT ON COLUMN orders.fulfilment_id IS 'of the first fulfilment';
COMMENT ON COLUMN orders.warehouse_id IS 'of the first fulfilment';
COMMENT ON COLUMN orders.fulfilments IS 'list of {fulfilment_id, warehouse_id, lines, ready_at, packed_at}; mostly one';
COMMENT ON COLUMN orders.lines IS 'list of {line_id, sku, quantity, unit} as reserved now';
COMMENT ON COLUMN orders.promise IS '{ready_at, deliver_by} as of now';
COMMENT ON COLUMN orders.first_deliver_by IS 'the first promise: never changes, lateness is measured against it';
COMMENT ON COLUMN orders.reason IS 'why rejected, cancelled or failed';
COMMENT ON COLUMN orders.candidates IS 'list of the warehouses looked at in the last routing, best first, with why not';
COMMENT ON COLUMN orders.trip_id IS 'the active trip, or the one that delivered it';
COMMENT ON COLUMN orders.courier_id IS 'of trip_id';
COMMENT ON COLUMN orders.pinned IS 'a dispatcher chose the courier: the solver leaves it alone';
COMMENT ON COLUMN orders.cancel_asked IS 'somebody asked to cancel it, which blocks the pickup until the engine has decided';
COMMENT ON COLUMN orders.packed_at IS 'when all of it was packed';
COMMENT ON COLUMN orders.picked_up_at IS 'business time';
COMMENT ON COLUMN orders.closed_at IS 'when it reached a terminal state; null: open';
COMMENT ON COLUMN orders.late_s IS 's after the first promise at the door; negative: early';
COMMENT ON COLUMN orders.updated_at IS 'business time of the last change';
COMMENT ON COLUMN orders.changed_by IS 'actor of the last change, as kind:id';
COMMENT ON COLUMN orders.correlation_id IS 'of the last change';

CREATE TABLE order_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  at bigint NOT NULL,
  text text NOT NULL,
  actor text,
  correlation_id text NOT NULL
);
CREATE INDEX order_history_order ON order_history (tenant_id, order_id, id);
COMMENT ON TABLE order_history IS 'What happened to an order, one plain sentence each';
COMMENT ON COLUMN order_history.id IS 'in the order of writing';
COMMENT ON COLUMN order_history.tenant_id IS 'who the order belongs to';
COMMENT ON COLUMN order_history.order_id IS 'of orders';
COMMENT ON COLUMN order_history.at IS 'business time';
COMMENT ON COLUMN order_history.text IS 'a plain sentence; holds no person''s data';
COMMENT ON COLUMN order_history.actor IS 'kind:id; null: the engine decided';
COMMENT ON COLUMN order_history.correlation_id IS 'leads to the logs of all services';

CREATE TABLE book_positions (
  log_partition integer PRIMARY KEY,
  epoch bigint NOT NULL,
  next_offset bigint NOT NULL,
  source_offset bigint NOT NULL
);
COMMENT ON TABLE book_positions IS 'How far the book has read decisions, written in the transaction of its effect: a repeated record changes nothing';
COMMENT ON COLUMN book_positions.log_partition IS 'of decisions';
COMMENT ON COLUMN book_positions.epoch IS 'the highest seen: records below it are void';
COMMENT ON COLUMN book_positions.next_offset IS 'first offset not yet applied';
COMMENT ON COLUMN book_positions.source_offset IS 'the highest applied, of operations; a record not above it repeats another one; -1: none';
