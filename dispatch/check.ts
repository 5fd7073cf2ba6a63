import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverPlan, SolverProblem } from './contract.ts'

/**
 * An independent judge of plans: it shares nothing with any solver but the contract, and recomputes every time from the
 * travel times. Nothing is applied that it refuses.
 * Shape out: one sentence per fault; an empty list accepts the plan.
 */
export function checkPlan(problem: SolverProblem, plan: SolverPlan): string[] {
  const fulfilments = new Map(problem.fulfilments.map(one => [one.fulfilment_id as string, one]))
  const couriers = new Map(problem.couriers.map(one => [one.courier_id as string, one]))
  const faults = [...checkCover(fulfilments, plan), ...checkOnce(plan)]
  for (const trip of plan.trips) {
    const courier = couriers.get(trip.courier_id)
    if (!courier) faults.push(`${trip.courier_id} is not a courier of this problem`)
    else faults.push(...checkTrip(problem, trip, courier, fulfilments))
  }
  return faults
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

function checkOnce(plan: SolverPlan): string[] {
  const seen = new Set<string>()
  const faults: string[] = []
  for (const { courier_id } of plan.trips) {
    if (seen.has(courier_id)) faults.push(`${courier_id} is on two trips`)
    seen.add(courier_id)
  }
  return faults
}

function checkTrip(problem: SolverProblem, trip: PlannedTrip, courier: CourierSnapshot, all: Fulfilments): string[] {
  const cargo = trip.fulfilment_ids.flatMap(id => all.get(id) ?? [])
  return [
    ...checkCourier(trip, courier, cargo),
    ...checkTimes(problem, trip, courier, cargo),
    ...checkHours(trip, courier),
  ].map(fault => `${trip.courier_id}: ${fault}`)
}

function checkCourier(trip: PlannedTrip, courier: CourierSnapshot, cargo: readonly OpenFulfilment[]): string[] {
  const faults: string[] = []
  if (courier.committed.length > 0) faults.push('has a commitment that may not be touched')
  if (cargo.length === 0) faults.push('carries nothing')
  let load = 0
  for (const one of cargo) {
    load += one.load
    if (one.warehouse_id !== trip.warehouse_id) faults.push(`${one.fulfilment_id} lies at ${one.warehouse_id}`)
    if (one.not_couriers?.includes(courier.courier_id)) faults.push(`declined ${one.fulfilment_id} a while ago`)
    for (const need of one.requires) {
      if (!courier.has.includes(need)) faults.push(`lacks ${need} for ${one.fulfilment_id}`)
    }
  }
  if (load > courier.capacity) faults.push(`carries ${load} but has room for ${courier.capacity}`)
  return faults
}

/** No courier is faster than the travel times say, and nothing is taken before it is ready. */
function checkTimes(
  { travel }: SolverProblem,
  trip: PlannedTrip,
  courier: CourierSnapshot,
  cargo: readonly OpenFulfilment[],
): string[] {
  const faults: string[] = []
  const times = [trip.depart_s, trip.pickup_s, ...trip.dropoff_s]
  if (!times.every(Number.isSafeInteger)) return ['times are not whole seconds']
  if (trip.dropoff_s.length !== trip.fulfilment_ids.length) faults.push('one drop-off time a fulfilment is needed')
  if (trip.depart_s < Math.max(0, courier.free_s)) faults.push(`departs at ${trip.depart_s}, before it is free`)
  let here = courier.place
  let now_s = trip.depart_s
  for (const one of cargo) {
    now_s += travel(here, one.pickup)
    here = one.pickup
    if (trip.pickup_s < one.ready_s) faults.push(`takes ${one.fulfilment_id} before it is ready`)
  }
  if (trip.pickup_s < now_s) faults.push(`picks up at ${trip.pickup_s} but can't be there before ${now_s}`)
  now_s = trip.pickup_s
  for (const [index, one] of cargo.entries()) {
    now_s += travel(here, one.dropoff)
    here = one.dropoff
    const at = trip.dropoff_s[index]
    if (at === undefined) continue
    if (at < now_s) faults.push(`is at the door of ${one.fulfilment_id} at ${at}, but can't be before ${now_s}`)
    if (one.uncooled_s_max !== undefined && at - trip.pickup_s > one.uncooled_s_max) {
      faults.push(`${one.fulfilment_id} is uncooled for ${at - trip.pickup_s} s`)
    }
    now_s = Math.max(now_s, at)
  }
  return faults
}

function checkHours(trip: PlannedTrip, courier: CourierSnapshot): string[] {
  const faults: string[] = []
  const back_s = Math.max(trip.pickup_s, ...trip.dropoff_s)
  if (courier.shift_end_s !== undefined && back_s > courier.shift_end_s) faults.push('is on the road after its shift')
  for (const rest of courier.breaks) {
    if (trip.depart_s < rest.to_s && back_s > rest.from_s) faults.push(`works through its break at ${rest.from_s}`)
  }
  return faults
}
