import type { Queryable } from '../../ingest/io/postgres.ts'
import type { NoteView } from '../contract.ts'

/** The shift log's rows: added, never changed. */

export type NoteRow = NoteView & { tenant_id: string; correlation_id: string }

export async function addNote(client: Queryable, row: NoteRow): Promise<void> {
  await client.query('INSERT INTO notes SELECT * FROM jsonb_populate_record(NULL::notes, $1::jsonb)', [
    JSON.stringify(row),
  ])
}

/** Newest first. @param before only what was posted before this one; null: from the newest on */
export async function readNotes(
  client: Queryable,
  tenant_id: string,
  { zone_id, before, limit }: { zone_id: string | null; before: string | null; limit: number },
): Promise<NoteView[]> {
  const { rows } = await client.query<{ row: NoteRow }>(
    `SELECT to_jsonb(n) AS row FROM notes n
     WHERE tenant_id = $1 AND ($2::text IS NULL OR zone_id = $2) AND ($3::text IS NULL OR note_id < $3)
     ORDER BY note_id DESC LIMIT $4`,
    [tenant_id, zone_id, before, limit],
  )
  return rows.map(viewOf)
}

const WITHIN_MAX = 500

/** Posted in [from_ms, to_ms) of the business clock, newest first; of more than 500 the newest. */
export async function notesWithin(
  client: Queryable,
  tenant_id: string,
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
): Promise<NoteView[]> {
  const { rows } = await client.query<{ row: NoteRow }>(
    `SELECT to_jsonb(n) AS row FROM notes n
     WHERE tenant_id = $1 AND posted_at >= $2 AND posted_at < $3
     ORDER BY posted_at DESC, note_id DESC LIMIT $4`,
    [tenant_id, from_ms, to_ms, WITHIN_MAX],
  )
  return rows.map(viewOf)
}

const viewOf = ({ row: { tenant_id: _own, correlation_id: _led, ...note } }: { row: NoteRow }): NoteView => note

/** undefined: the tenant has no such order */
export async function zoneOfOrder(client: Queryable, tenant_id: string, order_id: string): Promise<string | undefined> {
  const { rows } = await client.query<{ zone_id: string }>(
    'SELECT zone_id FROM orders WHERE tenant_id = $1 AND order_id = $2',
    [tenant_id, order_id],
  )
  return rows[0]?.zone_id
}
