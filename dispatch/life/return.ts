import type { ReturnState } from '../contract.ts'

/**
 * The life of a return, complete by type.
 *
 *   asked ─► with_courier ─► received            asked: of a delivered order, the customer has the goods
 *     │           └────────► lost                what could not be handed over begins with_courier
 *     ├► received  (the customer brought it)
 *     └► withdrawn
 */

export type ReturnEvent = 'collected' | 'received' | 'lost' | 'withdrawn'

type Next = ReturnState | 'refused'

const NOTHING_MORE: Record<ReturnEvent, Next> = {
  collected: 'refused',
  received: 'refused',
  lost: 'refused',
  withdrawn: 'refused',
}

export const RETURN_LIFE: Record<ReturnState, Record<ReturnEvent, Next>> = {
  asked: { ...NOTHING_MORE, collected: 'with_courier', received: 'received', withdrawn: 'withdrawn' },
  with_courier: { ...NOTHING_MORE, received: 'received', lost: 'lost' },
  received: NOTHING_MORE,
  lost: NOTHING_MORE,
  withdrawn: NOTHING_MORE,
}
