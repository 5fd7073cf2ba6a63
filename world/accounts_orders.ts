import type { LogState, OrderTrace } from './accounts_log.ts'

/** What became of orders, by the log alone. */

export interface OrderCounts {
  placed: number
  routed: number
  rejected: number
  cancelled_before_routing: number
  open: number
  delivered: number
  late: number
  cancelled: number
  failed: number
  in_progress: number
  /** of those in progress: packed, and nobody has fetched them */
  waiting: number
  /** routed, but not to the best by time: it was refused there */
  passed_over: number
  rerouted: number
  shortened: number
  /** given to a courier by a dispatcher */
  reassigned: number
  /** a courier who had it could not go on, or was not heard of any more */
  left_by_courier: number
  rejected_by_reason: Record<string, number>
}

export type Ended = 'delivered' | 'failed' | 'cancelled' | 'rejected'

/** Where an order stands by the log alone: the names of the book. */
export function stateOf(trace: OrderTrace): string {
  return trace.delivery ?? trace.decided ?? 'placed'
}

/** Counts each order once, and finds those whose topics contradict each other. */
export function countOrders(log: LogState, faults: string[]): OrderCounts {
  const counts = emptyCounts()
  for (const [key, trace] of log.orders) {
    const placed = trace.placed_at.some(at => !log.dead.has(`operations/${at}`))
    const known = trace.decided !== undefined || trace.delivery !== undefined
    if (!placed && known) faults.push(`${key} was decided but never placed`)
    if (placed) countOne(counts, trace, faults, key)
  }
  const { placed, routed, rejected, cancelled_before_routing, open } = counts
  if (placed !== routed + rejected + cancelled_before_routing + open) faults.push('placed is not the sum of its parts')
  const { delivered, cancelled, failed, in_progress } = counts
  if (routed !== delivered + cancelled + failed + in_progress) faults.push('routed is not the sum of its parts')
  return counts
}

/** What became of some orders; those that are not in the log are not counted. */
export function countOf(log: LogState, tenant_id: string, order_ids: readonly string[]): OrderCounts {
  const counts = emptyCounts()
  for (const order_id of new Set(order_ids)) {
    const trace = log.orders.get(`${tenant_id}/${order_id}`)
    if (trace) countOne(counts, trace, [], order_id)
  }
  return counts
}

function countOne(counts: OrderCounts, trace: OrderTrace, faults: string[], key: string): void {
  counts.placed++
  counts.rerouted += trace.rerouted
  counts.shortened += trace.shortened
  counts.passed_over += Number(trace.passed_over)
  counts.reassigned += Number(trace.by_hand)
  counts.left_by_courier += Number(trace.left)
  contradictions(trace, key, faults)
  const state = stateOf(trace)
  if (state === 'placed') counts.open++
  else if (state === 'rejected') {
    counts.rejected++
    const reason = trace.rejected_reason ?? 'unknown'
    counts.rejected_by_reason[reason] = (counts.rejected_by_reason[reason] ?? 0) + 1
  } else if (state === 'cancelled' && !trace.routed) counts.cancelled_before_routing++
  else countRouted(counts, trace, state)
}

function countRouted(counts: OrderCounts, trace: OrderTrace, state: string): void {
  counts.routed++
  if (state === 'delivered') {
    counts.delivered++
    if ((trace.late_s ?? 0) > 0) counts.late++
  } else if (state === 'failed') counts.failed++
  else if (state === 'cancelled') counts.cancelled++
  else {
    counts.in_progress++
    if (state === 'packed') counts.waiting++
  }
}

/** An order ends once, and a parcel moves only when it was packed. */
function contradictions({ decided, delivery, routed }: OrderTrace, key: string, faults: string[]): void {
  if (delivery !== undefined && decided !== 'packed')
    faults.push(`${key} is ${delivery}, and the engine says ${decided}`)
  const after_routing = decided === 'routed' || decided === 'picking' || decided === 'packed'
  if (after_routing && !routed) faults.push(`${key} is ${decided} without having been routed`)
}

const emptyCounts = (): OrderCounts => ({
  placed: 0,
  routed: 0,
  rejected: 0,
  cancelled_before_routing: 0,
  open: 0,
  delivered: 0,
  late: 0,
  cancelled: 0,
  failed: 0,
  in_progress: 0,
  waiting: 0,
  passed_over: 0,
  rerouted: 0,
  shortened: 0,
  reassigned: 0,
  left_by_courier: 0,
  rejected_by_reason: {},
})
