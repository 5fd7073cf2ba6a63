import type { Point } from '../ingest/events/envelope.ts'
import type { TravelTimes } from './contract.ts'
import { endTrip, lockWithOrders } from './courier_steps.ts'
import { commit, type Desk, remark } from './desk.ts'
import { lockOrders } from './io/book.ts'
import { insertTrip, isTaken, rememberDeclined, type WaitingOrder } from './io/trips.ts'
import { stopsOfTrip } from './plan_stops.ts'
import type { OrderRow, TripRow } from './rows.ts'
import type { PlannedTrip } from './solver/port.ts'
import { type Act, changeOrder, newTrip, orderIdsOf, stepTrip } from './trip.ts'
import { tripEvent, tripHead } from './trip_events.ts'

/** What a plan does to the book: each trip in a transaction of its own, only while what the solver saw still stands. */

export const SOLVER = 'dispatch:solver'

/** A courier who did not answer is not asked again for the same order before this, s of business time. */
const SILENT_S = 300

export interface Offer {
  trip: PlannedTrip
  /** the orders as the solver saw them, in the sequence of their doors */
  seen: readonly WaitingOrder[]
  /** of the courier */
  place: Point
  travel: TravelTimes
  pointOf: (warehouse_id: string) => Point | undefined
}

/** @returns false when somebody was faster: the order changed, or the courier has a trip */
export async function offerTrip(desk: Desk, offer: Offer): Promise<boolean> {
  const [first] = offer.seen
  if (!first) return false
  const act: Act = {
    tenant_id: first.tenant_id,
    actor: SOLVER,
    correlation_id: first.correlation_id,
    now: desk.now(),
  }
  try {
    return await commit(desk, act, async (client, change) => {
      const ids = offer.seen.map(order => order.order_id)
      const locked = new Map((await lockOrders(client, act.tenant_id, ids)).map(order => [order.order_id, order]))
      const orders = offer.seen.flatMap(order => locked.get(order.order_id) ?? [])
      if (!standing(offer.seen, orders)) return false
      const { courier_id, warehouse_id } = offer.trip
      const stops = stopsOfTrip(orders, { ...offer, depart: act.now })
      const trip = newTrip({ zone_id: first.zone_id, courier_id, pinned: false, stops }, warehouse_id, act)
      await insertTrip(client, trip)
      change.trips.push(trip)
      for (const order of orders) {
        change.orders.push(changeOrder(order, { trip_id: trip.trip_id, courier_id }, act))
        change.history.push(remark(act, order.order_id, `Offered to ${courier_id}.`))
      }
      change.events.push(tripEvent(trip, 'trip.planned', { ...tripHead(trip), stops }))
      return true
    })
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}

/** The order is where it was, still open and still without a courier. Versions may have moved on for other reasons. */
function standing(seen: readonly WaitingOrder[], now: readonly OrderRow[]): boolean {
  const by_id = new Map(now.map(order => [order.order_id, order]))
  return seen.every(order => {
    const current = by_id.get(order.order_id)
    return (
      current !== undefined &&
      (current.state === 'routed' || current.state === 'picking' || current.state === 'packed') &&
      current.trip_id === null &&
      !current.cancel_asked &&
      current.fulfilment_id === order.fulfilment_id
    )
  })
}

/** @returns false when it was answered meanwhile */
export function withdrawOffer(desk: Desk, seen: TripRow): Promise<boolean> {
  const act: Act = {
    tenant_id: seen.tenant_id,
    actor: SOLVER,
    correlation_id: seen.trip_id,
    now: desk.now(),
  }
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, seen.trip_id)
    if (!locked || locked.trip.version !== seen.version) return false
    const trip = stepTrip(locked.trip, 'expired', act)
    if (!trip) return false
    const event = tripEvent(trip, 'trip.cancelled', { ...tripHead(trip), reason: 'not_answered' })
    await endTrip(client, change, { trip, orders: locked.orders, act, event })
    await rememberDeclined(client, trip, orderIdsOf(trip), act.now + SILENT_S * 1_000)
    for (const order of locked.orders) {
      change.history.push(remark(act, order.order_id, `${trip.courier_id} did not answer.`))
    }
    return true
  })
}
