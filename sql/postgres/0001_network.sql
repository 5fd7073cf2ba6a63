-- The network: zones, the cells they serve, and warehouses. Truth; written through ingest's admin door and, for pauses,
-- through dispatch. Every change is told on the channel waggle_network.

CREATE TABLE zones (
  zone_id    text PRIMARY KEY CHECK (zone_id <> 'nowhere'),
  tenant_id  text NOT NULL,
  name       text NOT NULL,
  time_zone  text NOT NULL,
  policy     jsonb NOT NULL,
  version    integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE zones IS 'A city and the warehouses that serve it. All events of a zone have one order, in one Kafka partition.';
COMMENT ON COLUMN zones.zone_id IS 'Key of the zone''s events in Kafka. ''nowhere'' is taken: it stands for everything that lies in no zone.';
COMMENT ON COLUMN zones.tenant_id IS 'Who the zone belongs to; a tenant''s events go only to its own zones.';
COMMENT ON COLUMN zones.name IS 'As people call it.';
COMMENT ON COLUMN zones.time_zone IS 'IANA name.';
COMMENT ON COLUMN zones.policy IS 'How the zone decides: the schema Policy of ingest/events/network.ts. The fold learns it through policy.changed.';
COMMENT ON COLUMN zones.version IS 'Rises with every change.';
COMMENT ON COLUMN zones.created_at IS 'Wall time of the first writing.';
COMMENT ON COLUMN zones.updated_at IS 'Wall time of the last change.';

CREATE TABLE zone_cells (
  tenant_id text NOT NULL,
  cell      text NOT NULL CHECK (cell ~ '^[0-9a-f]{15}$'),
  zone_id   text NOT NULL REFERENCES zones ON DELETE CASCADE,
  PRIMARY KEY (tenant_id, cell)
);
CREATE INDEX zone_cells_by_zone ON zone_cells (zone_id);
COMMENT ON TABLE zone_cells IS 'The area of each zone. The key keeps two zones of a tenant from claiming the same cell.';
COMMENT ON COLUMN zone_cells.tenant_id IS 'As in zones.';
COMMENT ON COLUMN zone_cells.cell IS 'H3 index at resolution 7 (about 5 km²), as text.';
COMMENT ON COLUMN zone_cells.zone_id IS 'The zone that serves this cell.';

CREATE TABLE warehouses (
  warehouse_id    text PRIMARY KEY,
  zone_id         text NOT NULL REFERENCES zones,
  tenant_id       text NOT NULL,
  name            text NOT NULL,
  lat             double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
  lng             double precision NOT NULL CHECK (lng BETWEEN -180 AND 180),
  cell            text NOT NULL,
  time_zone       text NOT NULL,
  utc_offset_s    integer NOT NULL,
  radius_m        integer NOT NULL,
  pickers         integer NOT NULL,
  pick_s_per_line integer NOT NULL,
  pack_s          integer NOT NULL,
  opening         jsonb,
  paused          boolean NOT NULL DEFAULT false,
  paused_reason   text,
  version         integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX warehouses_by_zone ON warehouses (zone_id);
COMMENT ON TABLE warehouses IS 'Places of stock: dark stores, shops, depots. A warehouse never changes its zone: drain it and use a new id.';
COMMENT ON COLUMN warehouses.warehouse_id IS 'Unique over all tenants.';
COMMENT ON COLUMN warehouses.zone_id IS 'The zone whose fold holds this warehouse''s stock.';
COMMENT ON COLUMN warehouses.tenant_id IS 'As in zones.';
COMMENT ON COLUMN warehouses.name IS 'As people call it.';
COMMENT ON COLUMN warehouses.lat IS 'Degrees north, WGS 84.';
COMMENT ON COLUMN warehouses.lng IS 'Degrees east, WGS 84.';
COMMENT ON COLUMN warehouses.cell IS 'H3 index at resolution 9 of the point, as text.';
COMMENT ON COLUMN warehouses.time_zone IS 'IANA name.';
COMMENT ON COLUMN warehouses.utc_offset_s IS 'Of time_zone as last told to the fold, s east of UTC.';
COMMENT ON COLUMN warehouses.radius_m IS 'How far it delivers, m as the crow flies.';
COMMENT ON COLUMN warehouses.pickers IS 'People who pick at the same time.';
COMMENT ON COLUMN warehouses.pick_s_per_line IS 'Time to pick one line, s.';
COMMENT ON COLUMN warehouses.pack_s IS 'Time to pack one order, s.';
COMMENT ON COLUMN warehouses.opening IS 'List of {from_minute, to_minute} of the local week, Monday 00:00 = 0; null: always open.';
COMMENT ON COLUMN warehouses.paused IS 'True while it takes no orders, by a person''s word.';
COMMENT ON COLUMN warehouses.paused_reason IS 'Why it is paused; null while it is not.';
COMMENT ON COLUMN warehouses.version IS 'Rises with every change; commands of people name the version that they saw.';
COMMENT ON COLUMN warehouses.created_at IS 'Wall time of the first writing.';
COMMENT ON COLUMN warehouses.updated_at IS 'Wall time of the last change.';

CREATE FUNCTION tell_network() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('waggle_network', TG_TABLE_NAME);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tell_network IS 'Tells every listener of waggle_network that the table named in the payload changed.';
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON zones FOR EACH STATEMENT EXECUTE FUNCTION tell_network();
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON zone_cells FOR EACH STATEMENT EXECUTE FUNCTION tell_network();
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON warehouses FOR EACH STATEMENT EXECUTE FUNCTION tell_network();
