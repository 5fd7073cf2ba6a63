import {
  type Candidate,
  type Decision,
  type DecisionOf,
  type DecisionType,
  REFUSALS,
} from '../../ingest/events/decisions.ts'

/** Decisions in words. What has no sentence of its own is shown with its fields, so nothing is left out. Pure. */

/** `at` shows a time of the business clock. */
type Teller<T extends DecisionType> = (decision: DecisionOf<T>, at: (time_ms: number) => string) => string

const tellers: { [T in DecisionType]?: Teller<T> } = {
  'order.routed': ({ fulfilments, promise, hold_id }, at) =>
    `routed to ${partsText(fulfilments)}${hold_id ? ` (from hold ${hold_id})` : ''}: packed by ${at(promise.ready_at)}, at the door by ${at(promise.deliver_by)}`,
  'order.rerouted': ({ fulfilments, promise, cause, replaced, attempt }, at) =>
    `attempt ${attempt}, because of ${cause}: ${partsText(fulfilments)} in place of ${replaced.join(', ')}; packed by ${at(promise.ready_at)}, at the door by ${at(promise.deliver_by)}`,
  'order.rejected': ({ reason, retryable, line_id }) =>
    `rejected: ${reason}${line_id ? ` of line ${line_id}` : ''} (${REFUSALS[reason]?.says ?? reason}); ${retryable ? 'may be tried again' : 'not to be tried again'}`,
  'order.shortened': ({ line_id, sku, quantity_before, quantity, cause, warehouse_id }) =>
    `line ${line_id} (${sku}) at ${warehouse_id} shortened from ${quantity_before} to ${quantity}, because of ${cause}`,
  'order.substituted': ({ line_id, sku, substitute_sku, quantity, substitute_line_id }) =>
    `line ${line_id}: ${quantity} ${substitute_sku} in place of ${sku}, as line ${substitute_line_id}`,
  'order.cancelled': ({ reason, by, to_put_back }) =>
    `cancelled: ${reason}, by ${by}${to_put_back.length > 0 ? `; to be put back: ${to_put_back.map(({ quantity, sku, warehouse_id }) => `${quantity} ${sku} at ${warehouse_id}`).join(', ')}` : ''}`,
  'order.offered': ({ to_zone_id, reason, line_id }) =>
    `refused here: ${reason}${line_id ? ` of line ${line_id}` : ''} (${REFUSALS[reason]?.says ?? reason}); offered to zone ${to_zone_id}`,
  'order.cancel_passed': ({ to_zone_id, reason }) => `the cancelling (${reason}) is passed on to zone ${to_zone_id}`,
  'order.revised': ({ fulfilment_id, warehouse_id, ready_at }, at) =>
    `${fulfilment_id} at ${warehouse_id} will be packed by ${at(ready_at)}`,
  'order.part_dropped': ({ fulfilment_id, warehouse_id, cause }) =>
    `nothing is left of ${fulfilment_id} at ${warehouse_id}, because of ${cause}; the other parts stand`,
  'order.picking': ({ fulfilment_id, warehouse_id, ready_at }, at) =>
    `${fulfilment_id} is being picked at ${warehouse_id}, packed by ${at(ready_at)}`,
  'order.packed': ({ fulfilment_id, warehouse_id }) => `${fulfilment_id} is packed at ${warehouse_id}`,
  'promise.changed': ({ promise, first_deliver_by, cause }, at) =>
    `the promise is now ${at(promise.deliver_by)} (first ${at(first_deliver_by)}), because of ${cause}`,
  'stock.corrected': ({ warehouse_id, sku, on_hand_before, on_hand, cause }) =>
    `${sku} at ${warehouse_id}: ${on_hand_before} → ${on_hand} on hand, because of ${cause}`,
}

export function tell(decision: Decision, at: (time_ms: number) => string): string {
  const teller = tellers[decision.type] as Teller<DecisionType> | undefined
  return teller ? teller(decision, at) : `${decision.type} ${fieldsText(decision)}`
}

function fieldsText({ type: _, ...fields }: Decision): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')
}

const partsText = (parts: readonly { warehouse_id: string; fulfilment_id: string; lines: readonly unknown[] }[]) =>
  parts
    .map(({ warehouse_id, fulfilment_id, lines }) =>
      parts.length > 1
        ? `${warehouse_id} (${fulfilment_id}, ${lines.length} lines)`
        : `${warehouse_id} (${fulfilment_id})`,
    )
    .join(' and ')

export const candidatesOf = (decision: Decision): readonly Candidate[] =>
  'candidates' in decision ? decision.candidates : []

/** Rows of a table: place, warehouse, promise, on the road, what became of it. */
export function candidateRows(candidates: readonly Candidate[], winners: ReadonlySet<string>): string[][] {
  return candidates.map(({ warehouse_id, promise_s, travel_s, refused, line_id }, place) => [
    `${place + 1}.`,
    warehouse_id,
    spanText(promise_s),
    `${spanText(travel_s)} on the road`,
    refused
      ? `refused: ${refused}${line_id ? ` of line ${line_id}` : ''} (${REFUSALS[refused]?.says ?? refused})`
      : winners.has(warehouse_id)
        ? 'taken'
        : 'could have served it',
  ])
}

/** 27 min, 45 s, 1 h 05 min */
export function spanText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
