import type { Decision } from '../../ingest/events/decisions.ts'
import type { ZoneState } from '../state.ts'

/** What came of a stretch of the log, counted from its decisions. Pure. */

export interface OrderOutcome {
  outcome: 'granted' | 'rejected' | 'offered'
  /** who got it first, sorted; empty when nobody did */
  warehouses: string[]
  reason?: string
  /** from the decision to what was told the customer, s of the business clock; of an order for a window: absent */
  promise_s?: number
}

export interface WarehouseLoad {
  orders: number
  lines: number
  /** the most lines that waited to be picked at once */
  open_lines_max: number
}

export interface Tally {
  orders: Map<string, OrderOutcome>
  /** decision type (and the cause of what was taken away) → count */
  counts: Map<string, number>
  warehouses: Map<string, WarehouseLoad>
}

export const newTally = (): Tally => ({ orders: new Map(), counts: new Map(), warehouses: new Map() })

export function note(tally: Tally, decisions: readonly Decision[], zone: ZoneState): void {
  for (const decision of decisions) {
    const cause = decision.type === 'order.cancelled' ? ` by ${decision.by}` : ''
    const name = `${decision.type}${cause}`
    tally.counts.set(name, (tally.counts.get(name) ?? 0) + 1)
    if (decision.type === 'order.routed') noteGranted(tally, decision, zone)
    if (decision.type === 'order.rejected' || decision.type === 'order.offered') {
      const outcome = decision.type === 'order.rejected' ? 'rejected' : 'offered'
      tally.orders.set(decision.order_id, { outcome, warehouses: [], reason: decision.reason })
    }
    if (decision.type === 'order.routed' || decision.type === 'order.rerouted') noteLoad(tally, decision.fulfilments)
  }
  if (decisions.length > 0) noteOpenLines(tally, zone)
}

function noteGranted(tally: Tally, decision: Extract<Decision, { type: 'order.routed' }>, zone: ZoneState): void {
  const { order_id, fulfilments, promise, order } = decision
  const warehouses = [...new Set(fulfilments.map(part => part.warehouse_id))].sort()
  const promise_s = Math.round((promise.deliver_by - zone.time) / 1_000)
  tally.orders.set(order_id, { outcome: 'granted', warehouses, ...(order.deliver_between ? {} : { promise_s }) })
}

function noteLoad(tally: Tally, parts: readonly { warehouse_id: string; lines: readonly unknown[] }[]): void {
  for (const { warehouse_id, lines } of parts) {
    const load = loadOf(tally, warehouse_id)
    load.orders += 1
    load.lines += lines.length
  }
}

function noteOpenLines(tally: Tally, zone: ZoneState): void {
  for (const { warehouse_id, open_lines } of zone.warehouses.values()) {
    const load = loadOf(tally, warehouse_id)
    if (open_lines > load.open_lines_max) load.open_lines_max = open_lines
  }
}

function loadOf(tally: Tally, warehouse_id: string): WarehouseLoad {
  let load = tally.warehouses.get(warehouse_id)
  if (!load) {
    load = { orders: 0, lines: 0, open_lines_max: 0 }
    tally.warehouses.set(warehouse_id, load)
  }
  return load
}

// ── Figures ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Figures {
  orders: number
  granted: number
  rejected: number
  offered: number
  /** reason → orders that were rejected for it, most first */
  rejected_by: Record<string, number>
  /** null: no order without a window was granted */
  promise_s: { mean: number; p50: number; p90: number } | null
  split: number
  rerouted: number
  shortened: number
  cancelled_by_shortfall: number
  holds_granted: number
  holds_refused: number
  /** by id */
  warehouses: Record<string, WarehouseLoad>
}

export function figuresOf({ orders, counts, warehouses }: Tally): Figures {
  const all = [...orders.values()]
  const count = (name: string) => counts.get(name) ?? 0
  const reasons = new Map<string, number>()
  for (const { outcome, reason } of all)
    if (outcome === 'rejected' && reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const cancelled = [...counts].filter(([name]) => name.startsWith('order.cancelled by') && !name.endsWith(' customer'))
  return {
    orders: all.length,
    granted: all.filter(({ outcome }) => outcome === 'granted').length,
    rejected: all.filter(({ outcome }) => outcome === 'rejected').length,
    offered: all.filter(({ outcome }) => outcome === 'offered').length,
    rejected_by: Object.fromEntries([...reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))),
    promise_s: promiseFigures(all.flatMap(({ promise_s }) => (promise_s === undefined ? [] : [promise_s]))),
    split: all.filter(order => order.warehouses.length > 1).length,
    rerouted: count('order.rerouted'),
    shortened: count('order.shortened'),
    cancelled_by_shortfall: cancelled.reduce((sum, [, n]) => sum + n, 0),
    holds_granted: count('hold.granted'),
    holds_refused: count('hold.refused'),
    warehouses: Object.fromEntries([...warehouses].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** Nearest rank: the p-th percentile is one of the values. */
function promiseFigures(values: number[]): Figures['promise_s'] {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  const mean = Math.round(sorted.reduce((sum, value) => sum + value, 0) / sorted.length)
  return { mean, p50: rank(0.5), p90: rank(0.9) }
}

/** An order that came to something else on the other side. */
export interface Difference {
  order_id: string
  here: OrderOutcome | null
  there: OrderOutcome | null
}

/** Orders with another outcome, other warehouses or another reason. The promise alone is no difference. */
export function differences(here: Tally, there: Tally): Difference[] {
  const ids = [...new Set([...here.orders.keys(), ...there.orders.keys()])]
  return ids.flatMap(order_id => {
    const [one, other] = [here.orders.get(order_id) ?? null, there.orders.get(order_id) ?? null]
    return sayOutcome(one) === sayOutcome(other) ? [] : [{ order_id, here: one, there: other }]
  })
}

export function sayOutcome(outcome: OrderOutcome | null): string {
  if (!outcome) return 'nothing decided'
  return outcome.outcome === 'granted' ? outcome.warehouses.join(' + ') : `${outcome.outcome}: ${outcome.reason}`
}
