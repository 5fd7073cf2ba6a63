import type { Pool } from '../../ingest/io/postgres.ts'

/** Owners of partitions. Checkpoints are in checkpoints.ts. */

/**
 * Makes this process the newest owner of a partition. Returns its epoch.
 * @param above an epoch that was seen in the log: ours must be higher, though Postgres may come from an old backup
 */
export async function raiseEpoch(pool: Pool, partition: number, owner: string, above = 0): Promise<number> {
  const { rows } = await pool.query<{ epoch: number }>(
    `INSERT INTO partition_owners AS o (partition, epoch, owner) VALUES ($1, $3 + 1, $2)
     ON CONFLICT (partition) DO UPDATE SET epoch = greatest(o.epoch, $3) + 1, owner = $2, raised_at = now()
     RETURNING epoch`,
    [partition, owner, above],
  )
  const [row] = rows
  if (!row) throw new Error(`Postgres gave no epoch for partition ${partition}`)
  return row.epoch
}

/** Whether this epoch is still the newest of its partition. */
export async function isNewestOwner(pool: Pool, partition: number, epoch: number): Promise<boolean> {
  const { rows } = await pool.query<{ epoch: number }>('SELECT epoch FROM partition_owners WHERE partition = $1', [
    partition,
  ])
  return rows[0]?.epoch === epoch
}
