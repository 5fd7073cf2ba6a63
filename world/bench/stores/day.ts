import type { LastTrip } from '../../../dispatch/solver/port.ts'
import type { Point } from '../../../ingest/events/envelope.ts'
import { betweenStores, type Stores } from '../../days/stores.ts'
import type { StoreOrder } from './orders.ts'

/** What a day of the stores is made of while it is played. All times are seconds since the opening. */

export type Rule = 'nearest' | 'together'

export interface Open {
  order: StoreOrder
  nearest: number
  /** where it is picked; as long as no picker and no courier has begun: where the last plan would have it */
  store: number
  /** waits for a picker since; Infinity: its picking is put off */
  queued_s: number
  /** a picker has begun */
  picking?: { begins_s: number; ready_s: number }
  /** a courier has left for it */
  ride?: Ride
}

export interface Ride {
  open: Open
  courier: Courier
  /** when it is at the store, and how long it takes from there to the door */
  there_s: number
  way_s: number
  /** known only when it is over */
  done_s?: number
}

export interface Courier {
  id: string
  home: number
  /** where it is free again */
  place: Point
  /** as it turns out; Infinity while that is not decided */
  free_s: number
  /** the last one; absent after a move */
  ride?: Ride
}

/** One order's day, when it is over. */
export interface Delivered {
  order: StoreOrder
  store: number
  nearest: number
  begins_s: number
  ready_s: number
  pickup_s: number
  door_s: number
  done_s: number
}

export interface Day {
  town: Stores
  rule: Rule
  floating: boolean
  between: number[][]
  /** when each picker of each store is free, as it turns out */
  pickers: number[][]
  couriers: Courier[]
  /** neither delivered nor sure to be, in the order in which they were placed */
  open: Map<string, Open>
  delivered: Delivered[]
  /** the orders of the last hour, each with the store that is nearest to it: where the next ones are expected */
  recent: { placed_s: number; nearest: number }[]
  last: readonly LastTrip[]
  /** where a point is: a client, or a store */
  node: Map<Point, { client: number } | { store: number }>
}

export function openDay(town: Stores, rule: Rule, floating: boolean): Day {
  const node: Day['node'] = new Map()
  for (const [client, point] of town.clients.entries()) node.set(point, { client })
  for (const [store, { point }] of town.stores.entries()) node.set(point, { store })
  return {
    ...{ town, rule, floating, node, between: betweenStores(town) },
    pickers: town.stores.map(one => Array.from({ length: one.pickers }, () => 0)),
    couriers: town.stores.flatMap((one, home) =>
      Array.from({ length: one.couriers }, (_, at) => ({ id: `c${home}-${at}`, home, place: one.point, free_s: 0 })),
    ),
    open: new Map(),
    delivered: [],
    recent: [],
    last: [],
  }
}

export const secondsBetween =
  ({ town, node, between }: Day) =>
  (from: Point, to: Point): number => {
    const [a, b] = [node.get(from), node.get(to)]
    if (!a || !b) throw new Error('a point that is neither a client nor a store')
    const n = town.stores.length
    if ('client' in a && 'store' in b) return town.seconds[a.client * n + b.store] ?? 0
    if ('store' in a && 'client' in b) return town.seconds[b.client * n + a.store] ?? 0
    if ('store' in a && 'store' in b) return between[a.store]?.[b.store] ?? 0
    throw new Error('from door to door nothing is known: one order a trip')
  }

export const wayOf = ({ town }: Day, order: StoreOrder, store: number): number =>
  town.seconds[order.client * town.stores.length + store] ?? 0

export const pointOf = ({ town }: Day, store: number): Point => town.stores[store]?.point as Point

/** Stores, nearest first. */
export const byDistance = ({ stores, seconds }: Stores, client: number): number[] =>
  stores
    .map((_, store) => store)
    .sort((a, b) => (seconds[client * stores.length + a] ?? 0) - (seconds[client * stores.length + b] ?? 0))
