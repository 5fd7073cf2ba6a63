import { expect, test } from 'vitest'
import type { WaitingOrder } from '../io/open_work.ts'
import { WEIGHTS } from '../solver/objective.ts'
import { problemOf } from './problem.ts'

const NOW = 1_000_000
const POINT = { lat: 41.9, lng: -87.65 }
const part = (fulfilment_id: string, ready_s: number) => ({
  ...{ fulfilment_id, warehouse_id: 'w1', lines: [], packed_at: null },
  ready_at: NOW + 1_000 * ready_s,
})

function readyOf(order: object): number | undefined {
  const waiting = {
    ...{
      tenant_id: 't',
      order_id: 'o',
      zone_id: 'z',
      point: POINT,
      requires: [],
      placed_at: NOW,
      packed_at: null,
      trip_id: null,
    },
    ...{ first_deliver_by: null, correlation_id: 'c', fulfilment_id: 'f1', fulfilments: [part('f1', 60)] },
    promise: { ready_at: NOW + 60_000, deliver_by: NOW + 900_000 },
    ...order,
  } as unknown as WaitingOrder
  const scene = {
    zone_id: waiting.zone_id,
    now: NOW,
    road: { road_factor: 1, speed_mps: 5 },
    seen_s_max: 60,
    handover_s: 120,
    last: [],
    weights: WEIGHTS,
    worked: undefined,
    learned: () => ({}),
    demand: [],
    may_change_trips: true,
    lost_trips: new Set<string>(),
  }
  const empty = { trips: [], fleet: [], declined: new Map() }
  const { input } = problemOf({ ...scene, ...empty, orders: [waiting], pointOf: () => POINT })
  return input.fulfilments[0]?.ready_s
}

test('an order of several parts is ready when its last part is', () => {
  expect(readyOf({ fulfilments: [part('f1', 60), part('f2', 240)] })).toBe(240)
})

test('an order for a window is not fetched before it was promised to be ready, however early it is packed', () => {
  const promise = { ready_at: NOW + 3_600_000, deliver_by: NOW + 7_200_000, deliver_from: NOW + 4_000_000 }
  expect(readyOf({ promise, packed_at: NOW - 5_000 })).toBe(3_600)
  const packed_at = NOW - 5_000
  expect(readyOf({ packed_at, fulfilments: [{ ...part('f1', 60), packed_at }] })).toBe(-5)
})
