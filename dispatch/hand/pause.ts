import type { WarehouseRow } from '../../ingest/contract.ts'
import { commit, type Desk, type Refused, refuse } from '../desk.ts'
import { addAudit } from '../io/audit.ts'
import { lockWarehouse, setPaused } from '../io/warehouses.ts'
import type { Act } from '../trip.ts'

/** A dispatcher stops a warehouse from taking orders, or lets it again; the fold learns it from operations. */

export interface PauseCommand {
  warehouse_id: string
  paused: boolean
  reason: string
  /** from If-Match, when it was sent */
  version: number | null
}

export type PauseAnswer = { warehouse: WarehouseRow } | { refused: Refused & { warehouse?: WarehouseRow } }

export function setWarehousePaused(desk: Desk, act: Act, command: PauseCommand): Promise<PauseAnswer> {
  const { warehouse_id, paused, reason, version } = command
  return commit(desk, act, async (client, change) => {
    const before = await lockWarehouse(client, act.tenant_id, warehouse_id)
    if (!before) return refuse(404, 'unknown_warehouse', `there is no warehouse ${warehouse_id}`)
    if (version !== null && before.version !== version) return changedMeanwhile(before, version)
    if (before.paused === paused) return { warehouse: before }
    const after = await setPaused(client, warehouse_id, paused ? reason : null)
    const type = paused ? 'warehouse.paused' : 'warehouse.resumed'
    const data = paused ? { warehouse_id, reason } : { warehouse_id }
    change.events.push({ type, zone_id: before.zone_id, data })
    await addAudit(client, act, {
      action: paused ? 'warehouse.pause' : 'warehouse.resume',
      subject: `warehouse:${warehouse_id}`,
      reason,
      before,
      after,
      idempotency_key: null,
    })
    return { warehouse: after }
  })
}

function changedMeanwhile(warehouse: WarehouseRow, seen: number): { refused: Refused & { warehouse: WarehouseRow } } {
  const detail = `the warehouse is at version ${warehouse.version}, you saw ${seen}: look again`
  return { refused: { status: 409, reason: 'changed', detail, warehouse } }
}
