import type { EventDraft } from '../ingest/contract.ts'
import { type Pool, postgresCode, type Queryable, transaction } from '../ingest/io/postgres.ts'
import type { OrderView, ReturnView, TripView } from './contract.ts'
import { addHistory, type OrderHistory, saveOrders } from './io/book.ts'
import {
  type HistoryRow,
  type MoveRow,
  type OrderRow,
  orderView,
  type ReturnRow,
  returnView,
  type TripRow,
  tripView,
} from './rows.ts'
import type { Act } from './trip.ts'

/** How every change is made: rows, history and events in one transaction, and those who watch are told after it. */

export interface Desk {
  pool: Pool
  /** business time, ms */
  now(): number
  /** Into the outbox, within the transaction. */
  enqueue(client: Queryable, act: Act, events: readonly EventDraft[]): Promise<void>
  /** Told after the commit. */
  changed(change: Changed): void
}

export interface Changed {
  orders: readonly OrderRow[]
  trips: readonly TripRow[]
  moves?: readonly MoveRow[]
}

/** What a command gathers. Orders are written at its end, so put each in once, as it shall be. */
export interface Change {
  orders: OrderRow[]
  /** written by the command already */
  trips: TripRow[]
  history: HistoryRow[]
  events: EventDraft[]
}

/** Why a command was not done: an answer, not an error. The shape of `Conflict`, and the status. */
export interface Refused {
  status: 403 | 404 | 409 | 412 | 422 | 428 | 503
  reason: string
  detail: string
  current?: OrderView | TripView | ReturnView
  changed_by?: string
  changed_at?: number
  changes?: OrderHistory
}

export const isRefused = (result: object): result is { refused: Refused } => 'refused' in result

export const refuse = (status: Refused['status'], reason: string, detail: string): { refused: Refused } => ({
  refused: { status, reason, detail },
})

/** 409 with the row that stands, who changed it last and when. */
export function conflict(
  current: OrderRow | TripRow | ReturnRow,
  reason: string,
  detail: string,
): { refused: Refused } {
  const { changed_by, updated_at } = current
  return { refused: { status: 409, reason, detail, current: viewOf(current), changed_by, changed_at: updated_at } }
}

function viewOf(row: OrderRow | TripRow | ReturnRow): OrderView | TripView | ReturnView {
  if ('return_id' in row) return returnView(row)
  return 'order_id' in row ? orderView(row) : tripView(row)
}

/** Two transactions that waited for each other: Postgres ends one of them, and it is done again from its beginning. */
const DO_AGAIN = new Set(['40P01', '40001'])
const TIMES_MAX = 5

/** Runs a command in one transaction. When it throws, nothing of it is left. `work` may run more than once. */
export async function commit<Result>(
  desk: Desk,
  act: Act,
  work: (client: Queryable, change: Change) => Promise<Result>,
): Promise<Result> {
  for (let time = 1; ; time += 1) {
    try {
      return await commitOnce(desk, act, work)
    } catch (error) {
      if (time === TIMES_MAX || !DO_AGAIN.has(postgresCode(error) ?? '')) throw error
    }
  }
}

async function commitOnce<Result>(
  desk: Desk,
  act: Act,
  work: (client: Queryable, change: Change) => Promise<Result>,
): Promise<Result> {
  const change: Change = { orders: [], trips: [], history: [], events: [] }
  const result = await transaction(desk.pool, async client => {
    const done = await work(client, change)
    await saveOrders(client, change.orders)
    await addHistory(client, withVersions(change))
    if (change.events.length > 0) await desk.enqueue(client, act, change.events)
    return done
  })
  if (change.orders.length > 0 || change.trips.length > 0) desk.changed(change)
  return result
}

/** A sentence belongs to the version that its change made; where the order's row stays, it has none. */
function withVersions({ history, orders }: Change): HistoryRow[] {
  const versions = new Map(orders.map(order => [order.order_id as string, order.version]))
  return history.map(row => ({ ...row, version: versions.get(row.order_id) ?? null }))
}

/** One sentence for an order's history. */
export const remark = (act: Act, order_id: string, text: string): HistoryRow => ({
  tenant_id: act.tenant_id,
  order_id,
  at: act.now,
  text,
  actor: act.actor,
  correlation_id: act.correlation_id,
  version: null,
})

export const words = (reason: string): string => reason.replaceAll('_', ' ')
