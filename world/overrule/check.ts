import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Said } from './dispatcher.ts'

/**
 * The trips of `deliveries` folded once more, by a reader that shares no line with dispatch and believes only the dispatcher's
 * own record of what is pinned. Pure.
 */

export interface TripsCheck {
  trips: number
  /** orders that a dispatcher pinned, and what ended it: by hand, or by a courier, the engine or delivery */
  pinned: number
  findings: string[]
}

interface Trip {
  version: number
  courier_id: string
  /** the courier is on it, and not only planned for it */
  on: boolean
  live: boolean
  order_ids: Set<string>
}

interface State {
  trips: Map<string, Trip>
  /** courier → the trip that the courier is on */
  on: Map<string, string>
  /** order → its live trip */
  carried_by: Map<string, string>
  pinned: Set<string>
  result: TripsCheck
}

/** Waggle itself, which must leave alone what a person pinned. */
const OWN_WILL = new Set(['dispatch:solver', 'dispatch:watch'])
const FINDINGS_KEPT = 30

export function checkTrips(events: Iterable<DeliveryEvent>, said: ReadonlyMap<string, Said>): TripsCheck {
  const result: TripsCheck = { trips: 0, pinned: 0, findings: [] }
  const state: State = { trips: new Map(), on: new Map(), carried_by: new Map(), pinned: new Set(), result }
  for (const event of events) take(state, event, said.get(event.correlation_id))
  result.trips = state.trips.size
  return result
}

function find({ result }: State, what: string): void {
  if (result.findings.length < FINDINGS_KEPT) result.findings.push(what)
}

function take(state: State, event: DeliveryEvent, said: Said | undefined): void {
  const { trip_id, version } = event.data
  const before = state.trips.get(trip_id)
  // Sent twice, or told of after its end (returned).
  if (before && version <= before.version) return
  const after = tripAfter(before, event)
  const left = [...(before?.order_ids ?? [])].filter(id => !after.live || !after.order_ids.has(id))
  for (const order_id of left) leave(state, event, order_id)
  if (OWN_WILL.has(event.actor)) {
    const moved = before && before.courier_id !== after.courier_id ? [...after.order_ids] : []
    for (const id of moved) if (state.pinned.has(id)) find(state, `${event.actor} moved ${id}, which is pinned`)
  }
  state.trips.set(trip_id, after)
  putOrders(state, event, trip_id, after)
  putCourier(state, event, trip_id, { before, after })
  for (const order_id of said?.order_ids ?? []) {
    if (said?.pinned && !state.pinned.has(order_id)) state.result.pinned += 1
    if (said?.pinned) state.pinned.add(order_id)
    else state.pinned.delete(order_id)
  }
}

/** An order is off its trip. */
function leave(state: State, event: DeliveryEvent, order_id: string): void {
  if (state.carried_by.get(order_id) === event.data.trip_id) state.carried_by.delete(order_id)
  if (!state.pinned.has(order_id)) return
  if (OWN_WILL.has(event.actor)) find(state, `${event.actor} took ${order_id} away (${event.type}), which is pinned`)
  state.pinned.delete(order_id)
}

function putOrders(state: State, { type, actor }: DeliveryEvent, trip_id: string, { live, order_ids }: Trip): void {
  if (!live) return
  for (const order_id of order_ids) {
    const other = state.carried_by.get(order_id)
    if (other !== undefined && other !== trip_id) find(state, `${order_id} is on ${other} and on ${trip_id} (${type})`)
    if (type === 'trip.planned' && OWN_WILL.has(actor) && state.pinned.has(order_id)) {
      find(state, `${actor} offered ${order_id}, which is pinned`)
    }
    state.carried_by.set(order_id, trip_id)
  }
}

function putCourier(
  state: State,
  { type }: DeliveryEvent,
  trip_id: string,
  { before, after }: { before: Trip | undefined; after: Trip },
): void {
  if (before && state.on.get(before.courier_id) === trip_id) state.on.delete(before.courier_id)
  if (!after.live || !after.on) return
  const other = state.on.get(after.courier_id)
  if (other !== undefined) find(state, `${after.courier_id} is on ${other} and on ${trip_id} (${type})`)
  state.on.set(after.courier_id, trip_id)
}

function tripAfter(before: Trip | undefined, event: DeliveryEvent): Trip {
  const { version, courier_id } = event.data
  const trip = before ?? { on: false, live: false, order_ids: new Set<string>() }
  const head = { ...trip, version, courier_id }
  switch (event.type) {
    case 'trip.planned':
    case 'trip.reassigned':
      return { ...head, on: true, live: true, order_ids: doorsOf(event.data.stops) }
    case 'trip.assigned':
      return { ...head, on: event.data.after_present !== true, live: true, order_ids: doorsOf(event.data.stops) }
    case 'trip.offered':
      return { ...head, on: true }
    case 'trip.changed': {
      const order_ids = doorsOf(event.data.stops)
      return { ...head, order_ids, live: order_ids.size > 0 }
    }
    case 'trip.declined':
    case 'trip.cancelled':
      return { ...head, live: false }
    case 'delivery.delivered':
    case 'delivery.failed': {
      const order_ids = new Set(trip.order_ids)
      order_ids.delete(event.data.order_id)
      return { ...head, order_ids, live: order_ids.size > 0 }
    }
    default:
      return head
  }
}

const doorsOf = (stops: readonly { kind: string; order_id: string }[]): Set<string> =>
  new Set(stops.filter(stop => stop.kind === 'dropoff').map(stop => stop.order_id))
