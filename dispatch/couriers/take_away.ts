import { commit, type Desk, remark, words } from '../desk.ts'
import { rememberDeclined } from '../io/trips.ts'
import type { TripRow } from '../rows.ts'
import { type Act, orderIdsOf, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { endTrip, lockWithOrders } from './trip_steps.ts'

/** A courier who is lost gets no more of these orders before this, s of business time. */
const LOST_S = 600

/**
 * A trip whose courier will not fetch it goes back to the queue: who vanished, or ended the shift.
 * @returns false when it changed since it was seen, or is under way: the goods are with the courier
 */
export function takeAway(desk: Desk, act: Act, seen: TripRow, reason: string): Promise<boolean> {
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, seen.trip_id)
    if (!locked || locked.trip.version !== seen.version) return false
    const trip = stepTrip(locked.trip, 'lost', act, { pinned: false })
    if (!trip) return false
    const event = tripEvent(trip, 'trip.cancelled', { ...tripHead(trip), reason })
    await endTrip(client, change, { trip, orders: locked.orders, act, event })
    await rememberDeclined(client, trip, orderIdsOf(trip), act.now + LOST_S * 1_000)
    for (const order of locked.orders) {
      change.history.push(remark(act, order.order_id, `Taken from ${trip.courier_id}: ${words(reason)}.`))
    }
    return true
  })
}
