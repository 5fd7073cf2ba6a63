import type { OrderState } from '../../dispatch/contract.ts'
import type { Refusal } from '../../ingest/events/decisions.ts'
import type { MapOrder } from '../contract.ts'

/** What the screen calls things: one word for one thing, the same in the legend, on the map and in the drawer. */

/** How an order looks. `late` wins over every open state. */
const LOOKS = ['waiting', 'picking', 'packed', 'under_way', 'late', 'delivered', 'refused', 'cancelled'] as const
export type Look = (typeof LOOKS)[number]

const LOOK_OF: Record<OrderState, Look> = {
  placed: 'waiting',
  routed: 'waiting',
  picking: 'picking',
  packed: 'packed',
  picked_up: 'under_way',
  delivered: 'delivered',
  failed: 'refused',
  rejected: 'refused',
  cancelled: 'cancelled',
}

export const LOOK_WORDS: Record<Look, string> = {
  waiting: 'Waiting',
  picking: 'Picking',
  packed: 'Packed',
  under_way: 'On the way',
  late: 'Late',
  delivered: 'Delivered',
  refused: 'Rejected or failed',
  cancelled: 'Cancelled',
}

export const STATE_WORDS: Record<OrderState, string> = {
  placed: 'Placed',
  routed: 'Routed',
  picking: 'Picking',
  packed: 'Packed',
  picked_up: 'On the way',
  delivered: 'Delivered',
  failed: 'Failed',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
}

type ClosedState = 'delivered' | 'failed' | 'rejected' | 'cancelled'
const CLOSED: ReadonlySet<OrderState> = new Set<ClosedState>(['delivered', 'failed', 'rejected', 'cancelled'])
export const isClosed = (state: OrderState): state is ClosedState => CLOSED.has(state)

interface Promised {
  state: OrderState
  promise: MapOrder['promise']
  first_deliver_by: number | null
}

/** What the customer was told first; the promise never moves, only what we expect does. */
export const promisedBy = (order: Promised): number | null =>
  order.first_deliver_by ?? order.promise?.deliver_by ?? null

export const isLate = (order: Promised, now: number): boolean =>
  !isClosed(order.state) && now > (promisedBy(order) ?? Number.POSITIVE_INFINITY)

export const lookOf = (order: Promised, now: number): Look => (isLate(order, now) ? 'late' : LOOK_OF[order.state])

export const REFUSAL_WORDS: Record<Refusal, string> = {
  outside_service_area: 'no warehouse serves this place',
  warehouse_unknown: 'not in this zone',
  warehouse_paused: 'paused',
  closed: 'closed at this hour',
  sku_unknown: 'never had this item',
  unit_mismatch: 'keeps the item in another unit',
  suspended: 'has suspended the item for now',
  out_of_stock: 'not enough in stock',
  full: 'too busy to keep a promise',
  throttled: 'takes no more orders for now',
  window_missed: 'cannot be there in time',
}

/** A reason from the log, a refusal or free, as words. */
export function reasonWords(reason: string): string {
  const known: Partial<Record<string, string>> = REFUSAL_WORDS
  return known[reason] ?? reason.replaceAll('_', ' ')
}

/** "courier:c17" → "courier c17". */
export const actorWords = (actor: string) => actor.replace(':', ' ')

export const count = (of: number) => of.toLocaleString('en-US')

/** The end of an id, by which people can call it out: 4F2A. The feed's sentences, which the gateway writes, say it the same way. */
export const shortId = (id: string) =>
  id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-4)
    .toUpperCase()

export const metres = (m: number) => (m < 950 ? `${Math.round(m / 10) * 10} m` : `${(m / 1000).toFixed(1)} km`)
