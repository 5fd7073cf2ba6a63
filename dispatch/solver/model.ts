import type { Point, Requirement } from '../../ingest/events/envelope.ts'
import { type Choices, choicesOf, eachChoice } from './choices.ts'
import type { Weights } from './objective.ts'
import type { ExpectedDemand, OpenFulfilment, ServiceTimes, SolverProblem } from './port.ts'
import { timePrice, workEnd } from './scarcity.ts'

/**
 * A problem as numbers: orders, couriers and warehouses are indices, in the order of their ids. Places ("nodes") are numbered couriers first, then doors, then warehouses.
 */
export interface Model extends Choices {
  problem: SolverProblem
  /** each choice of warehouse counts */
  orders: number
  couriers: number
  warehouses: number
  service: ServiceTimes
  weights: Weights
  bundle_max: number
  trips_max: number

  /** warehouse of an order */
  warehouse: Int32Array
  ready: Int32Array
  /** the earliest likely, and what is nearly sure */
  ready_from: Int32Array
  ready_latest: Int32Array
  promise: Int32Array
  load: Int32Array
  requires: Int32Array
  uncooled: Int32Array
  alone: Uint8Array
  /** orders that some courier may not be asked for: order × couriers + courier */
  refused: ReadonlySet<number>
  has_refused: Uint8Array

  courier_ids: readonly string[]
  free: Int32Array
  capacity: Int32Array
  has: Int32Array
  /** warehouse of a courier tied to it; -1: floating */
  home: Int32Array
  shift_end: Int32Array
  last_pickup: Int32Array
  /** warehouse of an open first trip; -1: none */
  open_warehouse: Int32Array
  open_arrive: Int32Array
  /** weighted minutes for each order that this courier gets, for fairness */
  toll: Float64Array
  has_breaks: Uint8Array
  breaks: readonly (readonly { from_s: number; to_s: number }[])[]

  warehouse_ids: readonly string[]
  /** s from node to warehouse: node × warehouses + warehouse */
  to_warehouse: Int32Array
  /** s from an order's warehouse to its door */
  direct: Int32Array
  /** s between two doors of one warehouse, by `betweenDoors` */
  doors: Int32Array
  doors_from: Int32Array
  nth_of_warehouse: Int32Array
  of_warehouse: Int32Array
  /** weighted minutes for ending at a node */
  end_value: Float64Array
  /** weighted minutes for each minute that a courier is busy, s until which that counts by courier */
  time_price: number
  work_end: Int32Array
}

export const NEVER = 1 << 29
const REQUIREMENTS: readonly Requirement[] = ['cold', 'id_check', 'cash']
const bitsOf = (needs: readonly Requirement[]): number =>
  needs.reduce((bits, need) => bits | (1 << REQUIREMENTS.indexOf(need)), 0)

/** @param problem its parts in the order of their ids */
export function modelOf(problem: SolverProblem): Model {
  const { travel, service, couriers } = problem
  const fulfilments = problem.fulfilments.flatMap(eachChoice)
  const places = placesOf(fulfilments)
  const warehouse_ids = [...places.keys()].sort()
  const index = new Map(warehouse_ids.map((id, at) => [id, at]))
  const warehouse_points = warehouse_ids.map(id => places.get(id) as Point)
  const [n, c, w] = [fulfilments.length, couriers.length, warehouse_ids.length]
  const courier_index = new Map(couriers.map((one, at) => [one.courier_id as string, at]))

  const nodes: Point[] = [
    ...couriers.map(one => one.place),
    ...fulfilments.map(one => one.dropoff),
    ...warehouse_points,
  ]
  const to_warehouse = new Int32Array(nodes.length * w)
  for (const [at, from] of nodes.entries()) {
    for (let to = 0; to < w; to++) to_warehouse[at * w + to] = travel(from, warehouse_points[to] as Point)
  }
  const warehouse = Int32Array.from(fulfilments, one => index.get(one.warehouse_id) ?? -1)
  const direct = Int32Array.from(fulfilments, one => travel(one.pickup, one.dropoff))
  const refused = new Set<number>()
  const has_refused = new Uint8Array(n)
  for (const [at, one] of fulfilments.entries()) {
    for (const id of one.not_couriers ?? []) {
      const courier = courier_index.get(id)
      if (courier === undefined) continue
      refused.add(at * c + courier)
      has_refused[at] = 1
    }
  }
  const floors = fulfilments.map(
    (one, at) =>
      (one.ready_at_best_s ?? one.ready_s) + service.after_pickup_s + (direct[at] as number) + service.before_door_s,
  )
  return {
    problem,
    orders: n,
    couriers: c,
    warehouses: w,
    service,
    weights: problem.weights,
    bundle_max: problem.bundle_max,
    trips_max: problem.trips_max,
    ...choicesOf(problem.fulfilments, floors),
    warehouse,
    ready: Int32Array.from(fulfilments, one => one.ready_s),
    ready_from: Int32Array.from(fulfilments, one => Math.min(one.ready_s, one.ready_from_s ?? one.ready_s)),
    ready_latest: Int32Array.from(fulfilments, one => Math.max(one.ready_s, one.ready_latest_s ?? one.ready_s)),
    promise: Int32Array.from(fulfilments, one => one.promise_s ?? NEVER),
    load: Int32Array.from(fulfilments, one => one.load),
    requires: Int32Array.from(fulfilments, one => bitsOf(one.requires)),
    uncooled: Int32Array.from(fulfilments, one => one.uncooled_s_max ?? NEVER),
    alone: Uint8Array.from(fulfilments, one => (one.alone ? 1 : 0)),
    refused,
    has_refused,
    courier_ids: couriers.map(one => one.courier_id),
    free: Int32Array.from(couriers, one => Math.max(0, one.free_s)),
    capacity: Int32Array.from(couriers, one => one.capacity),
    has: Int32Array.from(couriers, one => bitsOf(one.has)),
    // A home that nothing waits at has no index: such a courier gets nothing.
    home: Int32Array.from(couriers, one =>
      one.home_warehouse_id === undefined ? -1 : (index.get(one.home_warehouse_id) ?? w),
    ),
    shift_end: Int32Array.from(couriers, one => one.shift_end_s ?? NEVER),
    last_pickup: Int32Array.from(couriers, one => one.last_pickup_s ?? NEVER),
    open_warehouse: Int32Array.from(couriers, one =>
      one.open_trip === undefined ? -1 : (index.get(one.open_trip.warehouse_id) ?? -1),
    ),
    open_arrive: Int32Array.from(couriers, one => one.open_trip?.arrive_s ?? 0),
    toll: tollsOf(problem),
    has_breaks: Uint8Array.from(couriers, one => (one.breaks.length > 0 ? 1 : 0)),
    breaks: couriers.map(one => one.breaks.toSorted((a, b) => a.from_s - b.from_s)),
    warehouse_ids,
    to_warehouse,
    direct,
    ...doorsOf(problem.bundle_max > 1 ? fulfilments : [], warehouse, w, travel),
    end_value: endValues(problem, nodes.slice(0, c + n)),
    time_price: timePrice(problem),
    work_end: Int32Array.from(couriers, one => Math.min(NEVER, workEnd(one))),
  }
}

function placesOf(fulfilments: readonly OpenFulfilment[]): Map<string, Point> {
  const places = new Map<string, Point>()
  for (const { warehouse_id, pickup } of fulfilments) places.set(warehouse_id, pickup)
  return places
}

/** Who has just begun is not told from others by one delivery. */
const HOURS_MIN = 0.5

/** What each courier's deliveries an hour are above the mean of all, times the weight; nothing for who tells nothing. */
function tollsOf({ couriers, weights }: SolverProblem): Float64Array {
  const tolls = new Float64Array(couriers.length)
  if (weights.fairness === 0) return tolls
  const [deliveries, hours] = couriers.reduce(
    (sums, { worked }) => (worked ? [sums[0] + worked.deliveries, sums[1] + Math.max(HOURS_MIN, worked.hours)] : sums),
    [0, 0] as [number, number],
  )
  return tolls.map((_, at) => {
    const worked = couriers[at]?.worked
    return worked ? weights.fairness * (worked.deliveries / Math.max(HOURS_MIN, worked.hours) - deliveries / hours) : 0
  })
}

/** All pairs of doors of one warehouse: bundles are of one warehouse, so no other pair is ever asked for, and none without bundles. */
function doorsOf(
  fulfilments: readonly OpenFulfilment[],
  warehouse: Int32Array,
  warehouses: number,
  travel: SolverProblem['travel'],
): Pick<Model, 'doors' | 'doors_from' | 'nth_of_warehouse' | 'of_warehouse'> {
  const of_warehouse = new Int32Array(warehouses)
  const nth_of_warehouse = Int32Array.from(warehouse, at => {
    const nth = of_warehouse[at] as number
    of_warehouse[at] = nth + 1
    return nth
  })
  const doors_from = new Int32Array(warehouses)
  let size = 0
  for (let at = 0; at < warehouses; at++) {
    doors_from[at] = size
    size += (of_warehouse[at] as number) ** 2
  }
  const doors = new Int32Array(size)
  const members: number[][] = Array.from({ length: warehouses }, () => [])
  for (const [order, at] of warehouse.entries()) members[at]?.push(order)
  for (const [at, orders] of members.entries()) {
    for (const [i, a] of orders.entries()) {
      for (const [j, b] of orders.entries()) {
        const [from, to] = [fulfilments[a], fulfilments[b]]
        if (from && to && i !== j)
          doors[(doors_from[at] as number) + i * orders.length + j] = travel(from.dropoff, to.dropoff)
      }
    }
  }
  return { doors, doors_from, nth_of_warehouse, of_warehouse }
}

/** Whatever the hour and the way: this courier may be asked, has what it takes and room for it, and is not tied to another warehouse. */
export function maySuit(model: Model, courier: number, order: number): boolean {
  if (((model.requires[order] as number) & ~(model.has[courier] as number)) !== 0) return false
  const home = model.home[courier] as number
  if (home >= 0 && home !== model.warehouse[order]) return false
  // A lookup in the set costs more than all the rest, and hardly any order was ever declined.
  if (model.has_refused[order] === 1 && model.refused.has(order * model.couriers + courier)) return false
  return (model.load[order] as number) <= (model.capacity[courier] as number)
}

/** s from one door to another of the same warehouse */
export function betweenDoors(model: Model, from: number, to: number): number {
  const at = model.warehouse[from] as number
  return model.doors[
    (model.doors_from[at] as number) +
      (model.nth_of_warehouse[from] as number) * (model.of_warehouse[at] as number) +
      (model.nth_of_warehouse[to] as number)
  ] as number
}

/** Minutes to the orders that are expected, near ones counting most, times the weight. */
function endValues({ demand, travel, weights }: SolverProblem, nodes: readonly Point[]): Float64Array {
  const values = new Float64Array(nodes.length)
  const sum = demand.reduce((all, one) => all + one.orders_per_h, 0)
  if (sum === 0 || weights.end_place === 0) return values
  return values.map((_, at) => weights.end_place * minutesToDemand(nodes[at] as Point, demand, sum, travel))
}

const REACH_MIN = 8

/** A soft minimum: what counts is how soon the courier is at some order, not at all of them. */
function minutesToDemand(
  from: Point,
  demand: readonly ExpectedDemand[],
  sum: number,
  travel: SolverProblem['travel'],
): number {
  let near = 0
  for (const one of demand) near += (one.orders_per_h / sum) * Math.exp(-travel(from, one.pickup) / 60 / REACH_MIN)
  return -REACH_MIN * Math.log(Math.max(near, 1e-9))
}
