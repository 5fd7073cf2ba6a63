import type { TripView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Stop } from '../../ingest/events/deliveries.ts'

/** The trips of the picture: which courier is to bring which orders. A trip's version orders its events. */

export interface TripRow {
  trip_id: string
  version: number
  courier_id: string
  /** false: declined, cancelled or done; kept a while, so that an old event does not bring it back */
  live: boolean
  /** the courier is on another trip still */
  planned: boolean
  /** a person chose the courier */
  pinned: boolean
  /** not at their door yet, in the order of visiting */
  order_ids: string[]
  touched_at: number
}

export function tripFromBook(trip: TripView): TripRow {
  const { trip_id, version, courier_id, pinned } = trip
  const live = trip.state !== 'done' && trip.state !== 'cancelled'
  const order_ids = dropoffs(trip.stops)
  const planned = trip.state === 'planned'
  return { trip_id, version, courier_id, live, planned, pinned, order_ids, touched_at: trip.updated_at }
}

const dropoffs = (stops: readonly Stop[]): string[] => [
  ...new Set(stops.filter(stop => stop.kind === 'dropoff').map(stop => stop.order_id)),
]

/** People; everything else is Waggle itself. */
const BY_HAND = /^(dispatcher|operator|developer):/
export const isByHand = (actor: string): boolean => BY_HAND.test(actor)

/** The trip after the event; the same object when the event is not above what is known. */
export function moveTrip(trip: TripRow | undefined, event: DeliveryEvent): TripRow {
  const { trip_id, version, courier_id } = event.data
  if (trip && version <= trip.version) return trip
  const head = { trip_id, version, courier_id, touched_at: event.occurred_at }
  const before = trip ?? { live: false, planned: false, pinned: false, order_ids: [] }
  switch (event.type) {
    case 'trip.planned':
      return { ...head, live: true, planned: false, pinned: false, order_ids: dropoffs(event.data.stops) }
    case 'trip.assigned':
    case 'trip.reassigned': {
      const pinned = event.data.pinned ?? isByHand(event.actor)
      const planned = event.type === 'trip.assigned' && event.data.after_present === true
      return { ...head, live: true, planned, pinned, order_ids: dropoffs(event.data.stops) }
    }
    case 'trip.offered':
      return { ...before, ...head, live: true, planned: false }
    case 'trip.changed': {
      const order_ids = dropoffs(event.data.stops)
      return { ...before, ...head, order_ids, pinned: event.data.pinned, live: order_ids.length > 0 }
    }
    case 'trip.declined':
    case 'trip.cancelled':
      return { ...before, ...head, live: false, order_ids: [] }
    case 'delivery.delivered':
    case 'delivery.failed':
    case 'delivery.returned': {
      const order_ids = before.order_ids.filter(order_id => order_id !== event.data.order_id)
      return { ...before, ...head, order_ids, live: order_ids.length > 0 }
    }
    default:
      return { ...before, ...head }
  }
}

/** Which trips belong to an order, or to a courier. */
export type TripLinks = Map<string, Set<string>>

export function link(links: TripLinks, from: string, trip_id: string): void {
  const trips = links.get(from)
  if (trips) trips.add(trip_id)
  else links.set(from, new Set([trip_id]))
}

export function unlink(links: TripLinks, from: string, trip_id: string): void {
  const trips = links.get(from)
  trips?.delete(trip_id)
  if (trips?.size === 0) links.delete(from)
}

/**
 * The trip that the courier is on, or that has the order: at most one in the log, beside what is planned after it; of two
 * during a catch-up the newer, since ids are UUIDv7.
 */
export function liveTrip(trips: ReadonlyMap<string, TripRow>, trip_ids: Set<string> | undefined): TripRow | null {
  let newest: TripRow | null = null
  for (const trip_id of trip_ids ?? []) {
    const trip = trips.get(trip_id)
    if (trip?.live && (!newest || comesBefore(trip, newest))) newest = trip
  }
  return newest
}

const comesBefore = (trip: TripRow, other: TripRow): boolean =>
  trip.planned === other.planned ? trip.trip_id > other.trip_id : other.planned
