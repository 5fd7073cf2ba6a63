import { partitionOf, topicName } from '../ingest/contract.ts'
import type { ZoneId } from '../ingest/events/envelope.ts'
import { topicEnds } from '../ingest/io/kafka.ts'
import { type LogRanges, openRanges } from '../ingest/io/ranges.ts'
import { step } from '../ingest/io/service.ts'
import { decodeZones } from './checkpoint.ts'
import type { Connection } from './connection.ts'
import { readCheckpoint } from './io/postgres.ts'
import { FROM_NOTHING, type PastLog, type PastStart } from './past.ts'

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
  const checkpoint = await readCheckpoint(pool, 'operations', partition)
  if (!checkpoint) return FROM_NOTHING
  const { next_offset, decisions_next, decisions_epoch, state } = checkpoint
  try {
    const zone = decodeZones(state).find(one => one.zone_id === zone_id) ?? null
    const start = { next_offset, decisions_next, decisions_epoch, zone }
    return fits(start) ? start : FROM_NOTHING
  } catch {
    return FROM_NOTHING
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
