import type { CourierSnapshot, OpenFulfilment, PlannedTrip, SolverPlan, SolverProblem } from './contract.ts'

/**
 * A simple solver: whoever has least slack first, each to the courier who can be at the warehouse soonest. One order a
 * trip. Pure and deterministic: ties go by id. Costs fulfilments × free couriers travel times.
 */
export function solve(problem: SolverProblem): SolverPlan {
  const idle = problem.couriers.filter(courier => courier.committed.length === 0).toSorted(byCourierId)
  const free = new Map(idle.map(courier => [courier.courier_id, courier]))
  const trips: PlannedTrip[] = []
  const waiting: SolverPlan['waiting'][number][] = []
  for (const fulfilment of bySlack(problem)) {
    const choice = choose(problem, fulfilment, free)
    if (typeof choice === 'string') waiting.push({ fulfilment_id: fulfilment.fulfilment_id, why: choice })
    else {
      trips.push(choice)
      free.delete(choice.courier_id)
    }
  }
  return { trips, waiting, iterations: 1, stopped_by_wall_clock: false }
}

/** A courier may wait this long at the warehouse, s; one who would wait longer is asked later. */
export const WAIT_S_MAX = 120

type Why = SolverPlan['waiting'][number]['why']

interface Choice {
  trip: PlannedTrip
  /** at the warehouse */
  arrive_s: number
}

function choose(
  problem: SolverProblem,
  fulfilment: OpenFulfilment,
  free: ReadonlyMap<string, CourierSnapshot>,
): PlannedTrip | Why {
  let best: Choice | undefined
  let why: Why = 'no_courier'
  for (const courier of free.values()) {
    const refusal = refusalOf(courier, fulfilment)
    if (refusal) {
      why = refusal
      continue
    }
    const choice = choiceOf(problem, courier, fulfilment)
    if (!fitsShift(courier, choice.trip)) continue
    if (!best || choice.arrive_s < best.arrive_s) best = choice
  }
  if (!best) return why
  return fulfilment.ready_s - best.arrive_s > WAIT_S_MAX ? 'not_ready' : best.trip
}

function refusalOf(courier: CourierSnapshot, fulfilment: OpenFulfilment): Why | undefined {
  if (fulfilment.not_couriers?.includes(courier.courier_id)) return 'no_courier'
  if (!fulfilment.requires.every(need => courier.has.includes(need))) return 'requirement'
  if (fulfilment.load > courier.capacity) return 'no_capacity'
  return undefined
}

function choiceOf({ travel }: SolverProblem, courier: CourierSnapshot, fulfilment: OpenFulfilment): Choice {
  const depart_s = Math.max(0, courier.free_s)
  const arrive_s = depart_s + travel(courier.place, fulfilment.pickup)
  const pickup_s = Math.max(arrive_s, fulfilment.ready_s)
  const { courier_id } = courier
  const { fulfilment_id, warehouse_id } = fulfilment
  const dropoff_s = [pickup_s + travel(fulfilment.pickup, fulfilment.dropoff)]
  return {
    arrive_s,
    trip: { courier_id, warehouse_id, fulfilment_ids: [fulfilment_id], depart_s, pickup_s, dropoff_s },
  }
}

/** The whole trip lies within the shift and outside the breaks. */
function fitsShift(courier: CourierSnapshot, trip: PlannedTrip): boolean {
  const end_s = trip.dropoff_s.at(-1) ?? trip.pickup_s
  if (courier.shift_end_s !== undefined && end_s > courier.shift_end_s) return false
  return courier.breaks.every(({ from_s, to_s }) => end_s <= from_s || trip.depart_s >= to_s)
}

/** Least time to spare first: the promise less the earliest moment at the door. */
function bySlack({ fulfilments, travel }: SolverProblem): OpenFulfilment[] {
  return fulfilments
    .map(fulfilment => ({
      fulfilment,
      slack_s: fulfilment.promise_s - Math.max(0, fulfilment.ready_s) - travel(fulfilment.pickup, fulfilment.dropoff),
    }))
    .sort((a, b) => a.slack_s - b.slack_s || compare(a.fulfilment.fulfilment_id, b.fulfilment.fulfilment_id))
    .map(({ fulfilment }) => fulfilment)
}

const byCourierId = (a: CourierSnapshot, b: CourierSnapshot): number => compare(a.courier_id, b.courier_id)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
