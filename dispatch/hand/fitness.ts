import type { CourierView } from '../../engine/contract.ts'
import type { CourierState, Onto, OrderView, WhyNot } from '../contract.ts'
import type { Duty } from '../io/duties.ts'
import { COURIER_MAY, courierState } from '../life/courier.ts'

/** Whether a courier may be given orders by hand, and how. Pure. */

export const stateOf = (
  courier: Pick<CourierView, 'state' | 'seen_at'> | undefined,
  { trip, returns }: Pick<Duty, 'trip' | 'returns'>,
  { now, silent_s_max }: { now: number; silent_s_max: number },
): CourierState =>
  courierState({
    said: courier?.state,
    silent_s: courier ? (now - courier.seen_at) / 1_000 : 0,
    silent_s_max,
    trip: trip?.state ?? null,
    returns,
  })

export interface Candidate {
  courier: Pick<CourierView, 'has' | 'capacity'>
  state: CourierState
  duty: Duty
  /** said no to one of the orders a while ago */
  declined: boolean
}

/** A dispatcher may give an order in spite of these. */
const MAY_BE_OVERRULED: ReadonlySet<WhyNot> = new Set([
  'unreachable',
  'on_break',
  'returning',
  'requirement',
  'full',
  'declined',
])

export interface Load {
  orders: readonly Pick<OrderView, 'requires'>[]
  onto: Onto
  overrule: boolean
}

/** @returns undefined: nothing is against it */
export function whyNot(
  { courier, state, duty, declined }: Candidate,
  { orders, onto, overrule }: Load,
): WhyNot | undefined {
  const against: WhyNot[] = []
  const may = COURIER_MAY[state].be_given
  if (may !== 'yes' && may !== 'on_trip') against.push(may)
  if (duty.trip && onto === 'new') against.push('on_trip')
  if (duty.trip?.state === 'under_way' && onto === 'present') against.push('under_way')
  if (orders.some(order => !order.requires.every(need => courier.has.includes(need)))) against.push('requirement')
  const there = onto === 'present' ? duty.load : 0
  if (there + orders.length > courier.capacity) against.push('full')
  if (declined) against.push('declined')
  return against.find(one => !(overrule && MAY_BE_OVERRULED.has(one)))
}

/** How the courier could be given one more order: beside what is about to be fetched where there is room, else after it. */
export function bestOnto({ courier, duty }: Pick<Candidate, 'courier' | 'duty'>): Onto {
  if (!duty.trip) return 'new'
  const has_room = duty.planned.length === 0 && duty.load < courier.capacity
  return has_room && duty.trip.state !== 'under_way' ? 'present' : 'next'
}
