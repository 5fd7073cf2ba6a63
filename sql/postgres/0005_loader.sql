-- The loader's book: which parts of the log ClickHouse has, so that a batch that was cut short is done again the same.

CREATE TABLE loader_positions (
  table_id text NOT NULL,
  namespace text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  epoch bigint NOT NULL DEFAULT 0,
  source_offset bigint NOT NULL DEFAULT -1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (table_id, namespace, topic, partition)
);
COMMENT ON TABLE loader_positions IS 'How far the recorded batches of a partition reach. A batch moves next_offset from where it begins to where it ends; of two loaders only one can.';
COMMENT ON COLUMN loader_positions.table_id IS 'UUID of the ClickHouse table: a table made anew has none of the rows, so it is loaded from the beginning';
COMMENT ON COLUMN loader_positions.namespace IS 'prefix of the topics';
COMMENT ON COLUMN loader_positions.topic IS 'without the namespace: operations, couriers …';
COMMENT ON COLUMN loader_positions.partition IS 'of the topic';
COMMENT ON COLUMN loader_positions.next_offset IS 'where the next batch begins';
COMMENT ON COLUMN loader_positions.epoch IS 'decisions: highest epoch below next_offset; a record with a lower one is void';
COMMENT ON COLUMN loader_positions.source_offset IS 'decisions: highest source offset below next_offset that is not void; a record not above it is a repeat; -1: none';
COMMENT ON COLUMN loader_positions.updated_at IS 'wall clock';

CREATE TABLE loader_batches (
  batch_id uuid PRIMARY KEY,
  table_id text NOT NULL,
  namespace text NOT NULL,
  topic text NOT NULL,
  ranges jsonb NOT NULL,
  rows integer NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz
);
CREATE INDEX loader_batches_undone ON loader_batches (table_id, namespace, topic) WHERE done_at IS NULL;
CREATE INDEX loader_batches_by_done ON loader_batches (done_at);
COMMENT ON TABLE loader_batches IS 'One batch is one INSERT with one deduplication token. What is not done is read from Kafka and inserted again, the same.';
COMMENT ON COLUMN loader_batches.batch_id IS 'part of the deduplication token';
COMMENT ON COLUMN loader_batches.table_id IS 'UUID of the ClickHouse table; part of the deduplication token';
COMMENT ON COLUMN loader_batches.namespace IS 'prefix of the topics';
COMMENT ON COLUMN loader_batches.topic IS 'without the namespace';
COMMENT ON COLUMN loader_batches.ranges IS 'list of {partition, from, to, epoch, source_offset}: offsets from ≤ x < to, and the readers'' rule as it stood before `from`';
COMMENT ON COLUMN loader_batches.rows IS 'in the batch: decisions have several a record';
COMMENT ON COLUMN loader_batches.recorded_at IS 'wall clock';
COMMENT ON COLUMN loader_batches.done_at IS 'when ClickHouse had acknowledged it; NULL: perhaps it has not';
