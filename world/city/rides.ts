import type { OrderView, TripView } from '../../dispatch/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import { metresBetween } from './chicago.ts'
import type { CityClock } from './clock.ts'
import type { Doors } from './doors.ts'
import { type Draws, draws } from './random.ts'
import type { Rider, RideTerms, Town } from './town.ts'
import { arrivalOf, positionAt, type Way } from './ways.ts'

/**
 * A trip as its courier lives it:
 *
 *   accepted ─► to the warehouse ─► waits for the bag ─► picked_up ─► to the door ─► delivered ─► next door … ─► home
 *                    └──── taken away: home ────┘                        └► failed ─► back to the warehouse
 */

/** How often somebody at the counter looks whether the bag is there, business s. */
const LOOK_EVERY_S = 4
const NEAR_M = 150
/** Nobody hurries without a bag. */
const UNHURRIED_SHARE = 0.75

export interface Courier extends Rider {
  way: Way
  shift: 'to_come' | 'on' | 'over'
  /** mends a wheel, and goes nowhere until that is done */
  broken: boolean
  /** how many there were so far: names of the draws */
  offers: number
  rides: number
  strolls: number
}

export const standing = (point: Point, now: number): Way => ({ points: [point], at: [now] })

export interface RideOptions {
  seed: number
  town: Pick<Town, 'places' | 'ride' | 'zone_id' | 'fleet'>
  clock: CityClock
  doors: Pick<Doors, 'tell'>
  /** as last heard of on the stream */
  tripOf: (trip_id: string) => TripView | undefined
  orderOf: (order_id: string) => OrderView | undefined
  /** goods come back to their warehouse */
  takeBack: (order_id: string) => void
  spawn: (work: Promise<void>) => void
  tally: { delivered: number; failed: number; aborted: number }
}

export interface Ride {
  courier: Courier
  /** resolves when the trip was taken away before the pickup */
  left: Promise<'left'>
  leave(): void
  carrying: boolean
}

export function openRide(courier: Courier): Ride {
  const { promise: left, resolve } = Promise.withResolvers<'left'>()
  return { courier, left, leave: () => resolve('left'), carrying: false }
}

export const isLost = (ride: Ride, trip: TripView): boolean =>
  !ride.carrying && (trip.state === 'cancelled' || trip.courier_id !== ride.courier.courier_id)

export async function carry(options: RideOptions, ride: Ride, trip: TripView): Promise<void> {
  const { courier } = ride
  const draw = draws(options.seed, 'ride', courier.courier_id, courier.rides++)
  const { places, ride: terms } = options.town
  const warehouse = places.find(one => one.warehouse_id === trip.warehouse_id)?.point ?? courier.home.point
  const brought_back: string[] = []
  let rounds = 0
  // Once more, should a bag have been put on the trip in the moment of leaving.
  for (; rounds === 0 || toFetch(options, trip).length > 0; rounds++) {
    const in_hand = await pickUp(options, ride, trip, warehouse, draw)
    if (in_hand.size === 0) break
    for (let door = nextDoor(options, trip, in_hand); door; door = nextDoor(options, trip, in_hand)) {
      in_hand.delete(door.order_id)
      await rideTo(options, courier, door.point, draw)
      await options.clock.sleep(terms.door_s(draw))
      if (!(await handOver(options, courier, door.order_id))) brought_back.push(door.order_id)
      if (terms.leave_s > 0) await options.clock.sleep(terms.leave_s)
    }
  }
  if (rounds === 0) options.tally.aborted++
  if (brought_back.length > 0) await bringBack(options, courier, warehouse, brought_back, draw)
  goHome(options, courier)
}

type Door = TripView['stops'][number]

/** What is still to be picked up; nothing when the trip is over, or another courier's. */
function toFetch({ tripOf }: RideOptions, trip: TripView): Door[] {
  const latest = tripOf(trip.trip_id)
  if (latest?.courier_id !== trip.courier_id) return []
  return latest.stops.filter(stop => stop.kind === 'pickup' && stop.done_at === undefined)
}

/** The stops are read anew each time: a trip may have been changed on the way. */
function nextDoor({ tripOf }: RideOptions, trip: TripView, in_hand: ReadonlySet<string>): Door | undefined {
  const { stops } = tripOf(trip.trip_id) ?? trip
  return stops.find(stop => stop.kind === 'dropoff' && in_hand.has(stop.order_id))
}

/** @returns the orders in hand; none when the trip was taken away before */
async function pickUp(
  options: RideOptions,
  ride: Ride,
  trip: TripView,
  warehouse: Point,
  draw: Draws,
): Promise<Set<string>> {
  const { clock, doors } = options
  const { courier, left } = ride
  const in_hand = new Set<string>()
  const { enter_s, counter_s } = options.town.ride
  if ((await Promise.race([rideTo(options, courier, warehouse, draw), left])) === 'left') return in_hand
  if (enter_s > 0 && (await Promise.race([clock.sleep(enter_s), left])) === 'left') return in_hand
  // What the trip holds may change until it is in hand: each look is a new one.
  while (in_hand.size === 0) {
    if (toFetch(options, trip).length === 0) return in_hand
    if (!isPacked(options, trip)) {
      if ((await Promise.race([clock.sleep(LOOK_EVERY_S), left])) === 'left') return in_hand
      continue
    }
    if ((await Promise.race([clock.sleep(counter_s(draw)), left])) === 'left') return in_hand
    if (!isPacked(options, trip)) continue
    for (const stop of toFetch(options, trip)) {
      if (!(await doors.tell(courier.courier_id, { word: 'picked_up', order_id: stop.order_id }))) continue
      ride.carrying = true
      in_hand.add(stop.order_id)
    }
  }
  return in_hand
}

const isPacked = (options: RideOptions, trip: TripView): boolean =>
  toFetch(options, trip).every(stop => options.orderOf(stop.order_id)?.state === 'packed')

/** @returns false when nobody opened */
async function handOver(options: RideOptions, courier: Courier, order_id: string): Promise<boolean> {
  const { doors, orderOf, seed, tally, town } = options
  const external_id = orderOf(order_id)?.external_id ?? order_id
  const luck = external_id.replace(/^.*-(?=\d+$)/, '')
  const { nobody_home_share, isClosed } = town.ride
  if (draws(seed, 'door', luck).chance(nobody_home_share) || isClosed?.(external_id)) {
    const told = await doors.tell(courier.courier_id, { word: 'failed', order_id, reason: 'nobody_home' })
    if (told) tally.failed++
    return !told
  }
  if (await doors.tell(courier.courier_id, { word: 'delivered', order_id })) tally.delivered++
  return true
}

/** Waggle gives this courier nothing new until the bags are on the counter again. */
async function bringBack(
  options: RideOptions,
  courier: Courier,
  warehouse: Point,
  order_ids: readonly string[],
  draw: Draws,
): Promise<void> {
  await rideTo(options, courier, warehouse, draw)
  for (const order_id of order_ids) {
    options.takeBack(order_id)
    await options.doors.tell(courier.courier_id, { word: 'returned', order_id })
  }
}

async function rideTo({ clock, town }: RideOptions, courier: Courier, to: Point, draw: Draws): Promise<void> {
  const from = positionAt(courier.way, clock.now()).point
  courier.way = town.ride.way(from, to, clock.now(), courier.speed_mps, draw)
  // A wheel may break on the way: it is a later arrival then.
  while (clock.now() < arrivalOf(courier.way)) await clock.until(arrivalOf(courier.way))
}

/** Back to the own warehouse, where the next bag will be; who has none waits where the last door was. */
function goHome(options: RideOptions, courier: Courier): void {
  if (courier.tied) stroll(options, courier, courier.home.point)
}

/** To where the next bag may be. A trip simply begins from wherever this way has come to. */
export function stroll(
  { clock, seed, town }: { clock: CityClock; seed: number; town: { ride: RideTerms } },
  courier: Courier,
  to: Point,
): void {
  if (courier.broken) return
  const now = clock.now()
  const from = positionAt(courier.way, now).point
  const near = metresBetween(from, to) < NEAR_M
  const draw = draws(seed, 'stroll', courier.courier_id, courier.strolls++)
  const mps = courier.speed_mps * UNHURRIED_SHARE
  courier.way = near ? standing(from, now) : town.ride.way(from, to, now, mps, draw)
}
