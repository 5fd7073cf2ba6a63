import { describe, expect, test } from 'vitest'
import type { Stop } from '../../ingest/events/deliveries.ts'
import type { OrderView } from '../contract.ts'
import { inTheirSequence, stopsInSequence } from './sequence.ts'

const WAREHOUSES: Record<string, { lat: number; lng: number }> = { w1: { lat: 0, lng: 1 }, w2: { lat: 0, lng: 2 } }
/** A second a hundredth of a degree, along the line. */
const way = {
  handover_s: 0,
  place: { lat: 0, lng: 0 },
  depart: 1_000_000,
  travel: (from: { lng: number }, to: { lng: number }) => Math.round(Math.abs(from.lng - to.lng) * 100),
  pointOf: (id: string) => WAREHOUSES[id],
}

function order(order_id: string, lng: number, more: { trip_id?: string; parts?: object[] } = {}): OrderView {
  const parts = more.parts ?? [{ warehouse_id: 'w1' }]
  return {
    order_id,
    point: { lat: 0, lng },
    trip_id: more.trip_id ?? null,
    fulfilments: parts.map((part, n) => ({
      ...{ fulfilment_id: `${order_id}.${n + 1}`, state: 'packed', ready_at: 0, packed_at: 0, lines: [] },
      ...part,
    })),
  } as object as OrderView
}

const told = (stops: readonly Stop[]) => stops.map(stop => `${stop.kind} ${stop.fulfilment_id} ${stop.eta}`)

describe('stops of several orders', () => {
  test('are all pickups, then the doors as given; each pickup waits for what is not ready', () => {
    const late = order('b', 4, { parts: [{ warehouse_id: 'w2', packed_at: null, ready_at: 2_000_000 }] })
    expect(told(stopsInSequence([], [order('a', 3), late], way))).toEqual([
      'pickup a.1 1100000',
      'pickup b.1 2000000',
      'dropoff a.1 2100000',
      'dropoff b.1 2200000',
    ])
  })

  test('fetch at one warehouse at once', () => {
    const split = order('b', 4, { parts: [{ warehouse_id: 'w2' }, { warehouse_id: 'w1' }] })
    const kinds = stopsInSequence([], [order('a', 3), split], way).filter(stop => stop.kind === 'pickup')
    expect(kinds.map(stop => stop.fulfilment_id)).toEqual(['a.1', 'b.2', 'b.1'])
  })

  test('leave out what is in the bag, and keep what is behind the courier', () => {
    const [behind] = stopsInSequence([], [order('x', 1)], way)
    const done = { ...(behind as Stop), done_at: 5 }
    const stops = stopsInSequence([done], [order('a', 3, { parts: [{ warehouse_id: 'w1', state: 'picked_up' }] })], way)
    expect(told(stops)).toEqual([`pickup x.1 ${done.eta}`, 'dropoff a.1 1300000'])
  })
})

test('orders of one trip keep its sequence, wherever they stand in the list', () => {
  const stops = stopsInSequence([], [order('b', 3), order('a', 4)], way)
  const moved = [order('a', 4, { trip_id: 't' }), order('free', 5), order('b', 3, { trip_id: 't' })]
  expect(inTheirSequence(moved, new Map([['t', stops]])).map(one => one.order_id)).toEqual(['b', 'a', 'free'])
})
