import type { Counters, Delta, Snapshot } from '../contract.ts'
import { demandCells } from './demand.ts'
import { frameOf } from './fleet.ts'
import { incidentsOf } from './incident_rows.ts'
import { noChanges, type Picture } from './picture.ts'
import { countersOf, type Flow, mapCourier, mapOrder, mapWarehouses } from './rows.ts'

/**
 * The room's numbering: what changed in the picture since the last delta becomes the next one, however often it changed.
 * A snapshot carries the number of the last delta and all that is known; the delta after it may repeat some of that, which
 * does no harm, since rows are absolute.
 */
export interface Room {
  epoch: string
  seq: number
  sent_wall_ms: number
  counters: Counters | null
}

/** At least so often, so that a page sees that the gateway lives and the clock goes on. */
const QUIET_MS_MAX = 1_000

export const newRoom = (epoch: string): Room => ({ epoch, seq: 0, sent_wall_ms: 0, counters: null })

export function snapshotOf(picture: Picture, room: Room, flow: Flow, wall_ms: number): Snapshot {
  const couriers = picture.fleet.by_index.filter(courier => courier.state !== 'off')
  return {
    room: 'network',
    seq: room.seq,
    epoch: room.epoch,
    as_of: picture.now,
    sent_wall_ms: wall_ms,
    clock: picture.clock,
    warehouses: mapWarehouses(picture, picture.warehouses.keys()),
    orders: [...picture.orders.values()].flatMap(row => mapOrder(picture, row) ?? []),
    couriers: couriers.map(courier => mapCourier(picture, courier)),
    demand: demandCells(picture.demand),
    feed: [...picture.feed.items],
    incidents: incidentsOf(picture.incidents),
    counters: countersOf(picture, flow),
    minutes: picture.minutes,
    minutes_as_of: picture.minutes_as_of,
    positions: frameOf(couriers),
  }
}

/** The next delta, and the picture's changes are taken; null when there is nothing to say. */
export function nextDelta(picture: Picture, room: Room, flow: Flow, wall_ms: number): Delta | null {
  const counters = countersOf(picture, flow)
  const rows = {
    ...changedRows(picture),
    ...(sameCounters(counters, room.counters) ? {} : { counters }),
  }
  if (Object.keys(rows).length === 0 && wall_ms - room.sent_wall_ms < QUIET_MS_MAX) return null
  room.counters = counters
  room.sent_wall_ms = wall_ms
  room.seq += 1
  return { seq: room.seq, epoch: room.epoch, as_of: picture.now, sent_wall_ms: wall_ms, ...rows }
}

function changedRows(picture: Picture): Omit<Delta, 'seq' | 'epoch' | 'as_of' | 'sent_wall_ms'> {
  const { changes, fleet, demand, feed, incidents } = picture
  picture.changes = noChanges()
  const orders = [...changes.orders].flatMap(id => mapOrder(picture, picture.orders.get(id)) ?? [])
  const orders_gone = [...changes.orders_gone].filter(id => !picture.orders.has(id))
  const warehouses = mapWarehouses(picture, changes.warehouses)
  const rows = {
    ...(changes.clock ? { clock: picture.clock } : {}),
    ...(warehouses.length > 0 ? { warehouses } : {}),
    ...(orders.length > 0 ? { orders } : {}),
    ...(orders_gone.length > 0 ? { orders_gone } : {}),
    ...changedCouriers(picture, changes.couriers),
    ...(demand.changed ? { demand: demandCells(demand) } : {}),
    ...(feed.fresh.length > 0 ? { feed: feed.fresh } : {}),
    ...(incidents.changed ? { incidents: incidentsOf(incidents) } : {}),
    ...(changes.minutes ? { minutes: picture.minutes, minutes_as_of: picture.minutes_as_of } : {}),
    ...(fleet.moved.size > 0 ? { positions: frameOf([...fleet.moved]) } : {}),
  }
  fleet.moved.clear()
  fleet.changed.clear()
  demand.changed = false
  incidents.changed = false
  feed.fresh = []
  return rows
}

function changedCouriers(picture: Picture, on_other_trips: Set<string>) {
  const { fleet } = picture
  const changed = new Set(fleet.changed)
  for (const id of on_other_trips) {
    const courier = fleet.couriers.get(id)
    if (courier) changed.add(courier)
  }
  const here = [...changed].filter(courier => courier.state !== 'off')
  const gone = [...changed].filter(courier => courier.state === 'off')
  return {
    ...(here.length > 0 ? { couriers: here.map(courier => mapCourier(picture, courier)) } : {}),
    ...(gone.length > 0 ? { couriers_gone: gone.map(courier => courier.courier_id) } : {}),
  }
}

function sameCounters(one: Counters, other: Counters | null): boolean {
  if (!other) return false
  return (Object.keys(one) as (keyof Counters)[]).every(name => one[name] === other[name])
}
