import type { CourierView } from '../../engine/contract.ts'
import type { CourierState, TripState, WhyNot } from '../contract.ts'

/**
 * What a courier is doing. It follows from facts that others own, so that it can never contradict them: what the courier says
 * (the live fleet), when we last heard of it, the trips and the returns in the book. Complete by type: the first that holds.
 *
 *   off          no shift
 *   unreachable  on shift, and not heard of for too long
 *   on_trip      accepted a trip, or is under way
 *   returning    has goods that could not be handed over
 *   offered      has an offer to answer
 *   break        says so
 *   available    otherwise
 */

export interface CourierFacts {
  /** undefined: not in the live fleet */
  said: CourierView['state'] | undefined
  /** s of business time since the last word */
  silent_s: number
  silent_s_max: number
  /** of the trip that the courier is on; null: none */
  trip: TripState | null
  /** parts to bring back */
  returns: number
}

export function courierState({ said, silent_s, silent_s_max, trip, returns }: CourierFacts): CourierState {
  if (said === undefined || said === 'off') return 'off'
  if (silent_s > silent_s_max) return 'unreachable'
  if (trip === 'accepted' || trip === 'under_way') return 'on_trip'
  if (returns > 0) return 'returning'
  if (trip === 'offered') return 'offered'
  return said === 'break' ? 'break' : 'available'
}

/** What a courier may be given or say in each state: `yes`, or the reason of the refusal. */
interface May {
  be_given: 'yes' | WhyNot
  start_shift: 'yes' | 'on_shift'
  end_shift: 'yes' | 'on_trip' | 'returning'
  take_break: 'yes' | 'on_trip' | 'not_on_shift'
  end_break: 'yes' | 'not_on_shift'
}
export type CourierAct = keyof May

export const COURIER_MAY: Record<CourierState, May> = {
  off: {
    be_given: 'off',
    start_shift: 'yes',
    end_shift: 'yes',
    take_break: 'not_on_shift',
    end_break: 'not_on_shift',
  },
  available: { be_given: 'yes', start_shift: 'on_shift', end_shift: 'yes', take_break: 'yes', end_break: 'yes' },
  offered: { be_given: 'on_trip', start_shift: 'on_shift', end_shift: 'yes', take_break: 'yes', end_break: 'yes' },
  on_trip: {
    be_given: 'on_trip',
    start_shift: 'on_shift',
    end_shift: 'on_trip',
    take_break: 'on_trip',
    end_break: 'yes',
  },
  returning: {
    be_given: 'returning',
    start_shift: 'on_shift',
    end_shift: 'returning',
    take_break: 'yes',
    end_break: 'yes',
  },
  break: { be_given: 'on_break', start_shift: 'on_shift', end_shift: 'yes', take_break: 'yes', end_break: 'yes' },
  // Who speaks is reachable: its words are taken as those of somebody on shift.
  unreachable: {
    be_given: 'unreachable',
    start_shift: 'yes',
    end_shift: 'yes',
    take_break: 'yes',
    end_break: 'yes',
  },
}
