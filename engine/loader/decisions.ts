import type { Columns } from './arrow.ts'
import {
  count,
  countOf,
  type Fields,
  fieldsOf,
  listOf,
  offsetOrNull,
  text,
  time,
  timeOrNull,
  wholeOrNull,
} from './fields.ts'
import { lastField, type ReadRecord } from './records.ts'
import { addHead, addPlace, addWhole, type Head, UNREADABLE } from './rows.ts'
import type { Judge, Mark } from './rule.ts'

/** A record of `decisions` to one row a decision, or one for a marker and for what cannot be read. */

/** Enough for any record below 1 MB, and what `decision_index` holds. */
const DECISIONS_MAX = 65_535
const NONE: Fields = {}

export function addDecisions(to: Columns<'decisions'>, head: Head, record: ReadRecord, judge: Judge): void {
  const { event = NONE } = record
  const mark = markOf(event)
  const { void_to } = judge(mark)
  const from = { ...head, epoch: mark?.epoch ?? 0, fold_version: mark ? text(event.fold_version) : '' }
  if (!mark || mark.source_offset === null) {
    addDecision(to, { ...from, source_offset: null }, mark ? 'owner' : UNREADABLE, NONE, NONE)
    to.decision_index.add(0)
    to.void.add(void_to === Number.POSITIVE_INFINITY ? 1 : 0)
    addWhole(to, record)
    return
  }
  const { source_offset } = mark
  const decisions = listOf(event.decisions).slice(0, DECISIONS_MAX)
  decisions.forEach((decision, index) => {
    const fields = fieldsOf(decision)
    addDecision(to, { ...from, source_offset }, text(fields.type) || UNREADABLE, event, fields)
    to.decision_index.add(index)
    to.void.add(source_offset <= void_to ? 1 : 0)
  })
  addTexts(to, record, decisions)
}

/** undefined: it is no record of decisions */
function markOf(event: Fields): Mark | undefined {
  const epoch = count(event.epoch, Number.MAX_SAFE_INTEGER)
  if (epoch < 1) return undefined
  if (event.kind === 'owner') return { epoch, source_offset: null }
  const source_offset = offsetOrNull(event.source_offset)
  if (event.kind !== 'decided' || source_offset === null || listOf(event.decisions).length === 0) return undefined
  return { epoch, source_offset }
}

/** Each decision as JSON. One alone, as most are, is copied as it stands. */
function addTexts(to: Columns<'decisions'>, record: ReadRecord, decisions: readonly unknown[]): void {
  const place = decisions.length === 1 && record.ascii ? lastField(record, 'decisions', '[') : undefined
  if (place) to.data.add(record.values, record.start + place.start + 1, record.start + place.end - 1)
  else for (const decision of decisions) to.data.addText(JSON.stringify(decision))
}

type From = Head & { epoch: number; fold_version: string; source_offset: number | null }

function addDecision(to: Columns<'decisions'>, from: From, type: string, record: Fields, decision: Fields): void {
  const order = fieldsOf(decision.order)
  const part = fieldsOf(listOf(decision.fulfilments)[0])
  const promise = fieldsOf(decision.promise)
  addHead(to, from)
  to.type.add(type)
  to.epoch.add(from.epoch)
  to.source_offset.add(from.source_offset)
  to.fold_version.add(from.fold_version)
  to.tenant_id.add(text(record.tenant_id))
  to.zone_id.add(text(record.zone_id))
  to.occurred_at.add(time(record.decided_at, from.appended_at))
  to.correlation_id.add(text(record.correlation_id))
  to.causation_id.add(text(record.causation_id))
  to.order_id.add(text(decision.order_id))
  to.attempt.add(count(decision.attempt, 65_535))
  to.fulfilment_id.add(text(decision.fulfilment_id ?? part.fulfilment_id))
  to.warehouse_id.add(text(decision.warehouse_id ?? part.warehouse_id))
  to.hold_id.add(text(decision.hold_id))
  to.line_id.add(text(decision.line_id))
  to.sku.add(text(decision.sku))
  to.quantity.add(wholeOrNull(decision.quantity ?? decision.on_hand ?? decision.missing))
  to.reason.add(text(decision.reason))
  to.cause.add(text(decision.cause ?? decision.by))
  to.placed_at.add(timeOrNull(decision.placed_at))
  to.ready_at.add(timeOrNull(promise.ready_at ?? decision.ready_at))
  to.deliver_by.add(timeOrNull(promise.deliver_by))
  to.first_deliver_by.add(timeOrNull(decision.first_deliver_by))
  to.lines.add(countOf(order.lines))
  to.candidates.add(countOf(decision.candidates))
  addPlace(to, order)
}
