import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deed } from './deeds.ts'
import { incidentsOf } from './incident_rows.ts'
import {
  followDeeds,
  followOrder,
  forgetIncidents,
  type Incidents,
  newIncidents,
  type Report,
  report,
  reportPause,
  reportResumed,
} from './incidents.ts'
import type { OrderRow } from './orders.ts'

const AT = Date.UTC(2026, 4, 8, 23, 30)
const MIN = 60_000
const LOOP_CELL = '882664c1a9fffff'

const deed = (order_id: string, did: Deed['did'], more: Partial<Deed> = {}): Deed => ({
  ...{ deed_id: `${order_id} ${did}`, at: AT + 1_000, order_id, did, warehouse_ids: [], courier_id: null, cell: null },
  ...{ to_warehouse_id: null, to_courier_id: null, sku: null, reason: null },
  ...more,
})

const order = (order_id: string, end: 'open' | 'delivered' | 'late' | 'rejected' = 'open'): OrderRow => {
  const delivered = end === 'delivered' || end === 'late'
  const closed_at = AT + (end === 'late' ? 30 : 10) * MIN
  return {
    order_id,
    touched_at: AT,
    carried: delivered ? { state: 'delivered', trip_id: 't', courier_id: 'c', reason: null, closed_at } : null,
    decided: {
      ...{ state: end === 'rejected' ? 'rejected' : 'packed', attempt: 1, lat: 41.88, lng: -87.63, cell: LOOP_CELL },
      ...{ placed_at: AT, warehouse_id: 'loop', promise: null, first_deliver_by: AT + 20 * MIN, parts: [], lines: 1 },
      ...{ reason: null, closed_at: end === 'rejected' ? AT : null },
    },
  }
}

const note = (more: Partial<Report> = {}): Report => ({
  ...{ id: 'note-1', at: AT, tone: 'warn', text: 'The last milk at Loop is gone', warehouse_id: 'loop' },
  ...more,
})

const milk = (order_id: string, did: Deed['did'], to: string | null): Deed =>
  deed(order_id, did, { warehouse_ids: ['loop'], to_warehouse_id: to, reason: 'out_of_stock' })

function told(incidents: Incidents) {
  return incidentsOf(incidents).map(({ text, over, answers, orders }) => ({
    ...{ text, over: over?.text, orders },
    answers: answers.map(
      one => `${one.orders} ${one.did} ${one.to_warehouse_id ?? one.to_courier_id ?? one.sku ?? one.reason}`,
    ),
  }))
}

describe('an incident at a warehouse', () => {
  it('tells what was done about its orders, and what became of them', () => {
    const incidents = newIncidents()
    const orders = new Map(['a', 'b', 'c', 'd'].map(id => [id, order(id)]))
    report(incidents, note(), orders)
    const deeds = [
      milk('a', 'moved', 'old-town'),
      milk('b', 'sent_elsewhere', 'old-town'),
      milk('c', 'sent_elsewhere', 'old-town'),
    ]
    followDeeds(incidents, [...deeds, milk('d', 'rejected', null)], orders)
    followOrder(incidents, order('a', 'late'))
    followOrder(incidents, order('b', 'delivered'))
    followOrder(incidents, order('d', 'rejected'))
    expect(told(incidents)).toEqual([
      {
        text: 'The last milk at Loop is gone',
        over: undefined,
        orders: { under_way: 1, delivered: 2, late: 1, lost: 1 },
        answers: ['2 sent_elsewhere old-town', '1 moved old-town', '1 rejected out_of_stock'],
      },
    ])
  })

  it('has nothing of another warehouse, of another time, of a customer who changed an order, or of a rush', () => {
    const incidents = newIncidents()
    report(incidents, note(), new Map())
    const strange = [
      deed('a', 'moved', { warehouse_ids: ['lakeview'], reason: 'count' }),
      { ...milk('b', 'moved', 'old-town'), at: AT - MIN },
      { ...milk('c', 'shortened', null), reason: 'customer' },
      { ...milk('d', 'sent_elsewhere', 'old-town'), reason: 'full' },
      { ...milk('e', 'sent_elsewhere', 'old-town'), reason: 'warehouse_paused' },
    ]
    followDeeds(incidents, strange, new Map())
    expect(told(incidents)).toMatchObject([{ answers: [] }])
  })

  it('is over when a good word comes about it, and takes no more', () => {
    const incidents = newIncidents()
    report(incidents, note(), new Map())
    report(
      incidents,
      note({ id: 'n2', at: AT + 5 * MIN, tone: 'good', text: 'A van is there', warehouse_id: 'lakeview' }),
      new Map(),
    )
    expect(told(incidents)).toMatchObject([{ over: undefined }])
    report(incidents, note({ id: 'n3', at: AT + 5 * MIN, tone: 'good', text: 'A van is there' }), new Map())
    followDeeds(incidents, [{ ...milk('a', 'moved', 'old-town'), at: AT + 6 * MIN }], new Map())
    expect(told(incidents)).toMatchObject([{ over: 'A van is there', answers: [] }])
  })

  it('is one with the pause that it explains, whichever is heard first', () => {
    const paused = { ...note({ id: 'warehouse/loop/2', text: 'Loop is paused' }), warehouse_id: 'loop', at: AT + 2_000 }
    const noted = note({ text: 'Power cut at Loop' })
    const deeds = [
      deed('a', 'moved', { warehouse_ids: ['loop'], to_warehouse_id: 'old-town', reason: 'warehouse_paused' }),
      milk('b', 'moved', 'old-town'),
    ]
    const first = newIncidents()
    report(first, noted, new Map())
    followDeeds(first, deeds, new Map())
    reportPause(first, paused, new Map())
    const second = newIncidents()
    followDeeds(second, deeds, new Map())
    reportPause(second, paused, new Map())
    report(second, noted, new Map())
    for (const incidents of [first, second]) {
      report(incidents, noted, new Map()) // read once more
      expect(told(incidents)).toMatchObject([{ text: 'Power cut at Loop', answers: ['1 moved old-town'] }])
      reportResumed(incidents, { ...paused, at: AT + MIN, text: 'Loop takes orders again' })
      expect(told(incidents)).toMatchObject([{ over: 'Loop takes orders again' }])
    }
  })

  it('is a pause alone where nobody says why', () => {
    const incidents = newIncidents()
    reportPause(incidents, { ...note({ id: 'p', text: 'Loop is paused' }), warehouse_id: 'loop' }, new Map())
    expect(told(incidents)).toMatchObject([{ text: 'Loop is paused' }])
  })

  it('is another one where a warehouse has two troubles at a time, each with an end of its own', () => {
    const incidents = newIncidents()
    const paused = { ...note({ id: 'p', text: 'Loop is paused' }), warehouse_id: 'loop' }
    report(incidents, note({ text: 'Power cut at Loop' }), new Map())
    reportPause(incidents, paused, new Map())
    report(incidents, note({ id: 'n2', at: AT + 1_000, text: 'The milk is gone' }), new Map())
    reportResumed(incidents, { ...paused, at: AT + MIN, text: 'Loop takes orders again' })
    const early = note({ id: 'n3', at: AT - 1_000, tone: 'good', text: 'The van of the morning' })
    report(incidents, early, new Map())
    expect(told(incidents)).toMatchObject([
      { text: 'Power cut at Loop', over: 'Loop takes orders again' },
      { text: 'The milk is gone', over: undefined },
    ])
  })

  it('says of a move and the later promise that comes with it the move', () => {
    for (const did of [
      ['moved', 'promised_later'],
      ['promised_later', 'moved'],
    ] as const) {
      const incidents = newIncidents()
      report(incidents, note(), new Map())
      followDeeds(
        incidents,
        did.map(one => milk('a', one, 'old-town')),
        new Map(),
      )
      expect(told(incidents)).toMatchObject([{ answers: ['1 moved old-town'] }])
    }
  })
})

describe('other incidents', () => {
  it('of a courier tell who took over, after who was left', () => {
    const incidents = newIncidents()
    const orders = new Map([['a', order('a')]])
    report(incidents, note({ warehouse_id: undefined, courier_id: 'c1' }), orders)
    followDeeds(incidents, [deed('a', 'left', { courier_id: 'c1' })], orders)
    expect(told(incidents)).toMatchObject([{ answers: ['1 left undefined'] }])
    followDeeds(incidents, [deed('a', 'given', { courier_id: 'c1', to_courier_id: 'c2', at: AT + 2_000 })], orders)
    expect(told(incidents)).toMatchObject([{ answers: ['1 given c2'] }])
  })

  it('of an order are over with it', () => {
    const incidents = newIncidents()
    report(incidents, note({ warehouse_id: undefined, order_id: 'a' }), new Map([['a', order('a')]]))
    expect(told(incidents)).toMatchObject([{ orders: { under_way: 1 } }])
    followOrder(incidents, order('a', 'delivered'))
    expect(incidentsOf(incidents)).toMatchObject([
      { over: { at: AT + 10 * MIN }, orders: { delivered: 1, under_way: 0 } },
    ])
  })

  it('of a place count what is ordered around there', () => {
    const incidents = newIncidents()
    report(incidents, note({ warehouse_id: undefined, point: { lat: 41.88, lng: -87.63 } }), new Map())
    const near = deed('a', 'taken', { cell: LOOP_CELL, to_warehouse_id: 'loop' })
    const far = deed('b', 'taken', { cell: '882664d8b3fffff', to_warehouse_id: 'skokie' })
    followDeeds(incidents, [near, far], new Map())
    expect(told(incidents)).toMatchObject([{ answers: ['1 taken loop'] }])
  })

  it('are none where nothing and nobody is named', () => {
    const incidents = newIncidents()
    report(incidents, note({ warehouse_id: undefined }), new Map())
    expect(told(incidents)).toEqual([])
  })
})

it('goes some minutes after it is over, and not while its orders are under way', () => {
  const incidents = newIncidents()
  const orders = new Map([['a', order('a')]])
  report(incidents, note(), orders)
  followDeeds(incidents, [milk('a', 'moved', 'old-town')], orders)
  report(incidents, note({ id: 'n2', tone: 'good', text: 'Over', at: AT + MIN }), orders)
  forgetIncidents(incidents, AT + 20 * MIN)
  expect(told(incidents)).toHaveLength(1)
  followOrder(incidents, order('a', 'delivered'))
  forgetIncidents(incidents, AT + 20 * MIN)
  expect(told(incidents)).toEqual([])
})

it('is let go after forty minutes whatever becomes of its orders, and the twelve newest are kept', () => {
  const incidents = newIncidents()
  const orders = new Map([['a', order('a')]])
  report(incidents, note(), orders)
  followDeeds(incidents, [milk('a', 'moved', 'old-town')], orders)
  forgetIncidents(incidents, AT + 40 * MIN - 1)
  expect([incidents.items.length, incidents.deeds.length]).toEqual([1, 0])
  forgetIncidents(incidents, AT + 40 * MIN)
  expect(told(incidents)).toEqual([])
  for (let n = 0; n < 13; n++) report(incidents, note({ id: `n${n}`, at: AT + n, text: `${n}` }), orders)
  expect(told(incidents).map(one => one.text)).toEqual(Array.from({ length: 12 }, (_, at) => `${at + 1}`))
})

it('is the same whatever comes first: the note, what was done, or its end', () => {
  const reports = [note(), note({ id: 'n2', at: AT + MIN, text: 'A fridge broke', warehouse_id: 'lakeview' })]
  const deeds = [
    milk('a', 'moved', 'old-town'),
    { ...milk('a', 'rejected', null), deed_id: 'a2', at: AT + 9_000 },
    milk('b', 'sent_elsewhere', 'old-town'),
    deed('c', 'moved', { at: AT + MIN + 1_000, warehouse_ids: ['lakeview'], to_warehouse_id: 'loop', reason: 'count' }),
  ]
  type Step = (incidents: Incidents, orders: Map<string, OrderRow>) => void
  const ends: Step = (incidents, orders) => {
    orders.set('b', order('b', 'late'))
    followOrder(incidents, order('b', 'late'))
  }
  const steps: Step[] = [
    ...reports.map(
      (one): Step =>
        (incidents, orders) =>
          report(incidents, one, orders),
    ),
    ...deeds.map(
      (one): Step =>
        (incidents, orders) =>
          followDeeds(incidents, [one], orders),
    ),
    ends,
  ]
  const heard = (all: readonly Step[]) => {
    const [incidents, orders] = [newIncidents(), new Map(['a', 'b', 'c'].map(id => [id, order(id)]))]
    for (const step of all) step(incidents, orders)
    return told(incidents)
  }
  const in_order = heard(steps)
  expect(in_order).toMatchObject([
    { answers: ['1 rejected out_of_stock', '1 sent_elsewhere old-town'], orders: { late: 1, under_way: 1 } },
    { answers: ['1 moved loop'] },
  ])
  fc.assert(
    fc.property(
      fc.shuffledSubarray(steps, { minLength: steps.length }),
      fc.array(fc.constantFrom(...steps)),
      (all, again) => {
        expect(heard([...all, ...again])).toEqual(in_order)
      },
    ),
    { numRuns: 300 },
  )
})
