import type { Point } from '../../ingest/events/envelope.ts'
import { distanceMeters } from '../../ingest/events/geo.ts'

/**
 * How a promise is made up, in whole seconds of the business clock. The fold decides by it and a quote shows it, so it
 * stands once. Rounded before anything is compared; a warehouse with an equal promise goes by its id.
 *
 *   placed ──► queue and picking and packing (ready) ──► on the road (travel) ──► at the door
 *          ╲── a courier comes meanwhile (courier_wait) ──╱                     + handover + buffer (fixed)
 */
export interface PromiseTerms {
  /** an order of one line placed now is packed after this, at the present load */
  ready_in_s: number
  pick_s_per_line: number
  courier_wait_s: number
  fixed_s: number
}

export interface Road {
  /** road metres per metre as the crow flies */
  road_factor: number
  speed_mps: number
}

export const readySeconds = (terms: PromiseTerms, lines: number): number =>
  terms.ready_in_s + Math.max(0, lines - 1) * terms.pick_s_per_line

export const promiseSeconds = (terms: PromiseTerms, lines: number, travel_s: number): number =>
  Math.max(readySeconds(terms, lines), terms.courier_wait_s) + travel_s + terms.fixed_s

export const travelSeconds = (distance_m: number, road: Road): number =>
  Math.round((distance_m * road.road_factor) / road.speed_mps)

export interface Reach {
  distance_m: number
  travel_s: number
}

/** From a warehouse to the middle of a cell or a point; null when it lies outside the warehouse's radius. */
export function reach(warehouse: { point: Point; radius_m: number }, place: Point, road: Road): Reach | null {
  const distance_m = distanceMeters(warehouse.point, place)
  if (distance_m > warehouse.radius_m) return null
  return { distance_m, travel_s: travelSeconds(distance_m, road) }
}

/** Shortest promise first, then by id. */
export const byPromise = (
  a: { promise_s: number; warehouse_id: string },
  b: { promise_s: number; warehouse_id: string },
): number => a.promise_s - b.promise_s || (a.warehouse_id < b.warehouse_id ? -1 : 1)
