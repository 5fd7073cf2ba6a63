import type { Queryable } from '../../ingest/io/postgres.ts'
import type { Weights } from '../solver/objective.ts'

/** Weights that zones have set for themselves. */
export interface WeightsRow {
  tenant_id: string
  zone_id: string
  /** only what is otherwise than usual */
  weights: Partial<Weights>
  /** 0: nobody has set anything yet */
  version: number
  reason: string
  updated_at: number
  changed_by: string
}

export const usual = (tenant_id: string, zone_id: string): WeightsRow => ({
  ...{ tenant_id, zone_id, weights: {}, version: 0, reason: 'default', updated_at: 0, changed_by: 'dispatch:default' },
})

/** zone → what it has set; a zone that has set nothing is left out. */
export async function readWeights(client: Queryable): Promise<Map<string, WeightsRow>> {
  const { rows } = await client.query<WeightsRow>('SELECT * FROM zone_weights')
  return new Map(rows.map(row => [row.zone_id, row]))
}

/** Nobody else changes them until the transaction ends. */
export async function lockWeights(client: Queryable, tenant_id: string, zone_id: string): Promise<WeightsRow> {
  // A row that is not there can not be locked: the zone is.
  await client.query('SELECT 1 FROM zones WHERE tenant_id = $1 AND zone_id = $2 FOR NO KEY UPDATE', [
    tenant_id,
    zone_id,
  ])
  const { rows } = await client.query<WeightsRow>('SELECT * FROM zone_weights WHERE tenant_id = $1 AND zone_id = $2', [
    tenant_id,
    zone_id,
  ])
  return rows[0] ?? usual(tenant_id, zone_id)
}

export async function saveWeights(client: Queryable, row: WeightsRow): Promise<void> {
  await client.query(
    `INSERT INTO zone_weights SELECT * FROM jsonb_populate_record(NULL::zone_weights, $1::jsonb)
     ON CONFLICT (tenant_id, zone_id) DO UPDATE SET weights = EXCLUDED.weights, version = EXCLUDED.version,
       reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at, changed_by = EXCLUDED.changed_by`,
    [JSON.stringify(row)],
  )
}
