import type { Static } from 'typebox'
import type { PlaceOrder } from '../../dispatch/contract.ts'
import type { TravelWrite } from '../../ingest/contract.ts'
import type { Vehicle } from '../../ingest/events/couriers.ts'
import type { Point, Requirement } from '../../ingest/events/envelope.ts'
import type { OpeningSpan, Policy } from '../../ingest/events/network.ts'
import type { Item } from './catalogue.ts'
import type { Draws } from './random.ts'
import type { Way } from './ways.ts'

/**
 * What the city plays: a place, the people in it and what they do when. Times are business ms or s after the beginning, which
 * is some hour of some day; what lies before it is negative. Pure data and pure functions: the city moves, a town only tells.
 */
export interface Town {
  zone_id: string
  name: string
  /** IANA name */
  time_zone: string
  /** H3 cells at ingest's AREA_RESOLUTION that the zone serves */
  cells: readonly string[]
  /** how the zone decides, where it is not as usual */
  policy?: Policy
  places: readonly Place[]
  catalogue: Catalogue
  /** @returns business ms of the beginning: later than `wall_ms` by `warm_up_min` or more, for time may only go on */
  begins(wall_ms: number): number
  /** business min that go by quickly before the beginning, so that there is something to be seen then */
  warm_up_min: number
  /** The n-th order, from 1 on; undefined: there are no more. @param after_ms when the one before came; for the first, when the city opened */
  order(number: number, after_ms: number): PlannedOrder | undefined
  crew: Crew
  fleet: readonly Rider[]
  ride: RideTerms
  /** absent: nobody but those of `order` ever orders */
  outOfTurn?: OutOfTurn
  /** what is known to happen there; absent: scenes find a place by themselves */
  occasions?: Occasions
  /** what is said besides, in order of time */
  script?: readonly Scripted[]
}

export interface Occasions {
  sold_out: { warehouse_id: string; sku: string }
  /** such as stadiums: where they are and what they are called */
  crowds: readonly { name: string; point: Point }[]
}

/** People who order because something has happened. */
export interface OutOfTurn {
  /** how much the town orders else */
  orders_per_min: number
  /** @param name of the order: the same one is the same bag again. @param sku is in it */
  order(name: string, point: Point, sku?: string): Omit<PlannedOrder, 'due_ms'>
}

/** Something that a warehouse or a dispatcher says at its hour. */
export interface Scripted {
  due_ms: number
  /** of an event that ingest takes, or a pause */
  type: string
  /** of the event; `as_of` and `until` are ms after the beginning */
  data: ScriptedData
}

export interface ScriptedData {
  warehouse_id: string
  sku?: string
  unit?: string
  quantity?: number
  delta?: number
  safety?: number
  condition?: string
  reason?: string
  as_of?: number
  until?: number
}

export interface Place {
  warehouse_id: string
  name: string
  point: Point
  radius_m: number
  pickers: number
  /** what Waggle is told to plan with */
  pick_s_per_line: number
  pack_s: number
  /** absent: always open */
  opening?: OpeningSpan[]
  /** s on the road to H3 cells, where they are known better than by the distance */
  travel?: TravelWrite
}

export interface Catalogue {
  items: readonly Item[]
  /** what the shelf is filled up to, and what lies there at first, in the item's unit */
  shelf(place: Place, item: Item): { target: number; there: number }
}

export interface PlannedOrder {
  due_ms: number
  order: PlaceOrder
  customer_ref: string
  /** business s after the order; undefined: never */
  cancel: { after_s: number; reason: string } | undefined
  /** when it is wanted; absent: as soon as can be */
  window?: { from_ms: number; to_ms: number }
}

/** How bags are made. Draws are the order's own. */
export interface Crew {
  /** s until somebody begins, for a line, and to pack the bag */
  begin_s(draw: Draws): number
  line_s(draw: Draws): number
  pack_s(draw: Draws, external_id: string): number
  /** How much of a line is not found. `luck` names the order's draws. */
  missing(order: { external_id: string; luck: string }, line: { line_id: string; quantity: number }): number
  /** When the bag is known to be packed, whoever does it; undefined: when the work is done. */
  packed_ms?(external_id: string): number | undefined
  /** vans, counts and broken bottles come by themselves, and what was missing is looked for */
  restless: boolean
}

/** A courier on the shift from `on_ms` to `off_ms`; undefined: to the end. */
export interface Rider {
  courier_id: string
  start: Point
  home: Place
  /** takes bags from home only */
  tied: boolean
  vehicle: Static<typeof Vehicle>
  speed_mps: number
  /** orders at once */
  capacity: number
  has: Requirement[]
  on_ms: number
  off_ms: number | undefined
}

/** How couriers get along. */
export interface RideTerms {
  /** @param departs_at business ms */
  way(from: Point, to: Point, departs_at: number, speed_mps: number, draw: Draws): Way
  /** s from the street to the counter, whether or not the bag is there */
  enter_s: number
  /** s at the counter once the bag is there */
  counter_s(draw: Draws): number
  /** s at the door until it is handed over, and back to the street */
  door_s(draw: Draws): number
  leave_s: number
  /** of offers, and of doors at which nobody opens */
  declined_share: number
  nobody_home_share: number
  /** nobody opens for this order, whatever the share */
  isClosed?(external_id: string): boolean
}
