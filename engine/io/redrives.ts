import { type Pool, type Queryable, transaction } from '../../ingest/io/postgres.ts'

/** The book of dead letters that were sent again: table dead_letter_redrives. */

export interface RedriveRow {
  letter_id: string
  reason: string
  value: Buffer
  edited: boolean
  event_id: string | null
  former_event_id: string | null
  target_topic: string
  target_partition: number
  target_key: string
  target_from: number
  target_offset: number | null
  actor: string
  note: string | null
  asked_at: Date
  published_at: Date | null
}
export type RedriveWrite = Omit<RedriveRow, 'target_offset' | 'asked_at' | 'published_at'>

const COLUMNS = `letter_id, reason, value, edited, event_id, former_event_id, target_topic, target_partition, target_key,
  target_from, target_offset, actor, note, asked_at, published_at`

/** What the list shows of a row: all but the bytes. */
export type RedriveNote = Omit<RedriveRow, 'value'>

export async function readRedrives(pool: Queryable, namespace: string): Promise<RedriveNote[]> {
  const { rows } = await pool.query<RedriveNote>(
    `SELECT ${COLUMNS.replace('value, ', '')} FROM dead_letter_redrives WHERE namespace = $1`,
    [namespace],
  )
  return rows
}

/** Of two who ask at once only one row is written, and both go on with it. @returns whether it is ours */
export async function askRedrive(pool: Pool, namespace: string, row: RedriveWrite): Promise<boolean> {
  const { letter_id, reason, value, edited, event_id, former_event_id, actor, note } = row
  const { target_topic, target_partition, target_key, target_from } = row
  const { rowCount } = await pool.query(
    `INSERT INTO dead_letter_redrives (namespace, letter_id, reason, value, edited, event_id, former_event_id,
       target_topic, target_partition, target_key, target_from, actor, note)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
    [
      namespace,
      letter_id,
      reason,
      value,
      edited,
      event_id,
      former_event_id,
      target_topic,
      target_partition,
      target_key,
      target_from,
      actor,
      note,
    ],
  )
  return rowCount === 1
}

/**
 * Publishes what was asked for unless somebody has. The row is locked meanwhile: whoever else asks waits, and then finds
 * it done. `publish` gives the offset in Kafka, or null when these bytes can't be published any more: the row is removed.
 * @returns the row as it was found (`published_at` is set when there was nothing to do); null when it was removed
 */
export async function publishOnce(
  pool: Pool,
  namespace: string,
  letter_id: string,
  publish: (row: RedriveRow) => Promise<number | null>,
): Promise<{ row: RedriveRow; offset: number } | null> {
  return transaction(pool, async client => {
    const { rows } = await client.query<RedriveRow>(
      `SELECT ${COLUMNS} FROM dead_letter_redrives WHERE namespace = $1 AND letter_id = $2 FOR UPDATE`,
      [namespace, letter_id],
    )
    const [row] = rows
    if (!row) return null
    if (row.target_offset !== null) return { row, offset: row.target_offset }
    const offset = await publish(row)
    if (offset === null) {
      await client.query('DELETE FROM dead_letter_redrives WHERE namespace = $1 AND letter_id = $2', [
        namespace,
        letter_id,
      ])
      return null
    }
    await client.query(
      `UPDATE dead_letter_redrives SET target_offset = $3, published_at = now() WHERE namespace = $1 AND letter_id = $2`,
      [namespace, letter_id, offset],
    )
    return { row, offset }
  })
}
