import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, conflict, type Refused, remark, words } from '../desk.ts'
import { hasPinned, lockTrips, ordersOn, rememberDeclined, updateTrip } from '../io/trips.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import { takeOff, tripChanged } from '../take_off.ts'
import { type Act, changeOrder, isOpenTrip, released, stepTrip } from '../trip.ts'
import { Refusal } from './once.ts'

/** A dispatcher's hand where no courier is chosen: an order comes back from its courier, or stays there for good. */

export interface Holding {
  client: Queryable
  change: Change
  act: Act
}

type Handed = { orders: OrderRow[] } | { refused: Refused }

/** A courier whom an order was taken from is not asked for it again before this, s of business time. */
const TAKEN_FROM_S = 300

/** @param and_forget the courier may be asked again at once */
export async function takeBack(
  { client, change, act }: Holding,
  order: OrderRow,
  { reason, and_forget = false }: { reason: string; and_forget?: boolean },
): Promise<Handed> {
  const trip_ids = order.trip_id ? [order.trip_id] : []
  const [trip] = await lockTrips(client, act.tenant_id, { trip_ids, courier_id: null })
  if (!trip || !isOpenTrip(trip)) return conflict(order, 'not_assigned', 'no courier has it')
  await takeOff(client, change, { trip, order_ids: [order.order_id], reason, act })
  if (!and_forget) await rememberDeclined(client, trip, [order.order_id], act.now + TAKEN_FROM_S * 1_000)
  const free = released(order, act)
  change.orders.push(free)
  change.history.push(remark(act, order.order_id, `Taken from ${trip.courier_id}: ${words(reason)}.`))
  return { orders: [free] }
}

/** A dispatcher's choice that the solver leaves alone, or does not any more. */
export async function setPinned(hand: Holding, order: OrderRow, pinned: boolean): Promise<Handed> {
  const { client, act } = hand
  const trip_ids = order.trip_id ? [order.trip_id] : []
  const [trip] = await lockTrips(client, act.tenant_id, { trip_ids, courier_id: null })
  if (!trip || !isOpenTrip(trip)) return conflict(order, 'not_assigned', 'no courier has it')
  return { orders: await pinOnly(hand, [order], trip, pinned) }
}

/** The same courier again: what was accepted stays accepted. */
export async function pinOnly(
  { client, change, act }: Holding,
  orders: readonly OrderRow[],
  trip: TripRow,
  pinned: boolean,
): Promise<OrderRow[]> {
  const but_for = orders.map(order => order.order_id)
  const stays = !pinned && (await hasPinned(client, trip, but_for))
  const changed = stepTrip(trip, 'changed', act, { pinned: pinned || stays })
  if (!changed) throw new Refusal(conflict(trip, 'trip_over', `the trip is ${trip.state}`).refused)
  await updateTrip(client, changed)
  change.trips.push(changed)
  change.events.push(tripChanged(changed, await ordersOn(client, changed), pinned ? 'pinned' : 'unpinned'))
  return putAll(change, act, orders, { pinned }, pinned ? 'Pinned' : 'Unpinned')
}

/** The orders' rows after a change of hands, each with its sentence. */
export function putAll(
  change: Change,
  act: Act,
  orders: readonly OrderRow[],
  changes: Partial<OrderRow>,
  text: string,
): OrderRow[] {
  const after = orders.map(order => changeOrder(order, changes, act))
  change.orders.push(...after)
  change.history.push(...after.map(order => remark(act, order.order_id, `${text}.`)))
  return after
}
