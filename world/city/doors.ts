import { randomUUIDv7 } from 'node:crypto'
import type { OrderView, PlacedAnswer, PlaceOrder } from '../../dispatch/contract.ts'
import type { EventAnswer, EventDraft, TravelWrite, ZoneWrite } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { Clock, OpeningSpan } from '../../ingest/events/network.ts'
import { type Answer, type Call, type Caller, type CallTally, CityStopped, openCaller, parsed } from './call.ts'
import { type OpsDoors, openOpsDoors } from './ops_doors.ts'

/** Waggle's public doors, as the city uses them. Every address that the city knows stands in this file and in ops_doors.ts. */
export interface Doors {
  putZone(zone: ZoneWrite, zone_id: string): Promise<void>
  putWarehouse(warehouse: WarehouseDraft, warehouse_id: string): Promise<void>
  putTravel(travel: TravelWrite, warehouse_id: string): Promise<void>
  /** Without `time_ms` the time goes on. @returns the clock as Waggle took it; undefined when that would be a step back */
  putClock(clock: { time_ms?: number; rate: number }): Promise<Clock | undefined>
  /** In order. Resolves when each is accepted or refused; what Waggle refuses is kept as a refusal. */
  sendEvents(drafts: readonly EventDraft[]): Promise<void>
  /** @returns undefined when it was refused, which is kept as a refusal */
  placeOrder(order: PlaceOrder, customer_ref: string): Promise<PlacedAnswer | undefined>
  /** @returns true when Waggle took it; false when it was too late */
  cancelOrder(order_id: string, reason: string, customer_ref: string): Promise<boolean>
  order(order_id: string): Promise<OrderView | undefined>
  /** @returns true when it was done; false when somebody else was first (409) or it is gone (404) */
  tell(courier_id: string, said: CourierWord): Promise<boolean>
  /** calls without an answer yet */
  open(): number
  report: DoorReport
  ops: OpsDoors
  /** who ordered it; undefined: too long ago */
  customerOf(order_id: string): string | undefined
}

export type CourierWord =
  | { word: 'accept'; trip_id: string }
  | { word: 'decline' | 'give_back'; trip_id: string; reason: string }
  | { word: 'break' | 'resume' }
  | { word: 'picked_up'; order_id: string }
  | { word: 'delivered'; order_id: string }
  | { word: 'failed'; order_id: string; reason: string }
  | { word: 'returned'; order_id: string }

export interface WarehouseDraft {
  zone_id: string
  name: string
  point: Point
  time_zone: string
  radius_m: number
  pickers: number
  pick_s_per_line: number
  pack_s: number
  opening?: OpeningSpan[]
}

export interface DoorReport {
  calls: CallTally
  events_accepted: number
  /** what Waggle refused although the city thought it right, the first twenty */
  refusals: string[]
  refused: number
}

export interface DoorOptions {
  ingest_url: string
  dispatch_url: string
  key: string
  stop: AbortSignal
}

const REFUSALS_KEPT = 20
const CUSTOMERS_KEPT = 5_000
/** One request stays well below ingest's limit of bytes and time. */
const EVENTS_PER_REQUEST = 1_000

export function openDoors(options: DoorOptions): Doors {
  const { ingest_url, dispatch_url, stop } = options
  const caller = openCaller(options.key, stop)
  const report: DoorReport = { calls: caller.tally, events_accepted: 0, refusals: [], refused: 0 }

  const refuse = (what: string, body: unknown): void => {
    report.refused++
    if (report.refusals.length < REFUSALS_KEPT) report.refusals.push(`${what}: ${JSON.stringify(body)}`.slice(0, 300))
  }
  const customers = new Map<string, string>()
  const remember = (order_id: string, customer_ref: string): void => {
    customers.set(order_id, customer_ref)
    if (customers.size > CUSTOMERS_KEPT) customers.delete(customers.keys().next().value ?? '')
  }
  const call = (
    method: Call['method'],
    url: string,
    body?: unknown,
    actor?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    caller.call({
      method,
      url,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { ...headers, ...(actor !== undefined && { 'x-waggle-actor': actor }) },
    })
  const must = async (what: string, answer: Promise<Answer>): Promise<Answer> => {
    const given = await answer
    if (given.status < 300) return given
    throw new Error(`${what} was answered with ${given.status}: ${JSON.stringify(given.body)}`)
  }
  /** Done, or somebody was first; everything else should not happen and is kept. */
  const done = (what: string, answer: Answer): boolean => {
    if (answer.status < 300) return true
    if (answer.status !== 409 && answer.status !== 404) refuse(`${what} → ${answer.status}`, answer.body)
    return false
  }

  return {
    report,
    ops: openOpsDoors(dispatch_url, call, done),
    customerOf: order_id => customers.get(order_id),
    open: caller.open,
    async putZone(zone, zone_id) {
      await must(`PUT zone ${zone_id}`, call('PUT', `${ingest_url}/v1/zones/${zone_id}`, zone))
    },
    async putWarehouse(warehouse, warehouse_id) {
      const url = `${ingest_url}/v1/warehouses/${warehouse_id}`
      await must(`PUT warehouse ${warehouse_id}`, call('PUT', url, warehouse))
    },
    async putTravel(travel, warehouse_id) {
      const url = `${ingest_url}/v1/warehouses/${warehouse_id}/travel`
      await must(`PUT travel of ${warehouse_id}`, call('PUT', url, travel))
    },
    async putClock(clock) {
      const asked = call('PUT', `${ingest_url}/v1/clock`, clock)
      if ((await asked).status === 409) return undefined
      return clockOf((await must('PUT clock', asked)).body)
    },
    async sendEvents(drafts) {
      for (let at = 0; at < drafts.length; at += EVENTS_PER_REQUEST) {
        await sendAll(caller, ingest_url, drafts.slice(at, at + EVENTS_PER_REQUEST), (draft, answer) => {
          if (answer.status === 'accepted') report.events_accepted++
          else refuse(`event ${draft.type}`, answer)
        })
      }
    },
    async placeOrder(order, customer_ref) {
      const answer = await call('POST', `${dispatch_url}/v1/orders`, order, `customer:${customer_ref}`)
      if (answer.status < 300) {
        const placed = answer.body as PlacedAnswer
        remember(placed.order_id, customer_ref)
        return placed
      }
      refuse(`POST order → ${answer.status}`, answer.body)
      return undefined
    },
    async cancelOrder(order_id, reason, customer_ref) {
      const url = `${dispatch_url}/v1/orders/${order_id}/cancel`
      return done('cancel', await call('POST', url, { reason }, `customer:${customer_ref}`))
    },
    async order(order_id) {
      const answer = await call('GET', `${dispatch_url}/v1/orders/${order_id}`)
      return answer.status === 200 ? (answer.body as OrderView) : undefined
    },
    async tell(courier_id, said) {
      const me = `${dispatch_url}/v1/couriers/me`
      const what = 'trip_id' in said ? `/trips/${said.trip_id}` : 'order_id' in said ? `/orders/${said.order_id}` : ''
      const body = 'reason' in said ? { reason: said.reason } : {}
      return done(said.word, await call('POST', `${me}${what}/${said.word}`, body, `courier:${courier_id}`))
    },
  }
}

/** An event with its own id, so that sending it again is harmless. `at` is of the business clock. */
export function draft(type: string, data: object, at: number, actor: string): EventDraft {
  return { event_id: randomUUIDv7(), type, data, occurred_at: at, source: 'city', actor }
}

function clockOf(body: unknown): Clock {
  const clock = body as Partial<Clock> | null
  if (typeof clock?.wall_ms !== 'number' || typeof clock.time_ms !== 'number' || typeof clock.rate !== 'number') {
    throw new Error(`PUT /v1/clock answered without wall_ms, time_ms and rate: ${JSON.stringify(body)}`)
  }
  return { wall_ms: clock.wall_ms, time_ms: clock.time_ms, rate: clock.rate }
}

/**
 * NDJSON, and what was not acknowledged again with the same ids: a stream may break off, and then its last lines have no answer.
 * In the order of `drafts` as long as Kafka acknowledges.
 */
async function sendAll(
  caller: Caller,
  ingest_url: string,
  drafts: readonly EventDraft[],
  onAnswer: (draft: EventDraft, answer: EventAnswer) => void,
): Promise<void> {
  let left = drafts
  while (left.length > 0) {
    const answer = await caller.call({
      method: 'POST',
      url: `${ingest_url}/v1/events`,
      content_type: 'application/x-ndjson',
      body: `${left.map(draft => JSON.stringify(draft)).join('\n')}\n`,
    })
    if (answer.status !== 200) throw new Error(`POST /v1/events was answered with ${answer.status}: ${answer.text}`)
    const answers = linesOf(answer.text)
    left = left.filter((draft, i) => {
      const one = answers[i] as EventAnswer | undefined
      if (one === undefined || one.status === 'failed') return true
      onAnswer(draft, one)
      return false
    })
  }
}

/** A line that was cut in the middle has not been answered. */
function linesOf(text: string): unknown[] {
  const lines = text.split('\n').filter(line => line !== '')
  return lines.flatMap(line => {
    const value = parsed(line)
    return value === null ? [] : [value]
  })
}

/** Swallows the end of the city, and only that: what was under way is simply left. */
export async function untilStopped(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof CityStopped)) throw error
  }
}
