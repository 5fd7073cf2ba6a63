import type { Model } from './model.ts'
import type { Routes } from './routes.ts'

/** Who and what is near an order: the search looks there, not everywhere. Each list is made when first asked for. */

const ORDERS_NEAR = 40
const COURIERS_NEAR = 40
/** Up to so many couriers all are looked at: it costs no more. */
const COURIERS_ALL = 80

export interface Near {
  /** the orders most alike, nearest first: they could change places, or follow one another */
  orders(order: number): Int32Array
  /** whoever could be at its warehouse first, and whoever carries something near it now. Good until the next call */
  couriers(routes: Routes, order: number): { list: Int32Array; count: number }
}

export function openNear(model: Model): Near {
  const { couriers, warehouses } = model
  const like: (Int32Array | undefined)[] = Array.from({ length: model.orders })
  const first_at: (Int32Array | undefined)[] = Array.from({ length: warehouses })
  const list = Int32Array.from({ length: couriers }, (_, courier) => courier)
  const seen = new Int32Array(couriers).fill(-1)
  let call = 0
  const orders = (order: number): Int32Array => {
    like[order] ??= nearest(model.orders, ORDERS_NEAR, other => unlikeness(model, order, other))
    return like[order]
  }
  return {
    orders,
    couriers(routes, order) {
      if (couriers <= COURIERS_ALL) return { list, count: couriers }
      const warehouse = model.warehouse[order] as number
      first_at[warehouse] ??= nearest(couriers, COURIERS_NEAR, courier => arrival(model, courier, warehouse))
      call++
      let count = 0
      for (const courier of first_at[warehouse]) {
        seen[courier] = call
        list[count++] = courier
      }
      for (const other of orders(order)) {
        const courier = routes.courier_of[other] as number
        if (courier < 0 || seen[courier] === call) continue
        seen[courier] = call
        list[count++] = courier
      }
      return { list, count }
    },
  }
}

/** s until the courier could be there, were nothing planned */
const arrival = (model: Model, courier: number, warehouse: number): number =>
  (model.free[courier] as number) + (model.to_warehouse[courier * model.warehouses + warehouse] as number)

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

/** The indices with the smallest distances. Distance and index share one number, so that they sort without a callback. */
function nearest(count: number, wanted: number, distance: (at: number) => number): Int32Array {
  const keys = new Float64Array(count)
  for (let at = 0; at < count; at++) keys[at] = Math.round(2 * distance(at)) * count + at
  return Int32Array.from(keys.sort().subarray(0, wanted), key => key % count)
}
