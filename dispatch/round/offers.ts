import { endTrip, lockWithOrders } from '../couriers/trip_steps.ts'
import { commit, type Desk, remark } from '../desk.ts'
import { rememberDeclined } from '../io/trips.ts'
import type { TripRow } from '../rows.ts'
import { type Act, orderIdsOf, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { SOLVER } from './tell_trips.ts'

/** Offers that nobody answers. */

/** A courier who did not answer is not asked again for the same order before this, s of business time. */
const SILENT_S = 300

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
