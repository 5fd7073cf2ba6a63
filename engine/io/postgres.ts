import { type Pool, transaction } from '../../ingest/io/postgres.ts'

/** Owners and checkpoints: the engine's two tables. */

export interface Checkpoint {
  next_offset: number
  decisions_next: number
  decisions_epoch: number
  fold_version: string
  state: Buffer
}

/** Makes this process the newest owner of a partition. Returns its epoch. */
export async function raiseEpoch(pool: Pool, partition: number, owner: string): Promise<number> {
  const { rows } = await pool.query<{ epoch: number }>(
    `INSERT INTO partition_owners AS o (partition, epoch, owner) VALUES ($1, 1, $2)
     ON CONFLICT (partition) DO UPDATE SET epoch = o.epoch + 1, owner = $2, raised_at = now()
     RETURNING epoch`,
    [partition, owner],
  )
  const [row] = rows
  if (!row) throw new Error(`Postgres gave no epoch for partition ${partition}`)
  return row.epoch
}

export async function readCheckpoint(
  pool: Pool,
  topic: 'operations' | 'couriers',
  partition: number,
): Promise<Checkpoint | null> {
  const { rows } = await pool.query<Checkpoint>(
    'SELECT next_offset, decisions_next, decisions_epoch, fold_version, state FROM checkpoints WHERE topic = $1 AND partition = $2',
    [topic, partition],
  )
  return rows[0] ?? null
}

export interface CheckpointWrite {
  partition: number
  epoch: number
  fold_version: string
  decisions_next: number
  decisions_epoch: number
  operations: { next_offset: number; bytes: Uint8Array }
  couriers: { next_offset: number; bytes: Uint8Array }
}

/** Both states in one transaction. Returns false, and writes nothing, when a newer owner has been here. */
export async function writeCheckpoint(pool: Pool, write: CheckpointWrite): Promise<boolean> {
  return transaction(pool, async client => {
    const { rows } = await client.query<{ epoch: number }>(
      'SELECT epoch FROM partition_owners WHERE partition = $1 FOR UPDATE',
      [write.partition],
    )
    if (rows[0]?.epoch !== write.epoch) return false
    for (const topic of ['operations', 'couriers'] as const) {
      const { next_offset, bytes } = write[topic]
      await client.query(
        `INSERT INTO checkpoints (topic, partition, epoch, next_offset, decisions_next, decisions_epoch, fold_version, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (topic, partition) DO UPDATE SET epoch = $3, next_offset = $4, decisions_next = $5,
           decisions_epoch = $6, fold_version = $7, state = $8, written_at = now()
         WHERE checkpoints.epoch <= $3`,
        [
          topic,
          write.partition,
          write.epoch,
          next_offset,
          write.decisions_next,
          write.decisions_epoch,
          write.fold_version,
          Buffer.from(bytes),
        ],
      )
    }
    return true
  })
}

/** Whether this epoch is still the newest of its partition. */
export async function isNewestOwner(pool: Pool, partition: number, epoch: number): Promise<boolean> {
  const { rows } = await pool.query<{ epoch: number }>('SELECT epoch FROM partition_owners WHERE partition = $1', [
    partition,
  ])
  return rows[0]?.epoch === epoch
}
