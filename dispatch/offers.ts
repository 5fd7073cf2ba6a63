import type { Stop } from '../ingest/events/deliveries.ts'
import type { Point } from '../ingest/events/envelope.ts'
import type { Queryable } from '../ingest/io/postgres.ts'
import type { TravelTimes } from './contract.ts'
import { endTrip, lockWithOrders } from './courier_steps.ts'
import { type Change, commit, type Desk, remark, words } from './desk.ts'
import { lockOrders } from './io/book.ts'
import type { WaitingOrder } from './io/open_work.ts'
import {
  insertTrip,
  isTaken,
  lockTrips,
  ordersOn,
  putOnOrders,
  rememberDeclined,
  takeOffOrders,
  updateTrip,
} from './io/trips.ts'
import { stopsOfTrip } from './plan_stops.ts'
import type { OrderRow, TripRow } from './rows.ts'
import type { PlannedTrip } from './solver/port.ts'
import { takeOff, tripChanged } from './take_off.ts'
import { type Act, changeOrder, newTrip, orderIdsOf, released, stepTrip } from './trip.ts'
import { tripEvent, tripHead } from './trip_events.ts'

/** What a plan does to the book: each trip in a transaction of its own, only while what the plan saw still stands. */

export const SOLVER = 'dispatch:solver'

/** A courier who did not answer is not asked again for the same order before this, s of business time. */
const SILENT_S = 300
/** A trip holds something else than it was told to. */
const REPLANNED = 'replanned'

export interface Offer {
  trip: PlannedTrip
  /** the orders as the plan saw them, in the sequence of their doors */
  seen: readonly WaitingOrder[]
  /** the courier's trip that is to hold them, as the plan saw it; absent: a new one is offered */
  present?: TripRow | undefined
  /** what that trip holds now, as the plan saw it */
  held: readonly WaitingOrder[]
  /** of the courier */
  place: Point
  travel: TravelTimes
  pointOf: (warehouse_id: string) => Point | undefined
}

/** Everything that the plan saw, locked and unchanged. */
interface Standing {
  /** in the sequence of their doors */
  orders: OrderRow[]
  /** of the present trip, to be left without a courier */
  dropped: OrderRow[]
  present: TripRow | undefined
  /** other trips, and which of the orders come from them */
  sources: { trip: TripRow; order_ids: string[] }[]
}

/** @returns false when somebody was faster: an order or a trip changed, or the courier has another trip */
export async function offerTrip(desk: Desk, offer: Offer): Promise<boolean> {
  const [first] = offer.seen
  if (!first) return false
  const act: Act = {
    tenant_id: first.tenant_id,
    actor: SOLVER,
    correlation_id: first.correlation_id,
    now: desk.now(),
  }
  try {
    return await commit(desk, act, async (client, change) => {
      const standing = await lockStanding(client, act, offer)
      if (!standing) return false
      for (const { trip, order_ids } of standing.sources) {
        await takeOff(client, change, { trip, order_ids, reason: REPLANNED, act })
      }
      const trip = standing.present
        ? await replan(client, change, { ...standing, present: standing.present, act, offer })
        : await begin(client, change, { ...standing, act, offer })
      for (const order of standing.orders) {
        if (order.trip_id === trip.trip_id) continue
        change.orders.push(changeOrder(order, { trip_id: trip.trip_id, courier_id: trip.courier_id }, act))
        change.history.push(remark(act, order.order_id, told(trip)))
      }
      return true
    })
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}

const told = ({ state, courier_id }: TripRow): string =>
  state === 'accepted' ? `Put on the trip of ${courier_id}.` : `Offered to ${courier_id}.`

interface Telling extends Standing {
  act: Act
  offer: Offer
}

async function begin(client: Queryable, change: Change, { act, offer, orders }: Telling): Promise<TripRow> {
  const { courier_id, warehouse_id } = offer.trip
  const stops = stopsOfTrip(orders, { ...offer, depart: act.now })
  const zone_id = (orders[0] as OrderRow).zone_id
  const trip = newTrip({ zone_id, courier_id, pinned: false, stops }, warehouse_id, act)
  await insertTrip(client, trip)
  change.trips.push(trip)
  change.events.push(tripEvent(trip, 'trip.planned', { ...tripHead(trip), stops }))
  return trip
}

/** The courier has not fetched it yet, and finds there what the trip says when it does. */
async function replan(
  client: Queryable,
  change: Change,
  { act, offer, orders, dropped, present }: Telling & { present: TripRow },
): Promise<TripRow> {
  const stops = arrivedAlready(stopsOfTrip(orders, { ...offer, depart: act.now }), present)
  const trip = stepTrip(present, 'changed', act, { stops })
  if (!trip) throw new Error(`the trip ${present.trip_id} is ${present.state}: it can not be put together anew`)
  const ids = (rows: readonly OrderRow[]) => rows.map(order => order.order_id)
  await takeOffOrders(client, trip, ids(dropped))
  await putOnOrders(client, trip, ids(orders))
  await updateTrip(client, trip)
  change.trips.push(trip)
  for (const order of dropped) {
    change.orders.push(released(order, act))
    change.history.push(remark(act, order.order_id, `Taken from ${trip.courier_id}: ${words(REPLANNED)}.`))
  }
  change.events.push(tripChanged(trip, ids(orders), REPLANNED))
  return trip
}

/** Who stands at the warehouse does so for what is added, too. */
function arrivedAlready(stops: readonly Stop[], present: TripRow): Stop[] {
  const arrived_at = present.stops.find(stop => stop.kind === 'pickup' && stop.arrived_at !== undefined)?.arrived_at
  return stops.map(stop => (stop.kind === 'pickup' && arrived_at !== undefined ? { ...stop, arrived_at } : stop))
}

// ── What must still hold ────────────────────────────────────────────────────────────────────────────────────────────

/** Orders first, then trips, each by id. @returns undefined: something changed since the plan saw it */
async function lockStanding(client: Queryable, act: Act, offer: Offer): Promise<Standing | undefined> {
  const { tenant_id } = act
  const { present, held } = offer
  const seen = new Map([...held, ...offer.seen].map(order => [order.order_id as string, order]))
  const rows = new Map(
    (await lockOrders(client, tenant_id, [...seen.keys()])).map(row => [row.order_id as string, row]),
  )
  if (![...seen.values()].every(order => stands(order, rows.get(order.order_id)))) return undefined
  const orders = offer.seen.flatMap(order => rows.get(order.order_id) ?? [])
  const wanted = new Set(orders.map(order => order.order_id))
  const by_trip = Map.groupBy(orders, order => order.trip_id)
  const trip_ids = [...by_trip.keys(), present?.trip_id].flatMap(id => id ?? [])
  const locked = await lockTrips(client, tenant_id, { trip_ids: [...new Set(trip_ids)], courier_id: null })
  const sources = []
  for (const trip of locked) {
    if ((trip.state !== 'offered' && trip.state !== 'accepted') || trip.pinned) return undefined
    if (trip.trip_id === present?.trip_id) continue
    const order_ids = (by_trip.get(trip.trip_id) ?? []).map(order => order.order_id as string)
    // Its courier goes for something: it gets its own first, and gives this away in a later round.
    if ((await ordersOn(client, trip)).length === order_ids.length) return undefined
    sources.push({ trip, order_ids })
  }
  const own = locked.find(trip => trip.trip_id === present?.trip_id)
  if (own?.version !== present?.version) return undefined
  const dropped = held.flatMap(order => rows.get(order.order_id) ?? []).filter(order => !wanted.has(order.order_id))
  return { orders, dropped, present: own, sources }
}

/** The order is where it was, still open and nobody's choice. Its version may have moved on for other reasons. */
const stands = (seen: WaitingOrder, now: OrderRow | undefined): boolean =>
  now !== undefined &&
  (now.state === 'routed' || now.state === 'picking' || now.state === 'packed') &&
  now.trip_id === seen.trip_id &&
  !now.pinned &&
  !now.cancel_asked &&
  now.fulfilment_id === seen.fulfilment_id

// ── Offers that nobody answers ──────────────────────────────────────────────────────────────────────────────────────

/** @returns false when it was answered meanwhile */
export function withdrawOffer(desk: Desk, seen: TripRow): Promise<boolean> {
  const act: Act = {
    tenant_id: seen.tenant_id,
    actor: SOLVER,
    correlation_id: seen.trip_id,
    now: desk.now(),
  }
  return commit(desk, act, async (client, change) => {
    const locked = await lockWithOrders(client, act, seen.trip_id)
    if (!locked || locked.trip.version !== seen.version) return false
    const trip = stepTrip(locked.trip, 'expired', act)
    if (!trip) return false
    const event = tripEvent(trip, 'trip.cancelled', { ...tripHead(trip), reason: 'not_answered' })
    await endTrip(client, change, { trip, orders: locked.orders, act, event })
    await rememberDeclined(client, trip, orderIdsOf(trip), act.now + SILENT_S * 1_000)
    for (const order of locked.orders) {
      change.history.push(remark(act, order.order_id, `${trip.courier_id} did not answer.`))
    }
    return true
  })
}
