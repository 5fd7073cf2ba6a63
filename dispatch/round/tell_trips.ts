import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Point, TenantId } from '../../ingest/events/envelope.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { type Change, commit, type Desk, remark, words } from '../desk.ts'
import { stopsInSequence, type Way } from '../hand/sequence.ts'
import { lockOrders } from '../io/book.ts'
import type { WaitingOrder } from '../io/open_work.ts'
import { insertTrip, isTaken, lockTrips, putOnOrders, takeOffOrders, updateTrip } from '../io/trips.ts'
import type { OrderRow, TripRow } from '../rows.ts'
import type { PlannedTrip } from '../solver/port.ts'
import { tripChanged } from '../take_off.ts'
import { type Act, changeOrder, newTrip, orderIdsOf, released, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'

/**
 * What a plan does to the book, only while what it saw still stands: trips are offered, and those that are not fetched yet are put
 * together anew. Trips that give each other orders change in one transaction, so that none is ever without one.
 */

export const SOLVER = 'dispatch:solver'

/** A trip holds something else than it was told to. */
const REPLANNED = 'replanned'

export interface Telling {
  trip: PlannedTrip
  /** the orders that it is to hold, as the plan saw them, in the sequence of their doors */
  seen: readonly WaitingOrder[]
  /** the courier's trip that is to hold them, as the plan saw it; undefined: a new one is offered */
  present: TripRow | undefined
  /** what that trip holds now, as the plan saw it */
  held: readonly WaitingOrder[]
  /** of the courier */
  place: Point
}

export interface Telegram {
  tenant_id: TenantId
  /** all that give each other orders */
  trips: readonly Telling[]
  way: Omit<Way, 'place' | 'depart'>
}

/** @returns false when somebody was faster: an order or a trip changed, or a courier has another trip */
export async function tellTrips(desk: Desk, telegram: Telegram): Promise<boolean> {
  const { tenant_id, trips } = telegram
  const correlation_id = trips[0]?.seen[0]?.correlation_id
  if (correlation_id === undefined) return false
  const act: Act = { tenant_id, actor: SOLVER, correlation_id, now: desk.now() }
  try {
    return await commit(desk, act, async (client, change) => {
      const standing = await lockStanding(client, act, trips)
      if (!standing) return false
      await changeAll({ client, change, act, telegram, ...standing })
      return true
    })
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}

// ── What must still hold ────────────────────────────────────────────────────────────────────────────────────────────

/** Everything that the plan saw, locked and unchanged, by id. */
interface Standing {
  orders: ReadonlyMap<string, OrderRow>
  trips: ReadonlyMap<string, TripRow>
}

/** Orders first, then trips, each by id. @returns undefined: something changed since the plan saw it */
async function lockStanding(client: Queryable, act: Act, told: readonly Telling[]): Promise<Standing | undefined> {
  const seen = new Map(told.flatMap(({ held, seen }) => [...held, ...seen]).map(order => [order.order_id, order]))
  const orders = new Map((await lockOrders(client, act.tenant_id, [...seen.keys()])).map(row => [row.order_id, row]))
  if (![...seen].every(([id, order]) => stands(order, orders.get(id)))) return undefined
  const presents = told.flatMap(({ present }) => present ?? [])
  const trip_ids = presents.map(trip => trip.trip_id)
  const locked = await lockTrips(client, act.tenant_id, { trip_ids, courier_id: null })
  const trips = new Map(locked.map(trip => [trip.trip_id as string, trip]))
  const same = presents.every(({ trip_id, version }) => trips.get(trip_id)?.version === version)
  return same ? { orders: new Map(orders), trips } : undefined
}

/** The order is where it was, still open and nobody's choice. Its version may have moved on for other reasons. */
const stands = (seen: WaitingOrder, now: OrderRow | undefined): boolean =>
  now !== undefined &&
  (now.state === 'routed' || now.state === 'picking' || now.state === 'packed') &&
  now.trip_id === seen.trip_id &&
  !now.pinned &&
  !now.cancel_asked &&
  now.fulfilment_id === seen.fulfilment_id

// ── The change ──────────────────────────────────────────────────────────────────────────────────────────────────────

interface Changing extends Standing {
  client: Queryable
  change: Change
  act: Act
  telegram: Telegram
}

/**
 * First everything comes off, then it is put on: the book allows no order on two trips, and its readers hear of it in that order.
 * Only a trip that both loses and gets something is told of twice.
 */
async function changeAll(changing: Changing): Promise<void> {
  const { change, act, telegram, orders } = changing
  const after = new Map<Telling, TripRow>()
  for (const told of telegram.trips) {
    const trip = told.present && changing.trips.get(told.present.trip_id)
    if (!trip || droppedBy(told).length === 0) continue
    await takeOffOrders(changing.client, trip, droppedBy(told))
    after.set(told, gains(told) ? await lighter(changing, told, trip) : await putTogether(changing, told, trip))
  }
  const carriers = new Map<string, TripRow>()
  for (const told of telegram.trips) {
    const before = after.get(told) ?? (told.present && changing.trips.get(told.present.trip_id))
    const whole = after.has(told) && !gains(told)
    const trip = !before ? await offer(changing, told) : whole ? before : await putTogether(changing, told, before)
    for (const { order_id } of told.seen) carriers.set(order_id, trip)
  }
  for (const before of orders.values()) {
    const trip = carriers.get(before.order_id)
    if (trip && trip.trip_id === before.trip_id) continue
    const carried = trip && changeOrder(before, { trip_id: trip.trip_id, courier_id: trip.courier_id }, act)
    change.orders.push(carried ?? released(before, act))
    const text = trip ? textOf(trip) : `Taken from ${before.courier_id}: ${words(REPLANNED)}.`
    change.history.push(remark(act, before.order_id, text))
  }
}

const gains = ({ seen, present }: Telling): boolean => seen.some(order => order.trip_id !== present?.trip_id)

function droppedBy({ seen, held }: Telling): string[] {
  const wanted = new Set(seen.map(order => order.order_id))
  return held.flatMap(({ order_id }) => (wanted.has(order_id) ? [] : [order_id]))
}

const textOf = ({ state, courier_id }: TripRow): string =>
  state === 'accepted' ? `Put on the trip of ${courier_id}.` : `Offered to ${courier_id}.`

/** Without what it loses, and not yet with what it gets. */
async function lighter({ client, change, act }: Changing, told: Telling, before: TripRow): Promise<TripRow> {
  const dropped = new Set(droppedBy(told))
  const kept = before.stops.filter(stop => !dropped.has(stop.order_id))
  const trip = replanned(before, kept, act)
  await updateTrip(client, trip)
  change.events.push(tripChanged(trip, orderIdsOf(trip), REPLANNED))
  return trip
}

/** The courier has not fetched it yet, and finds there what the trip says when it does. */
async function putTogether(
  { client, change, act, orders, telegram }: Changing,
  { seen, place }: Telling,
  before: TripRow,
): Promise<TripRow> {
  const rows = seen.flatMap(order => orders.get(order.order_id) ?? [])
  const timed = stopsInSequence([], rows, { ...telegram.way, place, depart: act.now })
  const trip = replanned(before, arrivedAlready(timed, before), act)
  const order_ids = rows.map(order => order.order_id)
  await putOnOrders(client, trip, order_ids)
  await updateTrip(client, trip)
  change.trips.push(trip)
  change.events.push(tripChanged(trip, order_ids, REPLANNED))
  return trip
}

async function offer(
  { client, change, act, orders, telegram }: Changing,
  { seen, place, trip: { courier_id, warehouse_id } }: Telling,
): Promise<TripRow> {
  const rows = seen.flatMap(order => orders.get(order.order_id) ?? [])
  const stops = stopsInSequence([], rows, { ...telegram.way, place, depart: act.now })
  const { zone_id } = rows[0] as OrderRow
  const trip = newTrip({ zone_id, courier_id, pinned: false, stops }, warehouse_id, act)
  await insertTrip(client, trip)
  change.trips.push(trip)
  change.events.push(tripEvent(trip, 'trip.planned', { ...tripHead(trip), stops }))
  return trip
}

function replanned(trip: TripRow, stops: Stop[], act: Act): TripRow {
  const after = stepTrip(trip, 'changed', act, { stops })
  if (!after) throw new Error(`the trip ${trip.trip_id} is ${trip.state}: it can not be put together anew`)
  return after
}

/** Who stands at the warehouse does so for what is added, too. */
function arrivedAlready(stops: readonly Stop[], { stops: before }: TripRow): Stop[] {
  const arrived_at = before.find(stop => stop.kind === 'pickup' && stop.arrived_at !== undefined)?.arrived_at
  return stops.map(stop => (stop.kind === 'pickup' && arrived_at !== undefined ? { ...stop, arrived_at } : stop))
}
