import type { CourierView } from '../../engine/contract.ts'
import type { TripRow } from '../rows.ts'
import { BUNDLE_MAX } from '../solver/limits.ts'
import type { Commitment, CourierSnapshot, OpenFulfilment, OpenTrip } from '../solver/port.ts'
import { greatCircle } from '../travel.ts'
import { orderIdsOf } from '../trip.ts'
import type { Scene } from './problem.ts'

/** A zone's couriers as a plan sees them, and which of their trips it may still change. Pure. */

/** order_id → what of it is to be fetched */
export type Parts = ReadonlyMap<string, OpenFulfilment>

/** Free couriers, and those with a trip: free where and when it will end, whoever has yet to answer an offer too. */
export const couriersOf = (scene: Scene): CourierView[] =>
  scene.fleet.filter(
    ({ zone_id, state, seen_at }) =>
      zone_id === scene.zone_id && state === 'available' && seen_at >= scene.now - scene.seen_s_max * 1_000,
  )

/**
 * courier_id → the trip that is not fetched yet: what it holds may still be put together anew. A trip of which a plan could not
 * say the same again is left alone: what a dispatcher pinned or overruled, and what lies at several warehouses.
 */
export function changeableTrips(scene: Scene, parts: Parts): Map<string, TripRow> {
  if (!scene.may_change_trips) return new Map()
  const trip_of = new Map(scene.orders.map(one => [one.order_id as string, one.trip_id]))
  const holdsAll = (trip: TripRow) => orderIdsOf(trip).every(id => trip_of.get(id) === trip.trip_id)
  const by_courier = Map.groupBy(scene.trips, trip => trip.courier_id as string)
  const trips = couriersOf(scene).flatMap(courier => {
    const [trip, ...more] = by_courier.get(courier.courier_id) ?? []
    return trip && more.length === 0 && holdsAll(trip) && isChangeable(trip, courier, parts) ? [trip] : []
  })
  return new Map(trips.map(trip => [trip.courier_id, trip]))
}

function isChangeable(trip: TripRow, courier: CourierView, parts: Parts): boolean {
  const { courier_id, capacity, has, home_warehouse_id = trip.warehouse_id } = courier
  if ((trip.state !== 'offered' && trip.state !== 'accepted') || trip.pinned) return false
  const order_ids = orderIdsOf(trip)
  const cargo = order_ids.flatMap(id => parts.get(id) ?? [])
  return (
    order_ids.length > 0 &&
    cargo.length === order_ids.length &&
    cargo.length <= BUNDLE_MAX &&
    home_warehouse_id === trip.warehouse_id &&
    cargo.reduce((load, one) => load + one.load, 0) <= capacity &&
    cargo.every(
      one =>
        one.warehouse_id === trip.warehouse_id &&
        !one.alone &&
        !one.not_couriers?.includes(courier_id) &&
        one.requires.every(need => has.includes(need)),
    )
  )
}

export function snapshotsOf(scene: Scene, parts: Parts, changeable: ReadonlyMap<string, TripRow>): CourierSnapshot[] {
  const open_trips = openTripsOf(scene, parts, changeable)
  return couriersOf(scene).map(courier => snapshotOf(courier, scene, open_trips.get(courier.courier_id)))
}

/**
 * What the last plan wants each of these trips to hold, or all of them what they were told, where that no longer goes: an order
 * must not be wanted by two, and no courier goes for nothing.
 */
function openTripsOf(
  scene: Scene,
  parts: Parts,
  changeable: ReadonlyMap<string, TripRow>,
): Map<string, Omit<OpenTrip, 'arrive_s'>> {
  const part_of = new Map([...parts.values()].map(one => [one.fulfilment_id as string, one]))
  const told = [...changeable.values()].map(({ courier_id, trip_id, warehouse_id, stops }) => {
    const doors = stops.filter(stop => stop.kind === 'dropoff')
    const fulfilment_ids = doors.flatMap(stop => parts.get(stop.order_id)?.fulfilment_id ?? [])
    return { courier_id, trip: { trip_id, warehouse_id, fulfilment_ids } }
  })
  const wanted = told.map(({ courier_id, trip }) => {
    const last = scene.last.find(one => one.courier_id === courier_id)?.fulfilment_ids ?? []
    // Declined since, an order can't be wanted: the plan would have nothing for the trip to begin with.
    const fulfilment_ids = last.filter(id => {
      const part = part_of.get(id)
      return part?.warehouse_id === trip.warehouse_id && !part.not_couriers?.includes(courier_id)
    })
    return { courier_id, trip: { ...trip, fulfilment_ids } }
  })
  const holds = wanted.every(({ trip }) => trip.fulfilment_ids.length > 0)
  return new Map((holds ? wanted : told).map(({ courier_id, trip }) => [courier_id, trip]))
}

function snapshotOf(
  courier: CourierView,
  scene: Scene,
  open_trip: Omit<OpenTrip, 'arrive_s'> | undefined,
): CourierSnapshot {
  const { courier_id, point, capacity, has, home_warehouse_id, shift_started_at, shift_ends_at, breaks = [] } = courier
  const trips = open_trip ? [] : scene.trips.filter(one => one.courier_id === courier_id)
  const ends = trips.flatMap(trip => trip.stops.at(-1) ?? [])
  const end = ends.toSorted((a, b) => a.eta - b.eta).at(-1)
  const since = (at: number) => Math.round((at - scene.now) / 1_000)
  return {
    courier_id,
    place: end?.point ?? point,
    // One who is late will still take a moment.
    free_s: end ? Math.max(BUSY_S_MIN, since(end.eta) + Math.round(scene.handover_s / 4)) : 0,
    capacity,
    has,
    ...(home_warehouse_id && { home_warehouse_id }),
    ...(shift_ends_at && { shift_end_s: since(shift_ends_at) }),
    breaks: breaks.filter(one => one.to > scene.now).map(({ from, to }) => ({ from_s: since(from), to_s: since(to) })),
    committed: trips.map(commitmentOf),
    ...(scene.worked && {
      worked: {
        deliveries: scene.worked(courier_id),
        hours: Math.max(0, scene.now - shift_started_at) / 3_600_000,
      },
    }),
    ...(open_trip && { open_trip: { ...open_trip, arrive_s: arrivalOf(courier, scene, open_trip) } }),
  }
}

const BUSY_S_MIN = 60

/** At the warehouse since the courier said so; else as far as it is from there. */
function arrivalOf(
  { point }: CourierView,
  scene: Scene,
  { trip_id, warehouse_id }: Omit<OpenTrip, 'arrive_s'>,
): number {
  const stops = scene.trips.find(trip => trip.trip_id === trip_id)?.stops ?? []
  const arrived_at = stops.find(stop => stop.kind === 'pickup' && stop.arrived_at !== undefined)?.arrived_at
  if (arrived_at !== undefined) return Math.min(0, Math.round((arrived_at - scene.now) / 1_000))
  const to = scene.pointOf(warehouse_id)
  return to ? greatCircle(scene.road)(point, to) : 0
}

const commitmentOf = (trip: TripRow): Commitment => ({
  trip_id: trip.trip_id,
  fulfilment_ids: [...new Set(trip.stops.map(stop => stop.fulfilment_id))],
  why: trip.state === 'under_way' ? 'picked_up' : trip.pinned ? 'pinned' : 'accepted',
})
