import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverPlan, SolverProblem, WaitingWhy } from './port.ts'

/**
 * The plan of last resort, for when a better one was refused: whoever has least slack first, each to the courier who can
 * be at the warehouse soonest, one order a trip, one trip a courier. Shares nothing with the search.
 */
export function solveGreedily(problem: SolverProblem): SolverPlan {
  const free = new Map(problem.couriers.toSorted(byCourierId).map(courier => [courier.courier_id, courier]))
  const trips: PlannedTrip[] = []
  const waiting: SolverPlan['waiting'][number][] = []
  const taken = new Set<string>()
  for (const courier of free.values()) {
    if (courier.open_trip === undefined) continue
    free.delete(courier.courier_id)
    const trip = openTripOf(problem, courier)
    trips.push(trip)
    for (const id of trip.fulfilment_ids) taken.add(id)
  }
  for (const fulfilment of bySlack(problem)) {
    if (taken.has(fulfilment.fulfilment_id)) continue
    const choice = choose(problem, fulfilment, free)
    if (typeof choice === 'string') waiting.push({ fulfilment_id: fulfilment.fulfilment_id, why: choice })
    else {
      trips.push(choice)
      free.delete(choice.courier_id)
    }
  }
  return { trips, moves: [], waiting, cost: 0, iterations: 0, stopped_by_wall_clock: false }
}

/** As it was told. */
function openTripOf({ fulfilments, travel, service }: SolverProblem, courier: CourierSnapshot): PlannedTrip {
  const {
    arrive_s = 0,
    warehouse_id = '' as PlannedTrip['warehouse_id'],
    fulfilment_ids = [],
  } = courier.open_trip ?? {}
  const cargo = fulfilment_ids.flatMap(id => fulfilments.find(one => one.fulfilment_id === id) ?? [])
  const pickup_s = Math.max(0, arrive_s + service.before_pickup_s, ...cargo.map(one => one.ready_s))
  let [here, now_s] = [cargo[0]?.pickup, pickup_s + service.after_pickup_s]
  const dropoff_s = cargo.map(one => {
    const at_s = now_s + travel(here ?? one.pickup, one.dropoff) + service.before_door_s
    here = one.dropoff
    now_s = at_s + service.after_door_s
    return at_s
  })
  return {
    courier_id: courier.courier_id,
    warehouse_id,
    fulfilment_ids: cargo.map(one => one.fulfilment_id),
    depart_s: Math.min(0, arrive_s),
    pickup_s,
    dropoff_s,
  }
}

function choose(
  problem: SolverProblem,
  fulfilment: OpenFulfilment,
  free: ReadonlyMap<string, CourierSnapshot>,
): PlannedTrip | WaitingWhy {
  let best: PlannedTrip | undefined
  let why: WaitingWhy = 'no_courier'
  for (const courier of free.values()) {
    const refusal = refusalOf(courier, fulfilment)
    if (refusal) {
      why = refusal
      continue
    }
    const trip = tripOf(problem, courier, fulfilment)
    if (!fitsHours(problem, courier, trip, fulfilment)) continue
    if (!best || trip.pickup_s < best.pickup_s || (trip.pickup_s === best.pickup_s && trip.depart_s > best.depart_s)) {
      best = trip
    }
  }
  return best ?? why
}

function refusalOf(courier: CourierSnapshot, fulfilment: OpenFulfilment): WaitingWhy | undefined {
  if (fulfilment.not_couriers?.includes(courier.courier_id)) return 'no_courier'
  if ((courier.home_warehouse_id ?? fulfilment.warehouse_id) !== fulfilment.warehouse_id) return 'no_courier'
  if (!fulfilment.requires.every(need => courier.has.includes(need))) return 'requirement'
  return fulfilment.load > courier.capacity ? 'no_capacity' : undefined
}

function tripOf({ travel, service }: SolverProblem, courier: CourierSnapshot, one: OpenFulfilment): PlannedTrip {
  const lead_s = travel(courier.place, one.pickup) + service.before_pickup_s
  const pickup_s = Math.max(0, one.ready_s, Math.max(0, courier.free_s) + lead_s)
  return {
    courier_id: courier.courier_id,
    warehouse_id: one.warehouse_id,
    fulfilment_ids: [one.fulfilment_id],
    depart_s: pickup_s - lead_s,
    pickup_s,
    dropoff_s: [pickup_s + service.after_pickup_s + travel(one.pickup, one.dropoff) + service.before_door_s],
  }
}

/** The whole trip lies within the shift and outside the breaks, and nothing melts. */
function fitsHours(
  { travel, service }: SolverProblem,
  courier: CourierSnapshot,
  trip: PlannedTrip,
  one: OpenFulfilment,
): boolean {
  const door_s = trip.dropoff_s[0] ?? trip.pickup_s
  const back_s = courier.home_warehouse_id ? door_s + service.after_door_s + travel(one.dropoff, one.pickup) : door_s
  if (door_s - trip.pickup_s > (one.uncooled_s_max ?? Number.POSITIVE_INFINITY)) return false
  if (back_s > (courier.shift_end_s ?? Number.POSITIVE_INFINITY)) return false
  if (trip.pickup_s > (courier.last_pickup_s ?? Number.POSITIVE_INFINITY)) return false
  return courier.breaks.every(({ from_s, to_s }) => back_s <= from_s || trip.depart_s >= to_s)
}

/** Least time to spare first: the promise, or what there is instead of one, less the earliest moment at the door. */
function bySlack({ fulfilments, travel }: SolverProblem): OpenFulfilment[] {
  return fulfilments
    .map(fulfilment => ({
      fulfilment,
      slack_s:
        (fulfilment.promise_s ?? fulfilment.placed_s) -
        Math.max(0, fulfilment.ready_s) -
        travel(fulfilment.pickup, fulfilment.dropoff),
    }))
    .sort((a, b) => a.slack_s - b.slack_s || compare(a.fulfilment.fulfilment_id, b.fulfilment.fulfilment_id))
    .map(({ fulfilment }) => fulfilment)
}

const byCourierId = (a: CourierSnapshot, b: CourierSnapshot): number => compare(a.courier_id, b.courier_id)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
