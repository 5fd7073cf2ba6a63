import { businessTime } from '../ingest/contract.ts'
import type { DeadReason } from '../ingest/events/dead_letters.ts'
import type { Decision } from '../ingest/events/decisions.ts'
import { admitContent } from './admit.ts'
import { decide } from './decide.ts'
import { nextEnd } from './due.ts'
import { finishStep } from './evolve/work.ts'
import { evolveByDecision, evolveByEvent } from './evolve.ts'
import type { Moved, Source, ZoneState } from './state.ts'

/**
 * The fold of a zone: pure, deterministic, no clock, no I/O, no randomness.
 *
 *   source ──► admit ──► evolveByEvent ──► decide ──► decision ──► evolveByDecision ──► next decision …  ──► finishStep
 *                │            what the event itself says      │
 *                └► duplicate, dead                           └ one at a time: it sees the state after its own last one
 *
 * What depends on the version of the code is in `decide`, and so in the log: a new owner replays published decisions by
 * `adopted` and never takes them again.
 */
export type Outcome =
  | { kind: 'ok'; decisions: Decision[]; movements: readonly Moved[] }
  | { kind: 'duplicate' }
  | { kind: 'superseded'; decisions: Decision[]; movements: readonly Moved[] }
  | { kind: 'dead'; reason: DeadReason; detail: string }

/**
 * Folds one event in. `zone` changes.
 * @param adopted what a former owner decided and published for this event (an empty list: nothing); absent: decide now
 */
export function step(zone: ZoneState, source: Source, adopted?: readonly Decision[]): Outcome {
  const outcome = foldIn(zone, source, adopted)
  zone.orders.settle()
  return outcome
}

function foldIn(zone: ZoneState, source: Source, adopted: readonly Decision[] | undefined): Outcome {
  advanceTime(zone, source.appended_at)
  const { event } = source
  const known = zone.seen.check(event.event_id, zone.appended_at)
  if (known === 'seen') return { kind: 'duplicate' }
  if (known !== 'new') return { kind: 'dead', reason: known, detail: `event_id ${event.event_id}` }
  const refused = admitContent(zone, event)
  if (refused) return refused
  zone.seen.add(event.event_id, zone.appended_at)
  evolveByEvent(zone, event)
  const decisions: Decision[] = []
  for (const decision of adopted ?? decide(zone, event)) {
    evolveByDecision(zone, decision, event)
    decisions.push(decision)
  }
  finishStep(zone)
  const superseded = decisions.some(({ type }) => type === 'count.superseded' || type === 'travel.superseded')
  return { kind: superseded ? 'superseded' : 'ok', decisions, movements: takeMoved(zone) }
}

/** Every change of stock of this step, adopted decisions included. */
function takeMoved(zone: ZoneState): readonly Moved[] {
  const { moved } = zone
  if (moved.length === 0) return NOTHING_MOVED
  zone.moved = []
  return moved
}
const NOTHING_MOVED: readonly Moved[] = []

function advanceTime(zone: ZoneState, appended_at: number): void {
  zone.appended_at = Math.max(zone.appended_at, appended_at)
  zone.time = Math.max(zone.time, businessTime(zone.clock, zone.appended_at))
}

/** Business time at which the fold wants to be woken by a `tick`; null when nothing waits for time alone. */
export function nextDue(zone: ZoneState): number | null {
  if (zone.reroute.length > 0 || zone.short.length > 0) return zone.time
  return nextEnd(zone)
}
