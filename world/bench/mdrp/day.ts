import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

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

export interface Day {
  name: string
  orders: readonly DayOrder[]
  couriers: readonly DayCourier[]
  restaurants: ReadonlyMap<string, Place>
  meters_per_minute: number
  pickup_service_min: number
  dropoff_service_min: number
}

/** @throws Error that names the file and the line that can't be read */
export function readDay(dir: string): Day {
  const table = (name: string, columns: number): string[][] => {
    const path = join(dir, name)
    const lines = readFileSync(path, 'utf8').trim().split(/\r?\n/).slice(1)
    return lines.map((line, at) => {
      const cells = line.split('\t')
      if (cells.length < columns) throw new Error(`${path}: line ${at + 2} has ${cells.length} of ${columns} columns`)
      return cells
    })
  }
  const [parameters] = table('instance_parameters.txt', 3)
  const [meters_per_minute, pickup_service_min, dropoff_service_min] = (parameters ?? []).map(Number)
  if (!meters_per_minute || pickup_service_min === undefined || dropoff_service_min === undefined) {
    throw new Error(`${dir}: instance_parameters.txt gives no speed or service times`)
  }
  return {
    name: basename(dir),
    orders: table('orders.txt', 6).map(([id = '', x, y, placed, restaurant = '', ready]) => ({
      id,
      restaurant,
      x: Number(x),
      y: Number(y),
      placed: Number(placed),
      ready: Number(ready),
    })),
    couriers: table('couriers.txt', 5).map(([id = '', x, y, on, off]) => ({
      id,
      x: Number(x),
      y: Number(y),
      on: Number(on),
      off: Number(off),
    })),
    restaurants: new Map(table('restaurants.txt', 3).map(([id = '', x, y]) => [id, { x: Number(x), y: Number(y) }])),
    meters_per_minute,
    pickup_service_min,
    dropoff_service_min,
  }
}

/** Mean minutes from placing to ready by restaurant: from preparation.txt where the day has one, else over its orders. */
export function preparationMeans(dir: string, { orders }: Day): ReadonlyMap<string, number> {
  const path = join(dir, 'preparation.txt')
  if (existsSync(path)) {
    const lines = readFileSync(path, 'utf8').trim().split(/\r?\n/).slice(1)
    return new Map(lines.map(line => line.split('\t')).map(([id = '', minutes]) => [id, Number(minutes)]))
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
