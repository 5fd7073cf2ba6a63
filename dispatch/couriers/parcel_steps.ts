import type { Stop } from '../../ingest/events/deliveries.ts'
import type { BookFulfilment } from '../contract.ts'
import { commit, conflict, type Desk, isRefused, refuse, remark } from '../desk.ts'
import { saveAttempt } from '../io/attempts.ts'
import { updateTrip } from '../io/trips.ts'
import { stepPart } from '../life/fulfilment.ts'
import { ORDER_LIFE } from '../life/order.ts'
import type { OrderRow } from '../rows.ts'
import { type Act, changeOrder, isOpenTrip, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { firstAttempt, isStop, lockMine, type OrderAnswer, put, stepAttempt } from './parcel.ts'

/** What a courier says of a parcel on its way: each may be said again, goes forward only, and is refused with the state that stands. */

export interface Place {
  order_id: string
  at: Stop['kind']
}

/** At the warehouse or at the door. */
export function arrived(desk: Desk, act: Act, courier_id: string, { order_id, at }: Place): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order, trip } = mine
    const next = trip.stops.find(stop => isStop(stop, order_id, at) && stop.arrived_at === undefined)
    if (!next || !isOpenTrip(trip)) return { order }
    if (trip.state !== 'accepted' && trip.state !== 'under_way') {
      return conflict(trip, 'not_accepted', 'accept the trip first')
    }
    if (at === 'dropoff' && order.state !== 'picked_up') {
      return conflict(order, 'not_picked_up', `the order is ${order.state}, not on its way`)
    }
    const stops = trip.stops.map(stop => (stop === next ? { ...stop, arrived_at: act.now } : stop))
    const moved = stepTrip(trip, 'changed', act, { stops })
    if (!moved) return conflict(trip, 'trip_over', `the trip is ${trip.state}`)
    if (at === 'dropoff') await stepAttempt(client, act, order_id, 'arrived', { arrived_at: act.now })
    await updateTrip(client, moved)
    change.trips.push(moved)
    const where = at === 'pickup' ? 'the warehouse' : 'the door'
    change.history.push(remark(act, order_id, `${courier_id} is at ${where}.`))
    const { fulfilment_id } = next
    const data = { ...tripHead(moved), order_id, fulfilment_id, at, arrived_at: act.now }
    change.events.push(tripEvent(moved, 'delivery.arrived', data))
    return { order }
  })
}

/** @param fulfilment_id of a split order: one part; null: all of it */
export function pickedUp(
  desk: Desk,
  act: Act,
  courier_id: string,
  { order_id, fulfilment_id }: { order_id: string; fulfilment_id: string | null },
): Promise<OrderAnswer> {
  return commit(desk, act, async (client, change) => {
    const mine = await lockMine(client, act, courier_id, order_id)
    if (isRefused(mine)) return mine
    const { order, trip } = mine
    const wanted = order.fulfilments.filter(part => fulfilment_id === null || part.fulfilment_id === fulfilment_id)
    const parts = wanted.filter(part => part.state !== 'picked_up')
    if (wanted.length === 0) return refuse(404, 'unknown_fulfilment', `${order_id} has no part ${fulfilment_id}`)
    if (parts.length === 0 || isBehind(order)) return { order }
    if (order.cancel_asked) return conflict(order, 'cancel_asked', 'the customer asked to cancel: leave it there')
    const state = ORDER_LIFE[order.state]['delivery.picked_up']
    if (state === 'refused') {
      return conflict(order, 'not_packed', `the order is ${order.state}: wait until it is packed`)
    }
    const is_taken = (id: string) => parts.some(part => part.fulfilment_id === id)
    const stops = trip.stops.map(stop =>
      stop.kind === 'pickup' && is_taken(stop.fulfilment_id) ? { ...stop, done_at: act.now } : stop,
    )
    const moved = stepTrip(trip, 'picked_up', act, { stops })
    if (!moved) return conflict(trip, 'not_accepted', 'accept the trip first')
    await updateTrip(client, moved)
    if (order.picked_up_at === null) await saveAttempt(client, firstAttempt(order, trip, act))
    const fulfilments = order.fulfilments.map(part =>
      is_taken(part.fulfilment_id) ? stepPart(part, 'picked_up') : part,
    )
    const picked_up_at = order.picked_up_at ?? act.now
    const taken = changeOrder(order, { state, fulfilments, picked_up_at }, act)
    put(change, taken, moved, `${courier_id} picked ${told(order, parts)} up.`, act)
    for (const part of parts) {
      const drop = { ...tripHead(moved), order_id, fulfilment_id: part.fulfilment_id, picked_up_at: act.now }
      change.events.push(tripEvent(moved, 'delivery.picked_up', drop))
    }
    return { order: taken }
  })
}

const isBehind = ({ state }: OrderRow): boolean => state === 'delivered' || state === 'failed'
const told = (order: OrderRow, parts: readonly BookFulfilment[]): string =>
  parts.length === order.fulfilments.length
    ? 'it'
    : `the part from ${parts.map(part => part.warehouse_id).join(' and ')}`
