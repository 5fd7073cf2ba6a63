import { expect, test } from 'vitest'
import type { Planned } from './carry_out.ts'
import type { Telling } from './tell_trips.ts'
import { isWorthTelling } from './worth_telling.ts'

const NOW = 1_000_000_000
const HERE = { lat: 0, lng: 0 }
const METRES_PER_DEGREE = 111_195

/** A courier at the counter, doors 1,000 s away; `doors`: order → s as the plan has it. No hand-over takes time. */
function worth(doors: Record<string, number>, { ready_s = 0, free = [] as string[] } = {}): boolean {
  const ids = Object.keys(doors)
  const stops = ['a', 'b'].flatMap(order_id => [
    { kind: 'pickup', order_id, point: HERE, eta: NOW },
    { kind: 'dropoff', order_id, point: { lat: 0, lng: 1 }, eta: NOW },
  ])
  const planned = {
    ...{ road: { road_factor: 1, speed_mps: METRES_PER_DEGREE / 1_000 }, handover_s: 0 },
    input: { now: NOW, fulfilments: ids.map(id => ({ fulfilment_id: id, order_id: id, ready_s })) },
    plan: { trips: [{ fulfilment_ids: ids, dropoff_s: Object.values(doors) }] },
  } as object as Planned
  const seen = [...ids, ...free].map(order_id => ({ order_id, trip_id: free.includes(order_id) ? null : 'T' }))
  const present = {
    stops: stops.filter(stop => stop.kind === 'pickup').concat(stops.filter(stop => stop.kind === 'dropoff')),
  }
  return isWorthTelling(planned, [{ present, seen, place: HERE } as object as Telling])
}

test('a trip is changed for customers who gain two minutes by it, together', () => {
  expect(worth({ a: 1_000, b: 1_000 })).toBe(false)
  expect(worth({ a: 950, b: 960 })).toBe(false)
  expect(worth({ a: 930, b: 945 })).toBe(true)
  expect(worth({ a: 600, b: 1_300 })).toBe(false)
})

test('what it would be without the change is reckoned with the ready times of now', () => {
  expect(worth({ a: 1_000, b: 1_000 }, { ready_s: 60 })).toBe(true)
  expect(worth({ a: 1_000, b: 1_000 }, { ready_s: 59 })).toBe(false)
})

test('it is changed for an order that nobody has, and not to leave one lying', () => {
  expect(worth({ a: 1_000, b: 1_000 }, { free: ['c'] })).toBe(true)
  expect(worth({ a: 10 })).toBe(false)
})
