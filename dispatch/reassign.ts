import type { CourierView } from '../engine/contract.ts'
import type { Stop } from '../ingest/events/deliveries.ts'
import type { CourierId, Point } from '../ingest/events/envelope.ts'
import type { Queryable } from '../ingest/io/postgres.ts'
import type { OrderView } from './contract.ts'
import { conflict } from './courier_steps.ts'
import { type Change, commit, type Desk, type Refused, refuse, remark } from './desk.ts'
import { addAudit, answeredBefore } from './io/audit.ts'
import { lockOrders } from './io/book.ts'
import { insertTrip, isTaken, lockTrip, updateTrip } from './io/trips.ts'
import { type OrderRow, orderView, type TripRow } from './rows.ts'
import { type Act, changeOrder, newTrip, orderIdsOf, stepTrip } from './trip.ts'
import { tripEvent, tripHead } from './trip_events.ts'

/** A dispatcher's hand: an order to a courier of choice, against the version that was seen. */

export interface ReassignCommand {
  order_id: string
  /** from If-Match */
  version: number
  courier: CourierView
  reason: string
  pin: boolean
  idempotency_key: string | null
  /** the stops for this courier */
  plan: (order: OrderRow, place: Point) => Stop[]
}

export type ReassignAnswer = { order: OrderView } | { refused: Refused }

/** Of two on one version exactly one wins; the other gets 409 with the row that stands and who changed it. */
export async function reassign(desk: Desk, act: Act, command: ReassignCommand): Promise<ReassignAnswer> {
  try {
    return await commit(desk, act, (client, change) => reassignLocked(client, change, act, command))
  } catch (error) {
    if (!isTaken(error)) throw error
    return refuse(409, 'courier_busy', `${command.courier.courier_id} is on another trip: choose somebody who is free`)
  }
}

async function reassignLocked(
  client: Queryable,
  change: Change,
  act: Act,
  command: ReassignCommand,
): Promise<ReassignAnswer> {
  const [order] = await lockOrders(client, act.tenant_id, [command.order_id])
  if (!order) return refuse(404, 'unknown_order', `there is no order ${command.order_id}`)
  const before = command.idempotency_key && (await answeredBefore(client, act, command.idempotency_key))
  if (before) return repeated(before, command)
  const refused = refusalOf(order, command)
  if (refused) return refused
  const trip = await giveTrip(client, change, act, { order, command })
  if (!trip) return conflict(order, 'under_way', 'the courier is on the way already')
  const after = changeOrder(order, { trip_id: trip.trip_id, courier_id: trip.courier_id, pinned: command.pin }, act)
  change.orders.push(after)
  change.history.push(remark(act, order.order_id, `Given to ${trip.courier_id}: ${words(command.reason)}.`))
  await addAudit(client, act, {
    action: 'order.reassign',
    subject: `order:${order.order_id}`,
    reason: command.reason,
    before: orderView(order),
    after: orderView(after),
    idempotency_key: command.idempotency_key,
  })
  return { order: orderView(after) }
}

function repeated(
  before: { action: string; subject: string; after: unknown },
  command: ReassignCommand,
): ReassignAnswer {
  if (before.action === 'order.reassign' && before.subject === `order:${command.order_id}`) {
    return { order: before.after as OrderView }
  }
  return refuse(409, 'key_used', 'this Idempotency-Key was used for another command: take a new one')
}

function refusalOf(order: OrderRow, { version }: ReassignCommand): { refused: Refused } | undefined {
  if (order.version !== version) {
    return conflict(order, 'changed', `the order is at version ${order.version}, you saw ${version}: look again`)
  }
  if (order.cancel_asked) return conflict(order, 'cancel_asked', 'the order is being cancelled')
  if (order.state === 'routed' || order.state === 'picking' || order.state === 'packed') return undefined
  if (order.state === 'placed') return conflict(order, 'not_routed', 'no warehouse has it yet')
  return conflict(order, 'too_late', `the order is ${order.state}`)
}

interface Giving {
  order: OrderRow
  command: ReassignCommand
}

/** @returns undefined when the trip may not change hands any more */
async function giveTrip(
  client: Queryable,
  change: Change,
  act: Act,
  { order, command }: Giving,
): Promise<TripRow | undefined> {
  const standing = order.trip_id ? await lockTrip(client, act.tenant_id, order.trip_id) : undefined
  if (!standing) return newlyGiven(client, change, act, { order, command })
  const { courier, pin, plan, reason } = command
  const others = orderIdsOf(standing).some(id => id !== order.order_id)
  if (others) return undefined
  const from_courier_id = standing.courier_id
  const given = stepTrip(standing, 'reassigned', act, {
    courier_id: courier.courier_id,
    pinned: pin,
    stops: plan(order, courier.point),
    offered_at: act.now,
  })
  if (!given) return undefined
  // The same courier again is only pinned: what was accepted stays accepted.
  const trip = from_courier_id === given.courier_id ? { ...given, state: standing.state } : given
  await updateTrip(client, trip)
  change.trips.push(trip)
  const data = { ...tripHead(trip), stops: trip.stops }
  change.events.push(
    from_courier_id === trip.courier_id
      ? tripEvent(trip, 'trip.assigned', data)
      : tripEvent(trip, 'trip.reassigned', { ...data, from_courier_id, reason }),
  )
  return trip
}

async function newlyGiven(client: Queryable, change: Change, act: Act, { order, command }: Giving): Promise<TripRow> {
  const { courier, pin, plan } = command
  const [first] = order.fulfilments
  if (!first) throw new Error(`${order.order_id} is ${order.state} without a fulfilment`)
  const draft = {
    zone_id: order.zone_id,
    courier_id: courier.courier_id as CourierId,
    pinned: pin,
    stops: plan(order, courier.point),
  }
  const trip = newTrip(draft, first.warehouse_id, act)
  await insertTrip(client, trip)
  change.trips.push(trip)
  change.events.push(tripEvent(trip, 'trip.assigned', { ...tripHead(trip), stops: trip.stops }))
  return trip
}

const words = (reason: string): string => reason.replaceAll('_', ' ')
