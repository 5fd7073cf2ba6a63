import type { NoteView } from '../../dispatch/contract.ts'
import type { CourierView } from '../../engine/contract.ts'
import { type CourierEvent, type DeliveryEvent, REAL_TIME, type WarehouseRow } from '../../ingest/contract.ts'
import type { DecisionRecord, DecisionsRecord } from '../../ingest/events/decisions.ts'
import type { Clock } from '../../ingest/events/network.ts'
import type { MinutePoint } from '../contract.ts'
import { deedsOfDelivery, deedsOfRecord } from './deeds.ts'
import { type Demand, forgetDemand, newDemand, want } from './demand.ts'
import { type Feed, newFeed, tell } from './feed.ts'
import { courierFromView, type Fleet, hearCourier, newFleet } from './fleet.ts'
import {
  followDeeds,
  followOrder,
  forgetIncidents,
  type Incidents,
  newIncidents,
  report,
  reportPause,
  reportResumed,
} from './incidents.ts'
import { noticeLate } from './lateness.ts'
import { followLeft, type LeftOrders } from './left_orders.ts'
import { carry, closedAt, decide, fromBook, type OrderRow, orderOf } from './orders.ts'
import { type At, bookPosition, type DecisionsPositions, judge } from './positions.ts'
import { tellDelivery, tellNote, tellTakenOver } from './road_sentences.ts'
import { tellDecisions, tellWarehouse } from './sentences.ts'
import { addTo, NO_SHARE, type Share, shareOf } from './totals.ts'
import { link, moveTrip, type TripLinks, type TripRow, tripFromBook, unlink } from './trips.ts'
import type { Names } from './words.ts'

/**
 * What the room shows: a fold over the book, and then over decisions, deliveries and couriers. No clock, no I/O.
 *
 * What makes it safe to read a record twice, or to begin reading further back:
 *   decisions   the book names the first offset of each partition that it lacks. A record below the position, below the
 *               highest epoch, or not above the last source offset changes no row.
 *   deliveries  the book names no offset, so reading begins a little before: a trip's version orders its events, and
 *               what an order went through on the road only ever moves on.
 *   couriers    a position is taken over by its time.
 *   feed        an item's id is made from its record.
 */
export interface Picture {
  tenant_id: string
  /** business ms of the last `advance` */
  now: number
  clock: Clock
  /** business ms: a trip that the book did not name and that something happened to before this is over */
  known_since: number
  decisions: DecisionsPositions
  /** partition of deliveries → next offset */
  deliveries: Map<number, number>
  orders: Map<string, OrderRow>
  trips: Map<string, TripRow>
  /** order → its trips, over ones included */
  trips_of_order: TripLinks
  trips_of_courier: TripLinks
  left: LeftOrders
  warehouses: Map<string, WarehouseRow>
  /** s until an order of one line would be packed, from the live view; absent: not known */
  ready_in_s: Map<string, number>
  fleet: Fleet
  demand: Demand
  feed: Feed
  incidents: Incidents
  totals: Share
  minutes: MinutePoint[] | null
  minutes_as_of: number | null
  changes: Changes
}

/** What the room has to hear of: ids, so that ten changes of one order between two ticks are one row. */
export interface Changes {
  orders: Set<string>
  orders_gone: Set<string>
  couriers: Set<string>
  warehouses: Set<string>
  clock: boolean
  minutes: boolean
}

export const noChanges = (): Changes => ({
  orders: new Set(),
  orders_gone: new Set(),
  couriers: new Set(),
  warehouses: new Set(),
  clock: false,
  minutes: false,
})

/** Closed orders stay this long in sight, business ms. */
export const CLOSED_MS = 10 * 60_000
/** Trips that are over are remembered, so that an event that comes again does not bring them back. */
const TRIP_OVER_MS = 120 * 60_000
const ORDERS_MAX = 100_000

export interface Start {
  tenant_id: string
  now: number
  /** the book holds what is open, and of what is over only what changed since then; business ms */
  known_since: number
  orders: Parameters<typeof fromBook>[0][]
  trips: Parameters<typeof tripFromBook>[0][]
  decisions_positions: Record<number, number>
  decisions_epochs: Record<number, number>
  decisions_source_offsets: Record<number, number>
  totals?: Share
}

/** @returns the picture as the book knows it; couriers, warehouses and the clock are still to be told */
export function startPicture(start: Start): Picture {
  const picture: Picture = {
    tenant_id: start.tenant_id,
    now: start.now,
    clock: REAL_TIME,
    known_since: start.known_since,
    decisions: new Map(),
    deliveries: new Map(),
    orders: new Map(),
    trips: new Map(),
    trips_of_order: new Map(),
    trips_of_courier: new Map(),
    left: new Map(),
    warehouses: new Map(),
    ready_in_s: new Map(),
    fleet: newFleet(),
    demand: newDemand(),
    feed: newFeed(),
    incidents: newIncidents(),
    totals: { ...NO_SHARE },
    minutes: null,
    minutes_as_of: null,
    changes: noChanges(),
  }
  for (const [partition, next_offset] of Object.entries(start.decisions_positions)) {
    const epoch = start.decisions_epochs[Number(partition)] ?? 0
    const source_offset = start.decisions_source_offsets[Number(partition)] ?? -1
    picture.decisions.set(Number(partition), bookPosition(epoch, next_offset, source_offset))
  }
  for (const view of start.orders) putOrder(picture, fromBook(view))
  for (const view of start.trips) {
    const trip = tripFromBook(view)
    putTrip(picture, { ...trip, order_ids: trip.order_ids.filter(id => isOpen(picture, id)) })
  }
  if (start.totals) picture.totals = { ...start.totals }
  advance(picture, start.now)
  return picture
}

/** The book names every open order, so one that it does not name was brought long ago. */
function isOpen(picture: Picture, order_id: string): boolean {
  const row = picture.orders.get(order_id)
  return row !== undefined && closedAt(row) === null
}

const namesOf = (picture: Picture): Names => ({ warehouse: id => picture.warehouses.get(id) })

// ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Records of one partition in the order of the log; from any offset, as often as one likes. */
export function applyDecisions(picture: Picture, record: DecisionsRecord, at: At): void {
  const verdict = judge(picture.decisions, record, at)
  if (verdict === 'void' || record.kind === 'owner' || record.tenant_id !== picture.tenant_id) return
  // A record that is read again knows no more where its orders were before.
  const before = (order_id: string) => picture.orders.get(order_id)?.decided?.warehouse_id ?? undefined
  const items = tellDecisions(record, { ...namesOf(picture), ...(verdict === 'new' && { before }) })
  const deeds = deedsOfRecord(record, verdict === 'new' ? before : () => undefined)
  if (verdict === 'new') {
    for (const decision of record.decisions) {
      const order_id = orderOf(decision)
      if (order_id !== undefined) decideOrder(picture, order_id, decision, record.decided_at)
    }
  }
  followDeeds(picture.incidents, deeds, picture.orders)
  for (const item of items) tell(picture.feed, item)
}

function decideOrder(
  picture: Picture,
  order_id: string,
  decision: DecisionRecord['decisions'][number],
  decided_at: number,
): void {
  const row = picture.orders.get(order_id) ?? newRow(order_id)
  const decided = decide(row.decided, decision, decided_at)
  if (decided !== row.decided) putOrder(picture, { ...row, decided, touched_at: Math.max(row.touched_at, decided_at) })
}

const newRow = (order_id: string): OrderRow => ({ order_id, decided: null, carried: null, touched_at: 0 })

function putOrder(picture: Picture, row: OrderRow): void {
  const before = picture.orders.get(row.order_id)
  if (!before && picture.orders.size >= ORDERS_MAX) return
  picture.orders.set(row.order_id, row)
  addTo(picture.totals, shareOf(row), before ? shareOf(before) : NO_SHARE)
  followOrder(picture.incidents, row)
  if (row.decided) want(picture.demand, row.order_id, row.decided)
  if (before?.decided?.warehouse_id) picture.changes.warehouses.add(before.decided.warehouse_id)
  touchOrder(picture, row.order_id)
}

function touchOrder(picture: Picture, order_id: string): void {
  const { changes } = picture
  changes.orders.add(order_id)
  const warehouse_id = picture.orders.get(order_id)?.decided?.warehouse_id
  if (warehouse_id) changes.warehouses.add(warehouse_id)
}

// ── Deliveries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Events of one partition in the order of the log; from any offset, as often as one likes. */
export function applyDelivery(picture: Picture, event: DeliveryEvent, at: At): void {
  if (at.offset < (picture.deliveries.get(at.partition) ?? 0)) return
  picture.deliveries.set(at.partition, at.offset + 1)
  if (event.tenant_id !== picture.tenant_id) return
  const known = picture.trips.get(event.data.trip_id)
  const trip = known || event.occurred_at >= picture.known_since ? moveTrip(known, event) : undefined
  if (trip && trip !== known) putTrip(picture, trip)
  if ('order_id' in event.data) carryOrder(picture, event.data.order_id, event)
  const taken_over = followLeft(picture.left, event)
  followDeeds(picture.incidents, deedsOfDelivery(event, taken_over), picture.orders)
  const item = taken_over ? tellTakenOver(event, taken_over) : tellDelivery(event, namesOf(picture))
  if (item) tell(picture.feed, item)
}

function carryOrder(picture: Picture, order_id: string, event: DeliveryEvent): void {
  const row = picture.orders.get(order_id) ?? newRow(order_id)
  const carried = carry(row.carried, event)
  if (carried === row.carried) return
  putOrder(picture, { ...row, carried, touched_at: Math.max(row.touched_at, event.occurred_at) })
}

function putTrip(picture: Picture, trip: TripRow): void {
  const before = picture.trips.get(trip.trip_id)
  if (!before && picture.trips.size >= ORDERS_MAX) return
  if (before) unlinkTrip(picture, before)
  picture.trips.set(trip.trip_id, trip)
  link(picture.trips_of_courier, trip.courier_id, trip.trip_id)
  for (const order_id of trip.order_ids) link(picture.trips_of_order, order_id, trip.trip_id)
  for (const courier_id of new Set([trip.courier_id, before?.courier_id ?? trip.courier_id])) {
    picture.changes.couriers.add(courier_id)
  }
  for (const order_id of new Set([...trip.order_ids, ...(before?.order_ids ?? [])])) touchOrder(picture, order_id)
}

function unlinkTrip(picture: Picture, trip: TripRow): void {
  unlink(picture.trips_of_courier, trip.courier_id, trip.trip_id)
  for (const order_id of trip.order_ids) unlink(picture.trips_of_order, order_id, trip.trip_id)
}

// ── Couriers, warehouses, the clock ─────────────────────────────────────────────────────────────────────────────────

export function applyFleet(picture: Picture, views: readonly CourierView[]): void {
  for (const view of views) if (view.tenant_id === picture.tenant_id) courierFromView(picture.fleet, view)
}

export function applyCourier(picture: Picture, event: CourierEvent): void {
  if (event.tenant_id === picture.tenant_id) hearCourier(picture.fleet, event)
}

/** All rows of the network, as Postgres has them now. */
export function applyWarehouses(picture: Picture, rows: readonly WarehouseRow[]): void {
  for (const row of rows) {
    const before = picture.warehouses.get(row.warehouse_id)
    if (row.tenant_id !== picture.tenant_id || (before && before.version >= row.version)) continue
    picture.warehouses.set(row.warehouse_id, row)
    picture.changes.warehouses.add(row.warehouse_id)
    const item = tellWarehouse(before, row, picture.now)
    if (!item) continue
    tell(picture.feed, item)
    const { warehouse_id } = row
    if (row.paused) reportPause(picture.incidents, { ...item, warehouse_id }, picture.orders)
    else reportResumed(picture.incidents, { ...item, warehouse_id })
  }
}

export function applyReadyIn(picture: Picture, views: readonly { warehouse_id: string; ready_in_s: number }[]): void {
  for (const { warehouse_id, ready_in_s } of views) {
    if (picture.ready_in_s.get(warehouse_id) === ready_in_s) continue
    picture.ready_in_s.set(warehouse_id, ready_in_s)
    picture.changes.warehouses.add(warehouse_id)
  }
}

export function applyClock(picture: Picture, clock: Clock): void {
  picture.clock = clock
  picture.changes.clock = true
}

/** `minutes` null: nobody can be asked; the last answer's time stays. */
export function applyMinutes(picture: Picture, minutes: MinutePoint[] | null, as_of: number | null): void {
  if (minutes === null && picture.minutes === null) return
  picture.minutes = minutes
  picture.minutes_as_of = as_of ?? picture.minutes_as_of
  picture.changes.minutes = true
}

// ── The shift log ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Once a note, in any order. */
export function applyNote(picture: Picture, note: NoteView): void {
  const item = tellNote(note)
  tell(picture.feed, item)
  report(picture.incidents, { ...item, courier_id: note.courier_id ?? undefined }, picture.orders)
}

// ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Lets go of what is over. @param now business ms */
export function advance(picture: Picture, now: number): void {
  picture.now = Math.max(picture.now, now)
  const since = picture.now - CLOSED_MS
  for (const [order_id, row] of picture.orders) {
    const over_at = row.decided ? closedAt(row) : row.touched_at
    if (over_at === null || over_at >= since) continue
    picture.orders.delete(order_id)
    picture.left.delete(order_id)
    picture.changes.orders.delete(order_id)
    picture.changes.orders_gone.add(order_id)
  }
  for (const [trip_id, trip] of picture.trips) {
    if (trip.live || trip.touched_at >= picture.now - TRIP_OVER_MS) continue
    unlinkTrip(picture, trip)
    picture.trips.delete(trip_id)
  }
  forgetDemand(picture.demand, picture.now)
  noticeLate(picture)
  forgetIncidents(picture.incidents, picture.now)
}
