import { randomUUIDv7 } from 'node:crypto'
import type { Stop } from '../ingest/events/deliveries.ts'
import type { CourierId, TenantId, TripId, ZoneId } from '../ingest/events/envelope.ts'
import { isActive, isOn, TRIP_LIFE, type TripEvent } from './life/trip.ts'
import type { OrderRow, TripRow } from './rows.ts'

/** What changes a trip: pure, but for the id of a new one. */

/** Who changes something, and when. `now`: business time, ms. */
export interface Act {
  tenant_id: TenantId
  actor: string
  correlation_id: string
  now: number
}

export interface TripDraft {
  zone_id: ZoneId
  courier_id: CourierId
  pinned: boolean
  stops: Stop[]
  /** default: offered */
  state?: 'planned' | 'offered'
}

export function newTrip(draft: TripDraft, warehouse_id: TripRow['warehouse_id'], act: Act): TripRow {
  return {
    tenant_id: act.tenant_id,
    trip_id: randomUUIDv7() as TripId,
    state: 'offered',
    ...draft,
    warehouse_id,
    version: 1,
    offered_at: act.now,
    updated_at: act.now,
    changed_by: act.actor,
  }
}

/** @returns the trip after the event with its next version, or undefined when its state does not allow it */
export function stepTrip(
  trip: TripRow,
  event: TripEvent,
  act: Act,
  changes: Partial<TripRow> = {},
): TripRow | undefined {
  const state = TRIP_LIFE[trip.state][event]
  if (state === 'refused') return undefined
  return { ...trip, ...changes, state, version: trip.version + 1, updated_at: act.now, changed_by: act.actor }
}

/** An order that changed hands, or whose parcel moved on. */
export const changeOrder = (order: OrderRow, changes: Partial<OrderRow>, act: Act): OrderRow => ({
  ...order,
  ...changes,
  version: order.version + 1,
  updated_at: act.now,
  changed_by: act.actor,
  correlation_id: act.correlation_id,
})

/** Nobody carries it any more. */
export const released = (order: OrderRow, act: Act): OrderRow =>
  changeOrder(order, { trip_id: null, courier_id: null, pinned: false }, act)

export const orderIdsOf = (trip: Pick<TripRow, 'stops'>): string[] =>
  [...new Set(trip.stops.map(stop => stop.order_id as string))].sort()

export const isOpenTrip = (trip: TripRow): boolean => isActive(trip.state)
/** The courier is on it, and not only planned for it. */
export const isCurrentTrip = (trip: TripRow): boolean => isOn(trip.state)
