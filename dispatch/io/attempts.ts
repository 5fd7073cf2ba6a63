import type { Queryable } from '../../ingest/io/postgres.ts'
import type { AttemptRow } from '../rows.ts'

/** Delivery attempts. Whoever changes one holds the lock of its order. */

export async function openAttempt(
  client: Queryable,
  tenant_id: string,
  order_id: string,
): Promise<AttemptRow | undefined> {
  const { rows } = await client.query<{ row: AttemptRow }>(
    `SELECT to_jsonb(a) AS row FROM delivery_attempts a WHERE tenant_id = $1 AND order_id = $2 AND ended_at IS NULL`,
    [tenant_id, order_id],
  )
  return rows[0]?.row
}

export async function attemptsOf(client: Queryable, tenant_id: string, order_id: string): Promise<AttemptRow[]> {
  const { rows } = await client.query<{ row: AttemptRow }>(
    'SELECT to_jsonb(a) AS row FROM delivery_attempts a WHERE tenant_id = $1 AND order_id = $2 ORDER BY number',
    [tenant_id, order_id],
  )
  return rows.map(({ row }) => row)
}

/** Inserts, or replaces the one of its number. */
export async function saveAttempt(client: Queryable, attempt: AttemptRow): Promise<void> {
  await client.query(
    `INSERT INTO delivery_attempts SELECT * FROM jsonb_populate_record(NULL::delivery_attempts, $1::jsonb)
     ON CONFLICT (tenant_id, order_id, number) DO UPDATE SET
       state = EXCLUDED.state, reason = EXCLUDED.reason, arrived_at = EXCLUDED.arrived_at,
       ended_at = EXCLUDED.ended_at, changed_by = EXCLUDED.changed_by`,
    [JSON.stringify(attempt)],
  )
}

/** A courier who may be given orders, and since when. */
export interface OnShift {
  tenant_id: string
  courier_id: string
  shift_started_at: number
}

/** tenant_id/courier_id → orders that each has set out with since its shift began, those under way too; who has none is left out. */
export async function setOutWith(client: Queryable, fleet: readonly OnShift[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ key: string; orders: number }>(
    `SELECT tenant_id || '/' || courier_id AS key, count(*)::int AS orders
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS f (tenant_id, courier_id, since)
     JOIN delivery_attempts a USING (tenant_id, courier_id)
     WHERE a.state <> 'failed' AND a.began_at >= f.since
     GROUP BY 1`,
    [
      fleet.map(one => one.tenant_id),
      fleet.map(one => one.courier_id),
      fleet.map(one => Math.floor(one.shift_started_at)),
    ],
  )
  return new Map(rows.map(({ key, orders }) => [key, orders]))
}
