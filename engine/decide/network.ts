import { travelVersion } from '../routing/travel.ts'
import type { DecisionStream, EventOfType, ZoneState } from '../state.ts'

/** A part of a table that is older than what the warehouse has changed nothing; said, so that it can be counted. */
export function* travel(zone: ZoneState, { data }: EventOfType<'travel.set'>): DecisionStream {
  const { warehouse_id, version } = data
  const warehouse = zone.warehouses.peek(warehouse_id)
  const current_version = warehouse ? travelVersion(warehouse) : 0
  if (version < current_version) yield { type: 'travel.superseded', warehouse_id, version, current_version }
}
