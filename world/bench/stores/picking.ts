import type { Day, Open } from './day.ts'

/** Each store has a few pickers and a queue before them. */

/** What has gone on for long ends soon, but nobody knows when: at least so much of a mean is still to come. */
export const LEFT_LEAST = 0.25

/** First come first served, and what was put off by when it was to begin. */
export function queueOf({ open }: Day, store: number): Open[] {
  return [...open.values()]
    .filter(one => one.store === store && one.picking === undefined && one.queued_s < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.queued_s - b.queued_s || (a.order.id < b.order.id ? -1 : 1))
}

/**
 * Whoever of the pickers is free before `until_s` takes the next of the queue.
 * @param onBegun told each order that was begun
 */
export function beginPicking(day: Day, t: number, until_s: number, onBegun: (open: Open) => void): void {
  for (const [store, pickers] of day.pickers.entries()) {
    for (const open of queueOf(day, store)) {
      const at = pickers.indexOf(Math.min(...pickers))
      const begins_s = Math.max(t, pickers[at] ?? t)
      if (begins_s >= until_s) break
      const ready_s = begins_s + open.order.picking_s
      pickers[at] = ready_s
      open.picking = { begins_s, ready_s }
      onBegun(open)
    }
  }
}

/** When a store's pickers would be done with one more, as far as can be known: each that works has a mean left. */
export function estimateReady(day: Day, t: number): (open: Open, store: number) => number {
  const mean_s = day.town.picking_s_mean
  const queues = day.pickers.map((_, store) => queueOf(day, store))
  const idle = day.pickers.map(pickers => pickers.filter(free_s => free_s <= t).length)
  return (open, store) => {
    const queue = queues[store] ?? []
    const at = queue.indexOf(open)
    const ahead = (at < 0 ? queue.length : at) + 1 - (idle[store] ?? 0)
    return t + (Math.max(0, ahead) * mean_s) / (day.pickers[store]?.length ?? 1) + mean_s
  }
}

/** The same of an order that a picker has begun, or is about to. */
export function readyAbout(
  { town }: Day,
  { begins_s, ready_s }: { begins_s: number; ready_s: number },
  t: number,
): number {
  if (ready_s <= t) return ready_s
  return Math.max(t + LEFT_LEAST * town.picking_s_mean, Math.min(begins_s, t) + town.picking_s_mean)
}
