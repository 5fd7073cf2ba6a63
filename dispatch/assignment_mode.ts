import type { AssignmentMode, Suggestion } from './contract.ts'
import { type Desk, type Refused, refuse } from './desk.ts'
import { type AssignmentRow, lockAssignment, saveAssignment } from './io/assignment.ts'
import { addAudit } from './io/audit.ts'
import { type Answered, once } from './once.ts'
import type { Act } from './trip.ts'

/** A dispatcher takes a zone's wheel, or gives it back: couriers are assigned, only suggested, or left to people. */

export interface ModeCommand {
  zone_id: string
  mode: AssignmentMode
  reason: string
  /** from If-Match */
  version: number
  idempotency_key: string | null
}

export function setAssignmentMode(desk: Desk, act: Act, command: ModeCommand): Promise<Answered<AssignmentRow>> {
  const { zone_id, mode, reason, version, idempotency_key } = command
  const request = { zone_id, mode, reason, version }
  return once(desk, act, { action: 'zone.assignment', idempotency_key, request }, async client => {
    const before = await lockAssignment(client, act.tenant_id, zone_id)
    if (before.version !== version) return changedMeanwhile(before, version)
    const after: AssignmentRow = {
      ...{ ...before, mode, reason, version: version + 1 },
      ...{ updated_at: act.now, changed_by: act.actor },
    }
    await saveAssignment(client, after)
    const audit = { action: 'zone.assignment', subject: `zone:${zone_id}`, reason, before, after, idempotency_key }
    await addAudit(client, act, audit)
    return { done: after }
  })
}

function changedMeanwhile(row: AssignmentRow, seen: number): { refused: Refused } {
  const detail = `assignment in ${row.zone_id} is ${row.mode} at version ${row.version}, you saw ${seen}: look again`
  const { refused } = refuse(409, 'changed', detail)
  return { refused: { ...refused, changed_by: row.changed_by, changed_at: row.updated_at } }
}

// ── Suggestions ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the last plan would do where it is only shown. Derived: the next round makes it anew, in every process. */
export interface Suggestions {
  /** @param as_of business time, ms */
  put(zone_id: string, as_of: number, trips: readonly Suggestion[]): void
  clear(zone_id: string): void
  of(zone_id: string): { as_of: number; trips: readonly Suggestion[] } | undefined
  courierFor(zone_id: string, order_id: string): string | undefined
}

export function openSuggestions(): Suggestions {
  const zones = new Map<string, { as_of: number; trips: readonly Suggestion[]; couriers: Map<string, string> }>()
  return {
    put(zone_id, as_of, trips) {
      const pairs = trips.flatMap(({ order_ids, courier_id }) => order_ids.map(id => [id, courier_id] as const))
      zones.set(zone_id, { as_of, trips, couriers: new Map(pairs) })
    },
    clear: zone_id => void zones.delete(zone_id),
    of: zone_id => zones.get(zone_id),
    courierFor: (zone_id, order_id) => zones.get(zone_id)?.couriers.get(order_id),
  }
}
