import type { OrderState } from '../dispatch/contract.ts'
import type { Candidate, PromiseTime } from '../ingest/events/decisions.ts'
import type { Point } from '../ingest/events/envelope.ts'
import type { Clock } from '../ingest/events/network.ts'

/**
 * The push protocol between the gateway and the page (Socket.IO, default namespace).
 *
 *   page → gateway   join   {room: 'network'}            ack {ok: true} | {ok: false, problem}
 *   gateway → page   snapshot  Snapshot                   after a join, a gap or a full buffer
 *   gateway → page   delta     Delta                      numbered: seq = previous seq + 1
 *   page → gateway   resync {room, seq}                   the page saw a gap: a snapshot follows
 *
 *   page:   ──join──►  ◄─snapshot(seq 41)─  ◄─delta 42─  ◄─delta 43─   (45 comes: 44 is missing) ──resync──►  ◄─snapshot(seq 45)─
 *
 * A row in a delta is absolute and replaces the row of the same id, so that a delta after a snapshot never does harm.
 * `demand`, `incidents`, `counters`, `minutes` and `clock` are whole when they are there at all (a cell that is missing from `demand` has
 * none); `feed` brings new items only; a page keeps the newest FEED_MAX by (at, id), each id once.
 * While nothing happens an empty delta still comes every second or two: silence of 6 s is shown as stale.
 * A snapshot or a delta of another `epoch` than the page's last snapshot is the start of another life: only a snapshot helps.
 * Times are ms of the business clock unless named `wall_ms`. One serialisation serves all sockets of a room.
 * Couriers' positions travel apart from the rest, as typed arrays (see CourierFrame), since they are most of the bytes.
 */

/** How many feed items a page keeps; a snapshot brings at least as many, oldest first. */
export const FEED_MAX = 120

export interface MapWarehouse {
  warehouse_id: string
  name: string
  lat: number
  lng: number
  paused: boolean
  version: number
  /** orders reserved and not yet packed */
  open_orders: number
  ready_in_s: number | null
}

export interface MapOrder {
  order_id: string
  state: OrderState
  /** rises with every attempt and, within one, with every state; not the book's */
  version: number
  lat: number
  lng: number
  warehouse_id: string | null
  courier_id: string | null
  placed_at: number
  promise: PromiseTime | null
  first_deliver_by: number | null
  closed_at: number | null
  attempt: number
  lines: number
  reason: string | null
  pinned: boolean
}

/** Slow facts of a courier; the position comes in frames by `index`, which is stable within one epoch of the room. */
export interface MapCourier {
  courier_id: string
  index: number
  state: 'available' | 'break' | 'off'
  trip_id: string | null
  order_ids: string[]
}

/** Positions: one entry a courier that moved. `index` points to MapCourier.index. Arrives as binary. */
export interface CourierFrame {
  /** Uint32Array bytes: index of each courier */
  index: ArrayBuffer
  /** Float32Array bytes: lng, lat of each courier */
  position: ArrayBuffer
  /** Float64Array bytes of one value each: business time at which the position was taken */
  seen_at: ArrayBuffer
}

/** A sentence's id is this and the order's where it tells that an order is late, and what it waits for. */
export const LATE_ID = 'late/'

/** One plain sentence; clicking it opens the order or warehouse it names, and flies to its point. */
export interface FeedItem {
  id: string
  at: number
  tone: 'good' | 'plain' | 'warn' | 'bad'
  text: string
  order_id?: string
  warehouse_id?: string
  /** where it happened */
  point?: Point
  /** somebody outside wrote it into the shift log: what happened there, not what Waggle decided */
  scene?: true
  /** nothing is out of the ordinary */
  routine?: true
}

/**
 * Something that went wrong, or that somebody noted: what was said of it, what Waggle did about it, and what became of the orders.
 * Kept while orders of it are under way and for some minutes more. The same `incident_id` is the same incident, newer.
 */
export interface Incident {
  incident_id: string
  at: number
  tone: FeedItem['tone']
  text: string
  /** what it is about: at most one of these */
  warehouse_id?: string
  courier_id?: string
  order_id?: string
  /** where it happened; without a subject: it is about what is ordered around there */
  point?: Point
  /** `text`: how it was said that it is over; null: nobody said it, it just was */
  over: { at: number; text: string | null } | null
  /** the ones with most orders first; an order is counted under the last thing done about it */
  answers: IncidentAnswer[]
  /** what became of these orders so far; lost: rejected, cancelled or failed. `delivered` has the late ones in it. */
  orders: { under_way: number; delivered: number; late: number; lost: number }
}

/** The same thing done about several orders, with the same outcome. */
export interface IncidentAnswer {
  /**
   * taken: as usual, told only of what is ordered around a place. sent_elsewhere: routed past the warehouse it would have gone to.
   * moved: to another warehouse after it had one. left: its courier cannot go on. given: to another courier.
   */
  did:
    | 'taken'
    | 'sent_elsewhere'
    | 'moved'
    | 'shortened'
    | 'substituted'
    | 'promised_later'
    | 'rejected'
    | 'cancelled'
    | 'left'
    | 'given'
  orders: number
  /** one of them, for a closer look */
  order_id: string
  to_warehouse_id?: string
  from_courier_id?: string
  to_courier_id?: string
  /** of what an order goes without */
  sku?: string
  /** of what was rejected */
  reason?: string
}

export interface Counters {
  placed: number
  routed: number
  rerouted: number
  rejected: number
  cancelled: number
  delivered: number
  failed: number
  late: number
  open: number
  couriers_on_shift: number
  couriers_on_trip: number
  events_per_s: number
  /** ms from Kafka's append to the gateway, worst of the last 10 s, wall clock */
  lag_ms_max: number
}

/** Demand of the last 30 business minutes by H3 cell (resolution 8). */
export interface DemandCell {
  cell: string
  orders: number
}

/** Orders a minute, from ClickHouse; `minute` is the start of the minute. At most 120 points. */
export interface MinutePoint {
  minute: number
  placed: number
  rejected: number
  delivered: number
}

export interface RoomState {
  clock: Clock
  warehouses: MapWarehouse[]
  orders: MapOrder[]
  couriers: MapCourier[]
  demand: DemandCell[]
  feed: FeedItem[]
  /** oldest first */
  incidents: Incident[]
  counters: Counters
  /** null while ClickHouse cannot be asked; `minutes_as_of` then says how old the last answer is */
  minutes: MinutePoint[] | null
  minutes_as_of: number | null
}

export interface Snapshot extends RoomState {
  seq: number
  room: 'network'
  /** names this gateway's life: another one means that indexes and numbers began anew */
  epoch: string
  as_of: number
  sent_wall_ms: number
  positions: CourierFrame
}

export interface Delta {
  seq: number
  epoch: string
  as_of: number
  sent_wall_ms: number
  clock?: Clock
  warehouses?: MapWarehouse[]
  orders?: MapOrder[]
  orders_gone?: string[]
  couriers?: MapCourier[]
  couriers_gone?: string[]
  demand?: DemandCell[]
  feed?: FeedItem[]
  incidents?: Incident[]
  counters?: Counters
  minutes?: MinutePoint[] | null
  minutes_as_of?: number | null
  positions?: CourierFrame
}

export interface ServerToClient {
  snapshot: (snapshot: Snapshot) => void
  delta: (delta: Delta) => void
}
export interface ClientToServer {
  join: (request: { room: 'network' }, ack: (answer: { ok: true } | { ok: false; problem: string }) => void) => void
  resync: (request: { room: 'network'; seq: number }) => void
  /** the page says when a delta was on the screen: wall ms from its `sent_wall_ms` to pixels; the gateway adds what came before */
  shown: (report: { seq: number; latency_ms: number }) => void
}

/**
 * HTTP of the gateway, same origin as the page. Commands are forwarded to dispatch with the operator's actor; its answers,
 * 409 included, are passed on as they are.
 *   GET  /api/orders/{id}                       OrderDetail
 *   POST /api/orders/{id}/cancel                {reason}
 *   POST /api/orders/{id}/reassign              {courier_id, reason, onto}   If-Match: version
 *   GET  /api/orders/{id}/couriers              CourierChoices of dispatch   the best five, and why not the others
 *   POST /api/warehouses/{id}/pause | resume    {reason}               If-Match: version
 *   GET  /api/config                            PageConfig
 *   GET  /api/history?from=&to=                 History      an hour at most; 422 bad_span, 503 history_away (ClickHouse)
 * Only where `world` is true, in the demo; else 404 `no_world`, and 502 `world_silent` while it does not answer:
 *   GET  /api/world                             {time_ms, courier_ids, surge: null | {impossible, detail}}   what is possible
 *   POST /api/world/courier                     {courier_id} → {outcome, order_ids, back_at}      404 unknown_courier, 422 broken_down
 *   POST /api/world/surge                       {lat, lng} → {orders, cells, warehouse_ids, until, calm_at}   422 not_served, crowded, nobody_there
 */
export interface PageConfig {
  /** MapLibre style or PMTiles URL; null: the basemap that ships with the page */
  basemap_url: string | null
  title: string
  /** the demo's outside world is there to make trouble in: see /api/world above */
  world: boolean
  /** IANA name of the city's clock, such as America/Chicago; absent: the zone of the browser */
  time_zone?: string
}

export interface OrderDetail {
  order_id: string
  external_id: string | null
  zone_id: string
  state: OrderState
  version: number
  /** as MapOrder's: below it, the book has not yet learnt what the map shows */
  map_version: number
  attempt: number
  lat: number
  lng: number
  warehouse_id: string | null
  courier_id: string | null
  trip_id: string | null
  placed_at: number
  promise: PromiseTime | null
  first_deliver_by: number | null
  lines: { line_id: string; sku: string; quantity: number; unit: string }[]
  candidates: Candidate[]
  reason: string | null
  pinned: boolean
  history: { at: number; text: string; actor: string | null }[]
}

/**
 * What the map replays, from ClickHouse, its notes from Postgres: what was placed up to an hour before `from` and open since is there too. A part of a
 * second or two before now may be missing, since the loader is behind. Times are ms of the business clock.
 */
export interface History {
  /** whole steps: the ones asked for or a little wider */
  from: number
  to: number
  step_ms: number
  /** `track`: base64 of a Float32Array, little endian, lng and lat a step; NaN: not seen in it */
  couriers: { courier_id: string; track: string }[]
  orders: PastOrder[]
  /** the shift log, oldest first: what the feed said of it then */
  notes: FeedItem[]
  /** changes only, oldest first */
  pauses: { at: number; warehouse_id: string; paused: boolean }[]
}

export interface PastOrder {
  order_id: string
  lat: number
  lng: number
  lines: number
  first_deliver_by: number | null
  /** oldest first; each holds until the next */
  steps: HistoryStep[]
}

export interface HistoryStep {
  at: number
  state: Exclude<OrderState, 'placed'>
  attempt: number
  warehouse_id: string | null
  courier_id: string | null
  reason: string | null
}
