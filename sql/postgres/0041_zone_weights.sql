-- What a zone's courier plans are to be good at, where it is not what is usual. Times are ms since 1970 UTC of the business clock.

CREATE TABLE zone_weights (
  tenant_id text NOT NULL,
  zone_id text NOT NULL REFERENCES zones ON DELETE CASCADE,
  weights jsonb NOT NULL,
  version integer NOT NULL,
  reason text NOT NULL,
  updated_at bigint NOT NULL,
  changed_by text NOT NULL,
  PRIMARY KEY (tenant_id, zone_id)
);
COMMENT ON TABLE zone_weights IS 'Weights of the courier plans'' objective that a zone has set for itself; what is not in it is as dispatch/solver/objective.ts has it';
COMMENT ON COLUMN zone_weights.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN zone_weights.zone_id IS 'of zones';
COMMENT ON COLUMN zone_weights.weights IS 'object: name of a weight → number';
COMMENT ON COLUMN zone_weights.version IS 'rises by one with every change';
COMMENT ON COLUMN zone_weights.reason IS 'as the person gave it';
COMMENT ON COLUMN zone_weights.updated_at IS 'business time of the last change';
COMMENT ON COLUMN zone_weights.changed_by IS 'actor of the last change, as kind:id';
