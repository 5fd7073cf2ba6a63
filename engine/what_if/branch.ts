import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import type { OrderId } from '../../ingest/events/envelope.ts'
import type { Policy } from '../../ingest/events/network.ts'
import { copyZone } from '../checkpoint/copy.ts'
import type { Happened } from '../past.ts'
import type { Source, ZoneState } from '../state.ts'
import { step } from '../zone.ts'
import { type FollowUp, follow, pickAlone } from './follow.ts'
import { newTally, note, type Tally } from './tally.ts'

/** A zone that goes on from a moment under a policy of its own, deciding anew. Pure: the same log gives the same branch. */
export interface Branch {
  zone: ZoneState
  /** what is written over the zone's policy, and over every `policy.changed` */
  policy: Partial<Policy>
  tally: Tally
  /** orders that stand here and that really nobody picked */
  alone: Set<OrderId>
  looked_at: number
  /** events of picking for which there is nothing here to pick */
  dropped: number
  made: number
}

export function branchOff(zone: ZoneState, policy: Partial<Policy>): Branch {
  const copy = copyZone(zone)
  copy.policy = { ...copy.policy, ...policy }
  return { zone: copy, policy, tally: newTally(), alone: new Set(), looked_at: 0, dropped: 0, made: 0 }
}

/** @param really the same event as it was folded with what was published about it */
export function goOn(branch: Branch, really: Happened): void {
  const { source, outcome } = really
  const { event } = source
  const bodies = follow(branch.zone, really)
  if (bodies === null) fold(branch, { ...source, event: underPolicy(event, branch.policy) })
  else if (bodies.length === 0) branch.dropped += 1
  for (const body of bodies ?? []) fold(branch, { ...source, event: made(branch, source, body) })
  for (const decision of 'decisions' in outcome ? outcome.decisions : []) noteAlone(branch, decision)
  pickWhatIsDue(branch, source)
}

function fold(branch: Branch, source: Source): void {
  const outcome = step(branch.zone, source)
  if ('decisions' in outcome) note(branch.tally, outcome.decisions, branch.zone)
}

function underPolicy(event: OperationsEvent, policy: Partial<Policy>): OperationsEvent {
  if (event.type !== 'policy.changed') return event
  return { ...event, data: { policy: { ...event.data.policy, ...policy } } }
}

/** Really it ended before anybody picked it, so no event will say that it is picked. */
function noteAlone({ zone, alone }: Branch, decision: Decision): void {
  const ended =
    decision.type === 'order.rejected' ||
    decision.type === 'order.offered' ||
    (decision.type === 'order.cancelled' && decision.by !== 'customer')
  if (ended && zone.orders.get(decision.order_id)?.state === 'routed') alone.add(decision.order_id)
}

const LOOKED_EVERY_MS = 1_000

function pickWhatIsDue(branch: Branch, source: Source): void {
  const { zone, alone } = branch
  if (alone.size === 0 || zone.time < branch.looked_at + LOOKED_EVERY_MS) return
  branch.looked_at = zone.time
  for (const order_id of [...alone]) {
    const order = zone.orders.get(order_id)
    if (order?.state !== 'routed') alone.delete(order_id)
    else for (const body of pickAlone(zone, order)) fold(branch, { ...source, event: made(branch, source, body) })
  }
}

/** An id of its own, born when its source was appended: the fold tells ids apart by that. */
function made(branch: Branch, { event, appended_at }: Source, body: FollowUp): OperationsEvent {
  branch.made += 1
  const born = appended_at.toString(16).padStart(12, '0')
  const count = branch.made.toString(16).padStart(12, '0')
  const event_id = `${born.slice(0, 8)}-${born.slice(8)}-7fff-bfff-${count}`
  return { ...event, event_id, causation_id: event.event_id, ...body } as OperationsEvent
}
