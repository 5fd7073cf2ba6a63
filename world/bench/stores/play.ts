import { roundsFor, TRIPS_MAX } from '../../../dispatch/solver/limits.ts'
import { WEIGHTS } from '../../../dispatch/solver/objective.ts'
import type {
  CourierSnapshot,
  ExpectedDemand,
  LastTrip,
  OpenFulfilment,
  SolverProblem,
} from '../../../dispatch/solver/port.ts'
import { seededDraws } from '../../../dispatch/solver/random.ts'
import { priceEach, solve } from '../../../dispatch/solver/solve.ts'
import type { CourierId, FulfilmentId, OrderId, Point, WarehouseId, ZoneId } from '../../../ingest/events/envelope.ts'
import { betweenStores, GAPS_S, type Stores } from '../../days/stores.ts'

/**
 * A day of ten stores: orders come, a store picks each (a few pickers, first come first served), a courier brings it. The rule
 * under test chooses the store when the order comes; who brings it is the solver's, the same for every rule.
 */

export type Rule = 'nearest' | 'together'

export interface StoreOrder {
  id: string
  placed_s: number
  client: number
  /** drawn with the order, so that every rule meets the same; nobody knows them before they are over */
  picking_s: number
  door_s: number
}

export interface StoresPlayed {
  orders: number
  late_min: number
  late_share: number
  click_to_door_min: number
  another_store_share: number
  last_delivered_h: number
}

const PROMISE_S = 1_800
const TICK_S = 30
const STORES_TRIED = 6
/** Hundreds wait at the peak, on ten stores only: more rounds change little. */
const ROUNDS_MAX = 100
/** So many of the oldest orders for each courier are planned, an hour's work and more: what comes later is planned later. */
const PLANNED_A_COURIER = 4

export function drawOrders(town: Stores, seed: number): StoreOrder[] {
  const draw = seededDraws(seed)
  const exponential = (mean: number) => -mean * Math.log(1 - draw())
  const orders: StoreOrder[] = []
  for (let at_s = 0; ; ) {
    const gap_s = GAPS_S[Math.floor(at_s / 3_600)]
    if (gap_s === undefined) return orders
    at_s += exponential(gap_s)
    orders.push({
      id: `o${String(orders.length).padStart(5, '0')}`,
      placed_s: Math.round(at_s),
      client: Math.floor(draw() * town.clients.length),
      picking_s: Math.round(exponential(town.picking_s_mean)),
      door_s: Math.round(exponential(town.door_s_mean)),
    })
  }
}

interface Open {
  order: StoreOrder
  store: number
  begins_s: number
  ready_s: number
}

interface Courier {
  id: string
  home: number
  place: Point
  free_s: number
}

interface Day {
  town: Stores
  floating: boolean
  between: number[][]
  /** when each picker of each store is free */
  pickers: number[][]
  couriers: Courier[]
  open: Map<string, Open>
  /** the orders of the last hour, each with the store that is nearest to it: where the next ones are expected */
  recent: { placed_s: number; nearest: number }[]
  last: readonly LastTrip[]
  /** where a point is: a client, or a store */
  node: Map<Point, { client: number } | { store: number }>
}

/** @param onHour told each hour of the day how many orders wait; may take its time */
export async function playStores(
  town: Stores,
  orders: readonly StoreOrder[],
  { rule, floating }: { rule: Rule; floating: boolean },
  onHour: (hour: number, open: number) => Promise<void>,
): Promise<StoresPlayed> {
  const day = openDay(town, floating)
  const waited_s: number[] = []
  let [next, elsewhere, end_s] = [0, 0, 0]
  for (let t = 0; next < orders.length || day.open.size > 0; t += TICK_S) {
    if (t % 3_600 === 0) await onHour(t / 3_600, day.open.size)
    for (let order = orders[next]; order && order.placed_s <= t; order = orders[++next]) {
      const nearest = byDistance(town, order.client)[0] ?? 0
      const store = rule === 'nearest' ? nearest : bestStore(day, order, t)
      if (store !== nearest) elsewhere++
      day.recent.push({ placed_s: order.placed_s, nearest })
      startPicking(day, order, store, t)
    }
    const planned = plannedOf(day)
    const plan = solve(problemAt(day, planned, t, Math.min(ROUNDS_MAX, roundsFor(planned.length))))
    day.last = plan.trips
    const begun = new Set<string>()
    for (const trip of plan.trips) {
      const courier = day.couriers.find(one => one.id === trip.courier_id)
      const open = day.open.get(trip.fulfilment_ids[0] ?? '')
      if (!courier || !open || begun.has(courier.id) || courier.free_s > t) continue
      begun.add(courier.id)
      if (trip.depart_s >= TICK_S) continue
      const done_s = deliver(day, courier, open, t)
      waited_s.push(done_s - open.order.placed_s)
      end_s = Math.max(end_s, done_s)
    }
    for (const { courier_id, warehouse_id } of plan.moves) {
      const courier = day.couriers.find(one => one.id === courier_id)
      if (courier && courier.free_s <= t) goToStore(day, courier, Number(warehouse_id.slice(1)), t)
    }
  }
  const late_s = waited_s.map(one => Math.max(0, one - PROMISE_S))
  const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0)
  return {
    orders: waited_s.length,
    late_min: Math.round(sum(late_s) / 60),
    late_share: share(late_s.filter(one => one > 0).length, waited_s.length),
    click_to_door_min: Math.round((100 * sum(waited_s)) / 60 / waited_s.length) / 100,
    another_store_share: share(elsewhere, orders.length),
    last_delivered_h: Math.round(end_s / 36) / 100,
  }
}

const share = (part: number, whole: number): number => Math.round((1_000 * part) / Math.max(1, whole)) / 1_000

function openDay(town: Stores, floating: boolean): Day {
  const node: Day['node'] = new Map()
  for (const [client, point] of town.clients.entries()) node.set(point, { client })
  for (const [store, { point }] of town.stores.entries()) node.set(point, { store })
  return {
    ...{ town, floating, node, between: betweenStores(town) },
    pickers: town.stores.map(one => Array.from({ length: one.pickers }, () => 0)),
    couriers: town.stores.flatMap((one, home) =>
      Array.from({ length: one.couriers }, (_, at) => ({ id: `c${home}-${at}`, home, place: one.point, free_s: 0 })),
    ),
    open: new Map(),
    recent: [],
    last: [],
  }
}

const secondsBetween =
  ({ town, node, between }: Day) =>
  (from: Point, to: Point): number => {
    const [a, b] = [node.get(from), node.get(to)]
    if (!a || !b) throw new Error('a point that is neither a client nor a store')
    const n = town.stores.length
    if ('client' in a && 'store' in b) return town.seconds[a.client * n + b.store] ?? 0
    if ('store' in a && 'client' in b) return town.seconds[b.client * n + a.store] ?? 0
    if ('store' in a && 'store' in b) return between[a.store]?.[b.store] ?? 0
    throw new Error('from door to door nothing is known: one order a trip')
  }

const byDistance = ({ stores, seconds }: Stores, client: number): number[] =>
  stores
    .map((_, store) => store)
    .sort((a, b) => (seconds[client * stores.length + a] ?? 0) - (seconds[client * stores.length + b] ?? 0))

/** The oldest, of each store where couriers are tied to theirs. */
function plannedOf({ town, open, floating, couriers }: Day): Open[] {
  const all = [...open.values()]
  if (floating) return all.slice(0, PLANNED_A_COURIER * couriers.length)
  const by_store = Map.groupBy(all, one => one.store)
  return [...by_store].flatMap(([store, own]) => own.slice(0, PLANNED_A_COURIER * (town.stores[store]?.couriers ?? 0)))
}

/** Where the whole plan becomes cheapest with the order, its own unavoidable minutes counted. */
function bestStore(day: Day, order: StoreOrder, t: number): number {
  const { town, pickers } = day
  const tried = byDistance(town, order.client)
    .slice(0, STORES_TRIED)
    .map(store => {
      const begins_s = Math.max(t, Math.min(...(pickers[store] ?? [0])))
      // What is not known yet is as long as usual.
      return { order: { ...order, id: `${order.id} ${store}` }, store, begins_s, ready_s: Number.POSITIVE_INFINITY }
    })
  const ids = tried.map(one => one.order.id as FulfilmentId)
  const problem = problemAt(day, [...plannedOf(day), ...tried], t, 0)
  const travel = Math.max(problem.weights.travel, day.floating ? queueAt(day, 0, t) : 0)
  const prices = priceEach({ ...problem, weights: { ...problem.weights, travel } }, ids)
  const costs = tried.map(({ store, begins_s }, at) => {
    const way_s = town.seconds[order.client * town.stores.length + store] ?? 0
    // A courier's minute on the road is one more minute for all that waits for that courier.
    const queue = day.floating ? 0 : 2 * way_s * queueAt(day, store, t)
    return (prices[at] ?? 0) + (begins_s - t + town.picking_s_mean + way_s + queue) / 60
  })
  return tried[costs.indexOf(Math.min(...costs))]?.store ?? 0
}

/** Orders for each courier who could bring one from this store: they wait; and, where any courier could, will come within the hour, too. */
function queueAt({ open, floating, couriers }: Day, store: number, t: number): number {
  const coming = 3_600 / (GAPS_S[Math.floor(t / 3_600)] ?? Number.POSITIVE_INFINITY)
  if (floating) return (open.size + coming) / couriers.length
  const waiting = open.values().reduce((sum, one) => sum + (one.store === store ? 1 : 0), 0)
  return waiting / Math.max(1, couriers.filter(one => one.home === store).length)
}

function startPicking(day: Day, order: StoreOrder, store: number, t: number): void {
  const pickers = day.pickers[store] ?? []
  const at = pickers.indexOf(Math.min(...pickers))
  const begins_s = Math.max(t, pickers[at] ?? t)
  pickers[at] = begins_s + order.picking_s
  day.open.set(order.id, { order, store, begins_s, ready_s: begins_s + order.picking_s })
}

/** A move that has begun is ridden to its end: where somebody is between a door and a store the file does not tell. */
function goToStore(day: Day, courier: Courier, store: number, t: number): void {
  const to = day.town.stores[store]?.point as Point
  courier.free_s = t + secondsBetween(day)(courier.place, to)
  courier.place = to
}

/** @returns when it is at the door, s */
function deliver(day: Day, courier: Courier, { order, store, ready_s }: Open, t: number): number {
  const travel = secondsBetween(day)
  const client = day.town.clients[order.client] as Point
  const from = day.town.stores[store]?.point as Point
  const pickup_s = Math.max(t + travel(courier.place, from), ready_s)
  const done_s = pickup_s + travel(from, client) + order.door_s
  courier.place = day.floating ? client : from
  courier.free_s = day.floating ? done_s : done_s + travel(client, from)
  day.open.delete(order.id)
  return done_s
}

// ── Known at t ──────────────────────────────────────────────────────────────────────────────────────────────────────

function problemAt(day: Day, open: readonly Open[], t: number, iterations_max: number): SolverProblem {
  return {
    zone_id: 'stores' as ZoneId,
    now: t * 1_000,
    seed: t,
    iterations_max,
    fulfilments: open.map(one => fulfilmentAt(day, one, t)),
    couriers: day.couriers.map(one => snapshotAt(day, one, t)),
    demand: demandAt(day, t),
    service: { before_pickup_s: 0, after_pickup_s: 0, before_door_s: day.town.door_s_mean, after_door_s: 0 },
    bundle_max: 1,
    trips_max: TRIPS_MAX,
    travel: secondsBetween(day),
    weights: WEIGHTS,
    last: day.last,
  }
}

function demandAt(day: Day, t: number): ExpectedDemand[] {
  day.recent = day.recent.filter(one => one.placed_s > t - 3_600)
  return day.town.stores.map(({ point }, at) => ({
    warehouse_id: `s${at}` as WarehouseId,
    pickup: point,
    orders_per_h: day.recent.filter(one => one.nearest === at).length,
  }))
}

function fulfilmentAt({ town }: Day, { order, store, begins_s, ready_s }: Open, t: number): OpenFulfilment {
  const mean = town.picking_s_mean
  const likely_s = ready_s <= t ? ready_s : Math.max(t + mean / 4, begins_s + mean)
  return {
    fulfilment_id: order.id as FulfilmentId,
    order_id: order.id as OrderId,
    warehouse_id: `s${store}` as WarehouseId,
    pickup: town.stores[store]?.point as Point,
    dropoff: town.clients[order.client] as Point,
    placed_s: order.placed_s - t,
    ready_s: Math.round(likely_s) - t,
    ...(ready_s > t && { ready_from_s: Math.round(Math.max(t, begins_s + 0.2 * mean)) - t }),
    promise_s: order.placed_s + PROMISE_S - t,
    load: 1,
    requires: [],
  }
}

const snapshotAt = ({ floating }: Day, { id, home, place, free_s }: Courier, t: number): CourierSnapshot => ({
  courier_id: id as CourierId,
  place,
  free_s: Math.max(0, free_s - t),
  capacity: 1,
  has: [],
  ...(!floating && { home_warehouse_id: `s${home}` as WarehouseId }),
  breaks: [],
  committed: [],
})
