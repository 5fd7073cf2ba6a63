import { type Day, type DayOrder, travelMinutes } from '../../days/day.ts'
import type { Played } from './play.ts'

/** A played day in figures, minutes unless said. An undelivered order counts as 240. */
export interface DayFigures {
  instance: string
  orders: number
  /** though some courier could have */
  undelivered: number
  /** by nobody, not even straight from where a shift begins: these count nowhere else */
  undeliverable: number
  click_to_door_240_min: number
  floor_min: number
  excess_max_min: number
  excess_over_20_pct: number
  ready_to_pickup_min: number
  orders_per_bundle: number
  /** deliveries an hour on duty, among couriers */
  per_hour_p10: number
  per_hour_p90: number
  open_orders_max: number
  tick_ms_median: number
  tick_ms_p99: number
  seconds: number
}

const UNDELIVERED_MIN = 240

export function figuresOf(day: Day, played: Played, seconds: number): DayFigures {
  const floor = floorOf(day)
  const done = new Map(played.deliveries.map(one => [one.order.id, one]))
  const possible = deliverable(day)
  const counted = day.orders.filter(one => done.has(one.id) || possible(one))
  const waited = counted.map(one => {
    const delivery = done.get(one.id)
    return delivery ? delivery.dropoff - one.placed : UNDELIVERED_MIN
  })
  const excess = counted.map((one, at) => (waited[at] ?? 0) - Math.min(floor(one), waited[at] ?? 0))
  const per_hour = day.couriers.map(
    one => played.deliveries.filter(delivery => delivery.courier === one.id).length / ((one.off - one.on) / 60),
  )
  return {
    instance: day.name,
    orders: day.orders.length,
    undelivered: counted.length - done.size,
    undeliverable: day.orders.length - counted.length,
    click_to_door_240_min: round(mean(waited)),
    floor_min: round(mean(day.orders.map(floor))),
    excess_max_min: Math.max(0, ...excess),
    excess_over_20_pct: round((100 * excess.filter(one => one > 20).length) / Math.max(1, excess.length)),
    ready_to_pickup_min: round(mean(played.deliveries.map(one => one.pickup - one.order.ready))),
    orders_per_bundle: round(done.size / Math.max(1, sum(played.deliveries.map(one => 1 / one.bundle)))),
    per_hour_p10: round(quantile(per_hour, 0.1)),
    per_hour_p90: round(quantile(per_hour, 0.9)),
    open_orders_max: played.open_max,
    tick_ms_median: round(quantile(played.solve_ms, 0.5)),
    tick_ms_p99: round(quantile(played.solve_ms, 0.99)),
    seconds: round(seconds),
  }
}

/** The mean over days of every figure; maxima stay maxima, counts and seconds are summed. */
export function meanOf(days: readonly DayFigures[]): DayFigures {
  const over = (pick: (one: DayFigures) => number) => round(mean(days.map(pick)))
  const most = (pick: (one: DayFigures) => number) => Math.max(0, ...days.map(pick))
  return {
    instance: 'mean',
    orders: sum(days.map(one => one.orders)),
    undelivered: sum(days.map(one => one.undelivered)),
    undeliverable: sum(days.map(one => one.undeliverable)),
    click_to_door_240_min: over(one => one.click_to_door_240_min),
    floor_min: over(one => one.floor_min),
    excess_max_min: most(one => one.excess_max_min),
    excess_over_20_pct: over(one => one.excess_over_20_pct),
    ready_to_pickup_min: over(one => one.ready_to_pickup_min),
    orders_per_bundle: over(one => one.orders_per_bundle),
    per_hour_p10: over(one => one.per_hour_p10),
    per_hour_p90: over(one => one.per_hour_p90),
    open_orders_max: most(one => one.open_orders_max),
    tick_ms_median: over(one => one.tick_ms_median),
    tick_ms_p99: most(one => one.tick_ms_p99),
    seconds: round(sum(days.map(one => one.seconds))),
  }
}

/** An order's own unavoidable minutes: picked up the moment it is ready, and straight to the door. */
function floorOf(day: Day): (order: DayOrder) => number {
  const travel = travelMinutes(day.meters_per_minute)
  return order => {
    const restaurant = day.restaurants.get(order.restaurant)
    const way = restaurant ? travel(restaurant, order) : 0
    return order.ready - order.placed + day.pickup_service_min / 2 + way + day.dropoff_service_min / 2
  }
}

/** Whether a courier's shift lets it be there once the order is ready. */
function deliverable(day: Day): (order: DayOrder) => boolean {
  const travel = travelMinutes(day.meters_per_minute)
  return order => {
    const restaurant = day.restaurants.get(order.restaurant)
    return day.couriers.some(
      one =>
        restaurant && Math.max(order.ready, one.on + travel(one, restaurant) + day.pickup_service_min / 2) <= one.off,
    )
  }
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)
const mean = (values: readonly number[]): number => sum(values) / Math.max(1, values.length)
const round = (value: number): number => Math.round(value * 1_000) / 1_000
const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? 0
