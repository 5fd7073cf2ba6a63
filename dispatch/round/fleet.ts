import type { CourierView } from '../../engine/contract.ts'
import type { Pool } from '../../ingest/io/postgres.ts'
import { couriersReturning } from '../io/returns.ts'

/** The live fleet as assignment may use it: who brings goods back is not to be asked for anything new. */
export async function assignableFleet(pool: Pool, live: () => Promise<CourierView[]>): Promise<CourierView[]> {
  const [fleet, returning] = await Promise.all([live(), couriersReturning(pool)])
  if (returning.size === 0) return fleet
  return fleet.filter(({ tenant_id, courier_id }) => !returning.has(`${tenant_id}/${courier_id}`))
}
