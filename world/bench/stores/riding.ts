import { type Courier, type Day, type Open, pointOf, type Ride, secondsBetween, wayOf } from './day.ts'
import { LEFT_LEAST, readyAbout } from './picking.ts'

/** A courier leaves for a store; the store of the order stands from now on. */
export function leaveFor(day: Day, courier: Courier, open: Open, t: number): void {
  const store = pointOf(day, open.store)
  const there_s = t + secondsBetween(day)(courier.place, store)
  const ride: Ride = { open, courier, there_s, way_s: wayOf(day, open.order, open.store) }
  courier.ride = ride
  open.ride = ride
  courier.place = day.floating ? (day.town.clients[open.order.client] ?? store) : store
  courier.free_s = Number.POSITIVE_INFINITY
  open.queued_s = Math.min(open.queued_s, t)
  if (open.picking) finishRide(day, ride, open.picking)
}

/** As soon as the picking is decided, all that follows is. */
export function finishRide(day: Day, ride: Ride, { begins_s, ready_s }: NonNullable<Open['picking']>): void {
  const { open, courier, there_s, way_s } = ride
  const { order, store, nearest } = open
  const pickup_s = Math.max(there_s, ready_s)
  const door_s = pickup_s + way_s
  const done_s = door_s + order.door_s
  ride.done_s = done_s
  courier.free_s = day.floating ? done_s : done_s + way_s
  day.open.delete(order.id)
  day.delivered.push({ order, store, nearest, begins_s, ready_s, pickup_s, door_s, done_s })
}

/** A move that has begun is ridden to its end: where somebody is between a door and a store the file does not tell. */
export function moveTo(day: Day, courier: Courier, store: number, t: number): void {
  const to = pointOf(day, store)
  courier.free_s = t + secondsBetween(day)(courier.place, to)
  courier.place = to
  delete courier.ride
}

/**
 * When a courier is free, as far as can be known: how long a picking or a door takes, nobody knows before it is over.
 * @param queuedReady the estimate for what no picker has begun
 */
export function freeAbout(
  day: Day,
  courier: Courier,
  t: number,
  queuedReady: (open: Open, store: number) => number,
): number {
  const { ride } = courier
  if (!ride || (ride.done_s !== undefined && ride.done_s <= t)) return courier.free_s
  const { open, there_s, way_s } = ride
  const ready_s = open.picking ? readyAbout(day, open.picking, t) : queuedReady(open, open.store)
  const mean_s = day.town.door_s_mean
  const done_s = Math.max(Math.max(there_s, ready_s) + way_s + mean_s, t + LEFT_LEAST * mean_s)
  return Math.round(day.floating ? done_s : done_s + way_s)
}
