import type { Queryable } from '../../ingest/io/postgres.ts'
import type { AssignmentMode } from '../contract.ts'

/** Whether couriers are assigned by themselves, zone by zone. */
export interface AssignmentRow {
  tenant_id: string
  zone_id: string
  mode: AssignmentMode
  /** 0: nobody has said anything yet, so it is on */
  version: number
  reason: string
  updated_at: number
  changed_by: string
}

export const unsaid = (tenant_id: string, zone_id: string): AssignmentRow => ({
  ...{ tenant_id, zone_id, mode: 'on', version: 0, reason: 'default', updated_at: 0, changed_by: 'dispatch:default' },
})

/** zone → what was said; a zone that nobody said anything of is left out. */
export async function readAssignments(client: Queryable): Promise<Map<string, AssignmentRow>> {
  const { rows } = await client.query<AssignmentRow>('SELECT * FROM zone_assignment')
  return new Map(rows.map(row => [row.zone_id, row]))
}

/** Nobody else changes it until the transaction ends. */
export async function lockAssignment(client: Queryable, tenant_id: string, zone_id: string): Promise<AssignmentRow> {
  // A row that is not there can not be locked: the zone is.
  await client.query('SELECT 1 FROM zones WHERE tenant_id = $1 AND zone_id = $2 FOR NO KEY UPDATE', [
    tenant_id,
    zone_id,
  ])
  const { rows } = await client.query<AssignmentRow>(
    'SELECT * FROM zone_assignment WHERE tenant_id = $1 AND zone_id = $2',
    [tenant_id, zone_id],
  )
  return rows[0] ?? unsaid(tenant_id, zone_id)
}

export async function saveAssignment(client: Queryable, row: AssignmentRow): Promise<void> {
  await client.query(
    `INSERT INTO zone_assignment SELECT * FROM jsonb_populate_record(NULL::zone_assignment, $1::jsonb)
     ON CONFLICT (tenant_id, zone_id) DO UPDATE SET mode = EXCLUDED.mode, version = EXCLUDED.version,
       reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at, changed_by = EXCLUDED.changed_by`,
    [JSON.stringify(row)],
  )
}
