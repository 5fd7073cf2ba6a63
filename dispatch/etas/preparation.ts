import type { WaitingOrder } from '../io/open_work.ts'

/**
 * When an order will be ready, learnt from those before it: pure.
 *
 * Three things are known of an order that is not packed: when it was placed, when it was thought to be ready then, and what the
 * picker's beginning made of it. How far each was off of late is learnt by warehouse, and the one that scattered least is believed. Errors are
 * taken as logistic: near enough to what pickers do, heavier in its tails than the normal, and what is left of it after a
 * while of waiting has a closed form.
 */

export const LEARNED = ['preparation', 'plan_error', 'picking_error'] as const
export type LearnedWhat = (typeof LEARNED)[number]

/** s */
export interface LearnedTime {
  seen: number
  mean_s: number
  variance_s2: number
}
export type LearnedTimes = Partial<Record<LearnedWhat, LearnedTime>>

/** The last thirty or so count: a picker who joins or leaves is noticed within a quarter of an hour. */
const NEWEST_SHARE = 1 / 30
/** Fewer tell nothing of how much they scatter. */
const SEEN_MIN = 8

/** Exponentially weighted mean and variance (West 1979); the first few count alike. */
export function learnTime(before: LearnedTime | undefined, sample_s: number): LearnedTime {
  const seen = (before?.seen ?? 0) + 1
  const share = Math.max(1 / seen, NEWEST_SHARE)
  const off_s = sample_s - (before?.mean_s ?? sample_s)
  return {
    seen,
    mean_s: (before?.mean_s ?? sample_s) + share * off_s,
    variance_s2: (1 - share) * ((before?.variance_s2 ?? 0) + share * off_s * off_s),
  }
}

/** ms of the business clock; without bounds where nothing is learnt yet. */
export interface ReadyGuess {
  ready_at: number
  from_at?: number
  latest_at?: number
}

const LIKELY = 0.5
const EARLIEST = 0.2
const LATEST = 0.98

type Waiting = Pick<WaitingOrder, 'fulfilments' | 'placed_at' | 'attempt'>
type Part = Waiting['fulfilments'][number]

/** @param learned by warehouse_id */
export function readyGuess(order: Waiting, learned: (warehouse_id: string) => LearnedTimes, now: number): ReadyGuess {
  const guesses = order.fulfilments.map(part => partGuess(order, part, learned(part.warehouse_id), now))
  const ready_at = Math.max(...guesses.map(one => one.ready_at))
  if (guesses.every(one => one.from_at === undefined)) return { ready_at }
  return {
    ready_at,
    from_at: Math.max(...guesses.map(one => one.from_at ?? one.ready_at)),
    latest_at: Math.max(...guesses.map(one => one.latest_at ?? one.ready_at)),
  }
}

function partGuess(order: Waiting, part: Part, learned: LearnedTimes, now: number): ReadyGuess {
  if (part.packed_at !== null) return { ready_at: part.packed_at }
  const [best] = knownOf(order, part)
    .flatMap(({ what, from }) => {
      const time = learned[what]
      return time && time.seen >= SEEN_MIN ? [{ at: from + time.mean_s * 1_000, variance_s2: time.variance_s2 }] : []
    })
    .sort((a, b) => a.variance_s2 - b.variance_s2)
  // A picker who is late is ready at any moment, not in the past.
  if (!best) return { ready_at: Math.max(now, part.ready_at) }
  const scale_ms = Math.max(SCALE_MS_MIN, Math.sqrt(best.variance_s2 * 3) * (1_000 / Math.PI))
  const left = (share: number) => Math.round(quantileAfter(now, best.at, scale_ms, share))
  return { ready_at: left(LIKELY), from_at: left(EARLIEST), latest_at: left(LATEST) }
}

const SCALE_MS_MIN = 1_000

/** What to reckon from. Work on an order for a window begins when it must, and on what was moved, when it came. */
function knownOf(order: Waiting, part: Part) {
  if (part.state === 'picking') return [{ what: 'picking_error' as const, from: part.ready_at }]
  const planned = { what: 'plan_error' as const, from: part.ready_at }
  if (part.start_at !== undefined || order.attempt > 1) return [planned]
  return [{ what: 'preparation' as const, from: order.placed_at }, planned]
}

/** Of a logistic time around `at`, the given share of what is left of it when it has not come by `now`. */
function quantileAfter(now: number, at: number, scale_ms: number, share: number): number {
  // Beyond this the rest of it is memoryless, and e to the power too large for nothing.
  const late = Math.min(30, (now - at) / scale_ms)
  return (late === 30 ? now - 30 * scale_ms : at) + scale_ms * Math.log((1 + Math.exp(late)) / (1 - share) - 1)
}
