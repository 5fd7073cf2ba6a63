import type { WarehouseId } from '../../ingest/events/envelope.ts'
import type { CourierSnapshot, OpenFulfilment, PlannedMove, PlannedTrip, SolverPlan, SolverProblem } from './port.ts'

/**
 * An independent judge of plans: it shares nothing with any solver but the port, and recomputes every time from the travel
 * times. Nothing is applied that it refuses.
 * Shape out: one sentence per fault; an empty list accepts the plan.
 */
export function checkPlan(problem: SolverProblem, plan: SolverPlan): string[] {
  const fulfilments = new Map(problem.fulfilments.map(one => [one.fulfilment_id as string, one]))
  const couriers = new Map(problem.couriers.map(one => [one.courier_id as string, one]))
  const by_courier = Map.groupBy(plan.trips, trip => trip.courier_id as string)
  const faults = checkCover(fulfilments, plan)
  for (const courier_id of by_courier.keys()) {
    if (!couriers.has(courier_id)) faults.push(`${courier_id} is not a courier of this problem`)
  }
  for (const courier of couriers.values()) {
    const trips = by_courier.get(courier.courier_id) ?? []
    const found = [...checkOpen(courier, trips), ...checkRoute(problem, courier, trips, fulfilments)]
    faults.push(...found.map(fault => `${courier.courier_id}: ${fault}`))
  }
  return [...faults, ...plan.moves.flatMap(move => checkMove(problem, plan, move))]
}

type Fulfilments = ReadonlyMap<string, OpenFulfilment>

/** Every fulfilment is on exactly one trip or waits exactly once; nothing else is. */
function checkCover(fulfilments: Fulfilments, plan: SolverPlan): string[] {
  const seen = new Map<string, number>()
  const all = [...plan.trips.flatMap(trip => trip.fulfilment_ids), ...plan.waiting.map(one => one.fulfilment_id)]
  for (const id of all) seen.set(id, (seen.get(id) ?? 0) + 1)
  const faults: string[] = []
  for (const [id, times] of seen) {
    if (!fulfilments.has(id)) faults.push(`${id} is not a fulfilment of this problem`)
    if (times > 1) faults.push(`${id} stands ${times} times in the plan`)
  }
  for (const id of fulfilments.keys()) if (!seen.has(id)) faults.push(`${id} is forgotten`)
  return faults
}

/** Who is on the way to a warehouse goes there first, and leaves with something. */
function checkOpen({ open_trip }: CourierSnapshot, [first]: readonly PlannedTrip[]): string[] {
  if (open_trip === undefined) return []
  if (first === undefined) return [`its trip to ${open_trip.warehouse_id} is forgotten`]
  return first.warehouse_id === open_trip.warehouse_id ? [] : [`is on the way to ${open_trip.warehouse_id}`]
}

/** The trips one after the other: each begins where and when the one before ends. */
function checkRoute(
  problem: SolverProblem,
  courier: CourierSnapshot,
  trips: readonly PlannedTrip[],
  all: Fulfilments,
): string[] {
  const faults: string[] = []
  let [place, free_s] = [courier.place, Math.max(0, courier.free_s)]
  for (const [at, trip] of trips.entries()) {
    const is_open = at === 0 && courier.open_trip !== undefined
    const cargo = trip.fulfilment_ids.flatMap(id => takenFrom(trip.warehouse_id, all.get(id)) ?? [])
    const times = [trip.depart_s, trip.pickup_s, ...trip.dropoff_s]
    if (!times.every(Number.isSafeInteger)) return [...faults, 'times are not whole seconds']
    if (trip.dropoff_s.length !== trip.fulfilment_ids.length) faults.push('one drop-off time a fulfilment is needed')
    faults.push(...checkCargo(problem, trip, courier, cargo))
    faults.push(
      ...(is_open ? checkOpenPickup(problem, trip, courier) : checkPickup(problem, trip, { place, free_s }, cargo)),
    )
    faults.push(...checkDoors(problem, trip, cargo))
    if (!is_open) faults.push(...checkHours(problem, trip, courier, cargo))
    free_s = Math.max(trip.pickup_s, ...trip.dropoff_s) + problem.service.after_door_s
    place = cargo.at(-1)?.dropoff ?? place
  }
  return faults
}

/** An order that several warehouses have lies where the trip takes it. */
function takenFrom(warehouse_id: WarehouseId, one: OpenFulfilment | undefined): OpenFulfilment | undefined {
  const other = one?.elsewhere?.find(there => there.warehouse_id === warehouse_id)
  return one && other ? { ...one, ...other } : one
}

function checkCargo(
  { bundle_max }: SolverProblem,
  trip: PlannedTrip,
  courier: CourierSnapshot,
  cargo: readonly OpenFulfilment[],
): string[] {
  const faults: string[] = []
  if (cargo.length === 0) faults.push('carries nothing')
  if (cargo.length > bundle_max) faults.push(`carries ${cargo.length} orders on one trip`)
  const home = courier.home_warehouse_id
  if (home !== undefined && trip.warehouse_id !== home) faults.push(`is tied to ${home}, not ${trip.warehouse_id}`)
  let load = 0
  for (const one of cargo) {
    load += one.load
    if (one.warehouse_id !== trip.warehouse_id) faults.push(`${one.fulfilment_id} lies at ${one.warehouse_id}`)
    if (one.alone && cargo.length > 1) faults.push(`${one.fulfilment_id} must be alone on its trip`)
    if (one.not_couriers?.includes(courier.courier_id)) faults.push(`declined ${one.fulfilment_id} a while ago`)
    for (const need of one.requires) {
      if (!courier.has.includes(need)) faults.push(`lacks ${need} for ${one.fulfilment_id}`)
    }
  }
  if (load > courier.capacity) faults.push(`carries ${load} but has room for ${courier.capacity}`)
  return faults
}

/** Nothing is in hand before it is ready, nor before the courier can be there. */
function checkPickup(
  { travel, service }: SolverProblem,
  trip: PlannedTrip,
  from: { place: CourierSnapshot['place']; free_s: number },
  cargo: readonly OpenFulfilment[],
): string[] {
  const faults: string[] = []
  const [first] = cargo
  if (trip.depart_s < from.free_s) faults.push(`departs at ${trip.depart_s}, before it is free at ${from.free_s}`)
  const there_s = trip.depart_s + (first ? travel(from.place, first.pickup) : 0) + service.before_pickup_s
  if (trip.pickup_s < there_s) faults.push(`picks up at ${trip.pickup_s} but can't before ${there_s}`)
  return faults
}

function checkOpenPickup({ service }: SolverProblem, trip: PlannedTrip, { open_trip }: CourierSnapshot): string[] {
  const there_s = Math.max(0, (open_trip?.arrive_s ?? 0) + service.before_pickup_s)
  return trip.pickup_s < there_s ? [`picks up at ${trip.pickup_s} but can't before ${there_s}`] : []
}

/** No courier is faster than the travel times say. */
function checkDoors({ travel, service }: SolverProblem, trip: PlannedTrip, cargo: readonly OpenFulfilment[]): string[] {
  const faults: string[] = []
  let here = cargo[0]?.pickup
  let left_s = trip.pickup_s + service.after_pickup_s
  for (const [index, one] of cargo.entries()) {
    if (trip.pickup_s < one.ready_s) faults.push(`takes ${one.fulfilment_id} before it is ready`)
    const there_s = left_s + travel(here ?? one.pickup, one.dropoff) + service.before_door_s
    const at_s = trip.dropoff_s[index] ?? there_s
    if (at_s < there_s) faults.push(`is at the door of ${one.fulfilment_id} at ${at_s}, but can't be before ${there_s}`)
    if (one.uncooled_s_max !== undefined && at_s - trip.pickup_s > one.uncooled_s_max) {
      faults.push(`${one.fulfilment_id} is uncooled for ${at_s - trip.pickup_s} s`)
    }
    here = one.dropoff
    left_s = Math.max(there_s, at_s) + service.after_door_s
  }
  return faults
}

/** The shift and the breaks. Who is tied to a warehouse must be back there. */
function checkHours(
  { travel, service }: SolverProblem,
  trip: PlannedTrip,
  courier: CourierSnapshot,
  cargo: readonly OpenFulfilment[],
): string[] {
  const faults: string[] = []
  const [first, last] = [cargo[0], cargo.at(-1)]
  const way_home_s =
    courier.home_warehouse_id && first && last ? service.after_door_s + travel(last.dropoff, first.pickup) : 0
  const back_s = Math.max(trip.pickup_s, ...trip.dropoff_s) + way_home_s
  if (courier.shift_end_s !== undefined && back_s > courier.shift_end_s) faults.push('is on the road after its shift')
  if (courier.last_pickup_s !== undefined && trip.pickup_s > courier.last_pickup_s) {
    faults.push(`picks up at ${trip.pickup_s}, after its shift`)
  }
  for (const rest of courier.breaks) {
    if (trip.depart_s < rest.to_s && back_s > rest.from_s) faults.push(`works through its break at ${rest.from_s}`)
  }
  return faults
}

function checkMove(problem: SolverProblem, plan: SolverPlan, move: PlannedMove): string[] {
  const faults: string[] = []
  const courier = problem.couriers.find(one => one.courier_id === move.courier_id)
  const to = problem.demand.find(one => one.warehouse_id === move.warehouse_id)
  if (!courier || !to) return [`${move.courier_id} or ${move.warehouse_id} of a move is unknown`]
  if (plan.trips.some(trip => trip.courier_id === move.courier_id)) faults.push('moves away from its trip')
  if (plan.moves.filter(one => one.courier_id === move.courier_id).length > 1) faults.push('moves to two places')
  if (courier.free_s > 0 || courier.open_trip) faults.push('moves before it is free')
  if (courier.home_warehouse_id) faults.push(`moves away from ${courier.home_warehouse_id}`)
  if (move.arrive_s < problem.travel(courier.place, to.pickup)) faults.push(`arrives too soon at ${move.arrive_s}`)
  return faults.map(fault => `${move.courier_id}: ${fault}`)
}
