-- Who folds a partition, and how far it has come. The log stays the truth: a lost checkpoint costs time, nothing else.

CREATE TABLE partition_owners (
  partition  integer     PRIMARY KEY,
  epoch      integer     NOT NULL CHECK (epoch >= 1),
  owner      text        NOT NULL,
  raised_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE partition_owners IS 'The newest owner of each partition of operations. A record of a lower epoch is void for every reader.';
COMMENT ON COLUMN partition_owners.partition IS 'partition number, the same in operations, decisions and couriers';
COMMENT ON COLUMN partition_owners.epoch IS 'raised by one with every new owner';
COMMENT ON COLUMN partition_owners.owner IS 'host, process and instance, for people';
COMMENT ON COLUMN partition_owners.raised_at IS 'wall clock';

CREATE TABLE checkpoints (
  topic          text        NOT NULL CHECK (topic IN ('operations', 'couriers')),
  partition      integer     NOT NULL,
  epoch          integer     NOT NULL,
  next_offset    bigint      NOT NULL CHECK (next_offset >= 0),
  decisions_next bigint      NOT NULL DEFAULT 0 CHECK (decisions_next >= 0),
  decisions_epoch integer    NOT NULL DEFAULT 0 CHECK (decisions_epoch >= 0),
  fold_version   text        NOT NULL,
  state          bytea       NOT NULL,
  written_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE checkpoints IS 'The folded state of a partition up to an offset. It holds only what is acknowledged by Kafka; a write of a lower epoch is refused.';
COMMENT ON COLUMN checkpoints.topic IS 'operations (zones) or couriers (fleet)';
COMMENT ON COLUMN checkpoints.partition IS 'partition number';
COMMENT ON COLUMN checkpoints.epoch IS 'of the owner that wrote it';
COMMENT ON COLUMN checkpoints.next_offset IS 'first offset of the topic that is not folded in';
COMMENT ON COLUMN checkpoints.decisions_next IS 'offset in decisions from which a new owner reads what was decided beyond this state';
COMMENT ON COLUMN checkpoints.decisions_epoch IS 'highest epoch before decisions_next: what a stalled owner wrote behind it with a lower one is void';
COMMENT ON COLUMN checkpoints.fold_version IS 'code, Node and h3-js that computed the state';
COMMENT ON COLUMN checkpoints.state IS 'compressed bytes, see engine/checkpoint.ts';
COMMENT ON COLUMN checkpoints.written_at IS 'wall clock';
