import type { CourierView } from '../../engine/contract.ts'
import type { CourierEvent } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { CourierFrame } from '../contract.ts'

/**
 * Couriers as last heard of. A courier keeps the number it got at first sight for as long as this gateway lives, so that the page
 * can hold positions in one array.
 */
export interface CourierRow {
  courier_id: string
  index: number
  state: 'available' | 'break' | 'off'
  point: Point
  /** business ms of the position */
  seen_at: number
  /** business ms of the state */
  said_at: number
}

export interface Fleet {
  couriers: Map<string, CourierRow>
  by_index: CourierRow[]
  /** couriers whose position the room has not seen */
  moved: Set<CourierRow>
  /** couriers who are new to the room, or whose state is */
  changed: Set<CourierRow>
}

const COURIERS_MAX = 50_000

export const newFleet = (): Fleet => ({ couriers: new Map(), by_index: [], moved: new Set(), changed: new Set() })

export function courierFromView(fleet: Fleet, view: CourierView): void {
  const courier = meet(fleet, view.courier_id, view.point, view.seen_at)
  if (!courier || courier.said_at > view.seen_at) return
  setState(fleet, courier, view.state, view.seen_at)
  move(fleet, courier, view.point, view.seen_at)
}

/** Positions never go back in time, and a state is not taken over by an older one. */
export function hearCourier(fleet: Fleet, event: CourierEvent): void {
  const { data, occurred_at } = event
  const point = 'point' in data ? data.point : undefined
  const courier = meet(fleet, data.courier_id, point, occurred_at)
  if (!courier) return
  if (point) move(fleet, courier, point, occurred_at)
  if (event.type === 'shift.started') setState(fleet, courier, 'available', occurred_at)
  if (event.type === 'shift.ended') setState(fleet, courier, 'off', occurred_at)
  if (event.type === 'state.changed') setState(fleet, courier, event.data.state, occurred_at)
}

function setState(fleet: Fleet, courier: CourierRow, state: CourierRow['state'], said_at: number): void {
  if (said_at < courier.said_at) return
  courier.said_at = said_at
  if (courier.state === state) return
  courier.state = state
  fleet.changed.add(courier)
  // The page forgot where it was while it was off.
  fleet.moved.add(courier)
}

/** A courier nobody knows yet needs a place; one who moves is on shift, whatever was missed before. */
function meet(fleet: Fleet, courier_id: string, point: Point | undefined, at: number): CourierRow | undefined {
  const known = fleet.couriers.get(courier_id)
  if (known || !point || fleet.by_index.length >= COURIERS_MAX) return known
  const index = fleet.by_index.length
  const courier: CourierRow = { courier_id, index, state: 'available', point, seen_at: at, said_at: 0 }
  fleet.couriers.set(courier_id, courier)
  fleet.by_index.push(courier)
  fleet.moved.add(courier)
  fleet.changed.add(courier)
  return courier
}

function move(fleet: Fleet, courier: CourierRow, point: Point, seen_at: number): void {
  if (seen_at < courier.seen_at) return
  courier.point = point
  courier.seen_at = seen_at
  fleet.moved.add(courier)
}

/** Typed arrays, so that deck.gl takes them as they are: 12 bytes of place and 8 of time a courier. */
export function frameOf(couriers: readonly CourierRow[]): CourierFrame {
  const index = new Uint32Array(couriers.length)
  const position = new Float32Array(couriers.length * 2)
  const seen_at = new Float64Array(couriers.length)
  couriers.forEach((courier, at) => {
    index[at] = courier.index
    position[at * 2] = courier.point.lng
    position[at * 2 + 1] = courier.point.lat
    seen_at[at] = courier.seen_at
  })
  return { index: index.buffer, position: position.buffer, seen_at: seen_at.buffer }
}
