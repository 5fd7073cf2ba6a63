-- How many orders each courier has brought on this shift, where a zone weighs fairness: asked once a round.
CREATE INDEX delivery_attempts_by_courier ON delivery_attempts (tenant_id, courier_id, began_at) WHERE state <> 'failed';
