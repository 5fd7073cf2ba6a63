import type { NoteView } from '../../dispatch/contract.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import type { History, HistoryStep, PastOrder } from '../contract.ts'
import type { OrderRow, PastRows, PlaceRow } from '../io/history.ts'
import { tellNote } from './road_sentences.ts'

/**
 * The past as the map replays it: rows of ClickHouse and the shift log of Postgres, folded order by order and laid out step by step.
 * Pure but for the cache.
 */

/** Business ms between two places of a courier: as far as it rides in between, a straight line is true enough. */
export const STEP_MS = 20_000
export const SPAN_MS_MAX = 60 * 60_000

const STATES: Partial<Record<string, HistoryStep['state']>> = {
  'order.routed': 'routed',
  'order.rerouted': 'routed',
  'order.rejected': 'rejected',
  'order.cancelled': 'cancelled',
  'order.picking': 'picking',
  'order.packed': 'packed',
  'delivery.picked_up': 'picked_up',
  'delivery.delivered': 'delivered',
  'delivery.failed': 'failed',
}
const ENDS: ReadonlySet<string> = new Set(['rejected', 'cancelled', 'delivered', 'failed'])

/** ms of the business clock */
interface Span {
  from_ms: number
  to_ms: number
}

export interface HistoryRows extends PastRows {
  /** newest first */
  notes: NoteView[]
}

export function historyOf(rows: HistoryRows, { from_ms, to_ms }: Span): History {
  const steps = Math.max(1, Math.ceil((to_ms - from_ms) / STEP_MS))
  return {
    from: from_ms,
    to: to_ms,
    step_ms: STEP_MS,
    couriers: couriersOf(rows.places, steps),
    orders: ordersOf(rows.orders).filter(order => !endedBefore(order, from_ms)),
    notes: rows.notes.map(tellNote).reverse(),
    pauses: rows.pauses.map(({ at, warehouse_id, paused }) => ({ at, warehouse_id, paused: paused === 1 })),
  }
}

function couriersOf(rows: readonly PlaceRow[], steps: number): History['couriers'] {
  const tracks = new Map<string, Float32Array>()
  for (const { courier_id, slot, lng, lat } of rows) {
    const track = tracks.get(courier_id) ?? new Float32Array(2 * steps).fill(Number.NaN)
    tracks.set(courier_id, track)
    if (slot < steps) track.set([lng, lat], 2 * slot)
  }
  return [...tracks].map(([courier_id, track]) => ({ courier_id, track: Buffer.from(track.buffer).toString('base64') }))
}

/** What a courier's own word and dispatch's may say twice is said once: a step that changes nothing is none. */
function ordersOf(rows: readonly OrderRow[]): PastOrder[] {
  const orders = new Map<string, PastOrder>()
  for (const row of rows) {
    for (const order_id of row.order_ids) {
      const order = orders.get(order_id) ?? begun(order_id, row)
      if (!order) continue
      orders.set(order_id, order)
      const last = order.steps.at(-1)
      const next = nextStep(last, row)
      if (next) order.steps.push(next)
    }
  }
  return [...orders.values()]
}

/** An order begins with its first routing or its rejection, which say where its door is. */
function begun(order_id: string, { lat, lng, lines, deliver_by }: OrderRow): PastOrder | undefined {
  if (lat === null || lng === null) return undefined
  return { order_id, lat, lng, lines, first_deliver_by: deliver_by, steps: [] }
}

function nextStep(last: HistoryStep | undefined, row: OrderRow): HistoryStep | undefined {
  if (last && ENDS.has(last.state)) return undefined
  const { at, type, attempt, warehouse_id, courier_id, reason } = row
  const state = STATES[type] ?? last?.state
  if (!state || (last && STEP_OF[state] < STEP_OF[last.state] && attempt <= last.attempt)) return undefined
  const next = {
    at,
    state,
    attempt: Math.max(attempt, last?.attempt ?? 1),
    warehouse_id: warehouse_id || (last?.warehouse_id ?? null),
    courier_id: courier_id || (attempt > (last?.attempt ?? 0) ? null : (last?.courier_id ?? null)),
    reason: ENDS.has(state) && reason ? reason : null,
  }
  const same = last && last.state === next.state && last.attempt === next.attempt && last.courier_id === next.courier_id
  return same ? undefined : next
}

/** An order only ever moves on within an attempt; the same as in orders.ts, with the road after it. */
const STEP_OF: Record<HistoryStep['state'], number> = {
  routed: 1,
  picking: 2,
  packed: 3,
  picked_up: 4,
  rejected: 5,
  cancelled: 5,
  delivered: 5,
  failed: 5,
}

function endedBefore({ steps }: PastOrder, from_ms: number): boolean {
  const last = steps.at(-1)
  return !last || (ENDS.has(last.state) && last.at < from_ms)
}

// ── Asked by many pages ─────────────────────────────────────────────────────────────────────────────────────────────

const KEPT_MAX = 8
const AWAY = 'ClickHouse or Postgres cannot be asked just now, so there is no past to show'
/** Business ms: pages that ask for nearly the same half hour get the same one. */
const GRAIN_MS = STEP_MS

export interface HistoryEffects {
  /** rejects while ClickHouse is away */
  past(span: Span & { step_ms: number }): Promise<PastRows>
  /** newest first; rejects while Postgres is away */
  notes(span: Span): Promise<NoteView[]>
}

/**
 * @returns the history between two business times, widened to whole steps; the last eight are kept, and who asks for one that is
 *   being read waits for it. Throws HttpProblem 422 `bad_span`, 503 `history_away`.
 */
export function openHistory({ past, notes }: HistoryEffects): (from_ms: number, to_ms: number) => Promise<History> {
  const kept = new Map<string, Promise<History>>()
  const read = async (span: Span): Promise<History> => {
    const [rows, told] = await Promise.all([past({ ...span, step_ms: STEP_MS }), notes(span)])
    return historyOf({ ...rows, notes: told }, span)
  }
  return async (from, to) => {
    const span = { from_ms: Math.floor(from / GRAIN_MS) * GRAIN_MS, to_ms: Math.ceil(to / GRAIN_MS) * GRAIN_MS }
    if (!(span.from_ms < span.to_ms) || span.to_ms - span.from_ms > SPAN_MS_MAX + GRAIN_MS)
      throw new HttpProblem(422, 'bad_span', 'from must be before to, by an hour at most (ms of the business clock)')
    const key = `${span.from_ms}-${span.to_ms}`
    const reading = kept.get(key) ?? read(span)
    kept.set(key, reading)
    const [oldest] = kept.keys()
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest)
    try {
      return await reading
    } catch (cause) {
      kept.delete(key)
      throw new HttpProblem(503, 'history_away', AWAY, {
        retry_after_s: 5,
        cause,
      })
    }
  }
}
