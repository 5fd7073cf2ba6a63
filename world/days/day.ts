import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type Row, rowOf, withoutTwins } from './table.ts'

/** A day of the Meal Delivery Routing Problem as its files give it: whole minutes from the start of the day, metres. */

export interface Place {
  x: number
  y: number
}

export interface DayOrder extends Place {
  id: string
  restaurant: string
  placed: number
  ready: number
}

export interface DayCourier extends Place {
  id: string
  on: number
  off: number
}

/** Two days: whoever works past midnight. */
const MINUTE_MAX = 2_880

export interface Day {
  name: string
  orders: readonly DayOrder[]
  couriers: readonly DayCourier[]
  restaurants: ReadonlyMap<string, Place>
  meters_per_minute: number
  pickup_service_min: number
  dropoff_service_min: number
}

/** @throws Error that names the file, the line and the field that can't be used */
export function readDay(dir: string): Day {
  const parameters = tableOf(dir, 'instance_parameters.txt')[0]
  if (parameters === undefined)
    throw new Error(`${join(dir, 'instance_parameters.txt')} gives no speed or service times`)
  const restaurants = withoutTwins(tableOf(dir, 'restaurants.txt'), row => ({
    id: row.text(0, 'restaurant'),
    ...placeOf(row),
  }))
  const known = new Map(restaurants.map(({ id, x, y }) => [id, { x, y }]))
  return {
    name: basename(resolve(dir)),
    orders: withoutTwins(tableOf(dir, 'orders.txt'), row => orderOf(row, known)),
    couriers: withoutTwins(tableOf(dir, 'couriers.txt'), row => {
      const on = row.number(3, 'on_time', 0, MINUTE_MAX)
      return { id: row.text(0, 'courier'), ...placeOf(row), on, off: row.number(4, 'off_time', on, MINUTE_MAX) }
    }),
    restaurants: known,
    meters_per_minute: parameters.number(0, 'meters_per_minute', 1, 3_000),
    pickup_service_min: parameters.number(1, 'pickup service minutes', 0, 120),
    dropoff_service_min: parameters.number(2, 'dropoff service minutes', 0, 120),
  }
}

function orderOf(row: Row, restaurants: ReadonlyMap<string, Place>): DayOrder {
  const placed = row.number(3, 'placement_time', 0, MINUTE_MAX)
  const restaurant = row.text(4, 'restaurant')
  if (!restaurants.has(restaurant)) row.refuse(`restaurants.txt has no ${restaurant}`, 'restaurant')
  const ready = row.number(5, 'ready_time', placed, MINUTE_MAX)
  return { id: row.text(0, 'order'), restaurant, ...placeOf(row), placed, ready }
}

const placeOf = (row: Row): Place => ({ x: row.number(1, 'x'), y: row.number(2, 'y') })

/** A file with a header line, its cells parted by tabs. */
function tableOf(dir: string, name: string): Row[] {
  const path = join(dir, name)
  if (!existsSync(path)) throw new Error(`${dir} has no ${name}`)
  const lines = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/)
  return lines.slice(1).map((line, at) => rowOf(path, at + 2, line.split('\t')))
}

/** Mean minutes from placing to ready by restaurant: from preparation.txt where the day has one, else over its orders. */
export function preparationMeans(dir: string, { orders }: Day): ReadonlyMap<string, number> {
  if (existsSync(join(dir, 'preparation.txt'))) {
    const rows = tableOf(dir, 'preparation.txt')
    return new Map(rows.map(row => [row.text(0, 'restaurant'), row.number(1, 'minutes', 0, MINUTE_MAX)]))
  }
  const by_restaurant = Map.groupBy(orders, order => order.restaurant)
  return new Map(
    by_restaurant
      .entries()
      .map(([id, own]) => [id, own.reduce((sum, one) => sum + one.ready - one.placed, 0) / own.length]),
  )
}

/** Minutes on the way, as the referee has them: rounded up. */
export const travelMinutes =
  (meters_per_minute: number) =>
  (from: Place, to: Place): number => {
    const [dx, dy] = [from.x - to.x, from.y - to.y]
    const minutes = Math.sqrt(dx * dx + dy * dy) / meters_per_minute
    // Math.hypot is exact and slow; it is needed only where the last digit decides.
    const near = Math.abs(minutes - Math.round(minutes)) < 1e-9
    return Math.ceil(near ? Math.hypot(dx, dy) / meters_per_minute : minutes)
  }
