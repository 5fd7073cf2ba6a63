import type { OrderRequest } from '../../ingest/events/orders.ts'
import type { Pool, Queryable } from '../../ingest/io/postgres.ts'
import type { PlaceOrder } from '../contract.ts'

/** What partners asked for: one row an external id, written before the order goes into the log. */

export interface RequestRow {
  tenant_id: string
  external_id: string
  order_id: string
  request_hash: string
  zone_id: string
  event: OrderRequest
  event_id: string
  event_made_at_wall: number
  asked_at: number
  correlation_id: string
  /** null: Kafka has not acknowledged it */
  log_partition: number | null
  log_offset: number | null
}

/** Writes the request and its contact unless there is one already. @returns the row that stands, and whether it is this one */
export async function claimRequest(
  pool: Pool,
  request: RequestRow,
  contact: PlaceOrder['contact'],
): Promise<{ row: RequestRow; fresh: boolean }> {
  const { rowCount } = await pool.query(
    `WITH claimed AS (
       INSERT INTO order_requests SELECT * FROM jsonb_populate_record(NULL::order_requests, $1::jsonb)
       ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING tenant_id, order_id),
     kept AS (
       INSERT INTO contacts
       SELECT tenant_id, order_id, c ->> 'name', c ->> 'phone', c ->> 'address', c ->> 'note'
       FROM claimed, (SELECT $2::jsonb AS c) given WHERE c IS NOT NULL)
     SELECT 1 FROM claimed`,
    [JSON.stringify(request), contact ? JSON.stringify(contact) : null],
  )
  if (rowCount === 1) return { row: request, fresh: true }
  const row = await findRequest(pool, request.tenant_id, request.external_id)
  if (!row) throw new Error(`the request ${request.external_id} was there and is gone`)
  return { row, fresh: false }
}

async function findRequest(pool: Pool, tenant_id: string, external_id: string): Promise<RequestRow | undefined> {
  const { rows } = await pool.query<{ row: RequestRow }>(
    'SELECT to_jsonb(r) AS row FROM order_requests r WHERE tenant_id = $1 AND external_id = $2',
    [tenant_id, external_id],
  )
  return rows[0]?.row
}

/** Kafka has acknowledged order.placed. The first position stands: a repetition is dropped by the engine. */
export async function markPublished(
  pool: Pool,
  row: RequestRow,
  at: { partition: number; offset: number },
): Promise<{ partition: number; offset: number }> {
  if (row.log_offset !== null) return at
  const { rows } = await pool.query<{ log_partition: number; log_offset: number }>(
    `UPDATE order_requests SET log_partition = coalesce(log_partition, $3), log_offset = coalesce(log_offset, $4)
     WHERE tenant_id = $1 AND external_id = $2 RETURNING log_partition, log_offset`,
    [row.tenant_id, row.external_id, at.partition, at.offset],
  )
  const [marked] = rows
  return marked ? { partition: marked.log_partition, offset: marked.log_offset } : at
}

/** A new event id for a request that waited so long that the engine may have forgotten the first. */
export async function renewEvent(pool: Pool, row: RequestRow, event_id: string, made_at_wall: number): Promise<void> {
  await pool.query(
    'UPDATE order_requests SET event_id = $3, event_made_at_wall = $4 WHERE tenant_id = $1 AND external_id = $2',
    [row.tenant_id, row.external_id, event_id, made_at_wall],
  )
}

/** @returns false when there was none */
export async function deleteContact(client: Queryable, tenant_id: string, order_id: string): Promise<boolean> {
  const { rowCount } = await client.query('DELETE FROM contacts WHERE tenant_id = $1 AND order_id = $2', [
    tenant_id,
    order_id,
  ])
  return rowCount === 1
}
