-- A checkpoint is a chain of cuts: the first writes every row of a partition's state, the later ones what changed since.
-- The log stays the truth: a lost checkpoint costs time, nothing else. The former table held a state in one piece.

DROP TABLE checkpoints;

CREATE TABLE checkpoint_cuts (
  partition       integer     NOT NULL,
  cut             bigint      NOT NULL CHECK (cut >= 1),
  base            bigint      NOT NULL CHECK (base BETWEEN 1 AND cut),
  epoch           integer     NOT NULL CHECK (epoch >= 1),
  operations_next bigint      NOT NULL CHECK (operations_next >= 0),
  couriers_next   bigint      NOT NULL CHECK (couriers_next >= 0),
  decisions_next  bigint      NOT NULL CHECK (decisions_next >= 0),
  decisions_epoch integer     NOT NULL CHECK (decisions_epoch >= 0),
  fold_version    text        NOT NULL,
  format          integer     NOT NULL,
  bytes           bigint      NOT NULL CHECK (bytes >= 0),
  written_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, cut)
);
COMMENT ON TABLE checkpoint_cuts IS 'The folded state of a partition at an offset: the parts of all cuts from base to this one. It holds only what is acknowledged by Kafka; a write of a lower epoch is refused.';
COMMENT ON COLUMN checkpoint_cuts.partition IS 'partition number, the same in operations, couriers and decisions';
COMMENT ON COLUMN checkpoint_cuts.cut IS 'grows with every checkpoint of the partition';
COMMENT ON COLUMN checkpoint_cuts.base IS 'the cut that wrote all rows; every cut after it wrote what had changed';
COMMENT ON COLUMN checkpoint_cuts.epoch IS 'of the owner that wrote it';
COMMENT ON COLUMN checkpoint_cuts.operations_next IS 'first offset of operations that is not folded in';
COMMENT ON COLUMN checkpoint_cuts.couriers_next IS 'first offset of couriers that is not folded in';
COMMENT ON COLUMN checkpoint_cuts.decisions_next IS 'offset in decisions from which a new owner reads what was decided beyond this state';
COMMENT ON COLUMN checkpoint_cuts.decisions_epoch IS 'highest epoch before decisions_next: what a stalled owner wrote behind it with a lower one is void';
COMMENT ON COLUMN checkpoint_cuts.fold_version IS 'code, Node and h3-js that computed the state';
COMMENT ON COLUMN checkpoint_cuts.format IS 'of the parts, see engine/frames.ts';
COMMENT ON COLUMN checkpoint_cuts.bytes IS 'size of its parts';
COMMENT ON COLUMN checkpoint_cuts.written_at IS 'wall clock';

CREATE TABLE checkpoint_parts (
  partition integer NOT NULL,
  cut       bigint  NOT NULL,
  epoch     integer NOT NULL,
  part      integer NOT NULL CHECK (part >= 0),
  frames    bytea   NOT NULL,
  PRIMARY KEY (partition, cut, epoch, part)
);
-- They are compressed already.
ALTER TABLE checkpoint_parts ALTER COLUMN frames SET STORAGE EXTERNAL;
COMMENT ON TABLE checkpoint_parts IS 'Rows of a partition''s state. They count once their cut is written, by the same epoch.';
COMMENT ON COLUMN checkpoint_parts.partition IS 'partition number';
COMMENT ON COLUMN checkpoint_parts.cut IS 'the cut that they belong to';
COMMENT ON COLUMN checkpoint_parts.epoch IS 'of the owner that wrote them: two owners never write the same part';
COMMENT ON COLUMN checkpoint_parts.part IS 'their order within the cut';
COMMENT ON COLUMN checkpoint_parts.frames IS 'compressed rows, see engine/frames.ts';
