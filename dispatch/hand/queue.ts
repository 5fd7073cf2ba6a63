import type { Point } from '../../ingest/events/envelope.ts'
import type { Attention, CourierState, QueueRow, TravelTimes } from '../contract.ts'
import type { QueuedOrder } from '../io/queue.ts'

/** The dispatchers' queue: what is open, least slack first, in pages. Pure. */

export interface QueueQuestion {
  zone_id?: string
  warehouse_id?: string
  courier_id?: string
  state?: readonly string[]
  /** who has it: nobody, somebody who was asked, who accepted, who is under way */
  assigned?: 'none' | 'planned' | 'offered' | 'accepted' | 'under_way'
  attention?: string
  pinned?: boolean
  slack_s_max?: number
  limit: number
  cursor?: Cursor
}

/** Behind which row the next page begins. All pages are of one moment, so that slack does not reorder them meanwhile. */
export interface Cursor {
  as_of: number
  slack_s: number
  order_id: string
}

export interface QueueView {
  /** business time, ms */
  now: number
  /** an offer older than this is not answered, s of business time */
  offer_s: number
  travelOf: (zone_id: string) => TravelTimes
  pointOf: (warehouse_id: string) => Point | undefined
  /** undefined: nobody knows where the couriers are now */
  courierState: ((courier_id: string) => CourierState) | undefined
  suggestionOf: (zone_id: string, order_id: string) => string | undefined
}

export interface QueuePage {
  as_of: number
  /** that the filters let pass */
  total: number
  rows: QueueRow[]
  next_cursor: string | null
}

export function pageOf(orders: readonly QueuedOrder[], question: QueueQuestion, view: QueueView): QueuePage {
  const { cursor, limit } = question
  const at = { ...view, now: cursor?.as_of ?? view.now }
  const rows = orders.map(order => rowOf(order, at)).filter(row => passes(row, question))
  rows.sort(bySlack)
  const begin = cursor ? rows.findIndex(row => bySlack(row, cursor) > 0) : 0
  const page = begin === -1 ? [] : rows.slice(begin, begin + limit)
  const last = page.at(-1)
  const more = last !== undefined && begin + limit < rows.length
  return {
    as_of: at.now,
    total: rows.length,
    rows: page,
    next_cursor: more ? encodeCursor({ as_of: at.now, slack_s: last.slack_s, order_id: last.order_id }) : null,
  }
}

type Place = Pick<QueueRow, 'slack_s'> & { order_id: string }

const bySlack = (a: Place, b: Place): number =>
  a.slack_s - b.slack_s || (a.order_id === b.order_id ? 0 : a.order_id < b.order_id ? -1 : 1)

/** As long as nobody fetches it, it is expected at the door as if somebody stood there when it is ready. */
function rowOf(order: QueuedOrder, view: QueueView): QueueRow {
  const { now } = view
  const {
    promise,
    point,
    first_deliver_by,
    ready_at: ready,
    trip_door_at,
    offered_at: _o,
    cancel_asked,
    ...rest
  } = order
  const ready_at = ready ?? promise?.ready_at ?? now
  const from = order.warehouse_id ? view.pointOf(order.warehouse_id) : undefined
  const ride_ms = from ? view.travelOf(order.zone_id)(from, point) * 1_000 : 0
  const door_at = trip_door_at === null ? Math.max(ready_at, now) + ride_ms : Math.max(trip_door_at, now)
  const deliver_by = first_deliver_by ?? promise?.deliver_by ?? door_at
  const slack_s = Math.round((deliver_by - door_at) / 1_000)
  return {
    ...rest,
    ready_at,
    deliver_by,
    door_at,
    slack_s,
    attention: attentionOf(order, { ready_at, slack_s, view }),
    suggested_courier_id: (view.suggestionOf(order.zone_id, order.order_id) ??
      null) as QueueRow['suggested_courier_id'],
  }
}

/** An order without a courier is nobody's trouble until it is nearly ready. */
const SOON_MS = 120_000

function attentionOf(
  { trip_id, courier_id, trip_state, offered_at, cancel_asked }: QueuedOrder,
  { ready_at, slack_s, view }: { ready_at: number; slack_s: number; view: QueueView },
): Attention[] {
  const attention: Attention[] = []
  if (slack_s < 0) attention.push('late')
  if (trip_id === null && ready_at - view.now < SOON_MS) attention.push('no_courier')
  if (trip_state === 'offered' && (offered_at ?? 0) < view.now - view.offer_s * 1_000) attention.push('not_answered')
  const state = courier_id && view.courierState ? view.courierState(courier_id) : undefined
  if (state === 'unreachable' || state === 'off') attention.push('courier_unreachable')
  if (cancel_asked) attention.push('cancel_asked')
  return attention
}

function passes(row: QueueRow, question: QueueQuestion): boolean {
  const { zone_id, warehouse_id, courier_id, state, assigned, attention, pinned, slack_s_max } = question
  if (zone_id !== undefined && row.zone_id !== zone_id) return false
  if (warehouse_id !== undefined && row.warehouse_id !== warehouse_id) return false
  if (courier_id !== undefined && row.courier_id !== courier_id) return false
  if (state !== undefined && !state.includes(row.state)) return false
  if (assigned !== undefined && (row.trip_state ?? 'none') !== assigned) return false
  if (attention !== undefined && !row.attention.some(one => one === attention)) return false
  if (pinned !== undefined && row.pinned !== pinned) return false
  return slack_s_max === undefined || row.slack_s <= slack_s_max
}

// ── Cursors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const encodeCursor = ({ as_of, slack_s, order_id }: Cursor): string =>
  Buffer.from(JSON.stringify([as_of, slack_s, order_id])).toString('base64url')

/** @returns undefined for a text that no page gave */
export function decodeCursor(text: string): Cursor | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (!Array.isArray(value) || value.length !== 3) return undefined
    const [as_of, slack_s, order_id] = value as unknown[]
    if (!Number.isSafeInteger(as_of) || !Number.isSafeInteger(slack_s) || typeof order_id !== 'string') return undefined
    return { as_of: as_of as number, slack_s: slack_s as number, order_id }
  } catch {
    return undefined
  }
}
