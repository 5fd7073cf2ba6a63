import { type Desk, type Refused, refuse } from '../desk.ts'
import { addAudit } from '../io/audit.ts'
import { lockSetting, type SettingRow, saveSetting, type ZoneSetting } from '../io/zone_settings.ts'
import type { Act } from '../trip.ts'
import { type Answered, once } from './once.ts'

/** A dispatcher decides something of a zone as a whole; the next round goes by it. */

export interface SettingCommand<Value extends object> {
  zone_id: string
  value: Value
  reason: string
  /** from If-Match */
  version: number
  idempotency_key: string | null
}

/** Replaces all that was said of it before. */
export function changeSetting<Value extends object>(
  desk: Desk,
  act: Act,
  setting: ZoneSetting<Value>,
  { zone_id, value, reason, version, idempotency_key }: SettingCommand<Value>,
): Promise<Answered<SettingRow<Value>>> {
  const action = `zone.${setting.name}`
  const request = { zone_id, ...value, reason, version }
  return once(desk, act, { action, idempotency_key, request }, async client => {
    const before = await lockSetting(client, setting, act.tenant_id, zone_id)
    if (before.version !== version) return changedMeanwhile(setting.name, before, version)
    const after = {
      ...{ ...before, ...value, reason, version: version + 1 },
      ...{ updated_at: act.now, changed_by: act.actor },
    }
    await saveSetting(client, setting, after)
    await addAudit(client, act, { action, subject: `zone:${zone_id}`, reason, before, after, idempotency_key })
    return { done: after }
  })
}

type Said = Pick<SettingRow<object>, 'zone_id' | 'version' | 'changed_by' | 'updated_at'>

function changedMeanwhile(name: string, row: Said, seen: number): { refused: Refused } {
  const detail = `${name} of ${row.zone_id} changed to version ${row.version}, you saw ${seen}: look again`
  const { refused } = refuse(409, 'changed', detail)
  return { refused: { ...refused, changed_by: row.changed_by, changed_at: row.updated_at } }
}
