-- Events that were decided in a Postgres transaction and are still to be published to Kafka, or have been.

CREATE TABLE outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  zone_id      text NOT NULL,
  topic        text NOT NULL CHECK (topic IN ('operations', 'deliveries', 'couriers')),
  key          text NOT NULL,
  event        jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  attempts     integer NOT NULL DEFAULT 0,
  last_error   text
);
-- What waits is a handful of rows; what was published is many.
CREATE INDEX outbox_waiting ON outbox (zone_id, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
COMMENT ON TABLE outbox IS 'Written in the transaction that it belongs to, published by one relay a zone in the order of id, marked one by one after Kafka''s acknowledgement. A crash in between sends a row again with the same event_id: readers drop it.';
COMMENT ON COLUMN outbox.id IS 'Order of publishing within a zone. A transaction that commits late may publish a lower id after a higher one: readers skip lower versions.';
COMMENT ON COLUMN outbox.zone_id IS 'One relay at a time works on a zone.';
COMMENT ON COLUMN outbox.topic IS 'Topic, without the namespace.';
COMMENT ON COLUMN outbox.key IS 'Kafka key; the partition follows from it.';
COMMENT ON COLUMN outbox.event IS 'The whole event as it goes to Kafka.';
COMMENT ON COLUMN outbox.created_at IS 'Wall time of the transaction.';
COMMENT ON COLUMN outbox.published_at IS 'Wall time of Kafka''s acknowledgement; null while it waits.';
COMMENT ON COLUMN outbox.attempts IS 'Times that publishing failed.';
COMMENT ON COLUMN outbox.last_error IS 'Why it failed last.';

CREATE FUNCTION tell_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('waggle_outbox', '');
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tell_outbox IS 'Wakes the relays: the channel waggle_outbox.';
CREATE TRIGGER tell AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION tell_outbox();
