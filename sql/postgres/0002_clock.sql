-- The business clock. No row: real time.

CREATE TABLE clock (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  wall_ms bigint NOT NULL,
  time_ms bigint NOT NULL,
  rate    double precision NOT NULL CHECK (rate > 0),
  set_by  text NOT NULL
);
COMMENT ON TABLE clock IS 'How wall time maps to business time: time = time_ms + (wall − wall_ms) × rate. One row at most; none: real time.';
COMMENT ON COLUMN clock.one IS 'Always true: there is one clock.';
COMMENT ON COLUMN clock.wall_ms IS 'Wall time of the last setting, ms since 1970 UTC.';
COMMENT ON COLUMN clock.time_ms IS 'Business time at wall_ms, ms since 1970 UTC. Never steps back.';
COMMENT ON COLUMN clock.rate IS 'Business seconds a wall second.';
COMMENT ON COLUMN clock.set_by IS 'The actor who set it.';

CREATE FUNCTION tell_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('waggle_clock', '');
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tell_clock IS 'Tells every listener of waggle_clock that the clock was set.';
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON clock FOR EACH STATEMENT EXECUTE FUNCTION tell_clock();
