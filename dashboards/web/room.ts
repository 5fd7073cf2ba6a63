import type { Clock } from '../../ingest/events/network.ts'
import {
  type Counters,
  type CourierFrame,
  type Delta,
  type DemandCell,
  FEED_MAX,
  type FeedItem,
  type Incident,
  type MapCourier,
  type MapOrder,
  type MapWarehouse,
  type MinutePoint,
  type Snapshot,
} from '../contract.ts'

/**
 * The page's side of the push protocol (dashboards/contract.ts): (room, message) → room, pure.
 *
 *            snapshot                    gap, other epoch
 *   empty ──────────────► following ─────────────────────► lost ──┐ deltas are ignored,
 *                            ▲  │ delta seq+1                │     │ what was shown stays
 *                            └──┘                            │◄────┘
 *                            ▲───────────── snapshot ────────┘
 *
 * A slice that a message does not touch keeps its identity, so that React and deck.gl can compare by reference.
 */
export interface Room {
  phase: 'empty' | 'following' | 'lost'
  epoch: string
  seq: number
  /** business clock, ms */
  as_of: number
  sent_wall_ms: number
  clock: Clock
  warehouses: ReadonlyMap<string, MapWarehouse>
  orders: ReadonlyMap<string, MapOrder>
  couriers: ReadonlyMap<string, MapCourier>
  demand: readonly DemandCell[]
  /** by (at, id), oldest first, the newest FEED_MAX */
  feed: readonly FeedItem[]
  /** oldest first */
  incidents: readonly Incident[]
  counters: Counters
  minutes: readonly MinutePoint[] | null
  minutes_as_of: number | null
  fleet: Fleet
}

/** Where each courier was last seen, by MapCourier.index; NaN: not yet seen. Never written to once it stands in a room. */
export interface Fleet {
  /** lng, lat a courier */
  position: Float32Array
  /** business clock, ms */
  seen_at: Float64Array
}

export type Message = { type: 'snapshot'; snapshot: Snapshot } | { type: 'delta'; delta: Delta }

/** `resync`: the page must ask for a snapshot now. */
export interface Step {
  room: Room
  resync: boolean
}

export const NO_COUNTERS: Counters = {
  placed: 0,
  routed: 0,
  rerouted: 0,
  rejected: 0,
  cancelled: 0,
  delivered: 0,
  failed: 0,
  late: 0,
  open: 0,
  couriers_on_shift: 0,
  couriers_on_trip: 0,
  events_per_s: 0,
  lag_ms_max: 0,
}

export const EMPTY_ROOM: Room = {
  phase: 'empty',
  epoch: '',
  seq: 0,
  as_of: 0,
  sent_wall_ms: 0,
  clock: { wall_ms: 0, time_ms: 0, rate: 1 },
  warehouses: new Map(),
  orders: new Map(),
  couriers: new Map(),
  demand: [],
  feed: [],
  incidents: [],
  counters: NO_COUNTERS,
  minutes: null,
  minutes_as_of: null,
  fleet: { position: new Float32Array(0), seen_at: new Float64Array(0) },
}

export function step(room: Room, message: Message): Step {
  if (message.type === 'snapshot') return { room: applySnapshot(room, message.snapshot), resync: false }
  const { delta } = message
  // The snapshot that a join brings is still on its way, or the one that was asked for.
  if (room.phase !== 'following') return { room, resync: false }
  if (delta.epoch === room.epoch && delta.seq <= room.seq) return { room, resync: false }
  if (delta.epoch !== room.epoch || delta.seq !== room.seq + 1)
    return { room: { ...room, phase: 'lost' }, resync: true }
  return { room: applyDelta(room, delta), resync: false }
}

function applySnapshot(room: Room, snapshot: Snapshot): Room {
  // A snapshot that was overtaken by deltas of the same life must not turn time back.
  if (room.phase === 'following' && snapshot.epoch === room.epoch && snapshot.seq < room.seq) return room
  return {
    phase: 'following',
    epoch: snapshot.epoch,
    seq: snapshot.seq,
    as_of: snapshot.as_of,
    sent_wall_ms: snapshot.sent_wall_ms,
    clock: snapshot.clock,
    warehouses: new Map(snapshot.warehouses.map(row => [row.warehouse_id, row])),
    orders: new Map(snapshot.orders.map(row => [row.order_id, row])),
    couriers: new Map(snapshot.couriers.map(row => [row.courier_id, row])),
    demand: snapshot.demand,
    feed: told([], snapshot.feed),
    incidents: snapshot.incidents,
    counters: snapshot.counters,
    minutes: snapshot.minutes,
    minutes_as_of: snapshot.minutes_as_of,
    fleet: moved(EMPTY_ROOM.fleet, snapshot.positions),
  }
}

function applyDelta(room: Room, delta: Delta): Room {
  const gone = (delta.couriers_gone ?? []).flatMap(id => room.couriers.get(id)?.index ?? [])
  return {
    ...room,
    seq: delta.seq,
    as_of: delta.as_of,
    sent_wall_ms: delta.sent_wall_ms,
    clock: delta.clock ?? room.clock,
    warehouses: replaced(room.warehouses, delta.warehouses, [], row => row.warehouse_id),
    orders: replaced(room.orders, delta.orders, delta.orders_gone, row => row.order_id),
    couriers: replaced(room.couriers, delta.couriers, delta.couriers_gone, row => row.courier_id),
    demand: delta.demand ?? room.demand,
    feed: told(room.feed, delta.feed ?? []),
    incidents: delta.incidents ?? room.incidents,
    counters: delta.counters ?? room.counters,
    minutes: delta.minutes === undefined ? room.minutes : delta.minutes,
    minutes_as_of: delta.minutes_as_of === undefined ? room.minutes_as_of : delta.minutes_as_of,
    fleet: forgotten(delta.positions ? moved(room.fleet, delta.positions) : room.fleet, gone),
  }
}

/** Rows replace the rows of the same id; ids that are gone leave, unless the same delta brings them back. */
function replaced<Row>(
  rows: ReadonlyMap<string, Row>,
  changed: readonly Row[] | undefined,
  gone: readonly string[] | undefined,
  idOf: (row: Row) => string,
): ReadonlyMap<string, Row> {
  if (!changed?.length && !gone?.length) return rows
  const next = new Map(rows)
  for (const id of gone ?? []) next.delete(id)
  for (const row of changed ?? []) next.set(idOf(row), row)
  return next
}

/** A function of the set of items, whatever their order and however often each came; the later row of one id counts. */
function told(feed: readonly FeedItem[], news: readonly FeedItem[]): readonly FeedItem[] {
  if (news.length === 0) return feed
  const items = new Map([...feed, ...news].map(item => [item.id, item]))
  return [...items.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).slice(-FEED_MAX)
}

/** A frame's buffers come as ArrayBuffer in browsers and as a view of a pool under Node: copied, so that they are aligned. */
function bytes(part: ArrayBuffer | Uint8Array): ArrayBuffer {
  if (part instanceof ArrayBuffer) return part
  return new Uint8Array(part).buffer
}

function moved(fleet: Fleet, frame: CourierFrame): Fleet {
  const index = new Uint32Array(bytes(frame.index))
  const position = new Float32Array(bytes(frame.position))
  const seen_at = new Float64Array(bytes(frame.seen_at))
  if (index.length === 0) return fleet
  const next = grown(
    fleet,
    index.reduce((most, each) => Math.max(most, each + 1), 0),
  )
  index.forEach((courier, i) => {
    next.position[2 * courier] = position[2 * i] ?? Number.NaN
    next.position[2 * courier + 1] = position[2 * i + 1] ?? Number.NaN
    next.seen_at[courier] = seen_at[i] ?? Number.NaN
  })
  return next
}

/** A copy with room for `couriers`, what is new in it unseen. */
function grown(fleet: Fleet, couriers: number): Fleet {
  const size = Math.max(fleet.seen_at.length, couriers)
  const position = new Float32Array(2 * size).fill(Number.NaN)
  const seen_at = new Float64Array(size).fill(Number.NaN)
  position.set(fleet.position)
  seen_at.set(fleet.seen_at)
  return { position, seen_at }
}

function forgotten(fleet: Fleet, gone: readonly number[]): Fleet {
  if (gone.length === 0) return fleet
  const next = grown(fleet, 0)
  for (const courier of gone) {
    next.position.fill(Number.NaN, 2 * courier, 2 * courier + 2)
    next.seen_at[courier] = Number.NaN
  }
  return next
}
