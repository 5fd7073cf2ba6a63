import type { Point, WarehouseId } from '../../ingest/events/envelope.ts'
import type { CourierSnapshot, PlannedMove, PlannedTrip, SolverProblem } from './port.ts'

/**
 * Idle couriers go where orders are expected and few couriers will be. How well a warehouse is covered is a soft minimum
 * of the minutes in which each courier could be there; a second courier at the same place helps less than the first.
 *
 *   minutes(w) = −REACH × ln Σ over couriers exp(−minutes of that courier / REACH)
 *
 * A move is worth what it takes off the expected minutes of the orders of the next while, less the road.
 */

const REACH_MIN = 6
/** orders of so many minutes ahead count */
const AHEAD_MIN = 20
/**
 * Farther moves keep a courier out of reach for too long; but who has no place at all within it, be it a quiet one, goes to the nearest.
 * Where that was forbidden, couriers stood for hours at doors far from all stores, a tenth of the fleet on days with many such doors.
 */
const MOVE_MIN_MAX = 15
/** the busiest places only: what is expected of others is noise */
const PLACES_MAX = 40
/** no move so shortly before the shift's end */
const LEFT_S_MIN = 1_800

interface Place {
  warehouse_id: WarehouseId
  point: Point
  /** expected in the next while */
  orders: number
  /** Σ exp(−minutes / REACH) over couriers */
  near: number
}

export function movesOf(problem: SolverProblem, trips: readonly PlannedTrip[]): PlannedMove[] {
  if (problem.weights.cover <= 0) return []
  const places = placesOf(problem)
  const ends = endsOf(problem, trips)
  for (const { point, free_s } of ends.values()) {
    for (const place of places) place.near += nearness(free_s + problem.travel(point, place.point))
  }
  const moves: PlannedMove[] = []
  for (const courier of idleCouriers(problem, trips)) {
    const move = bestMove(problem, courier, places)
    if (move) moves.push(move)
  }
  return moves
}

const nearness = (seconds: number): number => Math.exp(-seconds / 60 / REACH_MIN)

function placesOf({ demand }: SolverProblem): Place[] {
  return demand
    .toSorted((a, b) => b.orders_per_h - a.orders_per_h || (a.warehouse_id < b.warehouse_id ? -1 : 1))
    .slice(0, PLACES_MAX)
    .map(one => ({
      warehouse_id: one.warehouse_id,
      point: one.pickup,
      orders: (one.orders_per_h * AHEAD_MIN) / 60,
      near: 1e-6,
    }))
}

/** Where and when each courier is free after what is planned. */
function endsOf(problem: SolverProblem, trips: readonly PlannedTrip[]): Map<string, { point: Point; free_s: number }> {
  const doors = new Map(problem.fulfilments.map(one => [one.fulfilment_id, one.dropoff]))
  const ends = new Map<string, { point: Point; free_s: number }>()
  for (const { courier_id, place, free_s, committed } of problem.couriers) {
    if (committed.length === 0) ends.set(courier_id, { point: place, free_s: Math.max(0, free_s) })
  }
  for (const trip of trips) {
    const [last, at_s] = [trip.fulfilment_ids.at(-1), trip.dropoff_s.at(-1)]
    const point = last && doors.get(last)
    if (point && at_s !== undefined) ends.set(trip.courier_id, { point, free_s: at_s + problem.service.after_door_s })
  }
  return ends
}

function idleCouriers({ couriers }: SolverProblem, trips: readonly PlannedTrip[]): CourierSnapshot[] {
  const busy = new Set(trips.map(trip => trip.courier_id))
  return couriers
    .filter(
      one =>
        one.free_s <= 0 &&
        one.committed.length === 0 &&
        one.open_trip === undefined &&
        one.home_warehouse_id === undefined &&
        one.breaks.length === 0 &&
        !busy.has(one.courier_id) &&
        Math.min(one.shift_end_s ?? LEFT_S_MIN, one.last_pickup_s ?? LEFT_S_MIN) >= LEFT_S_MIN,
    )
    .sort((a, b) => (a.courier_id < b.courier_id ? -1 : 1))
}

function bestMove(problem: SolverProblem, courier: CourierSnapshot, places: Place[]): PlannedMove | undefined {
  const { travel, weights } = problem
  const nearest_s = Math.min(...problem.demand.map(place => travel(courier.place, place.pickup)))
  const farthest_s = Math.max(MOVE_MIN_MAX * 60, nearest_s)
  const now = places.map(place => nearness(travel(courier.place, place.point)))
  let best: { move: PlannedMove; gain: number; settled: number[] } | undefined
  for (const to of places) {
    const arrive_s = travel(courier.place, to.point)
    if (arrive_s === 0 || arrive_s > farthest_s) continue
    const settled = places.map(place => nearness(travel(to.point, place.point)))
    let gain = (-weights.cover * arrive_s) / 60
    for (const [at, place] of places.entries()) {
      const others = place.near - (now[at] as number)
      gain += place.orders * REACH_MIN * Math.log((others + (settled[at] as number)) / place.near)
    }
    if (gain > (best?.gain ?? 0)) {
      best = { move: { courier_id: courier.courier_id, warehouse_id: to.warehouse_id, arrive_s }, gain, settled }
    }
  }
  if (!best) return undefined
  for (const [at, place] of places.entries()) place.near += (best.settled[at] as number) - (now[at] as number)
  return best.move
}
