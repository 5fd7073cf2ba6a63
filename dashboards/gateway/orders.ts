import { cellToParent } from 'h3-js'
import type { OrderState, OrderView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Decision, DecisionOf, FulfilmentPart, PromiseTime } from '../../ingest/events/decisions.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'

/**
 * One order of the picture: what the engine decided of it and what happened on the road, kept apart, because they come from
 * two topics without an order between them. What is shown is computed from both, so it does not matter which came first.
 *
 * Every step bears repetition: a decision of a lower attempt or an earlier state changes nothing, and an end stays the end.
 */

type DecidedState = 'placed' | 'routed' | 'picking' | 'packed' | 'rejected' | 'cancelled'

export interface Decided {
  state: DecidedState
  attempt: number
  lat: number
  lng: number
  /** H3, resolution 8 */
  cell: string
  placed_at: number
  warehouse_id: string | null
  promise: PromiseTime | null
  first_deliver_by: number | null
  /** mostly one; before routing none */
  parts: Part[]
  /** as asked for; `parts` says what is reserved */
  lines: number
  reason: string | null
  closed_at: number | null
}

interface Part {
  fulfilment_id: string
  warehouse_id: string
  /** line_id → quantity as reserved now */
  lines: Map<string, number>
  packed: boolean
}

/** What the road did with it. */
export interface Carried {
  state: 'picked_up' | 'delivered' | 'failed'
  trip_id: string
  courier_id: string
  reason: string | null
  closed_at: number | null
}

export interface OrderRow {
  order_id: string
  decided: Decided | null
  carried: Carried | null
  /** business time of the last touch: a row without a decision is forgotten after a while */
  touched_at: number
}

export const DEMAND_RESOLUTION = 8

const STEP: Record<DecidedState, number> = { placed: 0, routed: 1, picking: 2, packed: 3, rejected: 4, cancelled: 4 }
const CARRIED_STEP: Record<Carried['state'], number> = { picked_up: 1, delivered: 2, failed: 2 }

const isEnd = (decided: Decided): boolean => STEP[decided.state] === 4

export function fromBook(view: OrderView): OrderRow {
  const carried = view.state === 'picked_up' || view.state === 'delivered' || view.state === 'failed'
  return {
    order_id: view.order_id,
    touched_at: view.updated_at,
    carried:
      carried && view.trip_id !== null && view.courier_id !== null
        ? {
            state: view.state as Carried['state'],
            trip_id: view.trip_id,
            courier_id: view.courier_id,
            reason: view.reason,
            closed_at: view.closed_at,
          }
        : null,
    decided: {
      state: carried ? 'packed' : (view.state as DecidedState),
      attempt: view.attempt,
      lat: view.point.lat,
      lng: view.point.lng,
      cell: cellToParent(view.cell, DEMAND_RESOLUTION),
      placed_at: view.placed_at,
      warehouse_id: view.warehouse_id,
      promise: view.promise,
      first_deliver_by: view.first_deliver_by,
      lines: view.lines.length,
      parts: partsOf(view),
      reason: carried ? null : view.reason,
      closed_at: carried ? null : view.closed_at,
    },
  }
}

const partsOf = ({ fulfilments }: OrderView): Part[] =>
  fulfilments.map(({ fulfilment_id, warehouse_id, lines, packed_at }) => ({
    fulfilment_id,
    warehouse_id,
    lines: new Map(lines.map(line => [line.line_id as string, line.quantity])),
    packed: packed_at !== null,
  }))

/** The order a decision is about; undefined: about stock or a hold. */
export const orderOf = (decision: Decision): string | undefined =>
  'order_id' in decision ? decision.order_id : undefined

/**
 * The decided part after one decision, or the same object when it says nothing new.
 * @param decided_at business ms
 */
export function decide(decided: Decided | null, decision: Decision, decided_at: number): Decided | null {
  switch (decision.type) {
    case 'order.routed': {
      if (decided && decided.attempt >= decision.attempt) return decided
      const placed = decided ?? placedAs(decision.order, decision.placed_at)
      return routed(placed, decision, decision.fulfilments.map(partOf))
    }
    case 'order.rejected': {
      const placed = decided ?? placedAs(decision.order, decision.placed_at)
      if (isEnd(placed) || decision.attempt < placed.attempt) return decided
      const { attempt, reason } = decision
      return { ...placed, attempt, reason, state: 'rejected', closed_at: decided_at }
    }
    case 'order.offered':
      // The neighbour decides, in a partition of its own, and may have been heard already.
      return decided ?? placedAs(decision.order, decision.placed_at)
    default:
      return decided && !isEnd(decided) ? change(decided, decision, decided_at) : decided
  }
}

function change(decided: Decided, decision: Decision, decided_at: number): Decided {
  switch (decision.type) {
    case 'order.rerouted': {
      if (decision.attempt <= decided.attempt) return decided
      const kept = decided.parts.filter(part => !decision.replaced.some(id => id === part.fulfilment_id))
      return routed(decided, decision, [...kept, ...decision.fulfilments.map(partOf)])
    }
    case 'order.cancelled':
      return { ...decided, state: 'cancelled', reason: decision.reason, closed_at: decided_at }
    case 'order.picking':
      return decision.attempt === decided.attempt && STEP[decided.state] < STEP.picking
        ? { ...decided, state: 'picking' }
        : decided
    case 'order.packed':
      return decision.attempt === decided.attempt ? packed(decided, decision.fulfilment_id) : decided
    case 'order.part_dropped':
      return decision.attempt === decided.attempt ? dropped(decided, decision.fulfilment_id) : decided
    case 'order.shortened':
      return decision.attempt === decided.attempt ? shortened(decided, decision) : decided
    case 'order.substituted':
      return decision.attempt === decided.attempt ? substituted(decided, decision) : decided
    case 'promise.changed':
      return decision.attempt === decided.attempt ? { ...decided, promise: decision.promise } : decided
    default:
      return decided
  }
}

function placedAs(order: OrderRequest, placed_at: number): Decided {
  return {
    state: 'placed',
    attempt: 0,
    lat: order.point.lat,
    lng: order.point.lng,
    cell: cellToParent(order.cell, DEMAND_RESOLUTION),
    placed_at,
    warehouse_id: null,
    promise: null,
    first_deliver_by: null,
    lines: order.lines.length,
    parts: [],
    reason: null,
    closed_at: null,
  }
}

function routed(decided: Decided, { attempt, promise }: { attempt: number; promise: PromiseTime }, parts: Part[]) {
  const warehouse_id = parts[0]?.warehouse_id ?? null
  const first_deliver_by = decided.first_deliver_by ?? promise.deliver_by
  return { ...decided, state: 'routed' as const, attempt, promise, first_deliver_by, warehouse_id, parts, reason: null }
}

const partOf = ({ fulfilment_id, warehouse_id, lines }: FulfilmentPart): Part => ({
  fulfilment_id,
  warehouse_id,
  lines: new Map(lines.map(line => [line.line_id, line.quantity])),
  packed: false,
})

/** Packed when the last of its parts is. */
function packed(decided: Decided, fulfilment_id: string): Decided {
  if (!decided.parts.some(part => part.fulfilment_id === fulfilment_id && !part.packed)) return decided
  const parts = decided.parts.map(part => (part.fulfilment_id === fulfilment_id ? { ...part, packed: true } : part))
  return { ...decided, parts, state: parts.every(part => part.packed) ? 'packed' : 'picking' }
}

/** The other parts stand. */
function dropped(decided: Decided, fulfilment_id: string): Decided {
  const parts = decided.parts.filter(part => part.fulfilment_id !== fulfilment_id)
  if (parts.length === decided.parts.length) return decided
  const all = parts.every(part => part.packed)
  return { ...decided, parts, warehouse_id: parts[0]?.warehouse_id ?? null, state: all ? 'packed' : decided.state }
}

/** Within an attempt a line only ever shrinks, so the smaller quantity is the later one. */
function shortened(decided: Decided, { fulfilment_id, line_id, quantity }: DecisionOf<'order.shortened'>): Decided {
  const parts = decided.parts.map(part => {
    if (part.fulfilment_id !== fulfilment_id || quantity >= (part.lines.get(line_id) ?? 0)) return part
    const lines = new Map(part.lines)
    if (quantity === 0) lines.delete(line_id)
    else lines.set(line_id, quantity)
    return { ...part, lines }
  })
  return { ...decided, parts }
}

/** The substitute is a line of its own; once it is there, the decision says nothing new. */
function substituted(decided: Decided, decision: DecisionOf<'order.substituted'>): Decided {
  const { fulfilment_id, line_id, substitute_line_id, quantity } = decision
  const parts = decided.parts.map(part => {
    const before = part.lines.get(line_id)
    if (part.fulfilment_id !== fulfilment_id || before === undefined || part.lines.has(substitute_line_id)) return part
    const lines = new Map(part.lines).set(substitute_line_id, quantity)
    if (before > quantity) lines.set(line_id, before - quantity)
    else lines.delete(line_id)
    return { ...part, lines }
  })
  return { ...decided, parts }
}

export const linesOf = (decided: Decided): number =>
  decided.parts.length === 0 ? decided.lines : decided.parts.reduce((sum, part) => sum + part.lines.size, 0)

/** The road's part after one event, or the same object. */
export function carry(carried: Carried | null, event: DeliveryEvent): Carried | null {
  const next = carriedBy(event)
  if (!next || (carried && CARRIED_STEP[carried.state] >= CARRIED_STEP[next.state])) return carried
  return next
}

function carriedBy(event: DeliveryEvent): Carried | null {
  const { trip_id, courier_id } = event.data
  const head = { trip_id, courier_id, reason: null, closed_at: null }
  switch (event.type) {
    case 'delivery.picked_up':
      return { ...head, state: 'picked_up' }
    case 'delivery.delivered':
      return { ...head, state: 'delivered', closed_at: event.data.delivered_at }
    case 'delivery.failed':
      return { ...head, state: 'failed', reason: event.data.reason, closed_at: event.occurred_at }
    default:
      return null
  }
}

/**
 * What is true of the order all in all. The road stands above the decision: dispatch refuses a pickup of what is cancelled,
 * so what was picked up was not.
 */
export const stateOf = (row: OrderRow): OrderState | null =>
  row.decided && row.carried ? row.carried.state : (row.decided?.state ?? null)

export const closedAt = (row: OrderRow): number | null =>
  row.carried ? row.carried.closed_at : (row.decided?.closed_at ?? null)
