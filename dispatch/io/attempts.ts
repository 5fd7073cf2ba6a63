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
