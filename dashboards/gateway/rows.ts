import { ORDER_STATES, type OrderState } from '../../dispatch/contract.ts'
import type { Counters, MapCourier, MapOrder, MapWarehouse } from '../contract.ts'
import type { CourierRow } from './fleet.ts'
import { closedAt, linesOf, type OrderRow, stateOf } from './orders.ts'
import type { Picture } from './picture.ts'
import { liveTrip } from './trips.ts'

/** The picture's rows as the page sees them. */

/** How far an order has come, as the map and the book both can tell: decisions reach them on two ways, and either may be first. */
export const mapVersion = (attempt: number, state: OrderState): number =>
  attempt * ORDER_STATES.length + ORDER_STATES.indexOf(state)

/** null: nothing was decided of it yet, so nobody knows where its door is. */
export function mapOrder(picture: Picture, row: OrderRow | undefined): MapOrder | null {
  const state = row && stateOf(row)
  if (!row?.decided || !state) return null
  const { decided, carried } = row
  const trip = liveTrip(picture.trips, picture.trips_of_order.get(row.order_id))
  const open = closedAt(row) === null
  return {
    order_id: row.order_id,
    state,
    version: mapVersion(decided.attempt, state),
    lat: decided.lat,
    lng: decided.lng,
    warehouse_id: decided.warehouse_id,
    courier_id: carried?.courier_id ?? (open ? (trip?.courier_id ?? null) : null),
    placed_at: decided.placed_at,
    promise: decided.promise,
    first_deliver_by: decided.first_deliver_by,
    closed_at: closedAt(row),
    attempt: decided.attempt,
    lines: linesOf(decided),
    reason: carried?.reason ?? decided.reason,
    pinned: open && (trip?.pinned ?? false),
  }
}

export function mapCourier(picture: Picture, courier: CourierRow): MapCourier {
  const trip = liveTrip(picture.trips, picture.trips_of_courier.get(courier.courier_id))
  const { courier_id, index, state } = courier
  return { courier_id, index, state, trip_id: trip?.trip_id ?? null, order_ids: trip ? [...trip.order_ids] : [] }
}

/** Orders reserved at a warehouse and not packed yet. */
export function openOrders(picture: Picture): Map<string, number> {
  const counts = new Map<string, number>()
  for (const row of picture.orders.values()) {
    const warehouse_id = row.decided?.warehouse_id
    const state = stateOf(row)
    if (warehouse_id && (state === 'routed' || state === 'picking')) {
      counts.set(warehouse_id, (counts.get(warehouse_id) ?? 0) + 1)
    }
  }
  return counts
}

export function mapWarehouses(picture: Picture, warehouse_ids: Iterable<string>): MapWarehouse[] {
  const open = openOrders(picture)
  return [...warehouse_ids].flatMap(id => {
    const row = picture.warehouses.get(id)
    if (!row) return []
    const { warehouse_id, name, point, paused, version } = row
    const ready_in_s = picture.ready_in_s.get(id) ?? null
    return [{ warehouse_id, name, ...point, paused, version, open_orders: open.get(id) ?? 0, ready_in_s }]
  })
}

export type Flow = Pick<Counters, 'events_per_s' | 'lag_ms_max'>

export function countersOf(picture: Picture, flow: Flow): Counters {
  let couriers_on_shift = 0
  let couriers_on_trip = 0
  for (const courier of picture.fleet.by_index) {
    if (courier.state === 'off') continue
    couriers_on_shift += 1
    if (liveTrip(picture.trips, picture.trips_of_courier.get(courier.courier_id))) couriers_on_trip += 1
  }
  return { ...picture.totals, couriers_on_shift, couriers_on_trip, ...flow }
}
