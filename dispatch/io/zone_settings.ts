import type { Queryable } from '../../ingest/io/postgres.ts'
import type { AssignmentMode } from '../contract.ts'
import type { Weights } from '../solver/objective.ts'

/** What people have decided of a zone as a whole: a table for each setting, a row for each zone of which somebody said something. */

/** One setting: its table, and what holds until somebody says otherwise. The value's field is the table's column. */
export interface ZoneSetting<Value extends object> {
  name: 'assignment' | 'weights'
  table: 'zone_assignment' | 'zone_weights'
  usual: Value
}

/** Whether couriers are assigned by themselves. */
export const ASSIGNMENT: ZoneSetting<{ mode: AssignmentMode }> = {
  name: 'assignment',
  table: 'zone_assignment',
  usual: { mode: 'on' },
}

/** What plans are to be good at: only what is otherwise than usual. */
export const ZONE_WEIGHTS: ZoneSetting<{ weights: Partial<Weights> }> = {
  name: 'weights',
  table: 'zone_weights',
  usual: { weights: {} },
}

export type SettingRow<Value extends object> = Value & {
  tenant_id: string
  zone_id: string
  /** 0: nobody has said anything yet */
  version: number
  reason: string
  updated_at: number
  changed_by: string
}
export type AssignmentRow = SettingRow<(typeof ASSIGNMENT)['usual']>
export type WeightsRow = SettingRow<(typeof ZONE_WEIGHTS)['usual']>

export const unsaid = <Value extends object>(
  { usual }: ZoneSetting<Value>,
  tenant_id: string,
  zone_id: string,
): SettingRow<Value> => ({
  ...usual,
  ...{ tenant_id, zone_id, version: 0, reason: 'default', updated_at: 0, changed_by: 'dispatch:default' },
})

/** zone → what was said; a zone that nobody said anything of is left out. */
export async function readSetting<Value extends object>(
  client: Queryable,
  { table }: ZoneSetting<Value>,
): Promise<Map<string, SettingRow<Value>>> {
  const { rows } = await client.query<SettingRow<Value>>(`SELECT * FROM ${table}`)
  return new Map(rows.map(row => [row.zone_id, row]))
}

/** Nobody else changes it until the transaction ends. */
export async function lockSetting<Value extends object>(
  client: Queryable,
  setting: ZoneSetting<Value>,
  tenant_id: string,
  zone_id: string,
): Promise<SettingRow<Value>> {
  const one = [tenant_id, zone_id]
  // A row that is not there can not be locked: the zone is.
  await client.query('SELECT 1 FROM zones WHERE tenant_id = $1 AND zone_id = $2 FOR NO KEY UPDATE', one)
  const { rows } = await client.query<SettingRow<Value>>(
    `SELECT * FROM ${setting.table} WHERE tenant_id = $1 AND zone_id = $2`,
    one,
  )
  return rows[0] ?? unsaid(setting, tenant_id, zone_id)
}

export async function saveSetting<Value extends object>(
  client: Queryable,
  { table, usual }: ZoneSetting<Value>,
  row: SettingRow<Value>,
): Promise<void> {
  const values = Object.keys(usual).map(column => `${column} = EXCLUDED.${column}`)
  await client.query(
    `INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1::jsonb)
     ON CONFLICT (tenant_id, zone_id) DO UPDATE SET ${values.join(', ')}, version = EXCLUDED.version,
       reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at, changed_by = EXCLUDED.changed_by`,
    [JSON.stringify(row)],
  )
}
