import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, conflict, type Refused, refuse, remark } from '../desk.ts'
import { openAttempt, saveAttempt } from '../io/attempts.ts'
import { lockOrders } from '../io/book.ts'
import { lockTrip } from '../io/trips.ts'
import { ATTEMPT_LIFE, type AttemptEvent } from '../life/attempt.ts'
import type { AttemptRow, OrderRow, TripRow } from '../rows.ts'
import type { Act } from '../trip.ts'

/** What all words of a courier about a parcel have in common. */

export type OrderAnswer = { order: OrderRow } | { refused: Refused }

export interface Mine {
  order: OrderRow
  trip: TripRow
}

export async function lockMine(
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

export function put(change: Change, order: OrderRow, trip: TripRow, text: string, act: Act): void {
  change.orders.push(order)
  change.trips.push(trip)
  change.history.push(remark(act, order.order_id, text))
}

export const isStop = (stop: Stop, order_id: string, kind: Stop['kind']): boolean =>
  stop.order_id === order_id && stop.kind === kind

export const firstAttempt = ({ order_id }: OrderRow, { trip_id, courier_id }: TripRow, act: Act): AttemptRow => ({
  ...{ tenant_id: act.tenant_id, order_id, number: 1, trip_id, courier_id, state: 'on_the_way', reason: null },
  ...{ began_at: act.now, arrived_at: null, ended_at: null, changed_by: act.actor },
})

/** What the table refuses changes nothing: a courier may say "arrived" twice. */
export async function stepAttempt(
  client: Queryable,
  act: Act,
  order_id: string,
  event: AttemptEvent,
  changes: Partial<AttemptRow>,
): Promise<void> {
  const attempt = await openAttempt(client, act.tenant_id, order_id)
  const state = attempt && ATTEMPT_LIFE[attempt.state][event]
  if (!attempt || !state || state === 'refused') return
  await saveAttempt(client, { ...attempt, ...changes, state, changed_by: act.actor })
}
