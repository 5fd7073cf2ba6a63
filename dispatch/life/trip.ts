import type { TripState } from '../contract.ts'

/**
 * The life of a trip, complete by type.
 *
 *   planned ─► offered ─► accepted ─► under_way ─► done
 *      └──────────┴──────────┴──► cancelled     (declined, not answered, courier lost, orders cancelled or taken off)
 *
 * Until the first pickup a dispatcher may give it to another courier, and it is then offered anew. Orders are put on and
 * taken off (`changed`) as long as they are in the warehouse; when the last one is taken off on the way, it is finished.
 */

export type TripEvent =
  | 'offered'
  | 'accepted'
  | 'declined'
  | 'expired'
  | 'lost'
  | 'reassigned'
  | 'changed'
  | 'cancelled'
  | 'picked_up'
  | 'dropped'
  | 'finished'

type Next = TripState | 'refused'

const NOTHING_MORE: Record<TripEvent, Next> = {
  offered: 'refused',
  accepted: 'refused',
  declined: 'refused',
  expired: 'refused',
  lost: 'refused',
  reassigned: 'refused',
  changed: 'refused',
  cancelled: 'refused',
  picked_up: 'refused',
  dropped: 'refused',
  finished: 'refused',
}

export const TRIP_LIFE: Record<TripState, Record<TripEvent, Next>> = {
  planned: {
    ...NOTHING_MORE,
    offered: 'offered',
    lost: 'cancelled',
    reassigned: 'offered',
    changed: 'planned',
    cancelled: 'cancelled',
  },
  offered: {
    ...NOTHING_MORE,
    accepted: 'accepted',
    declined: 'cancelled',
    expired: 'cancelled',
    lost: 'cancelled',
    reassigned: 'offered',
    changed: 'offered',
    cancelled: 'cancelled',
  },
  accepted: {
    ...NOTHING_MORE,
    lost: 'cancelled',
    picked_up: 'under_way',
    reassigned: 'offered',
    changed: 'accepted',
    cancelled: 'cancelled',
  },
  under_way: {
    ...NOTHING_MORE,
    picked_up: 'under_way',
    changed: 'under_way',
    dropped: 'under_way',
    finished: 'done',
  },
  done: NOTHING_MORE,
  cancelled: NOTHING_MORE,
}

export const isActive = (state: TripState): boolean => state !== 'done' && state !== 'cancelled'

/** The courier is on it: one trip a courier at most. What is planned comes after it. */
export const isOn = (state: TripState): boolean => isActive(state) && state !== 'planned'
