import type { Point } from '../ingest/events/envelope.ts'
import { distanceMeters } from '../ingest/events/geo.ts'
import type { TravelTimes } from './contract.ts'

/** How couriers get along in a zone. Data, so that it can go to a worker thread. */
export interface Road {
  /** road metres per metre as the crow flies */
  road_factor: number
  speed_mps: number
}

/** Great circle times the road factor: the travel times where no road network is configured. */
export const greatCircle =
  ({ road_factor, speed_mps }: Road): TravelTimes =>
  (from: Point, to: Point) =>
    Math.round((distanceMeters(from, to) * road_factor) / speed_mps)
