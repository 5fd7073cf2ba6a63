import { createHash, randomUUIDv7 } from 'node:crypto'
import type { EventDraft } from '../../ingest/contract.ts'
import { REFUSALS, type Refusal } from '../../ingest/events/decisions.ts'
import type { LineId, OrderId, OrderLine } from '../../ingest/events/envelope.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import type { PlacedAnswer, PlaceOrder } from '../contract.ts'
import { type Desk, type Refused, refuse } from '../desk.ts'
import { readOrder } from '../io/book.ts'
import { claimRequest, markPublished, type RequestRow, renewEvent } from '../io/requests.ts'
import type { Metrics } from '../metrics.ts'
import type { Act } from '../trip.ts'
import type { Answer, Answers } from './answers.ts'

/**
 * Placing an order: claim the external id → publish order.placed → wait for the decision.
 * Each step may be done again, by the same caller or another: the order id is made once, the event's id stays while the
 * engine remembers it, and the engine drops what it knows.
 */

export interface PlaceEffects {
  desk: Desk
  answers: Answers
  metrics: Metrics
  /** The event as it would go out: zone found, cell computed. @throws Error for a draft that is wrong */
  complete(draft: EventDraft, act: Act): { zone_id: string; data: unknown }
  /** Resolves after Kafka's acknowledgement. @throws HttpProblem 503, 429 */
  publish(draft: EventDraft, act: Act): Promise<{ partition: number; offset: number }>
}

export type Placed = { status: 200 | 201 | 202; answer: PlacedAnswer } | { refused: Refused }

const DECISION_WITHIN_MS = 2_000
const PUBLISH_WITHIN_MS = 3_000
/** The engine remembers event ids for an hour. */
const EVENT_ID_AGE_MS_MAX = 30 * 60_000

export async function placeOrder(effects: PlaceEffects, act: Act, order: PlaceOrder): Promise<Placed> {
  const { row, fresh } = await claimRequest(effects.desk.pool, requestOf(effects, act, order), order.contact)
  if (row.request_hash !== hashOf(order)) {
    effects.metrics.orders.inc({ answer: 'conflict' })
    return refuse(409, 'other_content', `another order was placed as ${order.external_id}: take a new external_id`)
  }
  const { tenant_id, order_id } = row
  const stop_timer = effects.metrics.answer_seconds.startTimer()
  const waiting = effects.answers.expect(tenant_id, order_id, ['order.routed', 'order.rejected'], DECISION_WITHIN_MS)
  try {
    const appended = await publishOnce(effects, act, row)
    // Writing down where it lies takes as long as deciding it: both at once.
    const marking = markPublished(effects.desk.pool, row, appended)
    const deciding = verdictOf(effects, row, fresh, waiting.answer)
    const [{ partition, offset }, verdict] = await Promise.all([marking, deciding])
    if (verdict.decided) stop_timer()
    effects.metrics.orders.inc({ answer: verdict.decided ? verdict.state : 'undecided' })
    const answer = {
      order_id: order_id as OrderId,
      ...verdict,
      partition,
      offset: String(offset),
      href: hrefOf(order_id),
    }
    return { status: verdict.decided ? (fresh ? 201 : 200) : 202, answer }
  } finally {
    waiting.end()
  }
}

export const hrefOf = (order_id: string): string => `/v1/orders/${order_id}`

// ── The request ─────────────────────────────────────────────────────────────────────────────────────────────────────

function requestOf({ complete, desk }: PlaceEffects, act: Act, order: PlaceOrder): RequestRow {
  const order_id = randomUUIDv7() as OrderId
  const asked_at = desk.now()
  const data = dataOf(order, order_id)
  const { zone_id, data: event } = complete({ type: 'order.placed', data, occurred_at: asked_at }, act)
  return {
    tenant_id: act.tenant_id,
    external_id: order.external_id,
    order_id,
    request_hash: hashOf(order),
    zone_id,
    event: event as OrderRequest,
    event_id: randomUUIDv7(),
    event_made_at_wall: Date.now(),
    asked_at,
    correlation_id: act.correlation_id,
    log_partition: null,
    log_offset: null,
  }
}

/**
 * What goes into the log: the order without its contact. The cell is computed when it is published.
 * @throws HttpProblem 400 for a window that ends before it begins
 */
function dataOf(order: PlaceOrder, order_id: OrderId): Omit<OrderRequest, 'cell'> {
  const { contact: _stays_here, customer_ref, lines, ...rest } = order
  const { from = 0, to = 0 } = rest.deliver_between ?? {}
  if (from > to) {
    const pointer = '/deliver_between/to'
    throw new HttpProblem(400, 'wrong_shape', 'the window ends before it begins', { pointer })
  }
  return { ...rest, order_id, customer_ref: customer_ref ?? `order:${order_id}`, lines: linesOf(lines) }
}

/** @throws HttpProblem 400 when two lines have one id */
function linesOf(lines: PlaceOrder['lines']): OrderLine[] {
  const named = lines.map((line, index) => ({
    ...line,
    line_id: line.line_id ?? (`l${index + 1}` as LineId),
    unit: line.unit ?? 'each',
  }))
  const seen = new Set<string>()
  for (const [index, { line_id }] of named.entries()) {
    if (seen.has(line_id)) {
      const pointer = `/lines/${index}/line_id`
      throw new HttpProblem(400, 'line_twice', `${pointer}: ${line_id} is the id of another line`, { pointer })
    }
    seen.add(line_id)
  }
  return named
}

/** Of the content without the contact: a person's data leaves no trace, and may be erased. */
function hashOf({ contact: _left_out, ...content }: PlaceOrder): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(content)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]))
}

// ── Into the log ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Appended {
  partition: number
  offset: number
}

async function publishOnce(effects: PlaceEffects, act: Act, row: RequestRow): Promise<Appended> {
  const { log_partition: partition, log_offset: offset } = row
  if (partition !== null && offset !== null) return { partition, offset }
  const publishing = publishRequest(effects, act, row)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(unpublished()), PUBLISH_WITHIN_MS)
  try {
    return await Promise.race([publishing, late.promise])
  } catch (error) {
    effects.metrics.orders.inc({ answer: 'unpublished' })
    // It may still succeed: then the order stands, and asking again finds it.
    publishing.then(at => markPublished(effects.desk.pool, row, at)).catch(() => undefined)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function publishRequest({ desk, publish }: PlaceEffects, act: Act, row: RequestRow): Promise<Appended> {
  const { cell: _computed_again, ...data } = row.event
  let { event_id } = row
  if (row.event_made_at_wall < Date.now() - EVENT_ID_AGE_MS_MAX) {
    event_id = randomUUIDv7()
    await renewEvent(desk.pool, row, event_id, Date.now())
  }
  const { zone_id, asked_at: occurred_at, correlation_id } = row
  return publish({ type: 'order.placed', data, event_id, zone_id, occurred_at, correlation_id }, act)
}

function unpublished(): HttpProblem {
  const detail = 'Kafka has not taken the order yet: ask again with the same external_id, it is placed once'
  return new HttpProblem(503, 'kafka_unreachable', detail, { retry_after_s: 1 })
}

// ── The decision ────────────────────────────────────────────────────────────────────────────────────────────────────

type Verdict = Pick<
  PlacedAnswer,
  'decided' | 'state' | 'warehouse_id' | 'fulfilments' | 'promise' | 'reason' | 'retryable' | 'line_id'
>

async function verdictOf(
  { desk }: PlaceEffects,
  row: RequestRow,
  fresh: boolean,
  waiting: Promise<Answer | undefined>,
): Promise<Verdict> {
  const known = fresh ? undefined : await bookVerdict(desk, row)
  if (known) return known
  const answer = await waiting
  const heard = answer && heardVerdict(answer)
  return heard ?? (await bookVerdict(desk, row)) ?? { decided: false, state: 'placed' }
}

function heardVerdict({ decision }: Answer): Verdict | undefined {
  if (decision.type === 'order.routed') {
    const [first] = decision.fulfilments
    const { promise, fulfilments } = decision
    const several = fulfilments.length > 1 && { fulfilments }
    return { decided: true, state: 'routed', promise, ...(first && { warehouse_id: first.warehouse_id }), ...several }
  }
  if (decision.type !== 'order.rejected') return undefined
  const { reason, retryable, line_id } = decision
  return { decided: true, state: 'rejected', reason, retryable, ...(line_id !== undefined && { line_id }) }
}

async function bookVerdict({ pool }: Desk, row: RequestRow): Promise<Verdict | undefined> {
  const order = (await readOrder(pool, row.tenant_id, row.order_id))?.order
  if (!order || order.attempt === 0) return undefined
  if (order.state === 'rejected') {
    const reason = order.reason as Refusal
    return { decided: true, state: 'rejected', reason, retryable: REFUSALS[reason]?.retryable ?? false }
  }
  const { warehouse_id, promise, fulfilments } = order
  return {
    decided: true,
    state: 'routed',
    ...(warehouse_id !== null && { warehouse_id }),
    ...(promise !== null && { promise }),
    ...(fulfilments.length > 1 && { fulfilments }),
  }
}
