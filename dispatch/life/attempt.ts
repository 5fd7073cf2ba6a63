import type { AttemptState } from '../contract.ts'

/**
 * One way to a door with an order, complete by type. It begins with the pickup, and again where the courier will try once more.
 *
 *   on_the_way ─► at_door ─► delivered
 *        └───────────┴─────► failed       (a courier may forget to say "arrived")
 */

export type AttemptEvent = 'arrived' | 'delivered' | 'failed'

type Next = AttemptState | 'refused'

const NOTHING_MORE: Record<AttemptEvent, Next> = { arrived: 'refused', delivered: 'refused', failed: 'refused' }

export const ATTEMPT_LIFE: Record<AttemptState, Record<AttemptEvent, Next>> = {
  on_the_way: { arrived: 'at_door', delivered: 'delivered', failed: 'failed' },
  at_door: { arrived: 'refused', delivered: 'delivered', failed: 'failed' },
  delivered: NOTHING_MORE,
  failed: NOTHING_MORE,
}

/** A courier tries so often before the goods go back. */
export const ATTEMPTS_MAX = 3
