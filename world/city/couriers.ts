import type { MoveView, TripView } from '../../dispatch/contract.ts'
import type { EventDraft } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import { type Breakdown, breakDown } from './breakdowns.ts'
import { type Doors, draft } from './doors.ts'
import { type Draws, draws } from './random.ts'
import { type Courier, carry, isLost, openRide, type Ride, type RideOptions, standing, stroll } from './rides.ts'
import type { Rider } from './town.ts'
import { positionAt } from './ways.ts'

/** People on bicycles and scooters: who they are, what they say of themselves, and what they say to an offer. */

/** How often somebody whose shift is over looks whether the last bag is gone, business s. */
const LOOK_AROUND_S = 10
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
  /** business ms; known once the city has begun */
  beginning: () => number
  /** all that are open, as last heard of on the stream */
  trips: () => readonly TripView[]
}

export interface Couriers {
  tally: CouriersTally
  startShifts(): Promise<void>
  onTrip(trip: TripView): void
  /** undefined: not on shift, or mending a wheel already */
  breakDown(courier_id: string, repair_s: number): Promise<Breakdown> | undefined
  /** where everybody on shift is, and whether a wheel is being mended */
  seen(): CourierSeen[]
  /** Who has nothing else to do goes there. */
  onMove(move: MoveView): void
  /** Nobody is on a shift, and no shift is to come. */
  allGone(): boolean
  /** Where everybody is, one event each. */
  positions(): EventDraft[]
}

export interface CourierSeen {
  courier_id: string
  point: Point
  broken: boolean
}

/** `rides` by trip_id; `asked`: offers that somebody is thinking about */
export type Fleet = CouriersOptions & { tally: CouriersTally; rides: Map<string, Ride>; asked: Set<string> }

export function openCouriers(options: CouriersOptions): Couriers {
  const tally = { accepted: 0, declined: 0, delivered: 0, failed: 0, aborted: 0, moves: 0, positions: 0 }
  const fleet: Fleet = { ...options, tally, rides: new Map(), asked: new Set() }
  const { fleet: riders } = options.town
  const all = new Map(riders.map(rider => [rider.courier_id, newcomer(rider, options.clock.now())]))
  return {
    tally,
    async startShifts() {
      const since_ms = options.clock.now() - options.beginning()
      const there = [...all.values()].filter(one => one.on_ms <= since_ms)
      const later = [...all.values()].filter(one => one.on_ms > since_ms)
      for (const courier of there) courier.shift = 'on'
      await options.doors.sendEvents(there.map(courier => shiftStarted(fleet, courier)))
      for (const courier of there) endLater(fleet, courier)
      for (const courier of later) options.spawn(beginLater(fleet, courier))
    },
    onTrip(trip) {
      const ride = fleet.rides.get(trip.trip_id)
      if (ride !== undefined && isLost(ride, trip)) ride.leave()
      const courier = all.get(trip.courier_id)
      if (courier === undefined) return
      if (trip.state === 'offered') options.spawn(consider(fleet, courier, trip))
      if (trip.state === 'accepted') begin(fleet, courier, trip)
    },
    breakDown(courier_id, repair_s) {
      const courier = all.get(courier_id)
      return courier?.shift === 'on' && !courier.broken ? breakDown(fleet, courier, repair_s) : undefined
    },
    seen: () =>
      [...all.values()]
        .filter(one => one.shift === 'on')
        .map(({ courier_id, way, broken }) => ({
          courier_id,
          point: positionAt(way, options.clock.now()).point,
          broken,
        })),
    onMove({ courier_id, point }) {
      const courier = all.get(courier_id)
      if (courier === undefined || isBusy(fleet, courier)) return
      tally.moves++
      stroll(fleet, courier, point)
    },
    allGone: () => all.values().every(one => one.shift === 'over'),
    positions() {
      const here = [...all.values()].filter(one => one.shift === 'on')
      tally.positions += here.length
      return here.map(courier => moved(fleet, courier))
    },
  }
}

const newcomer = (rider: Rider, now: number): Courier => ({
  ...rider,
  way: standing(rider.start, now),
  shift: 'to_come',
  broken: false,
  offers: 0,
  rides: 0,
  strolls: 0,
})

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
  const ended = courier.off_ms !== undefined && fleet.clock.now() > fleet.beginning() + courier.off_ms
  if (courier.broken || ended || draw.chance(fleet.town.ride.declined_share)) {
    const reason = courier.broken ? 'flat_tyre' : ended ? 'shift_ends' : draw.pick(DECLINE_REASONS)
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

// ── Shifts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function beginLater(fleet: Fleet, courier: Courier): Promise<void> {
  const { clock, doors } = fleet
  await clock.until(fleet.beginning() + courier.on_ms)
  courier.way = standing(courier.start, clock.now())
  courier.shift = 'on'
  await doors.sendEvents([shiftStarted(fleet, courier)])
  endLater(fleet, courier)
}

/** Nobody goes home with bags in hand: the shift ends when the last trip has. */
function endLater(fleet: Fleet, courier: Courier): void {
  const { off_ms } = courier
  if (off_ms === undefined) return
  const leave = async (): Promise<void> => {
    await fleet.clock.until(fleet.beginning() + off_ms)
    while (isBusy(fleet, courier)) await fleet.clock.sleep(LOOK_AROUND_S)
    courier.shift = 'over'
    await fleet.doors.sendEvents([shiftEnded(fleet, courier)])
  }
  fleet.spawn(leave())
}

const isBusy = ({ rides }: Fleet, courier: Courier): boolean => rides.values().some(ride => ride.courier === courier)

// ── What a courier says of itself ───────────────────────────────────────────────────────────────────────────────────

function shiftStarted(fleet: Fleet, courier: Courier): EventDraft {
  const { courier_id, home, tied, vehicle, capacity, has, way, off_ms } = courier
  const now = fleet.clock.now()
  const { point } = positionAt(way, now)
  const data = { courier_id, point, vehicle, capacity, has, ...(tied && { home_warehouse_id: home.warehouse_id }) }
  return said(fleet, courier, 'shift.started', {
    ...data,
    ...(off_ms !== undefined && { ends_at: Math.round(fleet.beginning() + off_ms) }),
  })
}

const shiftEnded = (fleet: Fleet, courier: Courier): EventDraft =>
  said(fleet, courier, 'shift.ended', { courier_id: courier.courier_id })

function moved(fleet: Fleet, courier: Courier): EventDraft {
  const { courier_id, way } = courier
  return said(fleet, courier, 'courier.moved', { courier_id, ...positionAt(way, fleet.clock.now()) })
}

/** A way may leave the zone's area for a block: the fleet stays the city's. */
const said = ({ town, clock }: Fleet, { courier_id }: Courier, type: string, data: object): EventDraft => ({
  ...draft(type, data, clock.now(), `courier:${courier_id}`),
  zone_id: town.zone_id,
})
