import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import type { OrderId } from '../../ingest/events/envelope.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import type { Happened } from '../past.ts'
import type { HoldState, OrderState } from '../state.ts'

/** The life of one order in one zone, gathered while its past is folded. Pure. */

/** One thing that happened to it. Times: business clock, ms. */
export interface LifeStep {
  offset: number
  time: number
  event: Pick<OperationsEvent, 'type' | 'event_id' | 'actor' | 'occurred_at' | 'data'>
  outcome: 'ok' | 'duplicate' | 'superseded' | 'dead'
  /** of a dead letter */
  reason?: string
  detail?: string
  /** what was decided about this order; null: nothing is published yet */
  decisions: Decision[] | null
  /** the hold that became this order, as it was just before */
  hold?: HoldState
}

export interface OrderLife {
  order_id: string
  zone_id: string
  tenant_id: string | null
  request: OrderRequest | null
  steps: LifeStep[]
  /** as it stands at the end; null: it never came to be, or is forgotten (48 hours after it ended) and was not seen */
  state: OrderState | null
  /** it ended so long ago that the engine has forgotten it; `state` is what it knew last */
  forgotten: boolean
}

export function newLife(order_id: string, zone_id: string): OrderLife {
  return { order_id, zone_id, tenant_id: null, request: null, steps: [], state: null, forgotten: false }
}

export function noteHappened(life: OrderLife, { source, zone, outcome, decided }: Happened, hold?: HoldState): void {
  const { event, offset } = source
  const about = 'decisions' in outcome ? outcome.decisions.filter(decision => isAbout(decision, life.order_id)) : []
  const state = zone.orders.peek(life.order_id as OrderId)
  if (state) life.state = state
  life.forgotten = !state && life.state !== null
  const named = orderOf(event) === life.order_id
  if (!named && about.length === 0) return
  life.tenant_id ??= event.tenant_id
  life.request ??= requestOf(event)
  const { type, event_id, actor, occurred_at, data } = event
  life.steps.push({
    offset,
    time: zone.time,
    event: { type, event_id, actor, occurred_at, data },
    outcome: outcome.kind,
    ...(outcome.kind === 'dead' ? { reason: outcome.reason, detail: outcome.detail } : {}),
    decisions: decided || about.length > 0 ? about : null,
    ...(hold && named ? { hold } : {}),
  })
}

/** The order that an event names; undefined: none. */
export function orderOf({ data }: Pick<OperationsEvent, 'data'>): string | undefined {
  if ('order_id' in data && data.order_id) return data.order_id
  return 'order' in data ? data.order.order_id : undefined
}

function requestOf({ data }: OperationsEvent): OrderRequest | null {
  if ('order' in data) return data.order
  return 'customer_ref' in data ? data : null
}

const isAbout = (decision: Decision, order_id: string): boolean =>
  ('order_id' in decision && decision.order_id === order_id) || ('ref' in decision && decision.ref === order_id)
