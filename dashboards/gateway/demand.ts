import type { DemandCell } from '../contract.ts'

/** Orders placed in the last 30 business minutes, by cell. Every order counts once, refused ones too: they wanted something. */
export interface Demand {
  orders: Map<string, { cell: string; placed_at: number }>
  changed: boolean
}

export const DEMAND_MS = 30 * 60_000
const DEMAND_ORDERS_MAX = 100_000

export const newDemand = (): Demand => ({ orders: new Map(), changed: false })

export function want(demand: Demand, order_id: string, order: { cell: string; placed_at: number }): void {
  if (demand.orders.has(order_id) || demand.orders.size >= DEMAND_ORDERS_MAX) return
  demand.orders.set(order_id, { cell: order.cell, placed_at: order.placed_at })
  demand.changed = true
}

export function forgetDemand(demand: Demand, now: number): void {
  for (const [order_id, { placed_at }] of demand.orders) {
    if (placed_at >= now - DEMAND_MS) continue
    demand.orders.delete(order_id)
    demand.changed = true
  }
}

/** Sorted by cell. */
export function demandCells(demand: Demand): DemandCell[] {
  const counts = new Map<string, number>()
  for (const { cell } of demand.orders.values()) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  return [...counts].map(([cell, orders]) => ({ cell, orders })).toSorted((a, b) => (a.cell < b.cell ? -1 : 1))
}
