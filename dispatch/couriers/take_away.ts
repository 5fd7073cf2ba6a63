import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, commit, conflict, type Desk, remark, words } from '../desk.ts'
import { rememberDeclined } from '../io/trips.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import { type Act, orderIdsOf, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { endTrip, lockWithOrders, notYours, type TripAnswer } from './trip_steps.ts'

/** A trip whose courier will not fetch it goes back to the queue: who vanished, ended the shift, or can not go on. */

/** A courier who is lost gets no more of these orders before this, s of business time. */
const LOST_S = 600

/** @returns false when it changed since it was seen, or is under way: the goods are with the courier */
export function takeAway(desk: Desk, act: Act, seen: TripRow, reason: string): Promise<boolean> {
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, seen.trip_id)
    if (!locked || locked.trip.version !== seen.version) return false
    return (await putBack(client, change, { ...locked, act, reason })) !== undefined
  })
}

/** The courier's own word, as long as nothing is picked up: a tyre is flat, and somebody else shall fetch it. */
export function giveBack(
  desk: Desk,
  act: Act,
  courier_id: string,
  { trip_id, reason }: { trip_id: string; reason: string },
): Promise<TripAnswer> {
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, trip_id)
    if (locked?.trip.courier_id !== courier_id) return notYours(locked?.trip)
    if (locked.trip.state === 'cancelled') return { trip: locked.trip }
    const trip = await putBack(client, change, { ...locked, act, reason })
    return trip ? { trip } : conflict(locked.trip, 'under_way', 'you have the goods: bring them, or report failed')
  })
}

/** @returns undefined when the trip is under way, or over */
async function putBack(
  client: Queryable,
  change: Change,
  { trip: before, orders, act, reason }: { trip: TripRow; orders: readonly OrderRow[]; act: Act; reason: string },
): Promise<TripRow | undefined> {
  const trip = stepTrip(before, 'lost', act, { pinned: false })
  if (!trip) return undefined
  const order_ids = orderIdsOf(trip)
  const event = tripEvent(trip, 'trip.cancelled', { ...tripHead(trip), reason, order_ids })
  await endTrip(client, change, { trip, orders, act, event })
  await rememberDeclined(client, trip, order_ids, act.now + LOST_S * 1_000)
  for (const order of orders) {
    change.history.push(remark(act, order.order_id, `Taken from ${trip.courier_id}: ${words(reason)}.`))
  }
  return trip
}
