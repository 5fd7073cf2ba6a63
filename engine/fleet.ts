import { deflateSync, inflateSync } from 'node:zlib'
import type { CourierEvent } from '../ingest/contract.ts'
import type { CourierId } from '../ingest/events/envelope.ts'
import type { CourierView } from './contract.ts'

/** The newest that is known of every courier: a fold of one partition of `couriers`. Stale never replaces newer. */
export type FleetState = Map<CourierId, CourierView>

/** Folds one event in. 'superseded': older than what is known, or of a courier who is not on shift. */
export function stepFleet(fleet: FleetState, event: CourierEvent): 'ok' | 'superseded' {
  const { courier_id } = event.data
  const known = fleet.get(courier_id)
  if (known && event.occurred_at < known.seen_at) return 'superseded'
  if (event.type === 'shift.started') {
    fleet.set(courier_id, onShift(event))
    return 'ok'
  }
  if (!known || known.state === 'off') return 'superseded'
  known.seen_at = event.occurred_at
  if (event.type === 'courier.moved') {
    known.point = event.data.point
    known.cell = event.data.cell
    known.zone_id = event.zone_id
  } else {
    known.state = event.type === 'shift.ended' ? 'off' : event.data.state
  }
  return 'ok'
}

function onShift(event: Extract<CourierEvent, { type: 'shift.started' }>): CourierView {
  const { courier_id, point, cell, vehicle, capacity, has, home_warehouse_id } = event.data
  return {
    courier_id,
    tenant_id: event.tenant_id,
    zone_id: event.zone_id,
    state: 'available',
    point,
    cell,
    seen_at: event.occurred_at,
    vehicle,
    capacity,
    has,
    ...(home_warehouse_id ? { home_warehouse_id } : {}),
  }
}

export function encodeFleet(fleet: FleetState): Buffer {
  const couriers = [...fleet.values()].sort((a, b) => (a.courier_id < b.courier_id ? -1 : 1))
  return deflateSync(JSON.stringify(couriers), { level: 1 })
}

export function decodeFleet(bytes: Uint8Array): FleetState {
  const couriers = JSON.parse(inflateSync(bytes).toString()) as CourierView[]
  return new Map(couriers.map(courier => [courier.courier_id, courier]))
}
