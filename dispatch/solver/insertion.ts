import { betweenDoors, type Model, maySuit, NEVER } from './model.ts'
import type { Near } from './near.ts'
import { endCost, homeAfter, isUnsure, orderCost, pickupAt, type Routes, readyFor } from './routes.ts'

/** Where an order would cost least: every gap between trips, and every position in trips from its warehouse. */

/** `position` -1: a new trip before the `trip`-th of the courier. */
export interface Insertion {
  /** from the warehouse that suits best, of those where it can be had */
  order: number
  courier: number
  trip: number
  position: number
  /** what the plan's cost rises by; Infinity: nowhere */
  delta: number
}

/**
 * Finds the cheapest insertion, from whichever warehouse the order can be had, and writes it into `best`.
 * @param skip may leave a candidate out, by chance, so that the search does not always find the same
 */
export function bestInsertion(
  model: Model,
  routes: Routes,
  near: Near,
  order: number,
  skip: () => boolean,
  best: Insertion,
): void {
  best.delta = Number.POSITIVE_INFINITY
  const first = model.first_of[order] as number
  for (let one = first; one < first + (model.choices[order] as number); one++) {
    const { list, count } = near.couriers(routes, one)
    for (let at = 0; at < count; at++) tryCourier(model, routes, one, list[at] as number, skip, best)
    if (best.delta < Number.POSITIVE_INFINITY || count === model.couriers) continue
    // Nobody near can: somebody far may be the only one who is able.
    for (let courier = 0; courier < model.couriers; courier++) tryCourier(model, routes, one, courier, skip, best)
  }
}

function tryCourier(
  model: Model,
  routes: Routes,
  order: number,
  courier: number,
  skip: () => boolean,
  best: Insertion,
): void {
  if (!maySuit(model, courier, order)) return
  newTrips(model, routes, order, courier, skip, best)
  if (model.bundle_max > 1 && model.alone[order] !== 1) joinTrips(model, routes, order, courier, skip, best)
}

function newTrips(
  model: Model,
  routes: Routes,
  order: number,
  courier: number,
  skip: () => boolean,
  best: Insertion,
): void {
  const { trips_max, bundle_max, warehouses, service, weights } = model
  const count = routes.trip_count[courier] as number
  const is_open = (model.open_warehouse[courier] as number) >= 0
  if (is_open && routes.size[courier * trips_max] === 0) {
    emptyTrip(model, routes, order, courier, best)
    return
  }
  if (count >= trips_max) return
  const warehouse = model.warehouse[order] as number
  const ready_s = readyFor(model, order, courier)
  const to_door_s = service.after_pickup_s + (model.direct[order] as number) + service.before_door_s
  const tail_s = to_door_s + service.after_door_s
  if (to_door_s > (model.uncooled[order] as number)) return
  const done_s = tail_s + homeAfter(model, courier, order)
  const toll = model.toll[courier] as number
  for (let trip = is_open ? 1 : 0; trip <= count; trip++) {
    let node = courier
    let free_s = model.free[courier] as number
    if (trip > 0) {
      const before = courier * trips_max + trip - 1
      free_s = (routes.pickup[before] as number) + (routes.tail[before] as number)
      node = model.couriers + (routes.order[before * bundle_max + (routes.size[before] as number) - 1] as number)
    }
    const lead_s = model.to_warehouse[node * warehouses + warehouse] as number
    const pickup_s = pickupAt(model, courier, trip, free_s + lead_s, lead_s, ready_s, done_s)
    if (pickup_s >= NEVER) continue
    const own = orderCost(model, order, pickup_s, pickup_s + to_door_s) + toll
    if (own >= best.delta || skip()) continue
    const end = model.couriers + order
    const rest =
      trip === count
        ? endCost(model, courier, end, pickup_s + tail_s) - endCost(model, courier, node, free_s)
        : shifted(model, routes, courier, trip, pickup_s + tail_s, end)
    keepBetter(best, order, courier, trip, -1, own + (weights.travel * (lead_s + tail_s)) / 60 + rest)
  }
}

/** An open trip that is empty takes whatever is there. */
function emptyTrip(model: Model, routes: Routes, order: number, courier: number, best: Insertion): void {
  if (model.open_warehouse[courier] === model.warehouse[order]) {
    joinTrip(model, routes, order, courier, 0, 0, best)
  }
}

function joinTrips(
  model: Model,
  routes: Routes,
  order: number,
  courier: number,
  skip: () => boolean,
  best: Insertion,
): void {
  const { trips_max, bundle_max } = model
  const warehouse = model.warehouse[order] as number
  const room = (model.capacity[courier] as number) - (model.load[order] as number)
  const count = routes.trip_count[courier] as number
  for (let trip = 0; trip < count; trip++) {
    const slot = courier * trips_max + trip
    const size = routes.size[slot] as number
    if (routes.warehouse[slot] !== warehouse || size === 0 || size >= bundle_max) continue
    if ((routes.load[slot] as number) > room) continue
    if (model.alone[routes.order[slot * bundle_max] as number] === 1) continue
    for (let position = 0; position <= size; position++) {
      if (!skip()) joinTrip(model, routes, order, courier, trip, position, best)
    }
  }
}

function joinTrip(
  model: Model,
  routes: Routes,
  order: number,
  courier: number,
  trip: number,
  position: number,
  best: Insertion,
): void {
  const { trips_max, bundle_max, service, weights } = model
  const slot = courier * trips_max + trip
  const first = slot * bundle_max
  const size = routes.size[slot] as number
  // Who is there already can't be sent away again: nothing is added that may come after the shift.
  const is_open = trip === 0 && (model.open_warehouse[courier] as number) >= 0
  if (is_open && isUnsure(model, order, courier)) return
  const ready_s = Math.max(routes.ready[slot] as number, readyFor(model, order, courier))
  const tail_s = tailWith(model, routes, slot, order, position)
  if (tail_s >= NEVER) return
  const last = position === size ? order : (routes.order[first + size - 1] as number)
  const lead_s = routes.lead[slot] as number
  const before = slot - 1
  const free_s =
    trip === 0 ? (model.free[courier] as number) : (routes.pickup[before] as number) + (routes.tail[before] as number)
  const done_s = tail_s + homeAfter(model, courier, last)
  const pickup_s = pickupAt(model, courier, trip, free_s + lead_s, lead_s, ready_s, done_s)
  if (pickup_s >= NEVER) return
  let delta = (weights.travel * (lead_s + tail_s)) / 60 - (routes.cost[slot] as number)
  delta += (size + 1) * (model.toll[courier] as number)
  let after_s = service.after_pickup_s
  let previous = -1
  for (let at = 0; at <= size; at++) {
    const one = at === position ? order : (routes.order[first + (at < position ? at : at - 1)] as number)
    after_s +=
      (previous < 0 ? (model.direct[one] as number) : betweenDoors(model, previous, one)) + service.before_door_s
    delta += orderCost(model, one, pickup_s, pickup_s + after_s)
    if (after_s > (model.uncooled[one] as number)) return
    after_s += service.after_door_s
    previous = one
  }
  if (delta >= best.delta) return
  const end = model.couriers + last
  if (trip + 1 < (routes.trip_count[courier] as number)) {
    delta += shifted(model, routes, courier, trip + 1, pickup_s + tail_s, end)
  } else {
    const now_end = size === 0 ? courier : model.couriers + (routes.order[first + size - 1] as number)
    const now_free_s = (routes.pickup[slot] as number) + (routes.tail[slot] as number)
    delta += endCost(model, courier, end, pickup_s + tail_s) - endCost(model, courier, now_end, now_free_s)
  }
  keepBetter(best, order, courier, trip, position, delta)
}

/** s from pickup until free, with the order at this position */
function tailWith(model: Model, routes: Routes, slot: number, order: number, position: number): number {
  const { service, bundle_max } = model
  const first = slot * bundle_max
  const size = routes.size[slot] as number
  let tail_s = (routes.tail[slot] as number) + service.before_door_s + service.after_door_s
  const next = position < size ? (routes.order[first + position] as number) : -1
  if (position === 0) {
    tail_s += model.direct[order] as number
    if (next >= 0) tail_s += betweenDoors(model, order, next) - (model.direct[next] as number)
    return tail_s
  }
  const previous = routes.order[first + position - 1] as number
  tail_s += betweenDoors(model, previous, order)
  if (next >= 0) tail_s += betweenDoors(model, order, next) - betweenDoors(model, previous, next)
  return tail_s
}

/**
 * What the trips from the n-th on cost more when the courier is free for them at `free_s` at `node`.
 * It ends early where the wait for the parcels swallows the difference. Infinity: not within the courier's hours.
 */
function shifted(
  model: Model,
  routes: Routes,
  courier: number,
  from_trip: number,
  from_free_s: number,
  from_node: number,
): number {
  const { trips_max, bundle_max, warehouses, weights } = model
  const count = routes.trip_count[courier] as number
  let [free_s, node, delta] = [from_free_s, from_node, 0]
  const last = courier * trips_max + count - 1
  for (let trip = from_trip; trip < count; trip++) {
    const slot = courier * trips_max + trip
    const lead_s = model.to_warehouse[node * warehouses + (routes.warehouse[slot] as number)] as number
    const ready_s = routes.ready[slot] as number
    const pickup_s = pickupAt(model, courier, trip, free_s + lead_s, lead_s, ready_s, routes.done[slot] as number)
    if (pickup_s >= NEVER) return Number.POSITIVE_INFINITY
    delta += (weights.travel * (lead_s - (routes.lead[slot] as number))) / 60
    const was_s = routes.pickup[slot] as number
    if (pickup_s === was_s) return delta
    const size = routes.size[slot] as number
    for (let place = slot * bundle_max; place < slot * bundle_max + size; place++) {
      const order = routes.order[place] as number
      const after_s = routes.door_after[place] as number
      delta += orderCost(model, order, pickup_s, pickup_s + after_s) - orderCost(model, order, was_s, was_s + after_s)
    }
    free_s = pickup_s + (routes.tail[slot] as number)
    node = model.couriers + (routes.order[slot * bundle_max + size - 1] as number)
  }
  const was_free_s = (routes.pickup[last] as number) + (routes.tail[last] as number)
  return delta + endCost(model, courier, node, free_s) - endCost(model, courier, node, was_free_s)
}

function keepBetter(
  best: Insertion,
  order: number,
  courier: number,
  trip: number,
  position: number,
  delta: number,
): void {
  if (delta >= best.delta) return
  best.order = order
  best.courier = courier
  best.trip = trip
  best.position = position
  best.delta = delta
}
