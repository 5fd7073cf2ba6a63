-- The shift log: what people and partners' systems note down beside the work. Times are ms since 1970 UTC of the business clock.

CREATE TABLE notes (
  tenant_id text NOT NULL,
  note_id text NOT NULL,
  zone_id text NOT NULL REFERENCES zones ON DELETE CASCADE,
  text text NOT NULL,
  tone text NOT NULL CHECK (tone IN ('good', 'plain', 'warn', 'bad')),
  point jsonb,
  warehouse_id text,
  order_id text,
  courier_id text,
  posted_at bigint NOT NULL,
  actor text NOT NULL,
  correlation_id text NOT NULL,
  PRIMARY KEY (tenant_id, note_id)
);
CREATE INDEX notes_zone ON notes (tenant_id, zone_id, note_id);
COMMENT ON TABLE notes IS 'The shift log, a row a note; never changed. The same note is an event note.posted';
COMMENT ON COLUMN notes.tenant_id IS 'who it belongs to';
COMMENT ON COLUMN notes.note_id IS 'UUIDv7: by it notes are in the order of posting';
COMMENT ON COLUMN notes.zone_id IS 'the city';
COMMENT ON COLUMN notes.text IS 'one plain sentence; holds nobody''s name, phone number or address';
COMMENT ON COLUMN notes.tone IS 'how it is shown';
COMMENT ON COLUMN notes.point IS '{lat, lng} where it happened, degrees WGS 84; null: nowhere in particular';
COMMENT ON COLUMN notes.warehouse_id IS 'the warehouse that it is about; null: none';
COMMENT ON COLUMN notes.order_id IS 'the order that it is about; null: none';
COMMENT ON COLUMN notes.courier_id IS 'the courier whom it is about; null: none';
COMMENT ON COLUMN notes.posted_at IS 'business time';
COMMENT ON COLUMN notes.actor IS 'who wrote it, as kind:id';
COMMENT ON COLUMN notes.correlation_id IS 'leads to the logs of all services';
