import type { TripState } from './contract.ts'

/**
 * The life of a trip, complete by type.
 *
 *   offered ─► accepted ─► under_way ─► done
 *      └───────────┴──► cancelled          (declined, not answered, order cancelled or moved to another warehouse)
 *
 * A dispatcher may give it to another courier until the first pickup; it is then offered anew.
 */

export type TripEvent =
  | 'accepted'
  | 'declined'
  | 'expired'
  | 'reassigned'
  | 'cancelled'
  | 'picked_up'
  | 'dropped'
  | 'finished'

type Next = TripState | 'refused'

const NOTHING_MORE: Record<TripEvent, Next> = {
  accepted: 'refused',
  declined: 'refused',
  expired: 'refused',
  reassigned: 'refused',
  cancelled: 'refused',
  picked_up: 'refused',
  dropped: 'refused',
  finished: 'refused',
}

export const TRIP_LIFE: Record<TripState, Record<TripEvent, Next>> = {
  offered: {
    ...NOTHING_MORE,
    accepted: 'accepted',
    declined: 'cancelled',
    expired: 'cancelled',
    reassigned: 'offered',
    cancelled: 'cancelled',
  },
  accepted: { ...NOTHING_MORE, picked_up: 'under_way', reassigned: 'offered', cancelled: 'cancelled' },
  under_way: { ...NOTHING_MORE, picked_up: 'under_way', dropped: 'under_way', finished: 'done' },
  done: NOTHING_MORE,
  cancelled: NOTHING_MORE,
}

export const isActive = (state: TripState): boolean => state !== 'done' && state !== 'cancelled'
