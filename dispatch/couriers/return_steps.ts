import { randomUUIDv7 } from 'node:crypto'
import type { DeliveryEvent, EventDraft } from '../../ingest/contract.ts'
import type { CourierId } from '../../ingest/events/envelope.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import type { ReturnState } from '../contract.ts'
import { type Change, commit, conflict, type Desk, type Refused, refuse, remark, words } from '../desk.ts'
import { lockOrders } from '../io/book.ts'
import { findReturn, insertReturns, lockReturnsOf, updateReturn } from '../io/returns.ts'
import { findTrip } from '../io/trips.ts'
import { RETURN_LIFE, type ReturnEvent } from '../life/return.ts'
import type { OrderRow, ReturnRow, TripRow } from '../rows.ts'
import type { Act } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'

/** Goods on their way back. The order stays as it ended; the shelf learns of them when the warehouse puts them back. */

export interface Opening {
  act: Act
  reason: string
  state: Extract<ReturnState, 'asked' | 'with_courier'>
}

/** One a part of the order. */
export const openReturnsOf = (order: OrderRow, trip: TripRow, { act, reason, state }: Opening): ReturnRow[] =>
  order.fulfilments.map(({ fulfilment_id, warehouse_id }) => ({
    tenant_id: act.tenant_id,
    return_id: randomUUIDv7(),
    zone_id: order.zone_id,
    order_id: order.order_id,
    fulfilment_id,
    trip_id: trip.trip_id,
    courier_id: state === 'with_courier' ? trip.courier_id : null,
    warehouse_id,
    state,
    version: 1,
    reason,
    opened_at: act.now,
    closed_at: null,
    updated_at: act.now,
    changed_by: act.actor,
  }))

export type ReturnsAnswer = { returns: ReturnRow[] } | { refused: Refused }

/** A courier has brought back what could not be handed over. */
export function broughtBack(desk: Desk, act: Act, courier_id: string, order_id: string): Promise<ReturnsAnswer> {
  return commit(desk, act, async (client, change) => {
    const [order] = await lockOrders(client, act.tenant_id, [order_id])
    if (!order) return refuse(404, 'unknown_order', `there is no order ${order_id}`)
    const mine = (await lockReturnsOf(client, act.tenant_id, order_id)).filter(one => one.courier_id === courier_id)
    if (mine.length === 0) return conflict(order, 'nothing_to_return', 'you have nothing of this order to bring back')
    const returns: ReturnRow[] = []
    for (const one of mine) returns.push((await stepReturn(client, change, one, { event: 'received', act })) ?? one)
    return { returns }
  })
}

/** A customer gives a delivered order back: asked for by a dispatcher. Asking again changes nothing. */
export function askForReturn(
  desk: Desk,
  act: Act,
  { order_id, reason }: { order_id: string; reason: string },
): Promise<ReturnsAnswer> {
  return commit(desk, act, async (client, change) => {
    const [order] = await lockOrders(client, act.tenant_id, [order_id])
    if (!order) return refuse(404, 'unknown_order', `there is no order ${order_id}`)
    const standing = (await lockReturnsOf(client, act.tenant_id, order_id)).filter(one => one.state !== 'withdrawn')
    if (standing.length > 0) return { returns: standing }
    const trip = order.trip_id ? await findTrip(client, act.tenant_id, order.trip_id) : undefined
    if (order.state !== 'delivered' || !trip) {
      return conflict(order, 'not_delivered', `the order is ${order.state}: only what was delivered is given back`)
    }
    const returns = openReturnsOf(order, trip, { act, reason, state: 'asked' })
    await insertReturns(client, returns)
    for (const one of returns) change.events.push(returnEvent(trip, one, 'return.asked'))
    change.history.push(remark(act, order_id, `A return was asked for: ${words(reason)}.`))
    return { returns }
  })
}

export interface Settling {
  return_id: string
  event: ReturnEvent
  /** from If-Match; null: whatever it is by now */
  version: number | null
  /** of `collected`: who has the goods from then on */
  courier_id?: string
}

/** A dispatcher's, a warehouse's or a courier's word on one return. */
export function settleReturn(
  desk: Desk,
  act: Act,
  { return_id, event, version, courier_id }: Settling,
): Promise<{ row: ReturnRow } | { refused: Refused }> {
  return commit(desk, act, async (client, change) => {
    const seen = await findReturn(client, act.tenant_id, return_id)
    if (!seen) return refuse(404, 'unknown_return', `there is no return ${return_id}`)
    await lockOrders(client, act.tenant_id, [seen.order_id])
    const row = (await lockReturnsOf(client, act.tenant_id, seen.order_id)).find(one => one.return_id === return_id)
    if (!row) return refuse(404, 'unknown_return', `there is no return ${return_id}`)
    if (version !== null && row.version !== version) {
      return conflict(row, 'changed', `the return is at version ${row.version}, you saw ${version}: look again`)
    }
    if (event === 'collected' && row.state === 'with_courier' && row.courier_id === courier_id) return { row }
    const collected = event === 'collected' && courier_id ? { courier_id: courier_id as CourierId } : {}
    const after = await stepReturn(client, change, { ...row, ...collected }, { event, act })
    return after ? { row: after } : conflict(row, 'not_possible', `the return is ${row.state}`)
  })
}

/** @returns undefined when its state does not allow the event */
async function stepReturn(
  client: Queryable,
  change: Change,
  row: ReturnRow,
  { event, act }: { event: ReturnEvent; act: Act },
): Promise<ReturnRow | undefined> {
  const state = RETURN_LIFE[row.state][event]
  if (state === 'refused') return undefined
  const closed_at = state === 'with_courier' || state === 'asked' ? null : act.now
  const version = row.version + 1
  const after: ReturnRow = { ...row, state, version, closed_at, updated_at: act.now, changed_by: act.actor }
  await updateReturn(client, after)
  change.history.push(remark(act, row.order_id, TOLD[event](after)))
  const trip = await findTrip(client, act.tenant_id, row.trip_id)
  if (trip) change.events.push(returnEvent(trip, row, EVENTS[event]))
  return after
}

const EVENTS = {
  collected: 'return.collected',
  received: 'delivery.returned',
  lost: 'return.lost',
  withdrawn: 'return.withdrawn',
} as const satisfies Record<ReturnEvent, DeliveryEvent['type']>

const returnEvent = (
  trip: TripRow,
  { order_id, fulfilment_id, reason }: ReturnRow,
  type: (typeof EVENTS)[ReturnEvent] | 'return.asked',
): EventDraft => tripEvent(trip, type, { ...tripHead(trip), order_id, fulfilment_id, reason })

const TOLD: Record<ReturnEvent, (row: ReturnRow) => string> = {
  collected: ({ courier_id }) => `${courier_id ?? 'A courier'} has collected the return.`,
  received: ({ warehouse_id }) => `The goods are back at ${warehouse_id}.`,
  lost: () => 'The goods of the return are lost.',
  withdrawn: () => 'The return was withdrawn.',
}
