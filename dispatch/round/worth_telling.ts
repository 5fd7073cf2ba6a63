import { timeStops } from '../etas/timing.ts'
import { greatCircle } from '../travel.ts'
import type { Planned } from './carry_out.ts'
import type { Telling } from './tell_trips.ts'

/**
 * Plans of two rounds that are as good as each other often differ, and every change of what a courier was told costs attention.
 * So trips change for an order that nobody has yet, or for customers who gain by it; not for a few seconds. Pure.
 */

/** s at the doors, of all customers together */
const GAIN_S_MIN = 120

/** @param group trips that are told together */
export function isWorthTelling(planned: Planned, group: readonly Telling[]): boolean {
  if (group.some(({ seen }) => seen.some(order => order.trip_id === null))) return true
  const before = new Map(group.flatMap(telling => doorsAsTold(planned, telling)))
  const after = doorsAsPlanned(planned)
  let gain_s = 0
  for (const [order_id, door_s] of before) {
    const planned_s = after.get(order_id)
    // It would be left lying, as far as this plan goes.
    if (planned_s === undefined) return false
    gain_s += door_s - planned_s
  }
  return gain_s >= GAIN_S_MIN
}

/** order_id → s from now until its door, if the trip stays as it is */
function doorsAsTold({ input, road, handover_s }: Planned, { present, place }: Telling): [string, number][] {
  if (!present) return []
  const { now } = input
  const ready = new Map(input.fulfilments.map(one => [one.order_id, now + one.ready_s * 1_000]))
  const course = { place, depart: now, travel: greatCircle(road), handover_s }
  const stops = timeStops(present.stops, { ...course, readyAt: stop => ready.get(stop.order_id) ?? stop.eta })
  return stops.flatMap(({ kind, order_id, eta }) => (kind === 'dropoff' ? [[order_id, (eta - now) / 1_000]] : []))
}

/** order_id → s from now until its door */
function doorsAsPlanned({ plan, input }: Planned): Map<string, number> {
  const order_of = new Map(input.fulfilments.map(one => [one.fulfilment_id, one.order_id as string]))
  const doors = new Map<string, number>()
  for (const { fulfilment_ids, dropoff_s } of plan.trips) {
    for (const [at, id] of fulfilment_ids.entries()) doors.set(order_of.get(id) ?? '', dropoff_s[at] ?? 0)
  }
  return doors
}
