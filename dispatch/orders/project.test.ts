import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ORDER_STATES } from '../contract.ts'
import { isTerminal, ORDER_LIFE, type OrderEvent } from '../life/order.ts'
import { TRIP_LIFE } from '../life/trip.ts'
import type { OrderRow } from '../rows.ts'
import { type OrderDecision, project, tripIsVoid } from './project.ts'
import { tellDecision } from './tell.ts'

const head = { tenant_id: 't', zone_id: 'z', correlation_id: 'c', decided_at: 5_000 } as Parameters<typeof project>[2]
const line = { line_id: 'l1', sku: 'milk', quantity: 3, unit: 'each' }
const request = { order_id: 'o', customer_ref: 'r', point: { lat: 1, lng: 2 }, cell: '89', lines: [line] }
const part = (id: string, warehouse_id: string) => ({ fulfilment_id: id, warehouse_id, lines: [line], ready_at: 9_000 })
const promise = { ready_at: 9_000, deliver_by: 20_000 }
const attempt = { order_id: 'o', attempt: 1 }
const routing = { ...attempt, promise, candidates: [], fulfilments: [part('f1', 'w1')] }

const EXAMPLES = {
  'order.routed': { type: 'order.routed', ...routing, order: request, placed_at: 1_000 },
  'order.rerouted': {
    ...routing,
    type: 'order.rerouted',
    attempt: 2,
    fulfilments: [part('f2', 'w2')],
    promise: { ready_at: 10_000, deliver_by: 30_000 },
    cause: 'warehouse_paused',
    replaced: ['f1'],
  },
  'order.shortened': {
    ...attempt,
    ...part('f1', 'w1'),
    type: 'order.shortened',
    line_id: 'l1',
    sku: 'milk',
    quantity_before: 3,
    quantity: 1,
    cause: 'short_pick',
  },
  'order.substituted': {
    ...attempt,
    type: 'order.substituted',
    fulfilment_id: 'f1',
    warehouse_id: 'w1',
    line_id: 'l1',
    sku: 'milk',
    substitute_sku: 'oat_milk',
    substitute_line_id: 'l1.s1',
    quantity: 1,
  },
  'order.rejected': {
    ...attempt,
    type: 'order.rejected',
    reason: 'out_of_stock',
    retryable: true,
    candidates: [],
    order: request,
    placed_at: 1_000,
  },
  'order.offered': {
    ...attempt,
    type: 'order.offered',
    to_zone_id: 'south',
    reason: 'out_of_stock',
    retryable: true,
    candidates: [],
    order: request,
    placed_at: 1_000,
  },
  'order.cancel_passed': { ...attempt, type: 'order.cancel_passed', to_zone_id: 'south', reason: 'changed_mind' },
  'order.revised': { ...attempt, type: 'order.revised', fulfilment_id: 'f1', warehouse_id: 'w1', ready_at: 12_000 },
  'order.part_dropped': {
    ...attempt,
    type: 'order.part_dropped',
    fulfilment_id: 'f1',
    warehouse_id: 'w1',
    cause: 'short_pick',
  },
  'order.cancelled': { ...attempt, type: 'order.cancelled', reason: 'changed_mind', by: 'customer', to_put_back: [] },
  'order.picking': { ...attempt, ...part('f1', 'w1'), type: 'order.picking', started_at: 6_000, ready_at: 8_000 },
  'order.packed': { ...attempt, type: 'order.packed', fulfilment_id: 'f1', warehouse_id: 'w1', packed_at: 7_000 },
  'promise.changed': {
    ...attempt,
    type: 'promise.changed',
    promise: { ready_at: 1, deliver_by: 40_000 },
    first_deliver_by: 20_000,
    cause: 'load',
  },
} as unknown as Record<OrderDecision['type'], OrderDecision>

function bookAfter(...types: OrderDecision['type'][]): OrderRow {
  let row: OrderRow | undefined
  for (const type of types) {
    const projected = project(row, EXAMPLES[type], head)
    if ('refused' in projected) throw new Error(`${type} was refused: ${projected.refused}`)
    row = projected.row
  }
  if (!row) throw new Error('no decision given')
  return row
}

describe('projecting decisions', () => {
  it('keeps the first promise, whatever is promised later', () => {
    expect(bookAfter('order.routed', 'order.rerouted', 'promise.changed')).toMatchObject({
      first_deliver_by: 20_000,
      promise: { deliver_by: 40_000 },
      warehouse_id: 'w2',
      fulfilment_id: 'f2',
      attempt: 2,
      version: 3,
    })
  })

  it('shortens the line it names', () => {
    expect(bookAfter('order.routed', 'order.shortened').lines).toEqual([{ ...line, quantity: 1 }])
  })

  it('keeps what a substitute leaves of the line, and gives the substitute a line that can be shortened', () => {
    const kept = { ...line, quantity: 2 }
    const substitute = { ...line, line_id: 'l1.s1', sku: 'oat_milk', quantity: 1 }
    const row = bookAfter('order.routed', 'order.substituted')
    expect(row.lines).toEqual([kept, substitute])
    expect(row.fulfilments[0]?.lines).toEqual(row.lines)
    const linesAfter = (type: OrderDecision['type'], change: object, from: OrderRow) => {
      const projected = project(from, { ...EXAMPLES[type], ...change } as OrderDecision, head)
      return 'row' in projected ? projected.row.lines : projected.refused
    }
    const gone = { line_id: 'l1.s1', sku: 'oat_milk', quantity_before: 1, quantity: 0 }
    expect(linesAfter('order.shortened', gone, row)).toEqual([kept])
    const all = linesAfter('order.substituted', { quantity: 3 }, bookAfter('order.routed'))
    expect(all).toEqual([{ ...substitute, quantity: 3 }])
  })

  it('is packed only when every part of it is', () => {
    const split = { ...EXAMPLES['order.routed'], fulfilments: [part('f1', 'w1'), part('f2', 'w2')] } as OrderDecision
    const rows = [
      split,
      EXAMPLES['order.packed'],
      { ...EXAMPLES['order.packed'], fulfilment_id: 'f2' } as OrderDecision,
    ]
    let row: OrderRow | undefined
    const states: string[] = []
    for (const decision of rows) {
      const projected = project(row, decision, head)
      if ('refused' in projected) throw new Error(projected.refused)
      row = projected.row
      states.push(row.state)
    }
    expect(states).toEqual(['routed', 'picking', 'packed'])
  })

  const rowAfter = (row: OrderRow | undefined, decision: object, zone_id = 'z') => {
    const projected = project(row, decision as OrderDecision, { ...head, zone_id } as typeof head)
    if ('refused' in projected) throw new Error(projected.refused)
    return projected.row
  }

  it('lets one part of it go, and is packed when the others are', () => {
    const fulfilments = [part('f1', 'w1'), part('f2', 'w2')]
    const split = rowAfter(undefined, { ...EXAMPLES['order.routed'], fulfilments })
    const dropped = rowAfter(split, EXAMPLES['order.part_dropped'])
    expect(dropped).toMatchObject({ state: 'routed', fulfilment_id: 'f2', warehouse_id: 'w2', packed_at: null })
    const packed = rowAfter(split, { ...EXAMPLES['order.packed'], fulfilment_id: 'f2' })
    expect(rowAfter(packed, EXAMPLES['order.part_dropped'])).toMatchObject({ state: 'packed', packed_at: 7_000 })
    expect(tripIsVoid({ ...split, trip_id: 't1' as OrderRow['trip_id'] }, dropped)).toBe(true)
  })

  it('follows an order over the border, whichever zone is heard first', () => {
    const taken = { ...EXAMPLES['order.routed'], from_zone_id: 'z' }
    const offered = rowAfter(undefined, EXAMPLES['order.offered'])
    expect(offered).toMatchObject({ state: 'placed', zone_id: 'south', attempt: 0, closed_at: null })
    expect(rowAfter(offered, taken, 'south')).toMatchObject({ state: 'routed', zone_id: 'south', warehouse_id: 'w1' })
    const first = rowAfter({ ...offered, zone_id: 'z' as OrderRow['zone_id'] }, taken, 'south')
    expect(first).toMatchObject({ state: 'routed', zone_id: 'south' })
    expect(project(first, EXAMPLES['order.offered'], head)).toEqual({ refused: 'overtaken' })
    const rejected = rowAfter(offered, { ...EXAMPLES['order.rejected'], from_zone_id: 'z' }, 'south')
    expect(rejected).toMatchObject({ state: 'rejected', zone_id: 'south' })
  })

  it('takes the time over at which a part will be ready', () => {
    const [ready] = rowAfter(bookAfter('order.routed'), EXAMPLES['order.revised']).fulfilments
    expect(ready?.ready_at).toBe(12_000)
  })

  it('voids the trip of an order that is cancelled or moved, and of no other', () => {
    const carried = { ...bookAfter('order.routed'), trip_id: 't1' as OrderRow['trip_id'] }
    const next = (type: OrderDecision['type']) => {
      const projected = project(carried, EXAMPLES[type], head)
      return 'row' in projected && tripIsVoid(carried, projected.row)
    }
    expect(next('order.cancelled')).toBe(true)
    expect(next('order.rerouted')).toBe(true)
    expect(next('order.picking')).toBe(false)
    expect(next('order.shortened')).toBe(false)
  })

  it('takes any decisions in any order by legal steps only, and never leaves a terminal state', () => {
    const types = fc.constantFrom(...(Object.keys(EXAMPLES) as OrderDecision['type'][]))
    fc.assert(
      fc.property(fc.array(types, { maxLength: 30 }), sequence => {
        let row: OrderRow | undefined
        for (const type of sequence) {
          const before = row
          const projected = project(before, EXAMPLES[type], head)
          if ('refused' in projected) continue
          row = projected.row
          expect(row.version).toBe((before?.version ?? 0) + 1)
          expect(before === undefined || !isTerminal(before.state)).toBe(true)
          expect(row.closed_at !== null).toBe(isTerminal(row.state))
          expect(row.first_deliver_by).toBe(before?.first_deliver_by ?? row.first_deliver_by)
        }
      }),
    )
  })

  it('tells every decision in one sentence without a hole', () => {
    for (const decision of Object.values(EXAMPLES)) {
      expect(tellDecision(decision)).toMatch(/^[A-Za-z_].*\.$/)
      expect(tellDecision(decision)).not.toMatch(/undefined|null|NaN/)
    }
  })
})

describe('the tables of life', () => {
  it('let every state be reached and left, but for the terminal ones', () => {
    const events = Object.keys(ORDER_LIFE.placed) as OrderEvent[]
    for (const state of ORDER_STATES) {
      const ways_out = events.filter(event => ORDER_LIFE[state][event] !== 'refused')
      expect(ways_out.length === 0).toBe(isTerminal(state))
      const ways_in = ORDER_STATES.some(
        from => from !== state && events.some(event => ORDER_LIFE[from][event] === state),
      )
      expect(ways_in).toBe(state !== 'placed')
    }
  })

  it('let nobody take a parcel back that was picked up', () => {
    expect(Object.values(ORDER_LIFE.picked_up)).not.toContain('cancelled')
    expect(TRIP_LIFE.under_way).toMatchObject({ cancelled: 'refused', reassigned: 'refused', expired: 'refused' })
  })
})
