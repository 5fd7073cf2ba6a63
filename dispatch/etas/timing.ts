import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { TravelTimes } from '../contract.ts'

/** When a courier is where: pure. A pickup's time is when the parcel is in hand, a door's when it is handed over. */

export interface Course {
  /** where the courier is free, and when: business ms */
  place: Point
  depart: number
  travel: TravelTimes
  /** s that the two hand-overs take together: see `serviceOf` */
  handover_s: number
  /** business ms at which the goods of a pickup can be taken */
  readyAt: (stop: Stop) => number
}

/** The open stops timed anew in their order; those that are behind the courier stay as they are. */
export function timeStops(stops: readonly Stop[], { place, depart, travel, handover_s, readyAt }: Course): Stop[] {
  const service = serviceOf(handover_s)
  let here = place
  /** when the courier is free to go on from there */
  let free_at = depart
  return stops.map(stop => {
    if (stop.done_at !== undefined) return stop
    const there_at = stop.arrived_at ?? free_at + travel(here, stop.point) * 1_000
    here = stop.point
    if (stop.kind === 'pickup') {
      const eta = Math.max(there_at, depart, readyAt(stop))
      // What lies at one place is taken in one go.
      free_at = eta
      return { ...stop, eta }
    }
    const eta = Math.max(there_at, depart) + (service.before_door_s + leavingAfter(stops, stop, service)) * 1_000
    free_at = eta + service.after_door_s * 1_000
    return { ...stop, eta }
  })
}

/** The way from the counter to the road, once: before the first door. */
function leavingAfter(stops: readonly Stop[], door: Stop, service: { after_pickup_s: number }): number {
  const open = stops.filter(stop => stop.done_at === undefined)
  const first_door = open.find(stop => stop.kind === 'dropoff')
  return first_door === door && open.some(stop => stop.kind === 'pickup') ? service.after_pickup_s : 0
}

/** The policy knows the sum only: a quarter at the counter, half at the door, and a quarter until the courier is back on the road. */
export const serviceOf = (handover_s: number) => ({
  before_pickup_s: 0,
  after_pickup_s: Math.round(handover_s / 4),
  before_door_s: Math.round(handover_s / 2),
  after_door_s: Math.round(handover_s / 4),
})
