import type { Point } from '../ingest/events/envelope.ts'
import type { Desk } from './desk.ts'
import type { WaitingOrder } from './io/open_work.ts'
import type { Metrics } from './metrics.ts'
import { offerTrip } from './offers.ts'
import type { Problem, SolverInput } from './problem.ts'
import type { TripRow } from './rows.ts'
import type { PlannedTrip, SolverPlan } from './solver/port.ts'
import { greatCircle } from './travel.ts'

/** Of a plan, only what must be decided now is told to couriers: the rest may still become a better one. */

export interface Planned extends Problem {
  plan: SolverPlan
  orders: readonly WaitingOrder[]
}

export interface CarryingOut {
  desk: Desk
  metrics: Pick<Metrics, 'offers'>
  settings: {
    /** s of business time before a courier must leave, or would leave with something else */
    dispatch_commit_s: number
  }
  pointOf: (warehouse_id: string) => Point | undefined
}

export async function carryOut(effects: CarryingOut, planned: Planned): Promise<void> {
  const { desk, metrics, settings, pointOf } = effects
  const { input, orders, changeable } = planned
  const by_fulfilment = new Map(orders.map(order => [order.fulfilment_id as string | null, order]))
  const by_id = new Map(orders.map(order => [order.order_id as string, order]))
  const free = new Map(input.couriers.filter(one => one.committed.length === 0).map(one => [one.courier_id, one]))
  const travel = greatCircle(input.road)
  const offerOne = async (trip: PlannedTrip) => {
    const courier = free.get(trip.courier_id)
    if (!courier) return
    const present = changeable.get(trip.courier_id)
    const seen = trip.fulfilment_ids.flatMap(id => by_fulfilment.get(id) ?? [])
    const held = present ? heldBy(present).flatMap(id => by_id.get(id) ?? []) : []
    const offered = await offerTrip(desk, { trip, seen, present, held, place: courier.place, travel, pointOf })
    metrics.offers.inc({ outcome: !offered ? 'lost' : present ? 'replanned' : 'offered' })
  }
  await Promise.all(dueTrips(planned, settings.dispatch_commit_s).map(offerOne))
}

/** Each courier's first trip, where it leaves soon; one that is told already, where it is to hold something else by then. */
export function dueTrips({ plan, input, changeable }: Planned, commit_s: number): PlannedTrip[] {
  const first = new Map<string, PlannedTrip>()
  for (const trip of plan.trips) if (!first.has(trip.courier_id)) first.set(trip.courier_id, trip)
  return [...first.values()].filter(trip => {
    const present = changeable.get(trip.courier_id)
    if (!present) return trip.depart_s <= commit_s
    return !holdsAlready(present, trip, input) && Math.min(trip.pickup_s, leaves(present, input)) <= commit_s
  })
}

const doorsOf = ({ stops }: TripRow): string[] =>
  stops.flatMap(stop => (stop.kind === 'dropoff' ? [stop.order_id as string] : []))
const heldBy = (trip: TripRow): string[] => [...new Set(doorsOf(trip))]

function holdsAlready(present: TripRow, trip: PlannedTrip, { fulfilments }: SolverInput): boolean {
  const order_of = new Map(fulfilments.map(one => [one.fulfilment_id, one.order_id]))
  const wanted = trip.fulfilment_ids.map(id => order_of.get(id))
  const held = doorsOf(present)
  return wanted.length === held.length && wanted.every((id, at) => id === held[at])
}

/** When its courier would be off with what it was told, s from now. */
function leaves(present: TripRow, { fulfilments, couriers }: SolverInput): number {
  const held = new Set(heldBy(present))
  const ready_s = fulfilments.filter(one => held.has(one.order_id)).map(one => one.ready_s)
  const courier = couriers.find(one => one.courier_id === present.courier_id)
  return Math.max(courier?.open_trip?.arrive_s ?? 0, ...ready_s)
}
