import type { EventDraft } from '../../ingest/contract.ts'
import type { DecisionRecord, OwnerMarker } from '../../ingest/events/decisions.ts'
import type { Queryable } from '../../ingest/io/postgres.ts'
import { transaction } from '../../ingest/io/postgres.ts'
import type { Desk } from '../desk.ts'
import { learn, noLessons, takeLesson } from '../etas/learning.ts'
import { addHistory, type BookPosition, lockOrders, lockPosition, saveOrders, savePosition } from '../io/book.ts'
import { lockTrip } from '../io/trips.ts'
import type { HistoryRow, OrderRow, TripRow } from '../rows.ts'
import { takeOff } from '../take_off.ts'
import { type Act, isOpenTrip, released } from '../trip.ts'
import { ENGINE, isOrderDecision, type OrderDecision, project, tripIsVoid } from './project.ts'
import { tellDecision } from './tell.ts'

/**
 * Applies records of one partition of `decisions` to the book: rows, history, and the trips they void, in one transaction
 * with the position. So a record that comes again changes nothing, and neither does one of an owner that was replaced.
 */

export interface DecisionMessage {
  offset: number
  record: DecisionRecord | OwnerMarker
}

export interface Applied {
  records: number
  /** seen before: below the position, or sent twice by its producer */
  repeated: number
  /** of an owner that was replaced */
  void: number
  /** type and why, as labels */
  refused: { type: string; why: string; order_id: string }[]
}

export async function applyDecisions(
  desk: Desk,
  partition: number,
  messages: readonly DecisionMessage[],
): Promise<Applied> {
  const applied: Applied = { records: 0, repeated: 0, void: 0, refused: [] }
  const book = new OpenPages()
  await transaction(desk.pool, async client => {
    const position = await lockPosition(client, partition)
    const standing = above(messages, position, applied)
    await book.open(client, standing)
    for (const record of standing) applyRecord(book, record, applied)
    await voidTrips(client, book, desk)
    await saveOrders(client, book.changed())
    await addHistory(client, book.history)
    await learn(client, book.lessons)
    const last = messages.at(-1)
    if (last && last.offset >= position.next_offset) position.next_offset = last.offset + 1
    await savePosition(client, partition, position)
  })
  desk.changed({ orders: book.changed(), trips: book.trips })
  return applied
}

/** What is neither repeated nor void; raises epoch and source offset of `position` on the way. */
function above(messages: readonly DecisionMessage[], position: BookPosition, applied: Applied): DecisionRecord[] {
  const standing: DecisionRecord[] = []
  for (const { offset, record } of messages) {
    if (offset < position.next_offset) applied.repeated += 1
    else if (record.epoch < position.epoch) applied.void += 1
    else {
      position.epoch = record.epoch
      if (record.kind === 'owner') continue
      // A producer whose reply was cut sends again: the same record at a new offset.
      const source_offset = Number(record.source_offset)
      if (source_offset <= position.source_offset) applied.repeated += 1
      else {
        position.source_offset = source_offset
        standing.push(record)
      }
    }
  }
  applied.records = standing.length
  return standing
}

/** The rows that a batch touches, in memory until they are written back. */
class OpenPages {
  readonly history: HistoryRow[] = []
  readonly trips: TripRow[] = []
  readonly lessons = noLessons()
  /** orders whose trip can't go on, as they were */
  readonly voided: OrderRow[] = []
  readonly #rows = new Map<string, OrderRow>()
  readonly #changed = new Set<string>()

  async open(client: Queryable, records: readonly DecisionRecord[]): Promise<void> {
    const by_tenant = Map.groupBy(records, record => record.tenant_id)
    for (const [tenant_id, own] of [...by_tenant].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const ids = own.flatMap(record => record.decisions.filter(isOrderDecision).map(decision => decision.order_id))
      for (const row of await lockOrders(client, tenant_id, [...new Set(ids)])) this.#rows.set(keyOf(row), row)
    }
  }

  find(tenant_id: string, order_id: string): OrderRow | undefined {
    return this.#rows.get(keyOf({ tenant_id, order_id }))
  }

  put(row: OrderRow): void {
    this.#rows.set(keyOf(row), row)
    this.#changed.add(keyOf(row))
  }

  changed(): OrderRow[] {
    return [...this.#changed].flatMap(key => this.#rows.get(key) ?? [])
  }
}

const keyOf = ({ tenant_id, order_id }: { tenant_id: string; order_id: string }): string => `${tenant_id}/${order_id}`

function applyRecord(book: OpenPages, record: DecisionRecord, applied: Applied): void {
  for (const decision of record.decisions) {
    if (isOrderDecision(decision)) applyDecision(book, decision, record, applied)
  }
}

function applyDecision(book: OpenPages, decision: OrderDecision, record: DecisionRecord, applied: Applied): void {
  const { order_id } = decision
  const before = book.find(record.tenant_id, order_id)
  const projected = project(before, decision, record)
  if ('refused' in projected) {
    applied.refused.push({ type: decision.type, why: projected.refused, order_id })
    return
  }
  if (before && tripIsVoid(before, projected.row)) book.voided.push(before)
  takeLesson(book.lessons, before, projected.row, decision)
  book.put(projected.row)
  const { tenant_id, decided_at: at, correlation_id } = record
  const { version } = projected.row
  book.history.push({ tenant_id, order_id, at, text: tellDecision(decision), actor: null, correlation_id, version })
}

/** An order was cancelled, or moved to another warehouse: it comes off its trip, which goes on with what is left. */
async function voidTrips(client: Queryable, book: OpenPages, desk: Desk): Promise<void> {
  // The last wins: one order may have been moved and cancelled in one batch.
  const voided = [...new Map(book.voided.map(before => [keyOf(before), before])).values()]
  for (const before of voided.toSorted((a, b) => ((a.trip_id ?? '') < (b.trip_id ?? '') ? -1 : 1))) {
    const after = book.find(before.tenant_id, before.order_id)
    const trip = before.trip_id ? await lockTrip(client, before.tenant_id, before.trip_id) : undefined
    if (!after || !trip || !isOpenTrip(trip)) continue
    const { tenant_id, correlation_id } = after
    const act: Act = { tenant_id, actor: ENGINE, correlation_id, now: desk.now() }
    const reason = after.state === 'cancelled' ? 'order_cancelled' : 'order_moved'
    const events: EventDraft[] = []
    await takeOff(
      client,
      { trips: book.trips, history: book.history, events },
      { trip, order_ids: [before.order_id], reason, act },
    )
    // One version a change: the decision has raised it already.
    book.put({ ...released(after, act), version: after.version })
    await desk.enqueue(client, act, events)
  }
}
