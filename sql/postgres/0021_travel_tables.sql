-- Which travel table of a warehouse was written last. The seconds themselves lie in the log, as travel.set.

CREATE TABLE travel_tables (
  warehouse_id text PRIMARY KEY REFERENCES warehouses,
  version      bigint NOT NULL,
  cells        integer NOT NULL CHECK (cells >= 0),
  set_by       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE travel_tables IS 'One row a warehouse that ever got a travel table: seconds on the road by H3 cell, which lie in operations as travel.set.';
COMMENT ON COLUMN travel_tables.warehouse_id IS 'From where.';
COMMENT ON COLUMN travel_tables.version IS 'Rises by one with every table; an older one never replaces a newer one in the fold.';
COMMENT ON COLUMN travel_tables.cells IS 'How many cells the table names; 0: none, the great circle counts again.';
COMMENT ON COLUMN travel_tables.set_by IS 'The actor who wrote it.';
COMMENT ON COLUMN travel_tables.updated_at IS 'When it was written.';
