-- What was told of arrivals, what came of it, and what was learnt from that. Times are ms since 1970 UTC of the business clock.

CREATE TABLE eta_told (
  tenant_id text NOT NULL,
  order_id text NOT NULL,
  phase text NOT NULL CHECK (phase IN ('pickup', 'door_ahead', 'door_leaving')),
  zone_id text NOT NULL,
  trip_id text NOT NULL,
  told_at bigint NOT NULL,
  raw_at bigint NOT NULL,
  eta bigint NOT NULL,
  eta_from bigint NOT NULL,
  eta_to bigint NOT NULL,
  actual_at bigint,
  PRIMARY KEY (tenant_id, order_id, phase)
);
CREATE INDEX eta_told_open ON eta_told (tenant_id, order_id) WHERE actual_at IS NULL;
CREATE INDEX eta_told_age ON eta_told (told_at);
COMMENT ON TABLE eta_told IS 'The first estimate of each arrival and its bounds, which the bounds'' calibration is measured against';
COMMENT ON COLUMN eta_told.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN eta_told.order_id IS 'of orders';
COMMENT ON COLUMN eta_told.phase IS 'pickup: told of the pickup when the courier was asked; door_ahead: of the door, then; door_leaving: of the door, as the courier left with it';
COMMENT ON COLUMN eta_told.zone_id IS 'the city';
COMMENT ON COLUMN eta_told.trip_id IS 'of the trip; another trip is told of anew';
COMMENT ON COLUMN eta_told.told_at IS 'when it was told';
COMMENT ON COLUMN eta_told.raw_at IS 'as road, ready time and hand-overs have it, before what was learnt';
COMMENT ON COLUMN eta_told.eta IS 'the estimate';
COMMENT ON COLUMN eta_told.eta_from IS 'in nine of ten not earlier';
COMMENT ON COLUMN eta_told.eta_to IS 'in nine of ten not later';
COMMENT ON COLUMN eta_told.actual_at IS 'picked up, or delivered; null: not yet';

CREATE TABLE eta_errors (
  tenant_id text NOT NULL,
  zone_id text NOT NULL,
  phase text NOT NULL,
  seen integer NOT NULL,
  inside integer NOT NULL,
  low double precision NOT NULL,
  middle double precision NOT NULL,
  high double precision NOT NULL,
  PRIMARY KEY (tenant_id, zone_id, phase)
);
COMMENT ON TABLE eta_errors IS 'How far off arrivals are: three quantiles, each a share of the time that lay ahead when it was told';
COMMENT ON COLUMN eta_errors.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN eta_errors.zone_id IS 'the city';
COMMENT ON COLUMN eta_errors.phase IS 'as in eta_told';
COMMENT ON COLUMN eta_errors.seen IS 'arrivals that it was learnt from';
COMMENT ON COLUMN eta_errors.inside IS 'of these, within the bounds that were told';
COMMENT ON COLUMN eta_errors.low IS 'one in ten is off by less';
COMMENT ON COLUMN eta_errors.middle IS 'half of them are off by less';
COMMENT ON COLUMN eta_errors.high IS 'nine in ten are off by less';
