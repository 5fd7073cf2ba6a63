-- The tables of lives moved into a room of their own.
COMMENT ON COLUMN orders.state IS 'see dispatch/life/order.ts';
COMMENT ON COLUMN trips.state IS 'see dispatch/life/trip.ts';
COMMENT ON COLUMN orders.fulfilments IS 'list of {fulfilment_id, warehouse_id, state, lines, ready_at, packed_at}; mostly one. state: see dispatch/life/fulfilment.ts';
COMMENT ON COLUMN delivery_attempts.state IS 'see dispatch/life/attempt.ts';
COMMENT ON COLUMN returns.state IS 'see dispatch/life/return.ts';
