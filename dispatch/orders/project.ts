import type {
  Decision,
  DecisionOf,
  DecisionRecord,
  FulfilmentPart,
  ReservedLine,
} from '../../ingest/events/decisions.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import type { BookFulfilment } from '../contract.ts'
import { stepPart, stepParts } from '../life/fulfilment.ts'
import { isTerminal, ORDER_LIFE, type OrderDecisionType } from '../life/order.ts'
import type { OrderRow } from '../rows.ts'

/** From a decision of the engine to the book's row: pure. */

export type OrderDecision = DecisionOf<OrderDecisionType>
export type RecordHead = Pick<DecisionRecord, 'tenant_id' | 'zone_id' | 'correlation_id' | 'decided_at'>

/** `refused`: why the book can't follow, in one word; counted, and nothing changes. */
export type Projected = { row: OrderRow } | { refused: 'unknown_order' | 'illegal_transition' | 'overtaken' }

export const ENGINE = 'engine:fold'

export const isOrderDecision = (decision: Decision): decision is OrderDecision => 'order_id' in decision

/** @param before undefined: the order is new to the book */
export function project(before: OrderRow | undefined, decision: OrderDecision, head: RecordHead): Projected {
  const row = before ?? newcomer(decision, head)
  if (!row) return { refused: 'unknown_order' }
  if (isOfTheWay(decision) && row.state !== 'placed') return { refused: 'overtaken' }
  const next = ORDER_LIFE[row.state][decision.type]
  if (next === 'refused') return { refused: 'illegal_transition' }
  const changed = { ...row, ...changes(row, decision), zone_id: zoneAfter(row, decision, head), state: next }
  if (decision.type === 'order.packed' && changed.packed_at === null) changed.state = 'picking'
  if (decision.type === 'order.part_dropped' && changed.packed_at !== null) changed.state = 'packed'
  return {
    row: {
      ...changed,
      closed_at: isTerminal(changed.state) ? head.decided_at : null,
      version: before ? before.version + 1 : 1,
      updated_at: Math.max(row.updated_at, head.decided_at),
      changed_by: ENGINE,
      correlation_id: head.correlation_id,
    },
  }
}

/** Two zones decide of an order that was offered over, in two partitions: the second may be heard first. */
const isOfTheWay = ({ type }: OrderDecision): boolean => type === 'order.offered' || type === 'order.cancel_passed'

function zoneAfter(row: OrderRow, decision: OrderDecision, head: RecordHead): OrderRow['zone_id'] {
  if (decision.type === 'order.offered') return decision.to_zone_id
  return decision.type === 'order.routed' || decision.type === 'order.rejected' ? head.zone_id : row.zone_id
}

function newcomer(decision: OrderDecision, head: RecordHead): OrderRow | undefined {
  if (!('order' in decision)) return undefined
  return placedRow(decision.order, { ...head, placed_at: decision.placed_at })
}

/** An order before anything was decided of it. Version 0: the first decision makes it 1. */
export function placedRow(
  order: OrderRequest,
  head: Pick<RecordHead, 'tenant_id' | 'zone_id' | 'correlation_id'> & { placed_at: number },
): OrderRow {
  return {
    tenant_id: head.tenant_id,
    order_id: order.order_id,
    external_id: order.external_id ?? null,
    zone_id: head.zone_id,
    state: 'placed',
    version: 0,
    attempt: 0,
    point: order.point,
    cell: order.cell,
    requires: order.requires ?? [],
    placed_at: head.placed_at,
    fulfilment_id: null,
    warehouse_id: null,
    fulfilments: [],
    lines: order.lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit })),
    promise: null,
    first_deliver_by: null,
    reason: null,
    candidates: [],
    trip_id: null,
    courier_id: null,
    pinned: false,
    cancel_asked: false,
    packed_at: null,
    picked_up_at: null,
    closed_at: null,
    late_s: null,
    updated_at: head.placed_at,
    changed_by: ENGINE,
    correlation_id: head.correlation_id,
  }
}

function changes(row: OrderRow, decision: OrderDecision): Partial<OrderRow> {
  switch (decision.type) {
    case 'order.routed':
    case 'order.rerouted':
      return routed(row, decision)
    case 'order.shortened':
      return withLine(row, decision, line => lineOf(line, decision.quantity))
    case 'order.substituted':
      return withLine(row, decision, line => substituted(line, decision))
    case 'order.rejected':
      return {
        attempt: decision.attempt,
        reason: decision.reason,
        candidates: decision.candidates,
        fulfilments: stepParts(row.fulfilments, 'released'),
      }
    case 'order.cancelled':
      return {
        reason: decision.reason,
        fulfilments: stepParts(row.fulfilments, 'released'),
        ...{ trip_id: null, courier_id: null, pinned: false },
      }
    case 'order.offered':
    case 'order.cancel_passed':
      return {}
    case 'order.picking':
    case 'order.revised':
      return withReadyAt(row, decision)
    case 'order.part_dropped':
      return dropped(row, decision)
    case 'order.packed':
      return packed(row, decision)
    case 'promise.changed':
      return { promise: decision.promise }
  }
}

function routed(row: OrderRow, decision: DecisionOf<'order.routed' | 'order.rerouted'>): Partial<OrderRow> {
  const fresh = decision.fulfilments.map(bookFulfilment)
  const fulfilments = decision.type === 'order.routed' ? fresh : [...kept(row, decision.replaced), ...fresh]
  const [first] = fulfilments
  return {
    attempt: decision.attempt,
    fulfilments,
    fulfilment_id: first?.fulfilment_id ?? null,
    warehouse_id: first?.warehouse_id ?? null,
    lines: fulfilments.flatMap(part => part.lines),
    promise: decision.promise,
    first_deliver_by: row.first_deliver_by ?? decision.promise.deliver_by,
    candidates: decision.candidates,
    packed_at: null,
    reason: null,
  }
}

const bookFulfilment = (part: FulfilmentPart): BookFulfilment => ({ ...part, state: 'reserved', packed_at: null })

const kept = (row: OrderRow, replaced: readonly string[]): BookFulfilment[] =>
  row.fulfilments.filter(part => !replaced.includes(part.fulfilment_id))

/** A line of which nothing is left is gone. */
const lineOf = (line: ReservedLine, quantity: number): ReservedLine[] => (quantity > 0 ? [{ ...line, quantity }] : [])

/** The substitute is a line of its own, since part of the old one may be in the bag already. */
function substituted(line: ReservedLine, decision: DecisionOf<'order.substituted'>): ReservedLine[] {
  const { substitute_line_id: line_id, substitute_sku: sku, quantity } = decision
  return [...lineOf(line, line.quantity - quantity), { ...line, line_id, sku, quantity }]
}

type LineAt = Pick<DecisionOf<'order.shortened'>, 'fulfilment_id' | 'line_id'>

function withLine(row: OrderRow, at: LineAt, change: (line: ReservedLine) => ReservedLine[]): Partial<OrderRow> {
  const fulfilments = row.fulfilments.map(part =>
    part.fulfilment_id === at.fulfilment_id
      ? { ...part, lines: part.lines.flatMap(line => (line.line_id === at.line_id ? change(line) : line)) }
      : part,
  )
  return { fulfilments, lines: fulfilments.flatMap(part => part.lines) }
}

function withReadyAt(
  row: OrderRow,
  { type, fulfilment_id, ready_at }: DecisionOf<'order.picking' | 'order.revised'>,
): Partial<OrderRow> {
  const fulfilments = row.fulfilments.map(part => {
    if (part.fulfilment_id !== fulfilment_id) return part
    if (type === 'order.revised') return { ...part, ready_at }
    return { ...stepPart(part, 'picking'), ready_at, planned_ready_at: part.planned_ready_at ?? part.ready_at }
  })
  return { fulfilments }
}

function packed(row: OrderRow, { fulfilment_id, packed_at }: DecisionOf<'order.packed'>): Partial<OrderRow> {
  const fulfilments = row.fulfilments.map(part =>
    part.fulfilment_id === fulfilment_id ? { ...stepPart(part, 'packed'), packed_at } : part,
  )
  const all = fulfilments.every(part => part.packed_at !== null)
  return { fulfilments, packed_at: all ? packed_at : null }
}

/** The other parts stand; when they are all packed, so is the order. */
function dropped(row: OrderRow, { fulfilment_id }: DecisionOf<'order.part_dropped'>): Partial<OrderRow> {
  const fulfilments = row.fulfilments.filter(part => part.fulfilment_id !== fulfilment_id)
  const [first] = fulfilments
  const packed = fulfilments.map(part => part.packed_at)
  return {
    fulfilments,
    fulfilment_id: first?.fulfilment_id ?? null,
    warehouse_id: first?.warehouse_id ?? null,
    lines: fulfilments.flatMap(part => part.lines),
    packed_at: packed.includes(null) ? null : Math.max(...packed.map(at => at ?? 0)),
  }
}

/** True when the trip that was to carry `before` can't carry `after`. */
export function tripIsVoid(before: OrderRow | undefined, after: OrderRow): boolean {
  if (!before?.trip_id || before.state === 'picked_up') return false
  const places = (row: OrderRow) => row.fulfilments.map(part => part.fulfilment_id).join()
  return isTerminal(after.state) || places(before) !== places(after)
}
