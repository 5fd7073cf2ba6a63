import { expect, test } from 'vitest'
import type { Decision } from '../../ingest/events/decisions.ts'
import { type Decided, decide } from './orders.ts'

const routed: Decided = {
  ...{ state: 'picking', attempt: 1, lat: 1, lng: 2, cell: '88', placed_at: 0, warehouse_id: 'w', promise: null },
  ...{ first_deliver_by: null, lines: 1, reason: null, closed_at: null },
  parts: [{ fulfilment_id: 'f', warehouse_id: 'w', lines: new Map([['milk', 3]]), packed: false }],
}
const at = { order_id: 'o', attempt: 1, fulfilment_id: 'f', warehouse_id: 'w' }
const substituted = (quantity: number, attempt = 1) =>
  ({
    ...{ ...at, attempt, type: 'order.substituted', line_id: 'milk', sku: 'milk' },
    ...{ substitute_line_id: 'milk.s1', substitute_sku: 'bread', quantity },
  }) as unknown as Decision
const gone = { ...at, type: 'order.shortened', line_id: 'milk.s1', quantity: 0 } as unknown as Decision

const linesAfter = (...decisions: Decision[]) => {
  const after = decisions.reduce<Decided | null>((decided, decision) => decide(decided, decision, 1), routed)
  return Object.fromEntries(after?.parts[0]?.lines ?? [])
}

test('a substitute is a line of its own, beside what is left of the old one', () => {
  expect(linesAfter(substituted(1))).toEqual({ milk: 2, 'milk.s1': 1 })
  expect(linesAfter(substituted(3))).toEqual({ 'milk.s1': 3 })
  expect(linesAfter(substituted(1), gone)).toEqual({ milk: 2 })
})

test('a substitution that comes again, or of another attempt, changes nothing', () => {
  expect(linesAfter(substituted(1), substituted(1))).toEqual({ milk: 2, 'milk.s1': 1 })
  expect(linesAfter(substituted(1, 0))).toEqual({ milk: 3 })
})
