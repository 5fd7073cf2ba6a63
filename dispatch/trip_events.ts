import type { DeliveryEvent, EventDraft } from '../ingest/contract.ts'
import type { TripRow } from './rows.ts'

/** The events of `deliveries`: every one carries the trip's version after the change. */

type DeliveryType = DeliveryEvent['type']

export const tripHead = ({ trip_id, version, courier_id, warehouse_id }: TripRow) => ({
  trip_id,
  version,
  courier_id,
  warehouse_id,
})

/** `data` is checked against the schema of its type when it goes into the outbox. */
export const tripEvent = ({ zone_id }: TripRow, type: DeliveryType, data: object): EventDraft => ({
  type,
  zone_id,
  data,
})
