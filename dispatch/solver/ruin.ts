import type { Model } from './model.ts'
import type { Routes } from './routes.ts'

/** What is taken out of a plan to be put back better: orders that could change places with one another. */

const NEIGHBOURS_MAX = 40
const REMOVED_MAX = 10

export interface Neighbourhood {
  /** the orders that are most alike, nearest first; computed when first asked for */
  of(order: number): Int32Array
}

export function neighbourhood(model: Model): Neighbourhood {
  const known = new Map<number, Int32Array>()
  return {
    of(order) {
      const found = known.get(order)
      if (found) return found
      const nearest = nearestOrders(model, order)
      known.set(order, nearest)
      return nearest
    },
  }
}

function nearestOrders(model: Model, order: number): Int32Array {
  const distance = Float64Array.from({ length: model.orders }, (_, other) => unlikeness(model, order, other))
  const all = Int32Array.from({ length: model.orders }, (_, other) => other)
  return all.sort((a, b) => (distance[a] as number) - (distance[b] as number) || a - b).slice(0, NEIGHBOURS_MAX)
}

/** s: near in time and place at the pickup, or one is near where the other ends */
function unlikeness(model: Model, a: number, b: number): number {
  const { warehouses, couriers, orders } = model
  const [from, to] = [model.warehouse[a] as number, model.warehouse[b] as number]
  const pickups = model.to_warehouse[(couriers + orders + from) * warehouses + to] as number
  const chained = Math.min(
    model.to_warehouse[(couriers + a) * warehouses + to] as number,
    model.to_warehouse[(couriers + b) * warehouses + from] as number,
  )
  return Math.min(pickups, chained) + 0.5 * Math.abs((model.ready[a] as number) - (model.ready[b] as number))
}

/** @returns orders to take out, each on some route now */
export function chooseRuin(model: Model, routes: Routes, near: Neighbourhood, draw: () => number): number[] {
  const wanted = 1 + Math.floor(draw() * Math.min(REMOVED_MAX, model.orders))
  const seed = Math.floor(draw() * model.orders)
  const whole_routes = draw() < 0.5
  const chosen = new Set<number>()
  for (const order of near.of(seed)) {
    if (chosen.size >= wanted) break
    const courier = routes.courier_of[order] as number
    if (courier < 0 || chosen.has(order) || (order !== seed && draw() < 0.25)) continue
    if (whole_routes) for (const one of tailFrom(model, routes, courier, order)) chosen.add(one)
    else chosen.add(order)
  }
  return [...chosen]
}

/** The orders of the trip with this one, and of all later trips of the courier. */
function tailFrom(model: Model, routes: Routes, courier: number, order: number): number[] {
  const { trips_max, bundle_max } = model
  const found: number[] = []
  let reached = false
  for (let trip = 0; trip < (routes.trip_count[courier] as number); trip++) {
    const slot = courier * trips_max + trip
    const first = slot * bundle_max
    const orders = routes.order.subarray(first, first + (routes.size[slot] as number))
    reached ||= orders.includes(order)
    if (reached) found.push(...orders)
  }
  return found
}
