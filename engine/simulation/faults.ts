import type { Draw } from '../simulated_log.ts'

/**
 * What goes wrong, and how often. Every wait of the shell is an effect with a name; each of these may befall each of them.
 *
 *   refused        the request never arrives, and its sender hears so
 *   reply_lost     it is done, and its sender hears that it failed
 *   late           its sender hears that it failed, and later it is done all the same
 *   crash_before   the sender dies; the request never left
 *   crash_after    it is done; the sender dies before it hears of it
 *   stall_before   the sender stands still for long; then the request leaves, when somebody else may own the partition
 *   stall_after    it is done; the sender hears of it after standing still for long
 */
export const PHASES = [
  'refused',
  'reply_lost',
  'late',
  'crash_before',
  'crash_after',
  'stall_before',
  'stall_after',
] as const
export type Phase = (typeof PHASES)[number]

export interface FaultPlan {
  /** What befalls this effect; null, mostly: nothing. */
  befalls(effect: string): Phase | null
  /** Whether something of its own accord happens now: `one_in` on the average. */
  happens(kind: string, one_in: number): boolean
  note(kind: string): void
  /** times met, by `effect.phase` or kind */
  readonly met: Map<string, number>
  /** From now on nothing goes wrong any more. */
  cease(): void
}

/** One of so many calls, by effect: what is called seldom fails often, so that every wait meets every fault. */
const ONE_IN: Record<string, number> = { fold: 150, send: 60, write_views: 50, read_fences: 60 }
const ONE_IN_OF_RARE = 20
/** Crashes and stalls cost a takeover each, so they are fewer than what is only refused. */
const DEADLY: ReadonlySet<Phase> = new Set(['crash_before', 'crash_after', 'stall_before', 'stall_after'])
const DEADLY_ONE_IN = 3

export function newFaultPlan(draw: Draw): FaultPlan {
  const met = new Map<string, number>()
  let ceased = false
  const note = (kind: string) => met.set(kind, (met.get(kind) ?? 0) + 1)
  return {
    met,
    note,
    befalls(effect) {
      if (ceased || !draw.chance(1 / (ONE_IN[effect] ?? ONE_IN_OF_RARE))) return null
      const phase = draw.pick(PHASES) ?? null
      if (phase && DEADLY.has(phase) && !draw.chance(1 / DEADLY_ONE_IN)) return null
      return phase
    },
    happens(kind, one_in) {
      if (ceased || !draw.chance(1 / one_in)) return false
      note(kind)
      return true
    },
    cease() {
      ceased = true
    },
  }
}
