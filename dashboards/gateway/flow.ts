/** How fast the log comes in and how fast it reaches the screen. Plain figures over short windows; wall time throughout. */

const RATE_MS = 5_000
const LAG_MS = 10_000
const REPORTS_MAX = 2_000
/** Deltas whose age is remembered until the pages say when they were shown: two minutes at 5 Hz. */
const DELTAS_MAX = 600

export interface FlowLog {
  /** per second of wall time: events read, and the worst lag */
  seconds: Map<number, { events: number; lag_ms: number }>
  /** the oldest append time of an event that no delta has carried yet */
  oldest_ms: number | null
  /** seq → ms between the append of the delta's oldest event and its sending */
  ages: Map<number, number>
  /** ms from event to screen, the last ones */
  reports: number[]
  reported: number
}

export const newFlowLog = (): FlowLog => ({
  seconds: new Map(),
  oldest_ms: null,
  ages: new Map(),
  reports: [],
  reported: 0,
})

export function noteEvents(log: FlowLog, appended_at: readonly number[], now_ms: number): void {
  const second = Math.floor(now_ms / 1_000)
  const seen = log.seconds.get(second) ?? { events: 0, lag_ms: 0 }
  seen.events += appended_at.length
  for (const at of appended_at) {
    seen.lag_ms = Math.max(seen.lag_ms, now_ms - at)
    if (log.oldest_ms === null || at < log.oldest_ms) log.oldest_ms = at
  }
  log.seconds.set(second, seen)
  for (const old of log.seconds.keys()) if (old < second - LAG_MS / 1_000) log.seconds.delete(old)
}

/** What is read before anybody looks is old on purpose and would only spoil the figures. */
export function forgetFlow(log: FlowLog): void {
  log.seconds.clear()
  log.oldest_ms = null
}

export function flowOf(log: FlowLog, now_ms: number): { events_per_s: number; lag_ms_max: number } {
  const second = Math.floor(now_ms / 1_000)
  let events = 0
  let lag_ms_max = 0
  for (const [at, seen] of log.seconds) {
    // The running second is not over: leave it out of the rate.
    if (at < second && at >= second - RATE_MS / 1_000) events += seen.events
    if (at >= second - LAG_MS / 1_000) lag_ms_max = Math.max(lag_ms_max, seen.lag_ms)
  }
  return { events_per_s: Math.round(events / (RATE_MS / 1_000)), lag_ms_max }
}

export function noteDelta(log: FlowLog, seq: number, sent_wall_ms: number): void {
  if (log.oldest_ms === null) return
  log.ages.set(seq, Math.max(0, sent_wall_ms - log.oldest_ms))
  log.oldest_ms = null
  const [first] = log.ages.keys()
  if (log.ages.size > DELTAS_MAX && first !== undefined) log.ages.delete(first)
}

/**
 * @param latency_ms from sending to pixels, as the page measured it
 * @returns ms from Kafka's append to pixels; undefined when the delta carried no event, or is long gone
 */
export function noteShown(log: FlowLog, seq: number, latency_ms: number): number | undefined {
  const age = log.ages.get(seq)
  if (age === undefined) return undefined
  const whole_ms = age + latency_ms
  log.reports[log.reported % REPORTS_MAX] = whole_ms
  log.reported += 1
  return whole_ms
}

/** Null while no page has reported. */
export function shownQuantile(log: FlowLog, quantile: number): number | null {
  if (log.reports.length === 0) return null
  const sorted = log.reports.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0)
}
