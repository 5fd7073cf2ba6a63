import type { Counters } from '../contract.ts'
import { closedAt, type OrderRow, stateOf } from './orders.ts'

/** The share of one order in the counters: what changes in it changes them, and nothing is counted twice. */
export type Share = Pick<
  Counters,
  'placed' | 'routed' | 'rerouted' | 'rejected' | 'cancelled' | 'delivered' | 'failed' | 'late' | 'open'
>

export const NO_SHARE: Share = {
  placed: 0,
  routed: 0,
  rerouted: 0,
  rejected: 0,
  cancelled: 0,
  delivered: 0,
  failed: 0,
  late: 0,
  open: 0,
}

export function shareOf(row: OrderRow): Share {
  const { decided } = row
  if (!decided) return NO_SHARE
  const state = stateOf(row)
  const promised = decided.first_deliver_by
  const closed_at = closedAt(row)
  return {
    placed: 1,
    routed: promised === null ? 0 : 1,
    rerouted: promised === null ? 0 : Math.max(0, decided.attempt - 1),
    rejected: Number(state === 'rejected'),
    cancelled: Number(state === 'cancelled'),
    delivered: Number(state === 'delivered'),
    failed: Number(state === 'failed'),
    late: Number(state === 'delivered' && promised !== null && (closed_at ?? 0) > promised),
    open: Number(closed_at === null),
  }
}

/** `after` comes in place of `before`. */
export function addTo(totals: Share, after: Share, before: Share): void {
  for (const name of Object.keys(NO_SHARE) as (keyof Share)[]) totals[name] += after[name] - before[name]
}
