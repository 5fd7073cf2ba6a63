import { copyCouriers, isCarried } from './choices.ts'
import { bestInsertion, type Insertion } from './insertion.ts'
import type { Model } from './model.ts'
import { type Near, openNear } from './near.ts'
import { seededDraws } from './random.ts'
import { copyRoute, emptyRoutes, insertOrder, orderCost, type Routes, removeOrder } from './routes.ts'
import { chooseRuin } from './ruin.ts'

/**
 * Ruin and recreate: take a few orders out of the plan, put each back where it costs least, and keep what came of it when
 * it is better, or by chance a little worse (simulated annealing). After Schrimpf et al. 2000 and Christiaens & Vanden
 * Berghe 2020 ("slack induction by string removals"), whose skipping of candidates is used too.
 */

const SKIPPED = 0.01
/** weighted minutes by which a change for the worse is still likely to be kept, at the beginning and at the end */
const WARM = 2
const COLD = 0.05
/** orders without a courier that are tried again in one round */
const RETRIED_MAX = 8

export interface Found {
  routes: Routes
  cost: number
  iterations: number
  stopped_by_wall_clock: boolean
}

/** Three plans: the one that is changed, the one it goes back to, and the best so far. */
interface State {
  model: Model
  near: Near
  draw: () => number
  skip: () => boolean
  now: Routes
  kept: Routes
  kept_cost: number
  /** orders on no route of `kept`, of each the first of its choices */
  absent: number[]
  best: Routes
  best_cost: number
  /** couriers whose route in `best` is not that in `kept` */
  stale: Uint8Array
  spot: Insertion
}

/** What one round did to `now`. */
interface Change {
  couriers: Set<number>
  /** put back, or tried to; of each the first of its choices */
  orders: number[]
  absent: Set<number>
}

/**
 * @param start routes with what the last plan still says; they are changed
 * @param stop asked now and then; true ends the search, which a pure caller never does
 */
export function search(model: Model, start: Routes, stop: () => boolean): Found {
  const { iterations_max } = model.problem
  const state = begin(model, start)
  let iterations = 0
  let stopped_by_wall_clock = false
  for (; iterations < iterations_max && model.orders > 0; iterations++) {
    if ((iterations & 15) === 15 && stop()) {
      stopped_by_wall_clock = true
      break
    }
    const change = ruinAndRecreate(state)
    const cost = costAfter(state, change)
    const heat = WARM * (COLD / WARM) ** (iterations / iterations_max)
    if (cost < state.kept_cost - heat * Math.log(state.draw() + 1e-12)) keep(state, change, cost)
    else takeBack(state, change)
  }
  return { routes: state.best, cost: state.best_cost, iterations, stopped_by_wall_clock }
}

function begin(model: Model, now: Routes): State {
  const draw = seededDraws(model.problem.seed)
  const near = openNear(model)
  const spot: Insertion = { order: 0, courier: 0, trip: 0, position: 0, delta: 0 }
  const absent = onNoRoute(model, now).filter(order => !place(model, now, near, order, () => false, spot))
  const cost = costOf(model, now, absent)
  return {
    ...{ model, near, draw, now, absent, spot },
    skip: () => draw() < SKIPPED,
    kept: copyOf(model, now),
    kept_cost: cost,
    best: copyOf(model, now),
    best_cost: cost,
    stale: new Uint8Array(model.couriers),
  }
}

function ruinAndRecreate({ model, now, near, draw, skip, absent, spot }: State): Change {
  const out = chooseRuin(model, now, near, draw)
  const couriers = new Set<number>()
  for (const order of out) {
    couriers.add(now.courier_of[order] as number)
    removeOrder(model, now, order)
  }
  const orders = [...out.map(one => model.first_of[one] as number), ...some(absent, draw)]
  arrange(model, orders, draw)
  const left = new Set(absent)
  for (const order of orders) {
    if (place(model, now, near, order, skip, spot)) {
      couriers.add(spot.courier)
      left.delete(order)
    } else left.add(order)
  }
  return { couriers, orders, absent: left }
}

function costAfter({ model, now, kept, kept_cost, absent }: State, change: Change): number {
  let cost = kept_cost + leftCost(model, change.absent) - leftCost(model, absent)
  for (const courier of change.couriers) {
    cost += (now.route_cost[courier] as number) - (kept.route_cost[courier] as number)
  }
  return cost
}

function keep(state: State, { couriers, orders, absent }: Change, cost: number): void {
  const { model, now, kept, best, stale } = state
  for (const courier of couriers) {
    copyRoute(model, now, kept, courier)
    stale[courier] = 1
  }
  copyCouriers(model, now, kept, orders)
  state.kept_cost = cost
  state.absent = [...absent]
  if (cost >= state.best_cost - 1e-9) return
  state.best_cost = cost
  for (let courier = 0; courier < model.couriers; courier++) {
    if (stale[courier] === 1) copyRoute(model, now, best, courier)
  }
  stale.fill(0)
  best.courier_of.set(now.courier_of)
}

function takeBack({ model, now, kept }: State, { couriers, orders }: Change): void {
  for (const courier of couriers) copyRoute(model, kept, now, courier)
  copyCouriers(model, kept, now, orders)
}

/** First ready first. */
function onNoRoute(model: Model, routes: Routes): number[] {
  const open: number[] = []
  for (let order = 0; order < model.orders; order += model.choices[order] as number) {
    if (!isCarried(model, routes, order)) open.push(order)
  }
  return open.sort((a, b) => (model.ready[a] as number) - (model.ready[b] as number) || a - b)
}

function place(model: Model, routes: Routes, near: Near, order: number, skip: () => boolean, spot: Insertion): boolean {
  bestInsertion(model, routes, near, order, skip, spot)
  if (spot.delta >= costLeft(model, order)) return false
  insertOrder(model, routes, spot.order, spot)
  return true
}

function copyOf(model: Model, routes: Routes): Routes {
  const copy = emptyRoutes(model)
  for (let courier = 0; courier < model.couriers; courier++) copyRoute(model, routes, copy, courier)
  copy.courier_of.set(routes.courier_of)
  return copy
}

function costOf(model: Model, routes: Routes, absent: readonly number[]): number {
  return routes.route_cost.reduce((sum, cost) => sum + cost, leftCost(model, absent))
}

/** Orders that are left are as dear as if they came hours later, and more: what waits long already must not be cheaper left. */
const LEFT_S = 4 * 3_600

function leftCost(model: Model, orders: Iterable<number>): number {
  let sum = 0
  for (const order of orders) sum += costLeft(model, order)
  return sum
}

function costLeft(model: Model, order: number): number {
  const pickup_s = Math.max(0, model.ready[order] as number) + LEFT_S
  return model.weights.undelivered + orderCost(model, order, pickup_s, pickup_s + (model.direct[order] as number))
}

function some(absent: readonly number[], draw: () => number): number[] {
  if (absent.length <= RETRIED_MAX) return [...absent]
  const from = Math.floor(draw() * absent.length)
  return Array.from({ length: RETRIED_MAX }, (_, at) => absent[(from + at) % absent.length] as number)
}

/** The sequence in which orders are put back decides much; no one is best always. */
function arrange(model: Model, pool: number[], draw: () => number): void {
  const kind = draw()
  const key = new Map<number, number>()
  for (const order of pool) {
    const chance = draw()
    if (kind < 0.4) key.set(order, chance)
    else if (kind < 0.7) key.set(order, model.ready[order] as number)
    else if (kind < 0.85) key.set(order, -(model.direct[order] as number))
    else key.set(order, model.floor[order] as number)
  }
  pool.sort((a, b) => (key.get(a) as number) - (key.get(b) as number) || a - b)
}
