import type { Refusal } from '../../ingest/events/decisions.ts'
import type { WarehouseState, ZoneState } from '../state.ts'
import { readyAfterS } from './load.ts'

/**
 * When a warehouse would have an order ready and at the door. Times: business clock, ms.
 *
 * An order for now is picked at once. One for a window is to be fresh, so it is ready as late as serves its beginning:
 *
 *        start_at ──work──► ready_at ──travel, handover──► from ═══════ window ═══════ to
 */
export interface Timing {
  ready_at: number
  deliver_by: number
  /** picking need not begin before; only of orders for a window */
  start_at?: number
}

export interface Window {
  from: number
  to: number
}

export interface Asked {
  lines: number
  travel_s: number
  promise_s: number
}

/** The times, or why there are none. Without a window the warehouse is open: refusal.ts has asked. */
export function timingOf(zone: ZoneState, warehouse: WarehouseState, asked: Asked, window?: Window): Timing | Refusal {
  const { time, policy } = zone
  const { lines, promise_s } = asked
  if (window) return windowTiming(zone, warehouse, asked, window)
  if (promise_s > policy.promise_s_max) return 'full'
  return { ready_at: time + 1_000 * readyAfterS(warehouse, lines), deliver_by: time + 1_000 * promise_s }
}

function windowTiming(
  zone: ZoneState,
  warehouse: WarehouseState,
  { lines, travel_s, promise_s }: Asked,
  { from, to }: Window,
): Timing | Refusal {
  const { time, policy } = zone
  if (from > to || time + 1_000 * promise_s > to) return 'window_missed'
  const work_ms = 1_000 * (lines * warehouse.pick_s_per_line + warehouse.pack_s)
  const soonest = time + 1_000 * readyAfterS(warehouse, lines)
  const at_from = from - 1_000 * (travel_s + policy.handover_s)
  const latest = to - 1_000 * (travel_s + policy.handover_s + policy.promise_buffer_s)
  const wanted = Math.max(soonest, Math.min(at_from, latest))
  const start_at = nextOpen(warehouse, Math.max(time, wanted - work_ms))
  if (start_at === null) return 'closed'
  const ready_at = Math.max(wanted, start_at + work_ms)
  return ready_at > latest ? 'closed' : { ready_at, deliver_by: to, start_at }
}

// ── Opening hours ───────────────────────────────────────────────────────────────────────────────────────────────────

const WEEK_MIN = 10_080

export function isOpen(warehouse: WarehouseState, time: number): boolean {
  if (!warehouse.opening) return true
  const minute = minuteOfWeek(warehouse, time)
  return warehouse.opening.some(({ from_minute, to_minute }) => from_minute <= minute && minute < to_minute)
}

/** `time`, or when it opens next; null: never. */
function nextOpen(warehouse: WarehouseState, time: number): number | null {
  if (isOpen(warehouse, time)) return time
  const minute = minuteOfWeek(warehouse, time)
  let wait_min = Number.POSITIVE_INFINITY
  for (const { from_minute, to_minute } of warehouse.opening ?? []) {
    if (from_minute < to_minute) wait_min = Math.min(wait_min, (from_minute - minute + WEEK_MIN) % WEEK_MIN)
  }
  return wait_min === Number.POSITIVE_INFINITY ? null : Math.floor(time / 60_000) * 60_000 + wait_min * 60_000
}

/** Minutes of the local week from Monday 00:00; 1970-01-01 was a Thursday. */
function minuteOfWeek(warehouse: WarehouseState, time: number): number {
  const minutes = Math.floor((time + 1_000 * warehouse.utc_offset_s) / 60_000) + 3 * 1_440
  return ((minutes % WEEK_MIN) + WEEK_MIN) % WEEK_MIN
}
