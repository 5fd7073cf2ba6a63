import type { EventDraft } from '../ingest/contract.ts'
import { type Pool, type Queryable, transaction } from '../ingest/io/postgres.ts'
import type { OrderView, TripView } from './contract.ts'
import { addHistory, saveOrders } from './io/book.ts'
import type { HistoryRow, OrderRow, TripRow } from './rows.ts'
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
  status: 403 | 404 | 409 | 412 | 428 | 503
  reason: string
  detail: string
  current?: OrderView | TripView
  changed_by?: string
  changed_at?: number
}

export const isRefused = (result: object): result is { refused: Refused } => 'refused' in result

export const refuse = (status: Refused['status'], reason: string, detail: string): { refused: Refused } => ({
  refused: { status, reason, detail },
})

/** Runs a command in one transaction. When it throws, nothing of it is left. */
export async function commit<Result>(
  desk: Desk,
  act: Act,
  work: (client: Queryable, change: Change) => Promise<Result>,
): Promise<Result> {
  const change: Change = { orders: [], trips: [], history: [], events: [] }
  const result = await transaction(desk.pool, async client => {
    const done = await work(client, change)
    await saveOrders(client, change.orders)
    await addHistory(client, change.history)
    if (change.events.length > 0) await desk.enqueue(client, act, change.events)
    return done
  })
  if (change.orders.length > 0 || change.trips.length > 0) desk.changed(change)
  return result
}

/** One sentence for an order's history. */
export const remark = (act: Act, order_id: string, text: string): HistoryRow => ({
  tenant_id: act.tenant_id,
  order_id,
  at: act.now,
  text,
  actor: act.actor,
  correlation_id: act.correlation_id,
})
