import type { Queryable } from '../../ingest/io/postgres.ts'
import type { ReturnRow } from '../rows.ts'

/** Goods on their way back. Whoever locks a return locks its order before. */

export async function insertReturns(client: Queryable, rows: readonly ReturnRow[]): Promise<void> {
  if (rows.length === 0) return
  await client.query(
    `INSERT INTO returns (${COLUMNS}) SELECT ${COLUMNS} FROM jsonb_populate_recordset(NULL::returns, $1::jsonb)`,
    [JSON.stringify(rows)],
  )
}

const COLUMNS =
  'tenant_id, return_id, zone_id, order_id, fulfilment_id, trip_id, courier_id, warehouse_id, state, version, reason, opened_at, closed_at, updated_at, changed_by'

/** The caller holds its lock. */
export async function updateReturn(client: Queryable, row: ReturnRow): Promise<void> {
  await client.query(
    `UPDATE returns SET courier_id = $3, state = $4, version = $5, closed_at = $6, updated_at = $7, changed_by = $8
     WHERE tenant_id = $1 AND return_id = $2`,
    [
      row.tenant_id,
      row.return_id,
      row.courier_id,
      row.state,
      row.version,
      row.closed_at,
      row.updated_at,
      row.changed_by,
    ],
  )
}

export async function returnsOf(client: Queryable, tenant_id: string, order_id: string): Promise<ReturnRow[]> {
  return many(client, 'tenant_id = $1 AND order_id = $2 ORDER BY return_id', [tenant_id, order_id])
}

/** Of one order, by id, locked. */
export async function lockReturnsOf(client: Queryable, tenant_id: string, order_id: string): Promise<ReturnRow[]> {
  return many(client, 'tenant_id = $1 AND order_id = $2 ORDER BY return_id FOR UPDATE', [tenant_id, order_id])
}

/** Read without a lock: to learn which order to lock first. */
export async function findReturn(
  client: Queryable,
  tenant_id: string,
  return_id: string,
): Promise<ReturnRow | undefined> {
  const [row] = await many(client, 'tenant_id = $1 AND return_id = $2', [tenant_id, return_id])
  return row
}

const RETURNS_MAX = 500

/** Not closed, oldest first; of one courier, or of the tenant. */
export async function openReturns(
  client: Queryable,
  tenant_id: string,
  courier_id: string | null,
): Promise<ReturnRow[]> {
  return many(
    client,
    `tenant_id = $1 AND closed_at IS NULL AND ($2::text IS NULL OR courier_id = $2)
     ORDER BY opened_at, return_id LIMIT ${RETURNS_MAX}`,
    [tenant_id, courier_id],
  )
}

async function many(client: Queryable, where: string, values: unknown[]): Promise<ReturnRow[]> {
  const { rows } = await client.query<{ row: ReturnRow }>(
    `SELECT to_jsonb(r) AS row FROM returns r WHERE ${where}`,
    values,
  )
  return rows.map(({ row }) => row)
}

/** tenant/courier of everybody who has goods to bring back. */
export async function couriersReturning(client: Queryable): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ tenant_id: string; courier_id: string }>(
    `SELECT DISTINCT tenant_id, courier_id FROM returns WHERE state = 'with_courier'`,
  )
  return new Set(rows.map(({ tenant_id, courier_id }) => `${tenant_id}/${courier_id}`))
}
