import type { Incident } from '../../contract.ts'
import type { Room } from '../room.ts'

/** Where orders of an incident went: from a warehouse to others, from a crowd to who packs for it, from courier to courier. Pure. */
export interface Arrow {
  key: string
  from: [lng: number, lat: number]
  to: [lng: number, lat: number]
  orders: number
}

const ARROWS_MAX = 8

/** The ones with most orders first, which is the order of answers. */
export function arrowsOf({ answers, warehouse_id, point }: Incident, room: Room): Arrow[] {
  const origin = placeOf(room, warehouse_id) ?? (point ? ([point.lng, point.lat] as Arrow['from']) : null)
  const orders_to = new Map<string, Arrow>()
  for (const { did, to_warehouse_id, from_courier_id, to_courier_id, orders } of answers) {
    const given = did === 'given'
    const from = given ? seenAt(room, from_courier_id) : origin
    const to = given ? seenAt(room, to_courier_id) : placeOf(room, to_warehouse_id)
    if (!from || !to || (from[0] === to[0] && from[1] === to[1])) continue
    const key = given ? `${from_courier_id} ${to_courier_id}` : `${to_warehouse_id}`
    const known = orders_to.get(key)
    orders_to.set(key, { key, from, to, orders: orders + (known?.orders ?? 0) })
  }
  return [...orders_to.values()].slice(0, ARROWS_MAX)
}

function placeOf({ warehouses }: Room, warehouse_id: string | undefined): Arrow['to'] | null {
  const place = warehouses.get(warehouse_id ?? '')
  return place ? [place.lng, place.lat] : null
}

function seenAt({ couriers, fleet }: Room, courier_id: string | undefined): Arrow['to'] | null {
  const index = couriers.get(courier_id ?? '')?.index
  const [lng = Number.NaN, lat = Number.NaN] =
    index === undefined ? [] : fleet.position.subarray(2 * index, 2 * index + 2)
  return Number.isNaN(lng) || Number.isNaN(lat) ? null : [lng, lat]
}

/** Paths on the screen, px: bent to one side, so that the way there and the way back differ, and clear of both ends. */
export function bent([x1, y1]: [number, number], [x2, y2]: [number, number], clear_px: number) {
  const [dx, dy] = [x2 - x1, y2 - y1]
  const length = Math.hypot(dx, dy)
  if (length < 2.5 * clear_px) return null
  const [cx, cy] = [(x1 + x2) / 2 + 0.2 * dy, (y1 + y2) / 2 - 0.2 * dx]
  const from = towards([x1, y1], [cx, cy], clear_px)
  const to = towards([x2, y2], [cx, cy], clear_px + 4)
  const at = (n: number) => n.toFixed(1)
  const middle: [number, number] = [(from[0] + 2 * cx + to[0]) / 4, (from[1] + 2 * cy + to[1]) / 4]
  return { d: `M${at(from[0])} ${at(from[1])}Q${at(cx)} ${at(cy)} ${at(to[0])} ${at(to[1])}`, middle }
}

function towards([x, y]: [number, number], [tx, ty]: [number, number], px: number): [number, number] {
  const part = px / Math.hypot(tx - x, ty - y)
  return [x + part * (tx - x), y + part * (ty - y)]
}
