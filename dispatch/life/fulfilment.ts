import type { BookFulfilment, FulfilmentState } from '../contract.ts'

/**
 * The life of an order's part from one warehouse, complete by type.
 *
 *   reserved ─► picking ─► packed ─► picked_up ─► delivered
 *      └───────────┴─────────┴► released   └────► failed
 *
 * Released: the order was cancelled or rejected, or the part's goods come from elsewhere now.
 */

export type FulfilmentEvent = 'picking' | 'packed' | 'released' | 'picked_up' | 'delivered' | 'failed'

type Next = FulfilmentState | 'refused'

const NOTHING_MORE: Record<FulfilmentEvent, Next> = {
  picking: 'refused',
  packed: 'refused',
  released: 'refused',
  picked_up: 'refused',
  delivered: 'refused',
  failed: 'refused',
}

export const FULFILMENT_LIFE: Record<FulfilmentState, Record<FulfilmentEvent, Next>> = {
  reserved: { ...NOTHING_MORE, picking: 'picking', packed: 'packed', released: 'released' },
  picking: { ...NOTHING_MORE, picking: 'picking', packed: 'packed', released: 'released' },
  packed: { ...NOTHING_MORE, released: 'released', picked_up: 'picked_up' },
  picked_up: { ...NOTHING_MORE, delivered: 'delivered', failed: 'failed' },
  delivered: NOTHING_MORE,
  failed: NOTHING_MORE,
  released: NOTHING_MORE,
}

/** The part after the event; as it was where its state does not allow it. */
export function stepPart(part: BookFulfilment, event: FulfilmentEvent): BookFulfilment {
  const state = FULFILMENT_LIFE[part.state][event]
  return state === 'refused' ? part : { ...part, state }
}

export const stepParts = (parts: readonly BookFulfilment[], event: FulfilmentEvent): BookFulfilment[] =>
  parts.map(part => stepPart(part, event))
