import type { MoveView, TripView } from '../../dispatch/contract.ts'
import type { EventDraft } from '../../ingest/contract.ts'
import type { Point, Requirement } from '../../ingest/events/envelope.ts'
import { isLand, type Place, shifted, ZONE_ID } from './chicago.ts'
import { type Doors, draft } from './doors.ts'
import { type Draws, draws, weightedIndex } from './random.ts'
import { type Courier, carry, isLost, openRide, type Ride, type RideOptions, standing, stroll } from './rides.ts'
import { positionAt } from './ways.ts'

/** People on bicycles and scooters: who they are, what they say of themselves, and what they say to an offer. */

/** The others take bags from wherever there are some. */
const TIED_SHARE = 0.5
const DECLINE_SHARE = 0.04
const DECLINE_REASONS = ['too_far', 'on_a_break', 'flat_tyre'] as const

export interface CouriersTally {
  accepted: number
  declined: number
  delivered: number
  failed: number
  aborted: number
  /** asked to wait elsewhere, and went there */
  moves: number
  positions: number
}

export interface CouriersOptions extends Omit<RideOptions, 'tally' | 'doors'> {
  doors: Pick<Doors, 'sendEvents' | 'tell'>
  couriers: number
}

export interface Couriers {
  tally: CouriersTally
  startShifts(): Promise<void>
  onTrip(trip: TripView): void
  /** Who has nothing else to do goes there. */
  onMove(move: MoveView): void
  /** Where everybody is, one event each. */
  positions(): EventDraft[]
}

/** `rides` by trip_id; `asked`: offers that somebody is thinking about */
type Fleet = CouriersOptions & { tally: CouriersTally; rides: Map<string, Ride>; asked: Set<string> }

export function openCouriers(options: CouriersOptions): Couriers {
  const tally = { accepted: 0, declined: 0, delivered: 0, failed: 0, aborted: 0, moves: 0, positions: 0 }
  const fleet: Fleet = { ...options, tally, rides: new Map(), asked: new Set() }
  const now = options.clock.now()
  const all = new Map(hire(options, now).map(courier => [courier.courier_id, courier]))
  return {
    tally,
    async startShifts() {
      await options.doors.sendEvents([...all.values()].map(courier => shiftStarted(courier, options.clock.now())))
    },
    onTrip(trip) {
      const ride = fleet.rides.get(trip.trip_id)
      if (ride !== undefined && isLost(ride, trip)) ride.leave()
      const courier = all.get(trip.courier_id)
      if (courier === undefined) return
      if (trip.state === 'offered') options.spawn(consider(fleet, courier, trip))
      if (trip.state === 'accepted') begin(fleet, courier, trip)
    },
    onMove({ courier_id, point }) {
      const courier = all.get(courier_id)
      if (courier === undefined || fleet.rides.values().some(ride => ride.courier === courier)) return
      tally.moves++
      stroll(fleet, courier, point)
    },
    positions() {
      tally.positions += all.size
      return [...all.values()].map(courier => moved(courier, options.clock.now()))
    },
  }
}

/** The same people for the same seed: who lives where, rides what and how fast. */
export function hire(
  { seed, places, couriers }: Pick<CouriersOptions, 'seed' | 'places' | 'couriers'>,
  now: number,
): Courier[] {
  const homeIndex = weightedIndex(places.map(one => one.weight))
  return Array.from({ length: couriers }, (_, i) => {
    const courier_id = `c${String(i + 1).padStart(3, '0')}`
    const draw = draws(seed, 'courier', courier_id)
    const home = places[homeIndex(draw.uniform())] as Place
    const vehicle = draw.chance(0.7) ? ('bicycle' as const) : ('scooter' as const)
    const speed_mps = vehicle === 'bicycle' ? draw.between(4.6, 6.4) : draw.between(6, 8.2)
    const has: Requirement[] = draw.chance(0.9) ? ['cold', 'id_check'] : ['cold']
    return {
      courier_id,
      home,
      vehicle,
      speed_mps,
      has,
      way: standing(somewhereNear(home.point, draw, 700), now),
      tied: draw.chance(TIED_SHARE),
      offers: 0,
      rides: 0,
      strolls: 0,
    }
  })
}

function somewhereNear(point: Point, draw: Draws, spread_m: number): Point {
  const place = shifted(point, draw.normal(0, spread_m), draw.normal(0, spread_m))
  return isLand(place) ? place : point
}

// ── Offers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function consider(fleet: Fleet, courier: Courier, trip: TripView): Promise<void> {
  const offer = `${trip.trip_id}/${courier.courier_id}`
  if (fleet.asked.has(offer)) return
  fleet.asked.add(offer)
  try {
    const draw = draws(fleet.seed, 'offer', courier.courier_id, courier.offers++)
    await fleet.clock.sleep(draw.between(4, 14))
    const latest = fleet.tripOf(trip.trip_id)
    if (latest?.state === 'offered' && latest.courier_id === courier.courier_id)
      await answer(fleet, courier, latest, draw)
  } finally {
    fleet.asked.delete(offer)
  }
}

async function answer(fleet: Fleet, courier: Courier, trip: TripView, draw: Draws): Promise<void> {
  const { trip_id } = trip
  if (draw.chance(DECLINE_SHARE)) {
    const reason = draw.pick(DECLINE_REASONS)
    if (await fleet.doors.tell(courier.courier_id, { word: 'decline', trip_id, reason })) fleet.tally.declined++
  } else if (await fleet.doors.tell(courier.courier_id, { word: 'accept', trip_id })) {
    fleet.tally.accepted++
    begin(fleet, courier, trip)
  }
}

function begin(fleet: Fleet, courier: Courier, trip: TripView): void {
  if (fleet.rides.get(trip.trip_id)?.courier === courier) return
  const ride = openRide(courier)
  fleet.rides.set(trip.trip_id, ride)
  const work = carry(fleet, ride, trip).finally(() => {
    if (fleet.rides.get(trip.trip_id) === ride) fleet.rides.delete(trip.trip_id)
  })
  fleet.spawn(work)
}

// ── What a courier says of itself ───────────────────────────────────────────────────────────────────────────────────

function shiftStarted({ courier_id, home, tied, vehicle, has, way }: Courier, now: number): EventDraft {
  const { point } = positionAt(way, now)
  const capacity = vehicle === 'bicycle' ? 2 : 3
  const data = { courier_id, point, vehicle, capacity, has, ...(tied && { home_warehouse_id: home.warehouse_id }) }
  return ofFleet(draft('shift.started', data, now, `courier:${courier_id}`))
}

function moved({ courier_id, way }: Courier, now: number): EventDraft {
  return ofFleet(draft('courier.moved', { courier_id, ...positionAt(way, now) }, now, `courier:${courier_id}`))
}

/** A way may leave the zone's area for a block: the fleet stays the city's. */
const ofFleet = (event: EventDraft): EventDraft => ({ ...event, zone_id: ZONE_ID })
