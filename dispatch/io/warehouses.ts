import type { WarehouseRow } from '../../ingest/contract.ts'
import { WAREHOUSE_COLUMNS } from '../../ingest/io/network.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'

/** The rows of warehouses, as far as a dispatcher changes them. */

export async function lockWarehouse(
  client: Queryable,
  tenant_id: string,
  warehouse_id: string,
): Promise<WarehouseRow | undefined> {
  const { rows } = await client.query<WarehouseRow>(
    `SELECT ${WAREHOUSE_COLUMNS} FROM warehouses WHERE tenant_id = $1 AND warehouse_id = $2 FOR UPDATE`,
    [tenant_id, warehouse_id],
  )
  return rows[0]
}

/** @param reason null: it takes orders again */
export async function setPaused(client: Queryable, warehouse_id: string, reason: string | null): Promise<WarehouseRow> {
  const { rows } = await client.query<WarehouseRow>(
    `UPDATE warehouses SET paused = $2::text IS NOT NULL, paused_reason = $2, version = version + 1, updated_at = now()
     WHERE warehouse_id = $1 RETURNING ${WAREHOUSE_COLUMNS}`,
    [warehouse_id, reason],
  )
  const [row] = rows
  if (!row) throw new Error(`the warehouse ${warehouse_id} is gone`)
  return row
}
