import { type FeedItem, LATE_ID } from '../contract.ts'
import { tell } from './feed.ts'
import { closedAt, type OrderRow } from './orders.ts'
import type { Picture } from './picture.ts'
import { liveTrip, type TripRow } from './trips.ts'
import { LATE_S_MIN, type Names, nameOf, shortName } from './words.ts'

/** An order that is late is told once, as soon as it is, with what it waits for just then. */

/** Tells of what has become late by now. The feed takes an item of the same time and id once, and the first words stand. */
export function noticeLate({ now, orders, feed, ...picture }: Picture): void {
  if (picture.warehouses.size === 0) return // no place can be named yet
  for (const row of orders.values()) {
    const at = lateFrom(row)
    if (at === null || at > now) continue
    const trip = liveTrip(picture.trips, picture.trips_of_order.get(row.order_id))
    tell(feed, tellLate(row, { at, trip }, { warehouse: id => picture.warehouses.get(id) }))
  }
}

/** Business ms; null: it has an end, or nobody has promised anything. */
function lateFrom(order: OrderRow): number | null {
  const promised = order.decided?.first_deliver_by ?? null
  return promised === null || closedAt(order) !== null ? null : promised + LATE_S_MIN * 1_000
}

/**
 * @param trip the one that is to bring it; null: none
 * @param at since when it is late
 */
export function tellLate(order: OrderRow, { at, trip }: { at: number; trip: TripRow | null }, names: Names): FeedItem {
  const { order_id, decided } = order
  const again = decided !== null && decided.attempt > 1 ? '; it was moved from one warehouse to another' : ''
  const text = `Order ${shortName(order_id)} is late: ${waitsFor(order, trip, names)}${again}`
  const point = decided && { lat: decided.lat, lng: decided.lng }
  return { id: `${LATE_ID}${order_id}`, at, tone: 'bad', text, order_id, ...(point && { point }) }
}

function waitsFor({ decided, carried }: OrderRow, trip: TripRow | null, names: Names): string {
  if (carried) return `courier ${carried.courier_id} is still on the way to the door`
  const place = decided?.warehouse_id ? nameOf(names, decided.warehouse_id) : 'the warehouse'
  if (decided?.state === 'routed') return `${place} has not begun to pick it`
  if (decided?.state === 'picking') return `${place} is still packing it`
  if (!trip) return `packed at ${place}, it waits for a courier`
  if (trip.planned) return `packed at ${place}, it waits for courier ${trip.courier_id}, who has another trip first`
  return `packed at ${place}, courier ${trip.courier_id} is still on the way to fetch it`
}
