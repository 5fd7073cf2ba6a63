import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, commit, conflict, type Desk, isRefused, type Refused, words } from '../desk.ts'
import { openAttempt, saveAttempt } from '../io/attempts.ts'
import { insertReturns } from '../io/returns.ts'
import { takeOffOrders, updateTrip } from '../io/trips.ts'
import { ATTEMPTS_MAX } from '../life/attempt.ts'
import { stepParts } from '../life/fulfilment.ts'
import { ORDER_LIFE } from '../life/order.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import { offerNext, tripChanged } from '../take_off.ts'
import { type Act, changeOrder, isOpenTrip, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { firstAttempt, isStop, lockMine, type Mine, type OrderAnswer, put, stepAttempt } from './parcel.ts'
import { openReturnsOf } from './return_steps.ts'

/** How a courier's way with a parcel ends: handed over, tried again, or given up. Each may be said again. */

export function delivered(desk: Desk, act: Act, courier_id: string, order_id: string): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order } = mine
    if (order.state === 'delivered') return { order }
    const late_s = lateness(order, act.now)
    const text = late_s > 0 ? `Delivered, ${Math.ceil(late_s / 60)} min late.` : 'Delivered in time.'
    const fulfilments = stepParts(order.fulfilments, 'delivered')
    const closed = await close(client, change, {
      ...{ ...mine, act, text },
      event: 'delivery.delivered',
      changes: { late_s, fulfilments },
    })
    if (isRefused(closed)) return closed
    await stepAttempt(client, act, order_id, 'delivered', { ended_at: act.now })
    const data = { ...tripHead(closed.trip), ...partOf(order), delivered_at: act.now, late_s }
    change.events.push(tripEvent(closed.trip, 'delivery.delivered', data))
    await afterTrip(client, change, closed.trip, act)
    return { order: closed.order }
  })
}

export interface Failing {
  order_id: string
  reason: string
  /** the courier will try once more within this trip, after the other doors */
  again: boolean
}

/** The goods of what is given up go back: a return is opened for each part. */
export function failed(desk: Desk, act: Act, courier_id: string, failing: Failing): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, failing.order_id)
    if (isRefused(mine)) return mine
    if (mine.order.state === 'failed') return { order: mine.order }
    if (!failing.again) return giveUp(client, change, { ...mine, act, reason: failing.reason })
    return tryAgain(client, change, { ...mine, act, reason: failing.reason })
  })
}

interface Failed extends Mine {
  act: Act
  reason: string
}

async function giveUp(client: Queryable, change: Change, { order, trip, act, reason }: Failed): Promise<OrderAnswer> {
  const fulfilments = stepParts(order.fulfilments, 'failed')
  const closed = await close(client, change, {
    ...{ order, trip, act, text: `Delivery failed: ${words(reason)}.` },
    event: 'delivery.failed',
    changes: { reason, fulfilments },
  })
  if (isRefused(closed)) return closed
  await stepAttempt(client, act, order.order_id, 'failed', { reason, ended_at: act.now })
  await insertReturns(client, openReturnsOf(order, trip, { act, reason, state: 'with_courier' }))
  const data = { ...tripHead(closed.trip), ...partOf(order), reason }
  change.events.push(tripEvent(closed.trip, 'delivery.failed', data))
  await afterTrip(client, change, closed.trip, act)
  return { order: closed.order }
}

async function tryAgain(client: Queryable, change: Change, { order, trip, act, reason }: Failed): Promise<OrderAnswer> {
  if (order.state !== 'picked_up') return notOnItsWay(order)
  const attempt = await openAttempt(client, act.tenant_id, order.order_id)
  const number = attempt?.number ?? 1
  if (number >= ATTEMPTS_MAX) {
    return conflict(order, 'no_more_attempts', `this was attempt ${number} of ${ATTEMPTS_MAX}: bring it back`)
  }
  const last = trip.stops.find(stop => isStop(stop, order.order_id, 'dropoff'))
  const others = trip.stops.filter(stop => stop !== last)
  const failed_once = stepTrip(trip, 'changed', act)
  const { arrived_at: _forgotten, ...door } = last ?? {}
  const stops = last ? [...others, door as Stop] : others
  const moved = failed_once && stepTrip(failed_once, 'changed', act, { stops })
  if (!failed_once || !moved) return conflict(trip, 'not_under_way', `the trip is ${trip.state}`)
  await updateTrip(client, moved)
  await stepAttempt(client, act, order.order_id, 'failed', { reason, ended_at: act.now })
  await saveAttempt(client, { ...firstAttempt(order, trip, act), number: number + 1 })
  const waiting = changeOrder(order, {}, act)
  put(change, waiting, moved, `Attempt ${number} failed: ${words(reason)}. It will be tried again.`, act)
  const data = { ...tripHead(failed_once), ...partOf(order), attempt: number, reason }
  const open = moved.stops.filter(stop => stop.done_at === undefined).map(stop => stop.order_id)
  change.events.push(
    tripEvent(failed_once, 'delivery.attempt_failed', data),
    tripChanged(moved, open, 'attempt_failed'),
  )
  return { order: waiting }
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

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
  if (state === 'refused') return notOnItsWay(order)
  const missing = order.fulfilments.find(part => part.state !== 'picked_up')
  if (missing) return conflict(order, 'not_picked_up', `the part from ${missing.warehouse_id} is not picked up yet`)
  const left = await takeOffOrders(client, trip, [order.order_id])
  const stops = trip.stops.map(stop => (isStop(stop, order.order_id, 'dropoff') ? { ...stop, done_at: act.now } : stop))
  const moved = stepTrip(trip, left.length === 0 ? 'finished' : 'dropped', act, { stops })
  if (!moved) return conflict(trip, 'not_under_way', `the trip is ${trip.state}`)
  await updateTrip(client, moved)
  const closed = changeOrder(order, { ...changes, state, closed_at: act.now }, act)
  put(change, closed, moved, text, act)
  return { order: closed, trip: moved }
}

const notOnItsWay = (order: OrderRow): { refused: Refused } =>
  conflict(order, 'not_picked_up', `the order is ${order.state}, not on its way`)

/** Its own event stands first: readers learn of the end of one trip before the beginning of the next. */
async function afterTrip(client: Queryable, change: Change, trip: TripRow, act: Act): Promise<void> {
  if (!isOpenTrip(trip)) await offerNext(client, change, trip, act)
}

const partOf = ({ order_id, fulfilment_id }: OrderRow) => ({ order_id, fulfilment_id })

/** s after the first promise; negative: early. */
export const lateness = ({ first_deliver_by }: Pick<OrderRow, 'first_deliver_by'>, delivered_at: number): number =>
  first_deliver_by === null ? 0 : Math.ceil((delivered_at - first_deliver_by) / 1_000)
