import type { WaitingRecord } from './records.ts'

/** Cutting batches from what waits: pure. */

export interface Limits {
  /** one INSERT stays one block */
  rows_max: number
  bytes_max: number
}

/** What waits of one topic, by partition, in the order of the log. */
export type Waiting = ReadonlyMap<number, readonly WaitingRecord[]>

export const DAY_MS = 86_400_000

export const dayOf = (appended_at: number): number => Math.floor(appended_at / DAY_MS)

/**
 * The next batch: from the front of each partition, rows of one day only (a table's partition is a day, and one INSERT must
 * stay one part). The partition whose front waits longest comes first, so none starves; of the days the earliest comes
 * first. At least one record, even one that is larger than the limits. Empty only when nothing waits.
 * @returns how many records of each partition, by ascending partition
 */
export function cutBatch(waiting: Waiting, limits: Limits): { partition: number; records: number }[] {
  const fronts = frontsOf(waiting)
  const day = Math.min(...fronts.map(front => dayOf(front.appended_at)))
  const cut: { partition: number; records: number }[] = []
  let rows = 0
  let bytes = 0
  for (const { partition } of fronts) {
    let records = 0
    for (const record of waiting.get(partition) ?? []) {
      const first = rows === 0
      const full = rows + record.rows > limits.rows_max || bytes + record.bytes > limits.bytes_max
      if (dayOf(record.appended_at) !== day || (full && !first)) break
      rows += record.rows
      bytes += record.bytes
      records += 1
    }
    if (records > 0) cut.push({ partition, records })
  }
  return cut.sort((a, b) => a.partition - b.partition)
}

function frontsOf(waiting: Waiting): { partition: number; appended_at: number }[] {
  const fronts = [...waiting].flatMap(([partition, [first]]) =>
    first ? [{ partition, appended_at: first.appended_at }] : [],
  )
  return fronts.sort((a, b) => a.appended_at - b.appended_at || a.partition - b.partition)
}
