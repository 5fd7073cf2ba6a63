import type { Stop } from '../ingest/events/deliveries.ts'
import type { Queryable } from '../ingest/io/postgres.ts'
import { type Change, remark } from './desk.ts'
import { hasPinned, lockNextTrip, takeOffOrders, updateTrip } from './io/trips.ts'
import type { TripRow } from './rows.ts'
import { type Act, orderIdsOf, stepTrip } from './trip.ts'
import { tripEvent, tripHead } from './trip_events.ts'

/** Orders come off a trip, and what follows for the trip and its courier. */

type Told = Pick<Change, 'trips' | 'events' | 'history'>

export interface TakeOff {
  /** locked, and not over */
  trip: TripRow
  /** still in the warehouse, and on the trip */
  order_ids: readonly string[]
  reason: string
  act: Act
}

/**
 * The rest of the trip goes on without them; an empty trip is over, and the courier's next one has its turn. The orders' own
 * rows are the caller's to change.
 */
export async function takeOff(
  client: Queryable,
  told: Told,
  { trip, order_ids, reason, act }: TakeOff,
): Promise<TripRow> {
  const left = await takeOffOrders(client, trip, order_ids)
  if (left.length === 0) return endEmpty(client, told, { trip, reason, act })
  const stops = trip.stops.filter(stop => !order_ids.includes(stop.order_id))
  const pinned = trip.pinned && (await hasPinned(client, trip, order_ids))
  const changed = stepped(stepTrip(trip, 'changed', act, { stops, pinned }), trip)
  await updateTrip(client, changed)
  told.trips.push(changed)
  told.events.push(tripChanged(changed, left, reason))
  return changed
}

async function endEmpty(
  client: Queryable,
  told: Told,
  { trip, reason, act }: { trip: TripRow; reason: string; act: Act },
): Promise<TripRow> {
  const on_the_way = trip.state === 'under_way'
  const over = stepped(stepTrip(trip, on_the_way ? 'finished' : 'cancelled', act), trip)
  await updateTrip(client, over)
  told.trips.push(over)
  told.events.push(
    on_the_way ? tripChanged(over, [], reason) : tripEvent(over, 'trip.cancelled', { ...tripHead(over), reason }),
  )
  await offerNext(client, told, over, act)
  return over
}

function stepped(after: TripRow | undefined, before: TripRow): TripRow {
  if (!after) throw new Error(`the trip ${before.trip_id} is ${before.state}: nothing can come off it`)
  return after
}

/** @param order_ids those that the trip is still to bring */
export function tripChanged(trip: TripRow, order_ids: readonly string[], reason: string) {
  const stops: Stop[] = trip.stops.filter(stop => order_ids.includes(stop.order_id))
  return tripEvent(trip, 'trip.changed', { ...tripHead(trip), stops, pinned: trip.pinned, reason })
}

/** A trip of the courier is over: the next has its turn, unless the courier is on another one. */
export async function offerNext(
  client: Queryable,
  told: Told,
  { tenant_id, courier_id }: Pick<TripRow, 'tenant_id' | 'courier_id'>,
  act: Act,
): Promise<void> {
  const next = await lockNextTrip(client, { tenant_id, courier_id })
  const offered = next && stepTrip(next, 'offered', act, { offered_at: act.now })
  if (!offered) return
  await updateTrip(client, offered)
  told.trips.push(offered)
  told.events.push(tripEvent(offered, 'trip.offered', tripHead(offered)))
  for (const id of orderIdsOf(offered)) told.history.push(remark(act, id, `Offered to ${courier_id}.`))
}
