import { bytesAt, type Piece } from './waiting.ts'

/** Cutting batches from what waits: pure. */

export interface Limits {
  /** one INSERT stays one block */
  rows_max: number
  bytes_max: number
}

/** What waits of one topic, by partition, in the order of the log. */
export type WaitingByPartition = ReadonlyMap<number, readonly Piece[]>

export const DAY_MS = 86_400_000

export const dayOf = (appended_at: number): number => Math.floor(appended_at / DAY_MS)

/**
 * The next batch: from the front of each partition, rows of one day only (a table's partition is a day, and one INSERT must
 * stay one part). The partition whose front waits longest comes first, so none starves; of the days the earliest comes
 * first. At least one record, even one that is larger than the limits. Empty only when nothing waits.
 * @returns how many records of each partition, by ascending partition
 */
export function cutBatch(waiting: WaitingByPartition, limits: Limits): { partition: number; records: number }[] {
  const fronts = frontsOf(waiting)
  const day = Math.min(...fronts.map(front => dayOf(front.appended_at)))
  const cut: { partition: number; records: number }[] = []
  const sum = { rows: 0, bytes: 0 }
  for (const { partition } of fronts) {
    let records = 0
    for (const piece of waiting.get(partition) ?? []) {
      const fits = fitting(piece, day, limits, sum)
      records += fits
      if (fits < piece.to - piece.from) break
    }
    if (records > 0) cut.push({ partition, records })
  }
  return cut.sort((a, b) => a.partition - b.partition)
}

/** How many of a piece's records still go in; adds them to `sum`. */
function fitting(
  { stretch, from, to }: Piece,
  day: number,
  limits: Limits,
  sum: { rows: number; bytes: number },
): number {
  const { rows, appended_at } = stretch
  for (let n = from; n < to; n += 1) {
    const more_rows = rows[n] ?? 0
    const more_bytes = bytesAt(stretch, n)
    const full = sum.rows + more_rows > limits.rows_max || sum.bytes + more_bytes > limits.bytes_max
    if (dayOf(appended_at[n] ?? 0) !== day || (full && sum.rows > 0)) return n - from
    sum.rows += more_rows
    sum.bytes += more_bytes
  }
  return to - from
}

function frontsOf(waiting: WaitingByPartition): { partition: number; appended_at: number }[] {
  const fronts = [...waiting].flatMap(([partition, [first]]) =>
    first ? [{ partition, appended_at: first.stretch.appended_at[first.from] ?? 0 }] : [],
  )
  return fronts.sort((a, b) => a.appended_at - b.appended_at || a.partition - b.partition)
}
