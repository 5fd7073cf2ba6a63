import { describe, expect, test } from 'vitest'
import type { Stop } from '../../ingest/events/deliveries.ts'
import { orderEta } from './order_eta.ts'
import { isNews, type Retiming, retime } from './retime.ts'

const NOW = 1_000_000_000
const at = (lng: number) => ({ lat: 0, lng })
const stop = (kind: Stop['kind'], order_id: string, lng: number, more: Partial<Stop> = {}): Stop =>
  ({ kind, order_id, fulfilment_id: `${order_id}.1`, point: at(lng), eta: NOW, ...more }) as Stop
/** A second a hundredth of a degree; a minute for both hand-overs. No errors: bounds and estimate are one. */
const retiming: Retiming = {
  ...{ now: NOW, handover_s: 60, readyAt: () => NOW + 500_000 },
  travel: (from, to) => Math.round(Math.abs(from.lng - to.lng) * 100),
  errors: () => ({ seen: 9, inside: 9, low: 0, middle: 0, high: 0 }),
}
const bundle = [stop('pickup', 'a', 1), stop('pickup', 'b', 1), stop('dropoff', 'a', 3), stop('dropoff', 'b', 4)]
const times = (stops: readonly Stop[], lng = 0, more: Partial<Retiming> = {}) =>
  retime({ stops: [...stops] }, { point: at(lng) }, { ...retiming, ...more })
const s = (one: { eta: number }) => (one.eta - NOW) / 1_000

describe('a trip is timed from where its courier is', () => {
  test('over the road, the ready time and the hand-overs', () => {
    const { stops, told } = times(bundle)
    // 15 s at the counter, 200 s of road, 30 s at the door; 15 s back, 100 s of road, 30 s at the door
    expect(stops.map(s)).toEqual([500, 500, 745, 890])
    expect(told.map(one => one.phase)).toEqual(['pickup', 'pickup', 'door_ahead', 'door_ahead'])
  })

  test('who is farther away than the bag needs is awaited by the bag', () => {
    expect(times(bundle, -7).stops.map(s)).toEqual([800, 800, 1_045, 1_190])
  })

  test('what is behind stays, and the next door is reckoned from the road', () => {
    const behind = bundle.map(one => (one.kind === 'pickup' ? { ...one, done_at: NOW - 9_000 } : one))
    const { stops, told } = times(behind, 2)
    expect(stops.map(s)).toEqual([0, 0, 130, 275])
    expect(told.map(one => [one.order_id, one.phase])).toEqual([
      ['a', 'door_leaving'],
      ['b', 'door_leaving'],
    ])
  })

  test('an order of two parts is told of once, as picked up where its last part is', () => {
    const parts = [stop('pickup', 'a', 1), stop('pickup', 'a', 9, { fulfilment_id: 'a.2' } as Partial<Stop>)]
    const { stops, told } = times([...parts, stop('dropoff', 'a', 10)])
    expect(told.map(one => [one.phase, s(one)])).toEqual([
      ['pickup', s(stops[1] as Stop)],
      ['door_ahead', s(stops[2] as Stop)],
    ])
  })

  test('with what was learnt of earlier ones', () => {
    const { stops } = times([stop('pickup', 'a', 5)], 0, {
      errors: () => ({ seen: 9, inside: 9, low: -0.1, middle: 0.2, high: 1 }),
    })
    expect(stops[0]).toMatchObject({ eta: NOW + 600_000, eta_from: NOW + 450_000, eta_to: NOW + 1_000_000 })
  })
})

test('where nothing is known of the bag, what was learnt is not added again and again', () => {
  const unknown = { readyAt: () => undefined, errors: () => ({ seen: 9, inside: 9, low: 0, middle: 0.5, high: 1 }) }
  let { stops } = times(bundle, 0, unknown)
  const first = stops.map(s)
  for (let round = 0; round < 50; round++) stops = times(stops, 0, unknown).stops
  expect(stops.map(s)).toEqual(first)
})

test('it is news when an open stop comes a minute earlier or later, or was never told', () => {
  const told = times(bundle).stops
  const later = (ms: number, more: Partial<Stop> = {}) => told.map(one => ({ ...one, ...more, eta: one.eta + ms }))
  expect(isNews(bundle, told)).toBe(true)
  expect([isNews(told, told), isNews(told, later(60_000)), isNews(told, later(-60_001))]).toEqual([false, false, true])
  expect(isNews(told, later(900_000, { done_at: NOW }))).toBe(false)
  expect(
    isNews(
      told,
      told.map(one => ({ ...one, eta_to: (one.eta_to ?? 0) + 120_001 })),
    ),
  ).toBe(true)
})

test('an order shows its last pickup and its door, as far as they are ahead', () => {
  const split = [stop('pickup', 'a', 1, { eta: 5 }), stop('pickup', 'a', 2, { eta: 9, eta_to: 12 }), ...bundle.slice(2)]
  expect(orderEta('a', split)).toEqual({
    ...{ pickup: { at: 9, from: null, to: 12 }, door: { at: NOW, from: null, to: null } },
  })
  const over = split.map(one => ({ ...one, done_at: NOW }))
  expect(orderEta('a', over)).toEqual({ pickup: null, door: null })
})
