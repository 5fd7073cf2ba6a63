import type { CourierId, FulfilmentId, WarehouseId } from '../../ingest/events/envelope.ts'
import { isCarried, whereOrdersStand } from './choices.ts'
import { movesOf } from './cover.ts'
import { type Model, maySuit, modelOf, NEVER } from './model.ts'
import type { LastTrip, PlannedTrip, SolverPlan, SolverProblem, WaitingWhy } from './port.ts'
import { BROKEN, emptyRoutes, insertOrder, type Routes, removeOrder } from './routes.ts'
import { search } from './search.ts'

/**
 * The solver: which courier takes which orders, in which bundles, when. Pure and deterministic: the same problem gives the
 * same plan, in whatever order its parts are given.
 * @param stop asked every few rounds whether to end the search before `iterations_max`; the plan says when it did
 */
export function solve(given: SolverProblem, stop: () => boolean = () => false): SolverPlan {
  const problem = sorted(given)
  const model = modelOf(problem)
  const found = search(model, startOf(model), stop)
  const trips = tripsOf(model, found.routes)
  return {
    trips,
    moves: movesOf(problem, trips),
    waiting: waitingOf(model, found.routes),
    cost: found.cost,
    iterations: found.iterations,
    stopped_by_wall_clock: found.stopped_by_wall_clock,
  }
}

/** Sums of fractions depend on their order, so it must not be the caller's. */
const sorted = (problem: SolverProblem): SolverProblem => ({
  ...problem,
  fulfilments: problem.fulfilments.toSorted((a, b) => compare(a.fulfilment_id, b.fulfilment_id)),
  couriers: problem.couriers.toSorted((a, b) => compare(a.courier_id, b.courier_id)),
  demand: problem.demand.toSorted((a, b) => compare(a.warehouse_id, b.warehouse_id)),
})
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What open trips hold, then as much of the last plan as is still possible. */
function startOf(model: Model): Routes {
  const routes = emptyRoutes(model)
  const order_at = whereOrdersStand(model)
  const courier_at = new Map(model.courier_ids.map((id, at) => [id, at]))
  for (const { courier_id, open_trip } of model.problem.couriers) {
    const courier = courier_at.get(courier_id)
    if (open_trip && courier !== undefined) append(model, routes, courier, open_trip, order_at, true)
  }
  for (const trip of model.problem.last) {
    const courier = courier_at.get(trip.courier_id)
    if (courier !== undefined) append(model, routes, courier, trip, order_at, false)
  }
  return routes
}

/** One trip's orders at the end of a route, those that are still there and still fit. */
function append(
  model: Model,
  routes: Routes,
  courier: number,
  { fulfilment_ids, warehouse_id }: Omit<LastTrip, 'courier_id'>,
  order_at: ReadonlyMap<string, number>,
  into_open: boolean,
): void {
  let joins = into_open
  for (const id of fulfilment_ids) {
    const order = order_at.get(`${id} ${warehouse_id}`) ?? order_at.get(id)
    if (order === undefined || isCarried(model, routes, order) || !maySuit(model, courier, order)) continue
    const count = routes.trip_count[courier] as number
    const slot = courier * model.trips_max + count - 1
    const size = joins ? (routes.size[slot] as number) : -1
    const full =
      joins &&
      (size >= model.bundle_max ||
        (size > 0 &&
          (model.alone[order] === 1 || model.alone[routes.order[slot * model.bundle_max] as number] === 1)) ||
        routes.warehouse[slot] !== model.warehouse[order] ||
        (routes.load[slot] as number) + (model.load[order] as number) > (model.capacity[courier] as number))
    if (full || (!joins && count >= model.trips_max)) continue
    insertOrder(model, routes, order, { courier, trip: joins ? count - 1 : count, position: size })
    if (!into_open && (routes.route_cost[courier] as number) >= BROKEN) removeOrder(model, routes, order)
    else joins = true
  }
}

// ── Back into ids ───────────────────────────────────────────────────────────────────────────────────────────────────

function tripsOf(model: Model, routes: Routes): PlannedTrip[] {
  const trips: PlannedTrip[] = []
  for (let courier = 0; courier < model.couriers; courier++) {
    for (let trip = 0; trip < (routes.trip_count[courier] as number); trip++) {
      const slot = courier * model.trips_max + trip
      if ((routes.size[slot] as number) > 0) trips.push(tripOf(model, routes, courier, slot))
    }
  }
  return trips
}

function tripOf(model: Model, routes: Routes, courier: number, slot: number): PlannedTrip {
  const first = slot * model.bundle_max
  const places = Array.from({ length: routes.size[slot] as number }, (_, at) => first + at)
  const pickup_s = routes.pickup[slot] as number
  const is_open = slot === courier * model.trips_max && (model.open_warehouse[courier] as number) >= 0
  return {
    courier_id: model.courier_ids[courier] as CourierId,
    warehouse_id: model.warehouse_ids[routes.warehouse[slot] as number] as WarehouseId,
    fulfilment_ids: places.map(place => model.order_ids[routes.order[place] as number] as FulfilmentId),
    depart_s: is_open ? Math.min(0, model.open_arrive[courier] as number) : departure(model, routes, courier, slot),
    pickup_s,
    dropoff_s: places.map(place => pickup_s + (routes.door_after[place] as number)),
  }
}

/** As late as the plan allows: what is not begun can still be changed. */
function departure(model: Model, routes: Routes, courier: number, slot: number): number {
  const { trips_max, bundle_max, service } = model
  const before = slot - 1
  const free_s =
    slot === courier * trips_max
      ? (model.free[courier] as number)
      : (routes.pickup[before] as number) + (routes.tail[before] as number)
  const first = slot * bundle_max
  const orders = routes.order.subarray(first, first + (routes.size[slot] as number))
  const ready_from_s = orders.reduce((latest, order) => Math.max(latest, model.ready_from[order] as number), -NEVER)
  const way_s = (routes.lead[slot] as number) + service.before_pickup_s
  const just_in_time_s = (routes.pickup[slot] as number) - way_s
  const early_s = Math.max(free_s, Math.min(just_in_time_s, ready_from_s - way_s))
  // Between breaks there is one time only.
  return model.has_breaks[courier] === 1 ? just_in_time_s : early_s
}

function waitingOf(model: Model, routes: Routes): SolverPlan['waiting'] {
  const waiting: { fulfilment_id: FulfilmentId; why: WaitingWhy }[] = []
  for (const [order, id] of model.order_ids.entries()) {
    if (model.first_of[order] === order && !isCarried(model, routes, order)) {
      waiting.push({ fulfilment_id: id as FulfilmentId, why: whyWaiting(model, order) })
    }
  }
  return waiting
}

function whyWaiting(model: Model, order: number): WaitingWhy {
  const here = [...model.courier_ids.keys()]
  const able = here.filter(at => ((model.requires[order] as number) & ~(model.has[at] as number)) === 0)
  if (here.length > 0 && able.length === 0) return 'requirement'
  const strong = able.filter(at => (model.load[order] as number) <= (model.capacity[at] as number))
  return able.length > 0 && strong.length === 0 ? 'no_capacity' : 'no_courier'
}
