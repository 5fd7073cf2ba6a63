import type { TripView } from '../../dispatch/contract.ts'
import type { Fleet } from './couriers.ts'
import { type Courier, standing } from './rides.ts'
import { delayed, positionAt } from './ways.ts'

/**
 * A courier's wheel breaks. Who has bags in hand mends it where it broke, and is late; everybody else tells Waggle, which has to
 * find another for what was to be fetched.
 */
export interface Breakdown {
  outcome: 'gave_back' | 'stands_still' | 'had_nothing'
  /** given back; or in hand, and late */
  order_ids: string[]
  /** business ms */
  back_at: number
}

/** @throws nothing: what Waggle refuses was somebody else's turn first, and then the courier has nothing */
export async function breakDown(fleet: Fleet, courier: Courier, repair_s: number): Promise<Breakdown> {
  const { clock, spawn } = fleet
  const now = clock.now()
  const back_at = Math.round(now + repair_s * 1_000)
  courier.broken = true
  const carrying = [...fleet.rides.entries()].find(([, ride]) => ride.courier === courier && ride.carrying)
  if (carrying) return standStill(fleet, courier, carrying[0], { now, back_at })
  courier.way = standing(positionAt(courier.way, now).point, now)
  const order_ids: string[] = []
  for (const trip of ownTrips(fleet, courier)) {
    const word = trip.state === 'offered' ? 'decline' : 'give_back'
    const given = await fleet.doors.tell(courier.courier_id, { word, trip_id: trip.trip_id, reason: 'flat_tyre' })
    if (given) order_ids.push(...ordersOf(trip))
  }
  await fleet.doors.tell(courier.courier_id, { word: 'break' })
  spawn(mend(fleet, courier, back_at))
  return { outcome: order_ids.length > 0 ? 'gave_back' : 'had_nothing', order_ids, back_at }
}

function standStill(
  { clock, spawn, tripOf }: Fleet,
  courier: Courier,
  trip_id: string,
  { now, back_at }: { now: number; back_at: number },
): Breakdown {
  courier.way = delayed(courier.way, now, back_at - now)
  const rideOn = async (): Promise<void> => {
    await clock.until(back_at)
    courier.broken = false
  }
  spawn(rideOn())
  const { stops = [] } = tripOf(trip_id) ?? {}
  const to_bring = stops.filter(stop => stop.kind === 'dropoff' && stop.done_at === undefined)
  return { outcome: 'stands_still', order_ids: to_bring.map(stop => stop.order_id), back_at }
}

async function mend({ clock, doors }: Fleet, courier: Courier, back_at: number): Promise<void> {
  await clock.until(back_at)
  courier.broken = false
  await doors.tell(courier.courier_id, { word: 'resume' })
}

const ownTrips = ({ trips }: Fleet, { courier_id }: Courier): TripView[] =>
  trips().filter(trip => trip.courier_id === courier_id && (trip.state === 'offered' || trip.state === 'accepted'))

const ordersOf = ({ stops }: TripView): string[] => [...new Set(stops.map(stop => stop.order_id))]
