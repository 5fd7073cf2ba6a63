import { bestInsertion, type Insertion } from './insertion.ts'
import type { Model } from './model.ts'
import { type Near, openNear } from './near.ts'
import { seededDraws } from './random.ts'
import { copyRoute, emptyRoutes, insertOrder, type Routes, removeOrder } from './routes.ts'
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

/**
 * @param start routes with what the last plan still says; they are changed
 * @param stop asked now and then; true ends the search, which a pure caller never does
 */
export function search(model: Model, start: Routes, stop: () => boolean): Found {
  const { iterations_max, seed } = model.problem
  const draw = seededDraws(seed)
  const skip = (): boolean => draw() < SKIPPED
  const near = openNear(model)
  const spot: Insertion = { courier: 0, trip: 0, position: 0, delta: 0 }
  const now = start
  let absent: number[] = []
  for (let order = 0; order < model.orders; order++) if ((now.courier_of[order] as number) < 0) absent.push(order)
  absent.sort((a, b) => (model.ready[a] as number) - (model.ready[b] as number) || a - b)
  absent = absent.filter(order => !place(model, now, near, order, () => false, spot))

  const kept = copyOf(model, now)
  const best = copyOf(model, now)
  let kept_absent = absent
  let kept_cost = costOf(model, now, absent.length)
  let best_cost = kept_cost
  const stale = new Uint8Array(model.couriers)
  let iteration = 0
  let stopped = false
  for (; iteration < iterations_max && model.orders > 0; iteration++) {
    if ((iteration & 15) === 15 && stop()) {
      stopped = true
      break
    }
    const touched = new Set<number>()
    const out = chooseRuin(model, now, near, draw)
    let cost = kept_cost
    const touch = (courier: number): void => {
      touched.add(courier)
    }
    for (const order of out) {
      touch(now.courier_of[order] as number)
      removeOrder(model, now, order)
    }
    const pool = [...out, ...some(kept_absent, draw)]
    arrange(model, pool, draw)
    const left = new Set(kept_absent)
    for (const order of pool) {
      if (place(model, now, near, order, skip, spot)) {
        touch(spot.courier)
        left.delete(order)
      } else left.add(order)
    }
    for (const courier of touched) {
      cost += (now.route_cost[courier] as number) - (kept.route_cost[courier] as number)
    }
    cost += model.weights.undelivered * (left.size - kept_absent.length)
    const heat = WARM * (COLD / WARM) ** (iteration / iterations_max)
    if (cost < kept_cost - heat * Math.log(draw() + 1e-12)) {
      for (const courier of touched) {
        copyRoute(model, now, kept, courier)
        stale[courier] = 1
      }
      for (const order of pool) kept.courier_of[order] = now.courier_of[order] as number
      kept_cost = cost
      kept_absent = [...left]
      if (cost < best_cost - 1e-9) {
        best_cost = cost
        for (let courier = 0; courier < model.couriers; courier++) {
          if (stale[courier] === 1) copyRoute(model, now, best, courier)
        }
        stale.fill(0)
        best.courier_of.set(now.courier_of)
      }
    } else {
      for (const courier of touched) copyRoute(model, kept, now, courier)
      for (const order of pool) now.courier_of[order] = kept.courier_of[order] as number
    }
  }
  return { routes: best, cost: best_cost, iterations: iteration, stopped_by_wall_clock: stopped }
}

function place(model: Model, routes: Routes, near: Near, order: number, skip: () => boolean, spot: Insertion): boolean {
  bestInsertion(model, routes, near, order, skip, spot)
  if (spot.delta >= model.weights.undelivered) return false
  insertOrder(model, routes, order, spot)
  return true
}

function copyOf(model: Model, routes: Routes): Routes {
  const copy = emptyRoutes(model)
  for (let courier = 0; courier < model.couriers; courier++) copyRoute(model, routes, copy, courier)
  copy.courier_of.set(routes.courier_of)
  return copy
}

export function costOf(model: Model, routes: Routes, absent: number): number {
  return routes.route_cost.reduce((sum, cost) => sum + cost, absent * model.weights.undelivered)
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
