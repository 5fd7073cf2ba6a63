import type { Queryable } from '../../ingest/io/postgres.ts'
import type { MoveRow } from '../rows.ts'

/** Where idle couriers are asked to wait: one row a courier. */

/** @param courier_id null: all of the tenant; @param tenant_id null: of all tenants */
export async function readMoves(
  client: Queryable,
  tenant_id: string | null,
  courier_id: string | null = null,
): Promise<MoveRow[]> {
  const { rows } = await client.query<{ row: MoveRow }>(
    `SELECT to_jsonb(m) AS row FROM courier_moves m
     WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR courier_id = $2) ORDER BY courier_id`,
    [tenant_id, courier_id],
  )
  return rows.map(({ row }) => row)
}

/** Inserts, or replaces what the courier was asked before. @returns the rows as they stand now */
export async function saveMoves(client: Queryable, moves: readonly Omit<MoveRow, 'version'>[]): Promise<MoveRow[]> {
  if (moves.length === 0) return []
  const { rows } = await client.query<{ row: MoveRow }>(
    `INSERT INTO courier_moves AS m
     SELECT * FROM jsonb_populate_recordset(NULL::courier_moves, $1::jsonb)
     ON CONFLICT (tenant_id, courier_id) DO UPDATE SET zone_id = EXCLUDED.zone_id, warehouse_id = EXCLUDED.warehouse_id,
       point = EXCLUDED.point, why = EXCLUDED.why, version = m.version + 1, asked_at = EXCLUDED.asked_at,
       arrive_by = EXCLUDED.arrive_by
     RETURNING to_jsonb(m) AS row`,
    [JSON.stringify(moves.map(move => ({ ...move, version: 1 })))],
  )
  return rows.map(({ row }) => row)
}

/** They have a trip now, or have left: the next advice is a new one. */
export async function dropMoves(client: Queryable, tenant_id: string, courier_ids: readonly string[]): Promise<void> {
  if (courier_ids.length === 0) return
  await client.query('DELETE FROM courier_moves WHERE tenant_id = $1 AND courier_id = ANY($2)', [
    tenant_id,
    courier_ids,
  ])
}
