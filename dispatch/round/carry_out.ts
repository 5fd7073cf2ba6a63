import type { Point, TenantId } from '../../ingest/events/envelope.ts'
import type { Desk } from '../desk.ts'
import type { WaitingOrder } from '../io/open_work.ts'
import type { Metrics } from '../metrics.ts'
import type { TripRow } from '../rows.ts'
import type { PlannedTrip, SolverPlan } from '../solver/port.ts'
import { greatCircle, type Road } from '../travel.ts'
import type { Problem, SolverInput } from './problem.ts'
import { type Telling, tellTrips } from './tell_trips.ts'
import { isWorthTelling } from './worth_telling.ts'

/** Of a plan, only what must be decided now is told to couriers: the rest may still become a better one. */

export interface Planned extends Problem {
  plan: SolverPlan
  orders: readonly WaitingOrder[]
  road: Road
  /** s that the two hand-overs take together */
  handover_s: number
}

export interface CarryingOut {
  tenant_id: TenantId
  desk: Desk
  metrics: Pick<Metrics, 'offers'>
  settings: {
    /** s of business time before a courier must leave, or would leave with something else */
    dispatch_commit_s: number
  }
  pointOf: (warehouse_id: string) => Point | undefined
}

export async function carryOut(effects: CarryingOut, planned: Planned): Promise<void> {
  const { desk, metrics, settings, pointOf, tenant_id } = effects
  const { road, handover_s } = planned
  const way = { travel: greatCircle(road), handover_s, pointOf }
  const tell = async (trips: readonly Telling[]) => {
    const told = await tellTrips(desk, { tenant_id, trips, way })
    for (const { present } of trips) {
      metrics.offers.inc({ outcome: !told ? 'lost' : present ? 'replanned' : 'offered' })
    }
  }
  const due = dueTogether(planned, settings.dispatch_commit_s)
  await Promise.all(due.filter(group => isWorthTelling(planned, group)).map(tell))
}

/**
 * The trips that are due, and with each those that it takes orders from, whose couriers are told at the same moment what they
 * have instead.
 */
export function dueTogether(planned: Planned, commit_s: number): Telling[][] {
  const first = firstTrips(planned)
  const couriers = new Map([...planned.changeable].map(([courier_id, { trip_id }]) => [trip_id as string, courier_id]))
  const told = new Set<string>()
  const groups: Telling[][] = []
  for (const due of dueTrips(planned, first, commit_s)) {
    const group: Telling[] = []
    const asked = [due.courier_id as string]
    for (let courier_id = asked.pop(); courier_id !== undefined; courier_id = asked.pop()) {
      const trip = first.get(courier_id)
      const telling = trip && !told.has(courier_id) ? tellingOf(planned, trip) : undefined
      if (!telling) continue
      told.add(courier_id)
      group.push(telling)
      asked.push(...telling.seen.flatMap(({ trip_id }) => (trip_id && couriers.get(trip_id)) ?? []))
    }
    if (group.length > 0) groups.push(group)
  }
  return groups
}

/** @returns undefined: the courier has something to do first that a plan may not touch */
function tellingOf({ input, orders, changeable }: Planned, trip: PlannedTrip): Telling | undefined {
  const courier = input.couriers.find(one => one.courier_id === trip.courier_id && one.committed.length === 0)
  if (!courier) return undefined
  const by_fulfilment = new Map(orders.map(order => [order.fulfilment_id as string | null, order]))
  const present = changeable.get(trip.courier_id)
  const held = new Set(present ? heldBy(present) : [])
  return {
    ...{ trip, present, place: courier.place },
    seen: trip.fulfilment_ids.flatMap(id => by_fulfilment.get(id) ?? []),
    held: orders.filter(order => held.has(order.order_id)),
  }
}

function firstTrips({ plan }: Planned): ReadonlyMap<string, PlannedTrip> {
  const first = new Map<string, PlannedTrip>()
  for (const trip of plan.trips) if (!first.has(trip.courier_id)) first.set(trip.courier_id, trip)
  return first
}

/** Trips that leave soon; of those that are told already, the ones that are to hold something else by then. */
function dueTrips(
  { input, changeable }: Planned,
  first: ReadonlyMap<string, PlannedTrip>,
  commit_s: number,
): PlannedTrip[] {
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
