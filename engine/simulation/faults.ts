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
export type Phase = 'refused' | 'reply_lost' | 'late' | DeadlyPhase
type DeadlyPhase = 'crash_before' | 'crash_after' | 'stall_before' | 'stall_after'

/** Within a process nothing gets lost; it can only end or stand still as a whole. */
export const IN_THE_PROCESS: readonly DeadlyPhase[] = ['crash_before', 'crash_after', 'stall_before', 'stall_after']
export const ON_THE_WAY: readonly Phase[] = ['refused', 'reply_lost', 'late', ...IN_THE_PROCESS]

export interface FaultPlan {
  /** What befalls this effect; null, mostly: nothing. */
  befalls<P extends Phase>(effect: string, phases: readonly P[]): P | null
  /** Whether something of its own accord happens now: one in `one_in` on the average, in a calm seed fewer. */
  happens(kind: string, one_in: number): boolean
  note(kind: string): void
  /** times met, by `effect.phase` or kind */
  readonly met: Map<string, number>
  /** From now on nothing goes wrong any more. */
  cease(): void
  ceased(): boolean
}

/** One of so many calls, by effect: what is called seldom fails often, so that every wait meets every fault. */
const ONE_IN: Record<string, number> = {
  fold: 100,
  send_decisions: 60,
  send_movements: 60,
  'send_dead-letters': 60,
  write_views: 60,
  read_fences: 80,
  names: 100,
  whole: 100,
}
const ONE_IN_OF_RARE = 25
/** Crashes and stalls cost a takeover each, so they are fewer than what is only refused. */
const DEADLY: ReadonlySet<string> = new Set(IN_THE_PROCESS)
const DEADLY_ONE_IN = 3

/** `calm`: how many times rarer is what costs a takeover, or ends or empties something; 1: often. */
export function newFaultPlan(draw: Draw, calm = 1): FaultPlan {
  const met = new Map<string, number>()
  let ceased = false
  const note = (kind: string) => {
    met.set(kind, (met.get(kind) ?? 0) + 1)
  }
  return {
    met,
    note,
    befalls(effect, phases) {
      if (ceased || !draw.chance(1 / (ONE_IN[effect] ?? ONE_IN_OF_RARE))) return null
      const phase = draw.pick(phases) ?? null
      if (phase === null || (DEADLY.has(phase) && !draw.chance(1 / (calm * DEADLY_ONE_IN)))) return null
      note(`${effect}.${phase}`)
      return phase
    },
    happens(kind, one_in) {
      if (ceased || !draw.chance(1 / (calm * one_in))) return false
      note(kind)
      return true
    },
    cease() {
      ceased = true
    },
    ceased: () => ceased,
  }
}
