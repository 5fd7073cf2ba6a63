import { NOWHERE, partitionOf, topicName } from '../../ingest/contract.ts'
import type { ZoneId } from '../../ingest/events/envelope.ts'
import { topicEnds } from '../../ingest/io/kafka.ts'
import { readNetwork } from '../../ingest/io/network.ts'
import { type LogRanges, openRanges } from '../../ingest/io/ranges.ts'
import { step } from '../../ingest/io/service.ts'
import { applyFrames, FORMAT } from '../checkpoint/frames.ts'
import type { Connection } from '../connection.ts'
import { type Checkpoint, readCheckpoints, readParts } from '../io/checkpoints.ts'
import { loadPartition } from '../partition.ts'
import { FROM_NOTHING, type PastLog, type PastStart } from '../past.ts'
import type { Moment } from './moment.ts'

/** A zone's part of the log, and the nearest state from which its past can be folded. */

/** How far the log goes, seen once: a command answers about one moment, however long it takes. */
export interface LogEnds {
  operations: { low: number; high: number }[]
  decisions: { low: number; high: number }[]
}

export async function readEnds({ kafka, namespace }: Connection): Promise<LogEnds> {
  const [operations, decisions] = [topicName(namespace, 'operations'), topicName(namespace, 'decisions')]
  return step(`find the topics ${operations} and ${decisions} (WAGGLE_NAMESPACE)`, async () => ({
    operations: await topicEnds(kafka, operations),
    // Second, so that what was decided about the last operations is in view as far as it is published.
    decisions: await topicEnds(kafka, decisions),
  }))
}

export const homeOf = (zone_id: string, { operations }: LogEnds): number => partitionOf(zone_id, operations.length)

/** A chain is at most 64 long, and 48 hours are kept. */
const CHECKPOINTS_MAX = 200

/**
 * The newest known state that is not too new for what is asked; from nothing where there is none. A checkpoint that this
 * code cannot read is passed over: the log has it all.
 */
export async function nearestStart(
  { pool }: Connection,
  partition: number,
  zone_id: ZoneId,
  fits: (start: PastStart) => boolean,
): Promise<PastStart> {
  const checkpoints = await readCheckpoints(pool, partition, CHECKPOINTS_MAX)
  let best = FROM_NOTHING
  // Newest first, and an older one fits whenever a newer one does: halve the rest.
  for (let [from, to] = [0, checkpoints.length]; from < to; ) {
    const middle = (from + to) >> 1
    const checkpoint = checkpoints[middle]
    const start = checkpoint ? await readStart(pool, partition, zone_id, checkpoint) : null
    if (start && fits(start)) {
      best = start
      to = middle
    } else from = middle + 1
  }
  return best
}

/** null: this code cannot read it */
async function readStart(
  pool: Connection['pool'],
  partition: number,
  zone_id: ZoneId,
  checkpoint: Checkpoint,
): Promise<PastStart | null> {
  if (checkpoint.format !== FORMAT) return null
  const { operations_next, couriers_next, decisions_next, decisions_epoch } = checkpoint
  const at = { partition, partitions: 1, epoch: 0 }
  const offsets = { operations: { next_offset: operations_next }, couriers: { next_offset: couriers_next } }
  const held = loadPartition({ kind: 'load', ...at, ...offsets })
  for (let read = 0; ; ) {
    const parts = await readParts(pool, partition, checkpoint, read)
    for (const frames of parts) applyFrames(held, frames)
    read += parts.length
    if (parts.length > 0) continue
    return { next_offset: operations_next, decisions_next, decisions_epoch, zone: held.zones.get(zone_id) ?? null }
  }
}

export interface OpenPast extends AsyncDisposable {
  log: PastLog
  /** records of `operations` from the start to the end */
  total: number
}

/** @param to first offset of `operations` that is not wanted any more; default: all there is */
export async function openPast(
  { kafka, namespace }: Connection,
  ends: LogEnds,
  partition: number,
  start: PastStart,
  to: number = ends.operations[partition]?.high ?? 0,
): Promise<OpenPast> {
  const [operations, decisions] = [topicName(namespace, 'operations'), topicName(namespace, 'decisions')]
  const decisions_to = ends.decisions[partition]?.high ?? 0
  const ranges: LogRanges = await openRanges(kafka, namespace, [
    { topic: operations, partition, from: start.next_offset, to: Math.max(start.next_offset, to) },
    { topic: decisions, partition, from: start.decisions_next, to: Math.max(start.decisions_next, decisions_to) },
  ])
  return {
    log: {
      partition,
      partitions: ends.operations.length,
      operations: ranges.read(operations, partition),
      decisions: ranges.read(decisions, partition),
    },
    total: Math.max(0, to - start.next_offset),
    [Symbol.asyncDispose]: () => ranges[Symbol.asyncDispose](),
  }
}

/** Whether a state may serve: it is not newer than the moment. */
export const isOldEnough = ({ next_offset, zone }: PastStart, moment: Moment): boolean =>
  moment.kind === 'end' ||
  (moment.kind === 'offset'
    ? next_offset <= moment.offset + 1
    : (zone?.time ?? Number.POSITIVE_INFINITY) <= moment.time_ms)

/** The time zone in which people there speak of times. */
export async function timeZoneOf({ pool }: Connection, zone_id: string): Promise<string> {
  if (zone_id === NOWHERE) return 'UTC'
  const { zones } = await readNetwork(pool)
  for (const zone of zones.values()) if (zone.zone_id === zone_id) return zone.time_zone
  return 'UTC'
}
