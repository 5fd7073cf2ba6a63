import type { DeadReason } from '../../ingest/events/dead_letters.ts'
import type { Refusal } from '../lives.ts'

/** What an event comes to that can't mean anything: a value, not an exception. */
export type Refused = { kind: 'duplicate' } | { kind: 'dead'; reason: DeadReason; detail: string }

export const dead = (reason: DeadReason, detail: string): Refused => ({ kind: 'dead', reason, detail })

/** What a table of lives says. */
export const refused = (refusal: Refusal, detail: string): Refused =>
  refusal === 'repeat' ? { kind: 'duplicate' } : dead('illegal_transition', detail)
