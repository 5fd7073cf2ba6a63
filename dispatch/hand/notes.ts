import { randomUUIDv7 } from 'node:crypto'
import type { WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import type { Network } from '../../ingest/io/network.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import type { NoteView, PostNote } from '../contract.ts'
import { type Desk, type Refused, refuse } from '../desk.ts'
import { addAudit } from '../io/audit.ts'
import { addNote, zoneOfOrder } from '../io/notes.ts'
import type { Act } from '../trip.ts'
import { type Answered, once } from './once.ts'

/**
 * The shift log: what somebody saw, written down beside the work. A note changes nothing; all who look on
 * read it. It is told to no topic: people's words may hold names, and what Kafka has cannot be erased.
 */

export interface NoteEffects {
  desk: Desk
  network(): Network
}

export function postNote(
  { desk, network }: NoteEffects,
  act: Act,
  idempotency_key: string | null,
  note: PostNote,
): Promise<Answered<NoteView>> {
  const action = 'note.post'
  return once(desk, act, { action, idempotency_key, request: note }, async client => {
    const refused = await unknownSubject(client, network(), act, note)
    if (refused) return refused
    const done = viewOf(note, act)
    await addNote(client, { ...done, tenant_id: act.tenant_id, correlation_id: act.correlation_id })
    const audit = { action, subject: `note:${done.note_id}`, reason: null, before: null, after: done, idempotency_key }
    await addAudit(client, act, audit)
    return { done }
  })
}

const viewOf = (note: PostNote, act: Act): NoteView => ({
  ...{ note_id: randomUUIDv7(), zone_id: note.zone_id, text: note.text, tone: note.tone, point: note.point ?? null },
  ...{ warehouse_id: note.warehouse_id ?? null, order_id: note.order_id ?? null, courier_id: note.courier_id ?? null },
  ...{ posted_at: act.now, actor: act.actor },
})

/** A courier may have left, and is not asked for. */
async function unknownSubject(
  client: Queryable,
  { zones, warehouses }: Network,
  { tenant_id }: Act,
  { zone_id, warehouse_id, order_id }: PostNote,
): Promise<{ refused: Refused } | undefined> {
  if (zones.get(zone_id as ZoneId)?.tenant_id !== tenant_id) {
    return refuse(404, 'unknown_zone', `there is no zone ${zone_id}`)
  }
  const warehouse = warehouses.get(warehouse_id as WarehouseId)
  if (warehouse_id !== undefined && (warehouse?.tenant_id !== tenant_id || warehouse.zone_id !== zone_id)) {
    return refuse(422, 'unknown_warehouse', `there is no warehouse ${warehouse_id} in ${zone_id}`)
  }
  if (order_id !== undefined && (await zoneOfOrder(client, tenant_id, order_id)) !== zone_id) {
    return refuse(422, 'unknown_order', `there is no order ${order_id} in ${zone_id}`)
  }
  return undefined
}
