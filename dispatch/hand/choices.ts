import type { CourierView } from '../../engine/contract.ts'
import { distanceMeters } from '../../ingest/events/geo.ts'
import type { CourierChoice, CourierChoices, Onto, OrderView, WhyNot } from '../contract.ts'
import { type Duty, NO_DUTY } from '../io/duties.ts'
import { bestOnto, type Candidate, stateOf, whyNot } from './fitness.ts'
import { stopsInSequence, type Way } from './sequence.ts'

/** Whom a dispatcher may give an order to, soonest at the door first, with why and why not. Pure. */

const BEST_MAX = 5
const OTHERS_MAX = 50

export interface Nearby {
  /** business time, ms */
  now: number
  fleet: readonly CourierView[]
  duties: ReadonlyMap<string, Duty>
  /** couriers who declined the order a while ago */
  declined: ReadonlySet<string>
  way: Omit<Way, 'place' | 'depart'>
  silent_s_max: number
}

export function courierChoices(order: OrderView, nearby: Nearby): CourierChoices {
  const all = nearby.fleet
    .filter(courier => courier.zone_id === order.zone_id)
    .map(courier => choiceOf(order, courier, nearby))
    .sort(bySoonest)
  const best = all.filter(choice => choice.free).slice(0, BEST_MAX)
  const [first] = best
  const chosen = new Set(best)
  const others = all.filter(choice => !chosen.has(choice)).slice(0, OTHERS_MAX)
  return {
    order_id: order.order_id,
    version: order.version,
    as_of: nearby.now,
    best: best.map((choice, place) => (place === 0 ? choice : compared(choice, first))),
    others: others.map(choice => (choice.free ? compared(choice, first) : choice)),
  }
}

const bySoonest = (a: CourierChoice, b: CourierChoice): number =>
  a.door_at - b.door_at || a.distance_m - b.distance_m || (a.courier_id < b.courier_id ? -1 : 1)

function choiceOf(order: OrderView, courier: CourierView, nearby: Nearby): CourierChoice {
  const { courier_id, capacity } = courier
  const { now, silent_s_max, declined, way } = nearby
  const duty = nearby.duties.get(courier_id) ?? NO_DUTY
  const state = stateOf(courier, duty, { now, silent_s_max })
  const candidate: Candidate = { courier, state, duty, declined: declined.has(courier_id) }
  const onto = bestOnto(candidate)
  const against =
    order.courier_id === courier_id ? 'on_trip' : whyNot(candidate, { orders: [order], onto, overrule: false })
  const { place, depart } = startOf(courier, duty, onto, now)
  const before = onto === 'present' ? (duty.trip?.stops ?? []) : []
  const stops = stopsInSequence(before, [order], { ...way, place, depart })
  const own = stops.filter(stop => stop.order_id === order.order_id)
  const warehouse = own.find(stop => stop.kind === 'pickup')?.point ?? order.point
  const door_at = own.at(-1)?.eta ?? depart
  const arrive_at = depart + way.travel(place, warehouse) * 1_000
  const deliver_by = order.first_deliver_by ?? door_at
  const choice = {
    courier_id,
    state,
    distance_m: Math.round(distanceMeters(place, warehouse)),
    eta_s: Math.round((arrive_at - now) / 1_000),
    door_at,
    late_s: Math.round((door_at - deliver_by) / 1_000),
    load: duty.load,
    capacity,
    free: against === undefined,
    onto,
  }
  if (against) return { ...choice, why_not: against, why: `${courier_id} ${AGAINST[against]}.` }
  return { ...choice, why: whyOf(choice, readyOf(order, now), arrive_at) }
}

/** Where the courier will be free for this order, and when. */
function startOf(courier: CourierView, { trip, planned }: Duty, onto: Onto, now: number) {
  const last = onto === 'next' ? (planned.at(-1) ?? trip)?.stops.at(-1) : undefined
  return { place: last?.point ?? courier.point, depart: Math.max(now, last?.eta ?? 0) }
}

const readyOf = ({ fulfilments }: OrderView, now: number): number =>
  Math.max(now, ...fulfilments.map(part => part.packed_at ?? part.ready_at))

// ── In words ────────────────────────────────────────────────────────────────────────────────────────────────────────

const AGAINST: Record<WhyNot, string> = {
  off: 'is not on shift',
  under_way: 'is on the way already',
  unreachable: 'has not been heard of for a while',
  on_break: 'is on a break',
  returning: 'is bringing goods back',
  requirement: 'lacks what the order requires',
  full: 'has no room for it',
  declined: 'declined it a while ago',
  on_trip: 'has it already',
}

const ONTO: Record<Onto, string> = {
  new: 'Free now',
  present: 'Fetches it with what is waiting there',
  next: 'Comes after the present trip',
}

function whyOf({ onto, late_s }: Pick<CourierChoice, 'onto' | 'late_s'>, ready_at: number, arrive_at: number): string {
  const wait_min = minutes(ready_at - arrive_at)
  const meets =
    wait_min === 0
      ? 'there as it is ready'
      : wait_min > 0
        ? `there ${wait_min} min before it is ready`
        : `it waits ${-wait_min} min`
  const late_min = minutes(late_s * 1_000)
  const door = late_min > 0 ? `${late_min} min late at the door` : `${-late_min} min to spare at the door`
  return `${ONTO[onto]}, ${meets}, ${door}.`
}

function compared(choice: CourierChoice, best: CourierChoice | undefined): CourierChoice {
  if (!best || best.courier_id === choice.courier_id) return choice
  const later_min = minutes(choice.door_at - best.door_at)
  const than =
    later_min === 0 ? `As soon as ${best.courier_id}, but farther away` : `${later_min} min after ${best.courier_id}`
  return { ...choice, why: `${than}. ${choice.why}` }
}

const minutes = (ms: number): number => {
  const whole = Math.round(ms / 60_000)
  return whole === 0 ? 0 : whole
}
