CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  reason text,
  before jsonb,
  after jsonb,
  at bigint NOT NULL,
  at_wall timestamptz NOT NULL DEFAULT now(),
  correlation_id text NOT NULL,
  idempotency_key text
);
CREATE INDEX audit_subject ON audit (tenant_id, subject, id);
CREATE UNIQUE INDEX audit_idempotency ON audit (tenant_id, actor, idempotency_key) WHERE idempotency_key IS NOT NULL;
COMMENT ON TABLE audit IS 'What people commanded: who, what, when, before and after. Written in the transaction of the change';
COMMENT ON COLUMN audit.id IS 'in the order of writing';
COMMENT ON COLUMN audit.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN audit.actor IS 'who commanded, as kind:id';
COMMENT ON COLUMN audit.action IS 'such as order.reassign or warehouse.pause';
COMMENT ON COLUMN audit.subject IS 'what was changed, as kind:id';
COMMENT ON COLUMN audit.reason IS 'as the person gave it';
COMMENT ON COLUMN audit.before IS 'the row before; holds no contact';
COMMENT ON COLUMN audit.after IS 'the row afterwards; holds no contact';
COMMENT ON COLUMN audit.at IS 'business time, ms';
COMMENT ON COLUMN audit.at_wall IS 'wall time';
COMMENT ON COLUMN audit.correlation_id IS 'leads to the logs of all services';
COMMENT ON COLUMN audit.idempotency_key IS 'as the caller sent it: the same command again gets the same answer';
