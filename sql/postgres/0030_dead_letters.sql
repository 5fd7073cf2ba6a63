-- Dead letters that people sent again. The letters themselves lie in Kafka; this says who sent which, and what exactly.

CREATE TABLE dead_letter_redrives (
  namespace        text        NOT NULL,
  letter_id        text        NOT NULL CHECK (letter_id ~ '^[a-z-]+/[0-9]+/[0-9]+$'),
  reason           text        NOT NULL,
  value            bytea       NOT NULL,
  edited           boolean     NOT NULL,
  event_id         text,
  former_event_id  text,
  target_topic     text        NOT NULL,
  target_partition integer     NOT NULL,
  target_key       text        NOT NULL,
  target_from      bigint      NOT NULL CHECK (target_from >= 0),
  target_offset    bigint,
  actor            text        NOT NULL,
  note             text,
  asked_at         timestamptz NOT NULL DEFAULT now(),
  published_at     timestamptz,
  PRIMARY KEY (namespace, letter_id),
  CHECK ((target_offset IS NULL) = (published_at IS NULL))
);
CREATE UNIQUE INDEX dead_letter_redrives_by_target
  ON dead_letter_redrives (namespace, target_topic, target_partition, target_offset) WHERE target_offset IS NOT NULL;
COMMENT ON TABLE dead_letter_redrives IS 'One row a dead letter that was sent again: of two people only one can. Written before the bytes are published, so that whoever goes on after a crash publishes the same or finds them published.';
COMMENT ON COLUMN dead_letter_redrives.namespace IS 'prefix of the topics';
COMMENT ON COLUMN dead_letter_redrives.letter_id IS 'where the letter came from: topic/partition/offset, the topic without the namespace';
COMMENT ON COLUMN dead_letter_redrives.reason IS 'why it had died';
COMMENT ON COLUMN dead_letter_redrives.value IS 'the bytes that are published: the original ones, or as edited, or with a new event_id';
COMMENT ON COLUMN dead_letter_redrives.edited IS 'whether a person corrected them';
COMMENT ON COLUMN dead_letter_redrives.event_id IS 'of the bytes; NULL where they have none';
COMMENT ON COLUMN dead_letter_redrives.former_event_id IS 'of the letter, where it had to get a new one: it stands in causation_id';
COMMENT ON COLUMN dead_letter_redrives.target_topic IS 'without the namespace';
COMMENT ON COLUMN dead_letter_redrives.target_partition IS 'of its key; the one it came from where it has no key';
COMMENT ON COLUMN dead_letter_redrives.target_key IS 'of the message in Kafka';
COMMENT ON COLUMN dead_letter_redrives.target_from IS 'end of the target partition when this row was written: the bytes lie behind it or are not published';
COMMENT ON COLUMN dead_letter_redrives.target_offset IS 'where the bytes came to lie. A dead letter from there points to this one';
COMMENT ON COLUMN dead_letter_redrives.actor IS 'who sent it again, as kind:id';
COMMENT ON COLUMN dead_letter_redrives.note IS 'why, in the words of who sent it';
COMMENT ON COLUMN dead_letter_redrives.asked_at IS 'wall clock';
COMMENT ON COLUMN dead_letter_redrives.published_at IS 'wall clock, after the acknowledgement of Kafka';
