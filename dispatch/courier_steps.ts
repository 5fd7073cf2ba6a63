import type { Queryable } from '../ingest/io/postgres.ts'
import { type Change, commit, type Desk, isRefused, type Refused, refuse, remark } from './desk.ts'
import { lockOrders } from './io/book.ts'
import { findTrip, lockTrip, rememberDeclined, takeOff, updateTrip } from './io/trips.ts'
import { ORDER_LIFE } from './order_life.ts'
import { type OrderRow, orderView, type TripRow, tripView } from './rows.ts'
import { type Act, changeOrder, isOpenTrip, orderIdsOf, released, stepTrip } from './trip.ts'
import { tripEvent, tripHead } from './trip_events.ts'

/** What a courier says: each may be said again, goes forward only, and is refused with the state that stands. */

/** An order is not offered to the courier who declined it before this, s of business time. */
const DECLINED_S = 300

export type TripAnswer = { trip: TripRow } | { refused: Refused }
export type OrderAnswer = { order: OrderRow } | { refused: Refused }

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
    await endTrip(client, change, { trip: declined, orders, act })
    await rememberDeclined(client, declined, orderIdsOf(declined), act.now + DECLINED_S * 1_000)
    change.events.push(tripEvent(declined, 'trip.declined', { ...tripHead(declined), reason }))
    for (const order of orders) change.history.push(remark(act, order.order_id, `${courier_id} declined: ${reason}.`))
    return { trip: declined }
  })
}

/** A trip is over before its time: its orders need another. */
export async function endTrip(
  client: Queryable,
  change: Change,
  { trip, orders, act }: { trip: TripRow; orders: readonly OrderRow[]; act: Act },
): Promise<void> {
  await updateTrip(client, trip)
  change.trips.push(trip)
  for (const order of orders) if (order.trip_id === trip.trip_id) change.orders.push(released(order, act))
}

/** Orders first, then the trip, as everywhere. */
export async function lockWithOrders(
  client: Queryable,
  { tenant_id }: Pick<Act, 'tenant_id'>,
  trip_id: string,
): Promise<{ trip: TripRow; orders: OrderRow[] } | undefined> {
  const seen = await findTrip(client, tenant_id, trip_id)
  if (!seen) return undefined
  const orders = await lockOrders(client, tenant_id, orderIdsOf(seen))
  const trip = await lockTrip(client, tenant_id, trip_id)
  return trip && { trip, orders }
}

// ── The parcel ──────────────────────────────────────────────────────────────────────────────────────────────────────

interface Mine {
  order: OrderRow
  trip: TripRow
}

async function lockMine(
  client: Queryable,
  act: Act,
  courier_id: string,
  order_id: string,
): Promise<Mine | { refused: Refused }> {
  const [order] = await lockOrders(client, act.tenant_id, [order_id])
  if (!order) return refuse(404, 'unknown_order', `there is no order ${order_id}`)
  const trip = order.trip_id ? await lockTrip(client, act.tenant_id, order.trip_id) : undefined
  if (order.courier_id !== courier_id || !trip) return conflict(order, 'not_yours', 'another courier has this order')
  return { order, trip }
}

export function pickedUp(desk: Desk, act: Act, courier_id: string, order_id: string): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order, trip } = mine
    if (order.picked_up_at !== null) return { order }
    if (order.cancel_asked) return conflict(order, 'cancel_asked', 'the customer asked to cancel: leave it there')
    const state = ORDER_LIFE[order.state]['delivery.picked_up']
    if (state === 'refused')
      return conflict(order, 'not_packed', `the order is ${order.state}: wait until it is packed`)
    const moved = stepTrip(trip, 'picked_up', act)
    if (!moved) return conflict(trip, 'not_accepted', 'accept the trip first')
    await updateTrip(client, moved)
    const taken = changeOrder(order, { state, picked_up_at: act.now }, act)
    put(change, taken, moved, remark(act, order_id, `${courier_id} picked it up.`))
    change.events.push(
      tripEvent(moved, 'delivery.picked_up', { ...tripHead(moved), ...partOf(order), picked_up_at: act.now }),
    )
    return { order: taken }
  })
}

export function delivered(desk: Desk, act: Act, courier_id: string, order_id: string): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order } = mine
    if (order.state === 'delivered') return { order }
    const late_s = lateness(order, act.now)
    const text = late_s > 0 ? `Delivered, ${Math.ceil(late_s / 60)} min late.` : 'Delivered in time.'
    const closed = await close(client, change, { ...mine, act, event: 'delivery.delivered', changes: { late_s }, text })
    if (isRefused(closed)) return closed
    const data = { ...tripHead(closed.trip), ...partOf(order), delivered_at: act.now, late_s }
    change.events.push(tripEvent(closed.trip, 'delivery.delivered', data))
    return { order: closed.order }
  })
}

export function failed(
  desk: Desk,
  act: Act,
  courier_id: string,
  { order_id, reason }: { order_id: string; reason: string },
): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order } = mine
    if (order.state === 'failed') return { order }
    const text = `Delivery failed: ${reason.replaceAll('_', ' ')}.`
    const closed = await close(client, change, { ...mine, act, event: 'delivery.failed', changes: { reason }, text })
    if (isRefused(closed)) return closed
    change.events.push(
      tripEvent(closed.trip, 'delivery.failed', { ...tripHead(closed.trip), ...partOf(order), reason }),
    )
    return { order: closed.order }
  })
}

interface Closing extends Mine {
  act: Act
  event: 'delivery.delivered' | 'delivery.failed'
  changes: Partial<OrderRow>
  text: string
}

async function close(
  client: Queryable,
  change: Change,
  { order, trip, act, event, changes, text }: Closing,
): Promise<Mine | { refused: Refused }> {
  const state = ORDER_LIFE[order.state][event]
  if (state === 'refused') return conflict(order, 'not_picked_up', `the order is ${order.state}, not on its way`)
  const left = await takeOff(client, trip, order.order_id)
  const moved = stepTrip(trip, left === 0 ? 'finished' : 'dropped', act)
  if (!moved) return conflict(trip, 'not_under_way', `the trip is ${trip.state}`)
  await updateTrip(client, moved)
  const closed = changeOrder(order, { ...changes, state, closed_at: act.now }, act)
  put(change, closed, moved, remark(act, order.order_id, text))
  return { order: closed, trip: moved }
}

function put(change: Change, order: OrderRow, trip: TripRow, history: Change['history'][number]): void {
  change.orders.push(order)
  change.trips.push(trip)
  change.history.push(history)
}

const partOf = ({ order_id, fulfilment_id }: OrderRow) => ({ order_id, fulfilment_id })

/** s after the first promise; negative: early. */
export const lateness = ({ first_deliver_by }: Pick<OrderRow, 'first_deliver_by'>, delivered_at: number): number =>
  first_deliver_by === null ? 0 : Math.ceil((delivered_at - first_deliver_by) / 1_000)

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

function notYours(trip: TripRow | undefined): { refused: Refused } {
  if (!trip) return refuse(404, 'unknown_trip', 'there is no such trip')
  return conflict(trip, isOpenTrip(trip) ? 'not_yours' : 'trip_cancelled', 'another courier has this trip')
}

/** 409 with the row that stands, who changed it last and when. */
export function conflict(current: OrderRow | TripRow, reason: string, detail: string): { refused: Refused } {
  const view = 'order_id' in current ? orderView(current) : tripView(current)
  const { changed_by, updated_at } = current
  return { refused: { status: 409, reason, detail, current: view, changed_by, changed_at: updated_at } }
}
