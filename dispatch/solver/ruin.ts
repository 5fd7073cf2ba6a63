import type { Model } from './model.ts'
import type { Near } from './near.ts'
import type { Routes } from './routes.ts'

/** What is taken out of a plan to be put back better: orders that could change places with one another. */

const REMOVED_MAX = 10

/** @returns orders to take out, each on some route now */
export function chooseRuin(model: Model, routes: Routes, near: Near, draw: () => number): number[] {
  const wanted = 1 + Math.floor(draw() * Math.min(REMOVED_MAX, model.orders))
  const seed = Math.floor(draw() * model.orders)
  const whole_routes = draw() < 0.5
  const chosen = new Set<number>()
  for (const order of near.orders(seed)) {
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
