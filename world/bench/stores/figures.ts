import type { Stores } from '../../days/stores.ts'
import type { Delivered } from './day.ts'
import { PROMISE_S } from './known.ts'

export interface StoresPlayed {
  orders: number
  /** minutes over 30 from placing to the door, summed over all orders */
  late_min: number
  late_share: number
  click_to_door_min: number
  worst_min: number
  another_store_share: number
  last_delivered_h: number
}

/** What the orders placed in one hour waited for; minutes of a mean order, but for `late_min`, which is summed. */
export interface HourPlayed {
  hour: number
  orders: number
  late_min: number
  until_picked_from: number
  picking: number
  for_courier: number
  road: number
  door: number
  /** of the road, what the nearest store would have saved */
  detour: number
}

export function figuresOf(delivered: readonly Delivered[]): StoresPlayed {
  const waited_s = delivered.map(waitedOf)
  return {
    orders: delivered.length,
    late_min: Math.round(sum(delivered.map(lateOf)) / 60),
    late_share: share(delivered.filter(one => lateOf(one) > 0).length, delivered.length),
    click_to_door_min: meanMin(waited_s),
    worst_min: Math.round(Math.max(0, ...waited_s) / 60),
    another_store_share: share(delivered.filter(one => one.store !== one.nearest).length, delivered.length),
    last_delivered_h: Math.round(Math.max(0, ...delivered.map(one => one.done_s)) / 36) / 100,
  }
}

/** Where the waiting comes from: the parts add up to click-to-door. */
export function hoursOf({ stores, seconds }: Stores, delivered: readonly Delivered[]): HourPlayed[] {
  const by_hour = Map.groupBy(delivered, one => Math.floor(one.order.placed_s / 3_600))
  return [...by_hour]
    .sort(([a], [b]) => a - b)
    .map(([hour, some]) => ({
      hour,
      orders: some.length,
      late_min: Math.round(sum(some.map(lateOf)) / 60),
      until_picked_from: meanMin(some.map(one => one.begins_s - one.order.placed_s)),
      picking: meanMin(some.map(one => one.ready_s - one.begins_s)),
      for_courier: meanMin(some.map(one => one.pickup_s - one.ready_s)),
      road: meanMin(some.map(one => one.door_s - one.pickup_s)),
      door: meanMin(some.map(one => one.done_s - one.door_s)),
      detour: meanMin(
        some.map(one => {
          const nearest_s = seconds[one.order.client * stores.length + one.nearest] ?? 0
          return one.door_s - one.pickup_s - nearest_s
        }),
      ),
    }))
}

const waitedOf = ({ order, done_s }: Delivered): number => done_s - order.placed_s
const lateOf = (one: Delivered): number => Math.max(0, waitedOf(one) - PROMISE_S)
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)
const meanMin = (values: readonly number[]): number =>
  Math.round((100 * sum(values)) / 60 / Math.max(1, values.length)) / 100
const share = (part: number, whole: number): number => Math.round((1_000 * part) / Math.max(1, whole)) / 1_000
