import type { Model } from './model.ts'
import type { OpenFulfilment } from './port.ts'
import type { Routes } from './routes.ts'

/**
 * An order that several warehouses have stands in the model once for each of them, side by side: the one it was given with,
 * then the others. A plan carries one of these choices at most; the first stands for the order where it is carried by none.
 */
export interface Choices {
  order_ids: readonly string[]
  /** by choice: the first of its order, and how many these are */
  first_of: Int32Array
  choices: Int32Array
  /** by choice: earliest possible time at the door, from whichever warehouse that is */
  floor: Int32Array
  /** by choice: s by which it is later there than the floor */
  detour: Int32Array
}

export function eachChoice({ elsewhere = [], ...here }: OpenFulfilment): OpenFulfilment[] {
  const { ready_from_s: _, ready_latest_s: __, ready_at_best_s = here.ready_s, ...anywhere } = here
  return [here, ...elsewhere.map(other => ({ ...anywhere, ready_at_best_s, ...other }))]
}

/**
 * @param fulfilments as given
 * @param floors of each choice alone: an order's is the least of them, so that a warehouse farther away is dearer by its way
 */
export function choicesOf(fulfilments: readonly OpenFulfilment[], floors: readonly number[]): Choices {
  const order_ids = fulfilments.flatMap(one => eachChoice(one).map(choice => choice.fulfilment_id))
  const [first_of, choices] = [new Int32Array(floors.length), new Int32Array(floors.length)]
  const [floor, detour] = [Int32Array.from(floors), new Int32Array(floors.length)]
  let first = 0
  for (const { elsewhere = [] } of fulfilments) {
    const next = first + 1 + elsewhere.length
    first_of.fill(first, first, next)
    choices.fill(next - first, first, next)
    const least = Math.min(...floors.slice(first, next))
    for (let one = first; one < next; one++) detour[one] = (floors[one] as number) - least
    floor.fill(least, first, next)
    first = next
  }
  return { order_ids, first_of, choices, floor, detour }
}

/** By id where an order stands first, and by id and warehouse where it stands with that one. */
export function whereOrdersStand({ order_ids, first_of, warehouse, warehouse_ids }: Model): Map<string, number> {
  const places = new Map<string, number>()
  for (const [choice, id] of order_ids.entries()) {
    places.set(id, first_of[choice] as number)
    places.set(`${id} ${warehouse_ids[warehouse[choice] as number]}`, choice)
  }
  return places
}

/** Some courier carries the order, from whichever warehouse. */
export function isCarried({ first_of, choices }: Model, { courier_of }: Routes, order: number): boolean {
  const first = first_of[order] as number
  for (let one = first; one < first + (choices[order] as number); one++)
    if ((courier_of[one] as number) >= 0) return true
  return false
}

/** Who carries these orders, from where: copied from plan to plan. */
export function copyCouriers({ first_of, choices }: Model, from: Routes, to: Routes, orders: readonly number[]): void {
  for (const order of orders) {
    const first = first_of[order] as number
    for (let one = first; one < first + (choices[order] as number); one++) {
      to.courier_of[one] = from.courier_of[one] as number
    }
  }
}
