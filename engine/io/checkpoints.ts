import { type Pool, transaction } from '../../ingest/io/postgres.ts'

/** Checkpoints in Postgres: chains of cuts, each of parts. The tables are drawn in sql/postgres/0020_checkpoint_parts.sql. */

/** The state of a partition at an offset; its parts are those of the cuts from `base` to `cut`. */
export interface Checkpoint {
  cut: number
  base: number
  operations_next: number
  couriers_next: number
  decisions_next: number
  decisions_epoch: number
  fold_version: string
  format: number
  /** bytes of the first cut of the chain, and of the others */
  base_bytes: number
  later_bytes: number
}

export interface CheckpointPart {
  partition: number
  epoch: number
  cut: number
  part: number
  frames: Uint8Array
}

export interface CheckpointCut {
  partition: number
  epoch: number
  cut: number
  base: number
  operations_next: number
  couriers_next: number
  decisions_next: number
  decisions_epoch: number
  fold_version: string
  format: number
  bytes: number
}

/** A part, and so what is held of a checkpoint in memory at a time. */
export const PART_BYTES_MAX = 1_048_576
const PARTS_A_READ = 4
const HISTORY_HOURS = 48
const HISTORY_BYTES_MAX = 268_435_456

/** The newest checkpoint of a partition. */
export async function readCheckpoint(pool: Pool, partition: number): Promise<Checkpoint | null> {
  const [newest] = await readCheckpoints(pool, partition, 1)
  return newest ?? null
}

/**
 * The states of a partition that can be brought back, newest first: those of the present chain, and one an hour of two days, as
 * far as they fit into 256 MB.
 */
export async function readCheckpoints(pool: Pool, partition: number, limit: number): Promise<Checkpoint[]> {
  const { rows } = await pool.query<Checkpoint>(
    `SELECT c.cut, c.base, c.operations_next, c.couriers_next, c.decisions_next, c.decisions_epoch, c.fold_version, c.format,
       b.bytes AS base_bytes,
       (SELECT coalesce(sum(l.bytes), 0)::bigint FROM checkpoint_cuts l
        WHERE l.partition = c.partition AND l.cut > c.base AND l.cut <= c.cut) AS later_bytes
     FROM checkpoint_cuts c JOIN checkpoint_cuts b ON b.partition = c.partition AND b.cut = c.base
     WHERE c.partition = $1
     ORDER BY c.cut DESC LIMIT $2`,
    [partition, limit],
  )
  return rows
}

/** Some parts of a checkpoint in their order, after the first `skip`; none: that were all. */
export async function readParts(
  pool: Pool,
  partition: number,
  { base, cut }: Pick<Checkpoint, 'base' | 'cut'>,
  skip: number,
): Promise<Uint8Array[]> {
  const { rows } = await pool.query<{ frames: Buffer }>(
    `SELECT p.frames FROM checkpoint_cuts c JOIN checkpoint_parts p USING (partition, cut, epoch)
     WHERE c.partition = $1 AND c.cut BETWEEN $2 AND $3
     ORDER BY p.cut, p.part LIMIT ${PARTS_A_READ} OFFSET $4`,
    [partition, base, cut, skip],
  )
  return rows.map(({ frames }) => frames)
}

/** Writes a part of a cut that does not count yet. */
export async function writePart(pool: Pool, { partition, epoch, cut, part, frames }: CheckpointPart): Promise<void> {
  await pool.query(
    `INSERT INTO checkpoint_parts (partition, cut, epoch, part, frames) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (partition, cut, epoch, part) DO UPDATE SET frames = $5`,
    [partition, cut, epoch, part, Buffer.from(frames)],
  )
}

/** Makes the parts of a cut count. Returns false, and writes nothing, when a newer owner has been here. */
export async function writeCut(pool: Pool, write: CheckpointCut): Promise<boolean> {
  const written = await transaction(pool, async client => {
    const { rows } = await client.query<{ epoch: number }>(
      'SELECT epoch FROM partition_owners WHERE partition = $1 FOR UPDATE',
      [write.partition],
    )
    if (rows[0]?.epoch !== write.epoch) return false
    await client.query(
      `INSERT INTO checkpoint_cuts (partition, cut, base, epoch, operations_next, couriers_next, decisions_next,
         decisions_epoch, fold_version, format, bytes)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        write.partition,
        write.cut,
        write.base,
        write.epoch,
        write.operations_next,
        write.couriers_next,
        write.decisions_next,
        write.decisions_epoch,
        write.fold_version,
        write.format,
        write.bytes,
      ],
    )
    return true
  })
  if (written && write.base === write.cut) await forgetOld(pool, write)
  return written
}

/** A new chain has begun: of the former ones only the first cut of an hour is kept, which is a whole state by itself. */
async function forgetOld(pool: Pool, { partition, cut }: CheckpointCut): Promise<void> {
  await pool.query(
    `WITH hourly AS (
       SELECT DISTINCT ON (date_trunc('hour', written_at)) cut, bytes FROM checkpoint_cuts
       WHERE partition = $1 AND cut = base AND cut < $2 AND written_at > now() - make_interval(hours => ${HISTORY_HOURS})
       ORDER BY date_trunc('hour', written_at), cut
     ), kept AS (
       SELECT cut, sum(bytes) OVER (ORDER BY cut DESC) AS bytes FROM hourly
     ), gone AS (
       DELETE FROM checkpoint_cuts WHERE partition = $1 AND cut < $2
         AND cut NOT IN (SELECT cut FROM kept WHERE bytes <= ${HISTORY_BYTES_MAX})
       RETURNING cut
     )
     DELETE FROM checkpoint_parts p WHERE partition = $1 AND cut < $2
       AND (cut IN (SELECT cut FROM gone)
         OR NOT EXISTS (SELECT 1 FROM checkpoint_cuts c WHERE c.partition = p.partition AND c.cut = p.cut AND c.epoch = p.epoch))`,
    [partition, cut],
  )
}
