import { gridDistance, latLngToCell } from 'h3-js'
import type { Point } from '../../ingest/events/envelope.ts'
import type { FeedItem, Incident } from '../contract.ts'
import type { Deed } from './deeds.ts'
import { closedAt, DEMAND_RESOLUTION, type OrderRow, stateOf } from './orders.ts'

/**
 * What went wrong and what came of it: a fold over notes, pauses, what was done about orders (deeds.ts), and the orders' ends.
 * A note and what followed from it come by different ways, so deeds are kept for a while and taken up by a note that comes after
 * them: what an incident holds is a function of the set of what was heard, not of its order.
 */
export interface Incidents {
  /** oldest first */
  items: IncidentRow[]
  /** oldest first, the last DEEDS_KEPT_MS */
  deeds: Deed[]
  /** the room has not heard of it yet */
  changed: boolean
}

export interface IncidentRow extends Subject {
  incident_id: string
  /** all reports that it is made of */
  report_ids: Set<string>
  at: number
  tone: FeedItem['tone']
  text: string
  /** of a point without a subject: the cell around which orders count */
  cell: string | null
  /** its warehouse stands still, so what went past it for another reason is of another incident */
  paused: boolean
  /** nobody has said more of it than that the warehouse was paused */
  bare: boolean
  over: Incident['over']
  /** of the one order that it is about, where nothing was done about it */
  own_end: keyof Incident['orders'] | null
  orders: Map<string, { deed: Deed; end: keyof Incident['orders'] }>
}

export interface Subject {
  warehouse_id?: string | undefined
  courier_id?: string | undefined
  order_id?: string | undefined
  point?: Point | undefined
}

/** What begins one, or ends one of the same subject where its tone is good. */
export type Report = Pick<FeedItem, 'id' | 'at' | 'tone' | 'text'> & Subject

/** Business ms. */
const DEEDS_KEPT_MS = 3 * 60_000
const DEEDS_MAX = 20_000
/** Who notes something does it about when it happens. */
const SLACK_MS = 30_000
/** After it is over its orders are followed and shown for so long. */
const SHOWN_MS = 10 * 60_000
const OPEN_MS_MAX = 40 * 60_000
const ITEMS_MAX = 12
const ORDERS_MAX = 2_000
/** Cells of resolution 8 around a point: some 1.7 km. */
const RINGS = 2
/** A pause and the note that explains it come one after the other. */
const SAME_MS = 2 * 60_000

export const newIncidents = (): Incidents => ({ items: [], deeds: [], changed: false })

/** Somebody reports something. Reported again it changes nothing. */
export function report(incidents: Incidents, said: Report, orders: ReadonlyMap<string, OrderRow>): void {
  if (incidents.items.some(one => one.report_ids.has(said.id))) return
  if (said.tone === 'good') end(incidents, said)
  else begin(incidents, said, orders)
}

function begin(incidents: Incidents, said: Report, orders: ReadonlyMap<string, OrderRow>): void {
  const { id: incident_id, at, tone, text, warehouse_id, courier_id, order_id, point } = said
  if (!warehouse_id && !courier_id && !order_id && !point) return
  const explained = incidents.items.find(one => one.bare && one.warehouse_id === warehouse_id && isAbout(one.at, at))
  if (explained && warehouse_id) Object.assign(explained, { at: Math.min(at, explained.at), tone, text, bare: false })
  const about = order_id ? { order_id } : courier_id ? { courier_id } : warehouse_id ? { warehouse_id } : {}
  const cell = point && Object.keys(about).length === 0 ? latLngToCell(point.lat, point.lng, DEMAND_RESOLUTION) : null
  const row = explained ?? {
    ...{ incident_id, at, tone, text, ...about, ...(point && { point }), cell },
    ...{ paused: false, bare: false, over: null, own_end: order_id ? endOf(orders.get(order_id)) : null },
    ...{ report_ids: new Set<string>(), orders: new Map() },
  }
  row.report_ids.add(incident_id)
  if (!explained) put(incidents, row)
  takeUp(incidents, row, orders)
}

const isAbout = (one: number, other: number): boolean => Math.abs(one - other) < SAME_MS

/** A warehouse stands still: what is known of it says why, or else it is an incident of its own. */
export function reportPause(
  incidents: Incidents,
  said: Report & { warehouse_id: string },
  orders: ReadonlyMap<string, OrderRow>,
): void {
  const noted = incidents.items.findLast(
    one => one.warehouse_id === said.warehouse_id && !one.over && isAbout(one.at, said.at),
  )
  if (!noted) report(incidents, said, orders)
  const row = noted ?? incidents.items.find(one => one.incident_id === said.id)
  if (!row) return
  row.paused = true
  row.bare = !noted
  row.orders.clear()
  takeUp(incidents, row, orders)
}

/** It takes orders again. */
export function reportResumed(incidents: Incidents, { at, text, warehouse_id }: Report): void {
  for (const row of incidents.items) {
    if (row.warehouse_id !== warehouse_id || !row.paused || row.over) continue
    row.over = { at, text }
    incidents.changed = true
  }
}

function end(incidents: Incidents, { at, text, warehouse_id, courier_id, order_id, point }: Report): void {
  const row = incidents.items.findLast(one => {
    if (one.at > at) return false
    if (one.order_id || order_id) return one.order_id === order_id
    if (one.courier_id || courier_id) return one.courier_id === courier_id
    if (one.warehouse_id || warehouse_id) return one.warehouse_id === warehouse_id
    return one.point?.lat === point?.lat && one.point?.lng === point?.lng
  })
  if (!row || row.over?.text === text) return
  row.over = { at, text }
  incidents.changed = true
}

function put(incidents: Incidents, row: IncidentRow): void {
  const { items } = incidents
  const later = items.findIndex(one => one.at > row.at || (one.at === row.at && one.incident_id > row.incident_id))
  items.splice(later < 0 ? items.length : later, 0, row)
  if (items.length > ITEMS_MAX) items.shift()
  incidents.changed = true
}

function takeUp(incidents: Incidents, row: IncidentRow, orders: ReadonlyMap<string, OrderRow>): void {
  for (const deed of incidents.deeds) if (isOf(row, deed)) attach(row, deed, orders.get(deed.order_id))
  incidents.changed = true
}

/** Something was done about an order. */
export function followDeeds(incidents: Incidents, deeds: readonly Deed[], orders: ReadonlyMap<string, OrderRow>): void {
  for (const deed of deeds) {
    if (incidents.deeds.length < DEEDS_MAX) incidents.deeds.push(deed)
    for (const row of incidents.items) {
      if (isOf(row, deed) && attach(row, deed, orders.get(deed.order_id))) incidents.changed = true
    }
  }
}

function isOf(row: IncidentRow, deed: Deed): boolean {
  if (deed.at < row.at - SLACK_MS || (row.over !== null && deed.at > row.over.at + SLACK_MS)) return false
  if (row.order_id !== undefined) return deed.order_id === row.order_id
  if (row.courier_id !== undefined) return deed.courier_id === row.courier_id
  if (row.warehouse_id !== undefined) {
    if (!deed.warehouse_ids.includes(row.warehouse_id) || deed.reason === 'customer') return false
    return row.paused
      ? deed.reason === 'warehouse_paused'
      : deed.reason !== 'warehouse_paused' && deed.reason !== 'full'
  }
  return row.cell !== null && deed.cell !== null && isNear(row.cell, deed.cell)
}

function isNear(one: string, other: string): boolean {
  try {
    return gridDistance(one, other) <= RINGS
  } catch {
    return false // too far apart to be counted in cells
  }
}

/** @returns whether it says more than was known */
function attach(row: IncidentRow, deed: Deed, order: OrderRow | undefined): boolean {
  const known = row.orders.get(deed.order_id)
  if (!known && row.orders.size >= ORDERS_MAX) return false
  if (known && (known.deed.deed_id === deed.deed_id || isBefore(deed, known.deed))) return false
  row.orders.set(deed.order_id, { deed, end: endOf(order) })
  return true
}

/** By time; of one time, a later promise says less than the move that it comes with. */
const isBefore = (deed: Deed, known: Deed): boolean =>
  deed.at < known.at || (deed.at === known.at && deed.did === 'promised_later')

function endOf(order: OrderRow | undefined): keyof Incident['orders'] {
  const state = order && stateOf(order)
  if (state === 'rejected' || state === 'cancelled' || state === 'failed') return 'lost'
  if (state !== 'delivered' || !order) return 'under_way'
  const promised = order.decided?.first_deliver_by ?? null
  return promised !== null && (closedAt(order) ?? 0) > promised ? 'late' : 'delivered'
}

/** An order has changed. */
export function followOrder(incidents: Incidents, order: OrderRow): void {
  for (const row of incidents.items) {
    if (row.order_id === order.order_id && !row.over) {
      const closed_at = closedAt(order)
      if (closed_at !== null) row.over = { at: closed_at, text: null }
      row.own_end = endOf(order)
      incidents.changed = true
    }
    const known = row.orders.get(order.order_id)
    const end = endOf(order)
    if (!known || known.end === end) continue
    known.end = end
    incidents.changed = true
  }
}

/** Lets go of what is over. @param now business ms */
export function forgetIncidents(incidents: Incidents, now: number): void {
  const { deeds, items } = incidents
  const first = deeds.findIndex(deed => deed.at >= now - DEEDS_KEPT_MS)
  deeds.splice(0, first < 0 ? deeds.length : first)
  const kept = items.filter(row => {
    if (now - row.at >= OPEN_MS_MAX) return false
    const busy = row.own_end === 'under_way' || [...row.orders.values()].some(one => one.end === 'under_way')
    return busy || now - (row.over?.at ?? row.at) < SHOWN_MS
  })
  if (kept.length === items.length) return
  incidents.items = kept
  incidents.changed = true
}
