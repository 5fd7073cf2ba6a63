import type { EventDraft } from '../../ingest/contract.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, commit, conflict, type Desk, type Refused, refuse, remark, words } from '../desk.ts'
import { lockOrders } from '../io/book.ts'
import { findTrip, lockTrip, rememberDeclined, updateTrip } from '../io/trips.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import { offerNext } from '../take_off.ts'
import { type Act, isOpenTrip, orderIdsOf, released, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'

/** What a courier says to a trip: each may be said again, goes forward only, and is refused with the state that stands. */

/** An order is not offered to the courier who declined it before this, s of business time. */
const DECLINED_S = 300

export type TripAnswer = { trip: TripRow } | { refused: Refused }

export function acceptTrip(desk: Desk, act: Act, courier_id: string, trip_id: string): Promise<TripAnswer> {
  return commit(desk, act, async (client, change) => {
    const trip = await lockTrip(client, act.tenant_id, trip_id)
    if (trip?.courier_id !== courier_id) return notYours(trip)
    if (trip.state === 'accepted' || trip.state === 'under_way' || trip.state === 'done') return { trip }
    const accepted = stepTrip(trip, 'accepted', act)
    if (!accepted) return conflict(trip, 'trip_cancelled', 'the trip was taken back: leave it')
    await updateTrip(client, accepted)
    change.trips.push(accepted)
    change.events.push(tripEvent(accepted, 'trip.accepted', tripHead(accepted)))
    for (const id of orderIdsOf(accepted)) change.history.push(remark(act, id, `${courier_id} accepted.`))
    return { trip: accepted }
  })
}

export function declineTrip(
  desk: Desk,
  act: Act,
  courier_id: string,
  { trip_id, reason }: { trip_id: string; reason: string },
): Promise<TripAnswer> {
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, trip_id)
    if (locked?.trip.courier_id !== courier_id) return notYours(locked?.trip)
    const { trip, orders } = locked
    if (trip.state === 'cancelled') return { trip }
    const declined = stepTrip(trip, 'declined', act, { pinned: false })
    if (!declined) return conflict(trip, 'already_accepted', 'only an offer can be declined; report failed instead')
    const event = tripEvent(declined, 'trip.declined', { ...tripHead(declined), reason })
    await endTrip(client, change, { trip: declined, orders, act, event })
    await rememberDeclined(client, declined, orderIdsOf(declined), act.now + DECLINED_S * 1_000)
    for (const order of orders)
      change.history.push(remark(act, order.order_id, `${courier_id} declined: ${words(reason)}.`))
    return { trip: declined }
  })
}

/** A trip is over before its time: its orders need another, and the courier's next one has its turn. */
export async function endTrip(
  client: Queryable,
  change: Change,
  { trip, orders, act, event }: { trip: TripRow; orders: readonly OrderRow[]; act: Act; event: EventDraft },
): Promise<void> {
  await updateTrip(client, trip)
  change.trips.push(trip)
  change.events.push(event)
  for (const order of orders) if (order.trip_id === trip.trip_id) change.orders.push(released(order, act))
  await offerNext(client, change, trip, act)
}

/**
 * Orders first, then the trip, as everywhere. What was put on the trip while its orders were waited for is locked last: two who
 * then wait for each other are done again by `commit`.
 */
export async function lockWithOrders(
  client: Queryable,
  { tenant_id }: Pick<Act, 'tenant_id'>,
  trip_id: string,
): Promise<{ trip: TripRow; orders: OrderRow[] } | undefined> {
  const seen = await findTrip(client, tenant_id, trip_id)
  if (!seen) return undefined
  const orders = await lockOrders(client, tenant_id, orderIdsOf(seen))
  const trip = await lockTrip(client, tenant_id, trip_id)
  if (!trip) return undefined
  const known = new Set(orders.map(order => order.order_id as string))
  const added = orderIdsOf(trip).filter(id => !known.has(id))
  if (added.length > 0) orders.push(...(await lockOrders(client, tenant_id, added)))
  return { trip, orders }
}

export function notYours(trip: TripRow | undefined): { refused: Refused } {
  if (!trip) return refuse(404, 'unknown_trip', 'there is no such trip')
  return conflict(trip, isOpenTrip(trip) ? 'not_yours' : 'trip_cancelled', 'another courier has this trip')
}
