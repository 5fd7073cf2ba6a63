import type { Queryable } from '../../ingest/io/postgres.ts'
import type { TripRow } from '../rows.ts'

/** What the book knows of couriers: what each is on, what comes after it, what is to be brought back. */
export interface Duty {
  /** offered, accepted or under way; null: none */
  trip: TripRow | null
  /** in the order of their turns */
  planned: TripRow[]
  /** orders still to be brought, those of planned trips included */
  load: number
  /** parts to bring back */
  returns: number
}

export const NO_DUTY: Duty = { trip: null, planned: [], load: 0, returns: 0 }

/** courier_id → duty; who has none is left out. @param courier_id null: everybody of the tenant */
export async function readDuties(
  client: Queryable,
  tenant_id: string,
  courier_id: string | null = null,
): Promise<Map<string, Duty>> {
  const trips = await client.query<{ row: TripRow; load: number }>(
    `SELECT to_jsonb(t) AS row,
       (SELECT count(*)::int FROM trip_orders o WHERE o.tenant_id = t.tenant_id AND o.trip_id = t.trip_id AND o.active) AS load
     FROM trips t
     WHERE tenant_id = $1 AND state IN ('planned', 'offered', 'accepted', 'under_way')
       AND ($2::text IS NULL OR courier_id = $2)
     ORDER BY trip_id`,
    [tenant_id, courier_id],
  )
  const returns = await client.query<{ courier_id: string; parts: number }>(
    `SELECT courier_id, count(*)::int AS parts FROM returns
     WHERE tenant_id = $1 AND state = 'with_courier' AND ($2::text IS NULL OR courier_id = $2) GROUP BY courier_id`,
    [tenant_id, courier_id],
  )
  const duties = new Map<string, Duty>()
  const of = (id: string): Duty => {
    const known = duties.get(id) ?? { trip: null, planned: [], load: 0, returns: 0 }
    duties.set(id, known)
    return known
  }
  for (const { row, load } of trips.rows) {
    const duty = of(row.courier_id)
    if (row.state === 'planned') duty.planned.push(row)
    else duty.trip = row
    duty.load += load
  }
  for (const { courier_id: id, parts } of returns.rows) of(id).returns = parts
  return duties
}
