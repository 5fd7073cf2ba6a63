import type { CourierView } from '../../engine/contract.ts'
import type { CourierId, Point } from '../../ingest/events/envelope.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import type { Onto, WhyNot } from '../contract.ts'
import { type Change, conflict, type Refused, refuse, words } from '../desk.ts'
import { NO_DUTY, readDuties } from '../io/duties.ts'
import { declinedFor, insertTrip, lockTrips, ordersOn, putOnOrders, updateTrip } from '../io/trips.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import { offerNext, takeOff, tripChanged } from '../take_off.ts'
import { type Act, isCurrentTrip, isOpenTrip, newTrip, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { stateOf, whyNot } from './fitness.ts'
import { pinOnly, putAll } from './hand_back.ts'
import { Refusal } from './once.ts'
import { inTheirSequence, stopsInSequence, type Way } from './sequence.ts'

/**
 * What a dispatcher's hand does to orders, trips and couriers, within the transaction of the command. Orders are locked by the
 * caller, trips here, always in that order and each by id.
 */

export interface Hand {
  client: Queryable
  change: Change
  act: Act
  /** travel times and warehouses of the orders' zone */
  way: Omit<Way, 'place' | 'depart'>
  /** a courier not heard of for longer is unreachable, s of business time */
  silent_s_max: number
}

export interface Giving {
  courier: CourierView
  onto: Onto
  pin: boolean
  overrule: boolean
  reason: string
}

export type Handed = { orders: OrderRow[] } | { refused: Refused }

/** Between routing and pickup an order may change hands. */
export function immovable(order: OrderRow): { refused: Refused } | undefined {
  if (order.cancel_asked) return conflict(order, 'cancel_asked', 'the order is being cancelled')
  if (order.state === 'routed' || order.state === 'picking' || order.state === 'packed') return undefined
  if (order.state === 'placed') return conflict(order, 'not_routed', 'no warehouse has it yet')
  return conflict(order, 'too_late', `the order is ${order.state}`)
}

// ── To a courier ────────────────────────────────────────────────────────────────────────────────────────────────────

/** All of the orders or none. Those that come from one trip keep its sequence. */
export async function give(hand: Hand, orders: readonly OrderRow[], giving: Giving): Promise<Handed> {
  const { client, act } = hand
  const { courier_id } = giving.courier
  const trip_ids = orders.flatMap(order => order.trip_id ?? [])
  const trips = new Map(
    (await lockTrips(client, act.tenant_id, { trip_ids, courier_id })).map(one => [one.trip_id, one]),
  )
  const sources = [...new Set(trip_ids)].flatMap(id => trips.get(id) ?? []).filter(isOpenTrip)
  const [own] = sources
  if (
    own &&
    sources.length === 1 &&
    own.courier_id === courier_id &&
    orders.every(one => one.trip_id === own.trip_id)
  ) {
    return { orders: await pinOnly(hand, orders, own, giving.pin) }
  }
  const whole = await wholeTrip(hand, sources, orders)
  const against = await refusalOf(hand, orders, giving, whole)
  if (against) return against
  const sequence = inTheirSequence(orders, new Map(sources.map(trip => [trip.trip_id, trip.stops])))
  if (whole && giving.onto === 'new') return { orders: await handOver(hand, sequence, whole, giving) }
  for (const trip of sources) {
    const order_ids = orders.filter(order => order.trip_id === trip.trip_id).map(order => order.order_id)
    await takeOff(client, hand.change, { trip, order_ids, reason: giving.reason, act })
  }
  const current = [...trips.values()].find(trip => trip.courier_id === courier_id && isCurrentTrip(trip))
  return { orders: await putOn(hand, sequence, current, giving) }
}

/** The trip that has exactly these orders, none of them picked up: it changes hands as it is. */
async function wholeTrip(
  { client }: Hand,
  sources: readonly TripRow[],
  orders: readonly OrderRow[],
): Promise<TripRow | undefined> {
  const [trip] = sources
  if (!trip || sources.length > 1 || trip.state === 'under_way') return undefined
  const on = await ordersOn(client, trip)
  return on.length === orders.length && orders.every(order => order.trip_id === trip.trip_id) ? trip : undefined
}

async function refusalOf(
  { client, act, silent_s_max }: Hand,
  orders: readonly OrderRow[],
  { courier, onto, overrule }: Giving,
  whole: TripRow | undefined,
): Promise<{ refused: Refused } | undefined> {
  const { courier_id } = courier
  const { tenant_id, now } = act
  const duties = await readDuties(client, tenant_id, courier_id)
  const duty = duties.get(courier_id) ?? NO_DUTY
  const state = stateOf(courier, duty, { now, silent_s_max })
  const declined: string[] = []
  for (const { order_id } of orders) declined.push(...(await declinedFor(client, { tenant_id, order_id, now })))
  const candidate = { courier, state, duty, declined: declined.includes(courier_id) }
  const why = whyNot(candidate, { orders, onto, overrule })
  if (why) return refuse(409, REASONS[why] ?? why, `${courier_id} ${AGAINST[why]}`)
  if (onto === 'present' && !duty.trip) return refuse(409, 'no_trip', `${courier_id} has no trip: use onto new`)
  if (whole?.courier_id === courier_id) return refuse(409, 'on_trip', `${courier_id} has this trip already`)
  return undefined
}

const REASONS: Partial<Record<WhyNot, string>> = { on_trip: 'courier_busy' }

const AGAINST: Record<WhyNot, string> = {
  off: 'is not on shift',
  under_way: 'is on the way already: use onto next',
  unreachable: 'has not been heard of for a while: overrule, or choose somebody else',
  on_break: 'is on a break: overrule, or choose somebody else',
  returning: 'is bringing goods back: overrule, or choose somebody else',
  requirement: 'lacks what the order requires: overrule, or choose somebody else',
  full: 'has no room for so many orders: overrule, or choose somebody else',
  declined: 'declined it a while ago: overrule, or choose somebody else',
  on_trip: 'is on another trip: use onto present or next, or choose somebody who is free',
}

async function handOver(
  hand: Hand,
  orders: readonly OrderRow[],
  trip: TripRow,
  { courier, pin, reason }: Giving,
): Promise<OrderRow[]> {
  const { client, change, act } = hand
  const from_courier_id = trip.courier_id
  const courier_id = courier.courier_id as CourierId
  const stops = stopsInSequence([], orders, wayFrom(hand, courier.point))
  const given = stepTrip(trip, 'reassigned', act, { courier_id, pinned: pin, stops, offered_at: act.now })
  if (!given) throw new Refusal(conflict(trip, 'under_way', `the trip is ${trip.state}`).refused)
  await updateTrip(client, given)
  change.trips.push(given)
  const data = { ...tripHead(given), from_courier_id, reason, stops, pinned: pin }
  change.events.push(tripEvent(given, 'trip.reassigned', data))
  await offerNext(client, change, trip, act)
  return putAll(change, act, orders, { trip_id: given.trip_id, courier_id, pinned: pin }, told(courier_id, reason))
}

async function putOn(
  hand: Hand,
  orders: readonly OrderRow[],
  current: TripRow | undefined,
  giving: Giving,
): Promise<OrderRow[]> {
  const { client, change, act } = hand
  const { courier, pin, reason, onto } = giving
  const trip =
    current && onto === 'present'
      ? await extended(hand, orders, current, giving)
      : await fresh(hand, orders, current, giving)
  const courier_id = courier.courier_id as CourierId
  await offerNext(client, change, trip, act)
  return putAll(change, act, orders, { trip_id: trip.trip_id, courier_id, pinned: pin }, told(courier_id, reason))
}

/** Together with what the courier is about to fetch. */
async function extended(
  hand: Hand,
  orders: readonly OrderRow[],
  current: TripRow,
  { courier, pin, reason }: Giving,
): Promise<TripRow> {
  const { client, change, act } = hand
  const stops = stopsInSequence(current.stops, orders, wayFrom(hand, courier.point))
  const trip = stepTrip(current, 'changed', act, { stops, pinned: current.pinned || pin })
  if (!trip) throw new Refusal(conflict(current, 'trip_over', `the trip is ${current.state}`).refused)
  await updateTrip(client, trip)
  await putOnOrders(
    client,
    trip,
    orders.map(order => order.order_id),
  )
  change.trips.push(trip)
  change.events.push(tripChanged(trip, await ordersOn(client, trip), reason))
  return trip
}

/** A trip of its own: offered now, or planned after the present one, from where that ends. */
async function fresh(
  hand: Hand,
  orders: readonly OrderRow[],
  current: TripRow | undefined,
  { courier, pin }: Giving,
): Promise<TripRow> {
  const { client, change, act } = hand
  const [first] = orders
  const [part] = first?.fulfilments ?? []
  if (!first || !part) throw new Error('an order without a fulfilment can not be given to a courier')
  const last = current?.stops.at(-1)
  const way = wayFrom(hand, last?.point ?? courier.point, last?.eta)
  const stops = stopsInSequence([], orders, way)
  const { zone_id } = first
  const courier_id = courier.courier_id as CourierId
  const state = current ? 'planned' : 'offered'
  const trip = newTrip({ zone_id, courier_id, pinned: pin, stops, state }, part.warehouse_id, act)
  await insertTrip(client, trip)
  change.trips.push(trip)
  const after_present = state === 'planned'
  change.events.push(tripEvent(trip, 'trip.assigned', { ...tripHead(trip), stops, pinned: pin, after_present }))
  return trip
}

const wayFrom = ({ way, act }: Hand, place: Point, free_at = 0): Way => ({
  ...way,
  place,
  depart: Math.max(act.now, free_at),
})

const told = (courier_id: string, reason: string): string => `Given to ${courier_id}: ${words(reason)}`
