import { betweenDoors, type Model, NEVER } from './model.ts'

/**
 * Who carries what, and when: for each courier some trips, for each trip some orders. A trip has a slot
 * (courier × trips_max + trip), an order in it a place (slot × bundle_max + position).
 *
 *   courier ──► trip 0 ─────────────────► trip 1 ──► …
 *               to the warehouse, pickup,
 *               door, door, free again
 *
 * The times that follow from it are kept beside it, so that a change is priced without walking what it leaves alone.
 */
export interface Routes {
  /** by courier */
  trip_count: Int32Array
  /** by courier: its trips, and the value of where it ends and when */
  route_cost: Float64Array
  /** by order and choice; -1: nobody, or from another warehouse */
  courier_of: Int32Array
  /** by slot */
  warehouse: Int32Array
  size: Int32Array
  load: Int32Array
  /** when all of its orders can be taken by this courier, and when they are in hand */
  ready: Int32Array
  pickup: Int32Array
  /** s on the road to the warehouse */
  lead: Int32Array
  /** s from pickup until the courier is free at the last door; until the work is over, a way home counted */
  tail: Int32Array
  done: Int32Array
  cost: Float64Array
  /** by place */
  order: Int32Array
  /** s from pickup to this door */
  door_after: Int32Array
}

/** A courier on the way leaves with something: no plan ends with an open trip empty. */
const EMPTY = 1e9
/** Out of hours, or melted. Only what was so from the beginning may stay so. */
export const BROKEN = 1e6

export function emptyRoutes(model: Model): Routes {
  const slots = model.couriers * model.trips_max
  const places = slots * model.bundle_max
  const routes: Routes = {
    trip_count: new Int32Array(model.couriers),
    route_cost: new Float64Array(model.couriers),
    courier_of: new Int32Array(model.orders).fill(-1),
    warehouse: new Int32Array(slots),
    size: new Int32Array(slots),
    load: new Int32Array(slots),
    ready: new Int32Array(slots),
    pickup: new Int32Array(slots),
    lead: new Int32Array(slots),
    tail: new Int32Array(slots),
    done: new Int32Array(slots),
    cost: new Float64Array(slots),
    order: new Int32Array(places),
    door_after: new Int32Array(places),
  }
  for (let courier = 0; courier < model.couriers; courier++) {
    const open = model.open_warehouse[courier] as number
    if (open >= 0) {
      routes.trip_count[courier] = 1
      routes.warehouse[courier * model.trips_max] = open
    }
    retime(model, routes, courier)
  }
  return routes
}

// ── Prices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Weighted minutes of one order at its door. */
export function orderCost(model: Model, order: number, pickup_s: number, door_s: number): number {
  const { weights } = model
  const excess = (door_s - (model.floor[order] as number)) / 60
  const cost =
    weights.click_to_door * excess +
    weights.excess * excess * excess +
    (weights.freshness * (pickup_s - (model.ready[order] as number)) +
      weights.detour * (model.detour[order] as number)) /
      60
  const late_s = door_s - (model.promise[order] as number)
  return late_s > 0 ? cost + (weights.lateness * late_s) / 60 : cost
}

/** It may become ready only after this courier's last pickup. */
export const isUnsure = (model: Model, order: number, courier: number): boolean =>
  (model.ready_latest[order] as number) > (model.last_pickup[courier] as number)

/** When it can be in hand: whoever is not bound to it before it is ready begins the hand-over only then. */
export const readyFor = (model: Model, order: number, courier: number): number =>
  (model.ready[order] as number) + (isUnsure(model, order, courier) ? model.service.before_pickup_s : 0)

/**
 * When the courier's n-th trip has its parcels in hand, s.
 * @param arrive_s at the warehouse; an open trip has its own
 * @param done_s from pickup until the work is over
 * @returns NEVER when that is not within the courier's hours, or would be in the past
 */
export function pickupAt(
  model: Model,
  courier: number,
  trip: number,
  arrive_s: number,
  lead_s: number,
  ready_s: number,
  done_s: number,
): number {
  const is_open = trip === 0 && (model.open_warehouse[courier] as number) >= 0
  const there_s = (is_open ? (model.open_arrive[courier] as number) : arrive_s) + model.service.before_pickup_s
  let pickup_s = Math.max(there_s, ready_s)
  if (model.has_breaks[courier] === 1 && !is_open) {
    const before_s = lead_s + model.service.before_pickup_s
    for (const { from_s, to_s } of model.breaks[courier] ?? []) {
      if (pickup_s - before_s < to_s && pickup_s + done_s > from_s) pickup_s = Math.max(pickup_s, to_s + before_s)
    }
  }
  if (pickup_s < 0 || pickup_s > (model.last_pickup[courier] as number)) return NEVER
  return pickup_s + done_s > (model.shift_end[courier] as number) ? NEVER : pickup_s
}

/** Times and prices of a whole route, anew. */
export function retime(model: Model, routes: Routes, courier: number): void {
  const { trips_max, bundle_max, warehouses, weights } = model
  const count = routes.trip_count[courier] as number
  let node = courier
  let free_s = model.free[courier] as number
  let sum = 0
  for (let trip = 0; trip < count; trip++) {
    const slot = courier * trips_max + trip
    const is_open = trip === 0 && (model.open_warehouse[courier] as number) >= 0
    const size = measureTrip(model, routes, slot, courier, is_open)
    const lead_s = model.to_warehouse[node * warehouses + (routes.warehouse[slot] as number)] as number
    const done_s = routes.done[slot] as number
    const ready_s = routes.ready[slot] as number
    const allowed_s = pickupAt(model, courier, trip, free_s + lead_s, lead_s, ready_s, done_s)
    // What is out of hours is still some time, so that its price stays one: a courier on the way is late, not nowhere.
    const there_s = (is_open ? (model.open_arrive[courier] as number) : free_s + lead_s) + model.service.before_pickup_s
    const pickup_s = allowed_s < NEVER ? allowed_s : Math.max(0, there_s, ready_s)
    const tail_s = routes.tail[slot] as number
    let cost = size === 0 ? EMPTY : allowed_s >= NEVER ? BROKEN : 0
    cost += (weights.travel * (lead_s + tail_s)) / 60 + size * (model.toll[courier] as number)
    for (let place = slot * bundle_max; place < slot * bundle_max + size; place++) {
      const order = routes.order[place] as number
      const after_s = routes.door_after[place] as number
      cost += orderCost(model, order, pickup_s, pickup_s + after_s)
      if (after_s > (model.uncooled[order] as number)) cost += BROKEN
    }
    routes.lead[slot] = lead_s
    routes.pickup[slot] = pickup_s
    routes.cost[slot] = cost
    sum += cost
    free_s = pickup_s + tail_s
    if (size > 0) node = model.couriers + (routes.order[slot * bundle_max + size - 1] as number)
  }
  routes.route_cost[courier] = sum + endCost(model, courier, node, free_s)
}

/** Weighted minutes for where a courier's work ends, and when. @param free_s when the last trip is over */
export const endCost = (model: Model, courier: number, node: number, free_s: number): number =>
  (model.end_value[node] as number) + (model.time_price * Math.min(free_s, model.work_end[courier] as number)) / 60

/** What a trip is by its orders alone: when all are ready, how long the doors take. @returns its size */
function measureTrip(model: Model, routes: Routes, slot: number, courier: number, is_open: boolean): number {
  const { bundle_max, service } = model
  const first = slot * bundle_max
  const size = routes.size[slot] as number
  let ready_s = -NEVER
  let load = 0
  let after_s = service.after_pickup_s
  let before = -1
  for (let place = first; place < first + size; place++) {
    const order = routes.order[place] as number
    ready_s = Math.max(ready_s, is_open ? (model.ready[order] as number) : readyFor(model, order, courier))
    load += model.load[order] as number
    after_s +=
      (before < 0 ? (model.direct[order] as number) : betweenDoors(model, before, order)) + service.before_door_s
    routes.door_after[place] = after_s
    after_s += service.after_door_s
    before = order
  }
  routes.ready[slot] = ready_s
  routes.load[slot] = load
  routes.tail[slot] = after_s
  routes.done[slot] = after_s + (before < 0 ? 0 : homeAfter(model, courier, before))
  return size
}

/** s from free at the last door to the end of the work, which may lie before it: the last hand-over is the work's end. */
export function homeAfter(model: Model, courier: number, last_order: number): number {
  const home = model.home[courier] as number
  if (home < 0) return -model.service.after_door_s
  return model.to_warehouse[(model.couriers + last_order) * model.warehouses + home] as number
}

// ── Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param position in the trip; -1: a new trip before the n-th */
export function insertOrder(
  model: Model,
  routes: Routes,
  order: number,
  { courier, trip, position }: { courier: number; trip: number; position: number },
): void {
  const { trips_max, bundle_max } = model
  const slot = courier * trips_max + trip
  if (position < 0) {
    const count = routes.trip_count[courier] as number
    for (let to = courier * trips_max + count; to > slot; to--) copyTrip(routes, to - 1, to, bundle_max)
    routes.trip_count[courier] = count + 1
    routes.warehouse[slot] = model.warehouse[order] as number
    routes.size[slot] = 1
    routes.order[slot * bundle_max] = order
  } else {
    const first = slot * bundle_max
    const size = routes.size[slot] as number
    for (let place = first + size; place > first + position; place--)
      routes.order[place] = routes.order[place - 1] as number
    routes.order[first + position] = order
    routes.size[slot] = size + 1
  }
  routes.courier_of[order] = courier
  retime(model, routes, courier)
}

/** Takes an order off its route. An open trip stays, be it empty. */
export function removeOrder(model: Model, routes: Routes, order: number): void {
  const { trips_max, bundle_max } = model
  const courier = routes.courier_of[order] as number
  const count = routes.trip_count[courier] as number
  for (let trip = 0; trip < count; trip++) {
    const slot = courier * trips_max + trip
    const first = slot * bundle_max
    const size = routes.size[slot] as number
    let place = first
    while (place < first + size && routes.order[place] !== order) place++
    if (place === first + size) continue
    for (; place < first + size - 1; place++) routes.order[place] = routes.order[place + 1] as number
    routes.size[slot] = size - 1
    if (size === 1 && !(trip === 0 && (model.open_warehouse[courier] as number) >= 0)) {
      for (let from = slot + 1; from < courier * trips_max + count; from++) copyTrip(routes, from, from - 1, bundle_max)
      routes.trip_count[courier] = count - 1
    }
    break
  }
  routes.courier_of[order] = -1
  retime(model, routes, courier)
}

function copyTrip(routes: Routes, from: number, to: number, bundle_max: number): void {
  routes.warehouse[to] = routes.warehouse[from] as number
  const size = routes.size[from] as number
  routes.size[to] = size
  for (let at = 0; at < size; at++) {
    routes.order[to * bundle_max + at] = routes.order[from * bundle_max + at] as number
  }
}

/** One courier's route with all that follows from it. `courier_of` is the caller's. */
export function copyRoute(model: Model, from: Routes, to: Routes, courier: number): void {
  const { trips_max, bundle_max } = model
  const count = from.trip_count[courier] as number
  to.trip_count[courier] = count
  to.route_cost[courier] = from.route_cost[courier] as number
  for (let slot = courier * trips_max; slot < courier * trips_max + count; slot++) {
    const size = from.size[slot] as number
    to.warehouse[slot] = from.warehouse[slot] as number
    to.size[slot] = size
    to.load[slot] = from.load[slot] as number
    to.ready[slot] = from.ready[slot] as number
    to.pickup[slot] = from.pickup[slot] as number
    to.lead[slot] = from.lead[slot] as number
    to.tail[slot] = from.tail[slot] as number
    to.done[slot] = from.done[slot] as number
    to.cost[slot] = from.cost[slot] as number
    for (let place = slot * bundle_max; place < slot * bundle_max + size; place++) {
      to.order[place] = from.order[place] as number
      to.door_after[place] = from.door_after[place] as number
    }
  }
}
