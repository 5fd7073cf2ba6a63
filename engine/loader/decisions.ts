import type { Head } from './decode.ts'
import {
  count,
  countOf,
  type Fields,
  fieldsOf,
  listOf,
  offsetOrNull,
  placeOf,
  text,
  time,
  timeOrNull,
  wholeOrNull,
} from './fields.ts'
import type { Mark } from './rule.ts'
import type { Row } from './tables.ts'

/** A record of `decisions` to one row a decision, or one for a marker and for what cannot be read. */

/** Enough for any record below 1 MB, and what `decision_index` holds. */
const DECISIONS_MAX = 65_535

/** `void` is 0 in all of them: it depends on what was read before, so the batch decides it. */
export function decisionRows(head: Head, record: Fields | undefined, raw: string): { rows: Row[]; mark?: Mark } {
  const epoch = record && Number.isSafeInteger(record.epoch) ? count(record.epoch, Number.MAX_SAFE_INTEGER) : 0
  if (!record || epoch < 1) return { rows: [bareRow(head, 'unreadable', raw)] }
  const from = { ...head, epoch, fold_version: text(record.fold_version) }
  if (record.kind === 'owner') return { rows: [bareRow(from, 'owner', raw)], mark: { epoch, source_offset: null } }
  const source_offset = offsetOrNull(record.source_offset)
  const decisions = listOf(record.decisions).slice(0, DECISIONS_MAX)
  if (record.kind !== 'decided' || source_offset === null || decisions.length === 0) {
    return { rows: [bareRow(head, 'unreadable', raw)] }
  }
  const rows = decisions.map((decision, index) => ({
    ...decisionRow({ ...from, source_offset }, record, fieldsOf(decision)),
    decision_index: index,
    data: JSON.stringify(decision),
  }))
  return { rows, mark: { epoch, source_offset } }
}

function bareRow(head: Head & { epoch?: number; fold_version?: string }, type: string, data: string): Row<'decisions'> {
  return {
    ...decisionRow({ epoch: 0, fold_version: '', source_offset: null, ...head }, {}, {}),
    decision_index: 0,
    type,
    data,
  }
}

type From = Head & { epoch: number; fold_version: string; source_offset: number | null }

function decisionRow(from: From, record: Fields, decision: Fields): Omit<Row<'decisions'>, 'decision_index' | 'data'> {
  const order = fieldsOf(decision.order)
  const part = fieldsOf(listOf(decision.fulfilments)[0])
  const promise = fieldsOf(decision.promise)
  return {
    ...from,
    type: text(decision.type) || 'unreadable',
    void: 0,
    tenant_id: text(record.tenant_id),
    zone_id: text(record.zone_id),
    occurred_at: time(record.decided_at, from.appended_at),
    correlation_id: text(record.correlation_id),
    causation_id: text(record.causation_id),
    order_id: text(decision.order_id),
    attempt: count(decision.attempt, 65_535),
    fulfilment_id: text(decision.fulfilment_id ?? part.fulfilment_id),
    warehouse_id: text(decision.warehouse_id ?? part.warehouse_id),
    hold_id: text(decision.hold_id),
    line_id: text(decision.line_id),
    sku: text(decision.sku),
    quantity: wholeOrNull(decision.quantity ?? decision.on_hand ?? decision.missing),
    reason: text(decision.reason),
    cause: text(decision.cause ?? decision.by),
    placed_at: timeOrNull(decision.placed_at),
    ready_at: timeOrNull(promise.ready_at ?? decision.ready_at),
    deliver_by: timeOrNull(promise.deliver_by),
    first_deliver_by: timeOrNull(decision.first_deliver_by),
    lines: countOf(order.lines),
    candidates: countOf(decision.candidates),
    ...placeOf(order),
  }
}
