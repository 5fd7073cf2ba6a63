import type { Counters, FeedItem, History, MapCourier, MapOrder, MapWarehouse, PastOrder } from '../../contract.ts'
import { type Fleet, NO_COUNTERS, type Room } from '../room.ts'
import { isClosed } from '../words.ts'

/**
 * The past as a room: (what ClickHouse knows, the live room, a time) → the room that a page would have shown then. Pure. What the
 * history does not hold (the warehouses themselves, the sentences) is taken from the live room.
 */
export interface Past {
  history: History
  couriers: readonly { courier_id: string; track: Float32Array }[]
  /** names this past, so that couriers do not glide from the present into it */
  epoch: string
}

export function pastOf(history: History, epoch: string): Past {
  const couriers = history.couriers.map(({ courier_id, track }) => ({ courier_id, track: floats(track) }))
  return { history, couriers, epoch }
}

function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), char => char.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}

/** As the gateway: closed orders stay so long in sight, business ms. */
const CLOSED_MS = 10 * 60_000
/** A courier that was not seen for longer is off its shift. */
const SILENT_STEPS = 3

/** @param time business ms; @param rate how fast it goes on, 0: it stands still; @param wall_ms when it was `time` */
export function roomAt(
  past: Past,
  live: Room,
  { time, rate, wall_ms }: { time: number; rate: number; wall_ms: number },
): Room {
  const orders = new Map(past.history.orders.flatMap(order => ordersAt(order, time)).map(row => [row.order_id, row]))
  const { couriers, fleet } = couriersAt(past, orders.values(), time)
  return {
    ...live,
    phase: 'following',
    epoch: past.epoch,
    as_of: time,
    clock: { wall_ms, time_ms: time, rate },
    orders,
    couriers,
    fleet,
    warehouses: warehousesAt(past.history, live.warehouses, orders.values(), time),
    demand: [],
    feed: told(past.history, live, time),
    incidents: [],
    counters: countersAt(past.history, time, couriers),
  }
}

const stepAt = ({ steps }: PastOrder, time: number) => steps.findLast(step => step.at <= time)

function ordersAt(order: PastOrder, time: number): MapOrder[] {
  const step = stepAt(order, time)
  const [first] = order.steps
  if (!step || !first) return []
  const closed = isClosed(step.state)
  if (closed && time - step.at > CLOSED_MS) return []
  const { order_id, lat, lng, lines, first_deliver_by } = order
  return [
    {
      ...{ order_id, lat, lng, lines, first_deliver_by },
      ...{ state: step.state, warehouse_id: step.warehouse_id, attempt: step.attempt, reason: step.reason },
      courier_id: closed ? null : step.courier_id,
      version: 0,
      placed_at: first.at,
      promise: null,
      closed_at: closed ? step.at : null,
      pinned: false,
    },
  ]
}

/** Where each was seen last, at the end of a step that lies before the time. */
function couriersAt({ history, couriers }: Past, orders: Iterable<MapOrder>, time: number) {
  const carried = new Map<string, string[]>()
  for (const { courier_id, order_id } of orders) {
    if (courier_id !== null) carried.set(courier_id, [...(carried.get(courier_id) ?? []), order_id])
  }
  const newest = Math.floor((time - history.from) / history.step_ms) - 1
  const rows = new Map<string, MapCourier>()
  const fleet: Fleet = {
    position: new Float32Array(2 * couriers.length).fill(Number.NaN),
    seen_at: new Float64Array(couriers.length).fill(Number.NaN),
  }
  couriers.forEach(({ courier_id, track }, index) => {
    const slot = lastSeen(track, Math.max(0, newest))
    if (slot === null) return
    fleet.position.set(track.subarray(2 * slot, 2 * slot + 2), 2 * index)
    fleet.seen_at[index] = history.from + (slot + 1) * history.step_ms
    const order_ids = carried.get(courier_id) ?? []
    rows.set(courier_id, { courier_id, index, state: 'available', trip_id: null, order_ids })
  })
  return { couriers: rows, fleet }
}

function lastSeen(track: Float32Array, slot: number): number | null {
  for (let at = slot; at >= 0 && at > slot - SILENT_STEPS; at--)
    if (!Number.isNaN(track[2 * at] ?? Number.NaN)) return at
  return null
}

function warehousesAt(history: History, live: Room['warehouses'], orders: Iterable<MapOrder>, time: number) {
  const open = new Map<string, number>()
  for (const { state, warehouse_id } of orders) {
    if (warehouse_id !== null && (state === 'routed' || state === 'picking'))
      open.set(warehouse_id, (open.get(warehouse_id) ?? 0) + 1)
  }
  const rows = [...live.values()].map((row): [string, MapWarehouse] => [
    row.warehouse_id,
    {
      ...row,
      paused: wasPaused(history, row, time),
      open_orders: open.get(row.warehouse_id) ?? 0,
      ready_in_s: null,
    },
  ])
  return new Map(rows)
}

/** Before its first change within the history it was the other way; where nothing changed, it was as now. */
function wasPaused({ pauses }: History, { warehouse_id, paused }: MapWarehouse, time: number): boolean {
  const changes = pauses.filter(change => change.warehouse_id === warehouse_id)
  const last = changes.findLast(change => change.at <= time)
  if (last) return last.paused
  return changes[0] ? !changes[0].paused : paused
}

/** Of what was placed or ended since the history begins, and what was open: the day's totals of then are not known. */
function countersAt({ orders, from }: History, time: number, couriers: ReadonlyMap<string, MapCourier>): Counters {
  const counted = { ...NO_COUNTERS }
  for (const order of orders) {
    const step = stepAt(order, time)
    const [first] = order.steps
    if (!step || !first) continue
    if (first.at >= from) counted.placed += 1
    if (first.at >= from && first.state !== 'rejected') counted.routed += 1
    if (step.attempt > 1 && order.steps.some(one => one.attempt > 1 && one.at >= from && one.at <= time))
      counted.rerouted += 1
    if (!isClosed(step.state)) counted.open += 1
    else if (step.at >= from) {
      counted[step.state] += 1
      if (step.state === 'delivered' && step.at > (order.first_deliver_by ?? step.at)) counted.late += 1
    }
  }
  const on_trip = [...couriers.values()].filter(courier => courier.order_ids.length > 0).length
  return { ...counted, couriers_on_shift: couriers.size, couriers_on_trip: on_trip }
}

/** The shift log of then, and of the other sentences those that the page still has. */
function told({ notes }: History, live: Room, time: number): FeedItem[] {
  const items = new Map([...notes, ...live.feed].filter(item => item.at <= time).map(item => [item.id, item]))
  return [...items.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}
