import { expect, test } from 'vitest'
import type { CourierView } from '../../engine/contract.ts'
import type { OrderView } from '../contract.ts'
import { type Duty, NO_DUTY } from '../io/duties.ts'
import type { TripRow } from '../rows.ts'
import { courierChoices } from './choices.ts'
import { type Candidate, whyNot } from './fitness.ts'

const NOW = 1_000_000
const WAREHOUSE = { lat: 0, lng: 0 }
/** A second a thousandth of a degree. */
const way = {
  handover_s: 0,
  travel: (a: { lat: number; lng: number }, b: { lat: number; lng: number }) =>
    Math.round(1_000 * (Math.abs(a.lat - b.lat) + Math.abs(a.lng - b.lng))),
  pointOf: () => WAREHOUSE,
}
const order = {
  ...{ order_id: 'o', version: 3, zone_id: 'z', courier_id: null, requires: [], point: { lat: 0.1, lng: 0 } },
  ...{ first_deliver_by: NOW + 600_000 },
  fulfilments: [
    ...[{ fulfilment_id: 'o.1', warehouse_id: 'w', state: 'packed', lines: [], ready_at: NOW, packed_at: NOW }],
  ],
} as object as OrderView

const courier = (courier_id: string, lng: number, more: Partial<CourierView> = {}): CourierView =>
  ({
    ...{ courier_id, tenant_id: 't', zone_id: 'z', state: 'available', point: { lat: 0, lng }, cell: '', seen_at: NOW },
    ...{ vehicle: 'bicycle', capacity: 2, has: [] },
    ...more,
  }) as CourierView

const trip = (state: TripRow['state'], eta: number, lng: number): TripRow =>
  ({
    ...{ trip_id: 't', state },
    stops: [
      ...[{ kind: 'pickup', fulfilment_id: 'x.1', order_id: 'x', point: WAREHOUSE, eta: NOW }],
      ...[{ kind: 'dropoff', fulfilment_id: 'x.1', order_id: 'x', point: { lat: 0, lng }, eta }],
    ],
  }) as object as TripRow

const look = (fleet: CourierView[], duties: Record<string, Partial<Duty>> = {}, declined: string[] = []) =>
  courierChoices(order, {
    ...{ now: NOW, fleet, declined: new Set(declined), way, silent_s_max: 60 },
    duties: new Map(Object.entries(duties).map(([id, duty]) => [id, { ...NO_DUTY, ...duty }])),
  })

test('the best is the soonest at the door, and who is busy counts from where the trip ends', () => {
  const busy = { trip: trip('under_way', NOW + 20_000, 0.01), load: 1 }
  const { best, others, version } = look([courier('far', 0.3), courier('near', 0.05), courier('zoe', 0.5)], {
    zoe: busy,
  })
  expect(version).toBe(3)
  expect(best.map(one => [one.courier_id, one.onto, one.eta_s, (one.door_at - NOW) / 1_000])).toEqual([
    ['zoe', 'next', 30, 130],
    ['near', 'new', 50, 150],
    ['far', 'new', 300, 400],
  ])
  expect(best.map(one => one.why)).toEqual([
    'Comes after the present trip, there as it is ready, 8 min to spare at the door.',
    'As soon as zoe, but farther away. Free now, it waits 1 min, 7 min to spare at the door.',
    '5 min after zoe. Free now, it waits 5 min, 3 min to spare at the door.',
  ])
  expect(others).toEqual([])
})

test('who is about to fetch something there takes it along', () => {
  const { best } = look([courier('bea', 0.1)], { bea: { trip: trip('accepted', NOW + 110_000, 0.01), load: 1 } })
  expect(best[0]).toMatchObject({ onto: 'present', load: 1, capacity: 2, free: true })
  // To the warehouse, to the other one's door, and from there.
  expect(best[0]?.door_at).toBe(NOW + (100 + 10 + 110) * 1_000)
})

test('six can: five are named, the sixth with how much later it is; the others with why not', () => {
  const six = Array.from({ length: 6 }, (_, n) => courier(`c${n}`, 0.06 * (n + 1)))
  const others = [
    courier('off', 0, { state: 'break' }),
    courier('mute', 0, { seen_at: NOW - 61_000 }),
    courier('no', 0),
  ]
  const seen = look([...six, ...others, courier('abroad', 0, { zone_id: 'y' })], { back: {} }, ['no'])
  expect(seen.best).toHaveLength(5)
  expect(seen.others.map(one => [one.courier_id, one.why_not, one.free])).toEqual([
    ['mute', 'unreachable', false],
    ['no', 'declined', false],
    ['off', 'on_break', false],
    ['c5', undefined, true],
  ])
  expect(seen.others.at(-1)?.why).toMatch(/^5 min after c0/)
})

const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  ...{ courier: { has: [], capacity: 2 }, state: 'available', duty: NO_DUTY, declined: false },
  ...more,
})
const load = (more: object = {}) => ({ orders: [{ requires: [] }], onto: 'new' as const, overrule: false, ...more })

test.each([
  [{}, {}, undefined],
  [{ state: 'off' }, { overrule: true }, 'off'],
  [{ state: 'break' }, {}, 'on_break'],
  [{ state: 'break' }, { overrule: true }, undefined],
  [{ state: 'unreachable' }, {}, 'unreachable'],
  [{}, { orders: [{ requires: ['cold'] }] }, 'requirement'],
  [{}, { orders: [{ requires: [] }, { requires: [] }, { requires: [] }] }, 'full'],
  [{ declined: true }, {}, 'declined'],
  [{ state: 'on_trip', duty: { ...NO_DUTY, trip: trip('accepted', 0, 0), load: 1 } }, { overrule: true }, 'on_trip'],
  [{ state: 'on_trip', duty: { ...NO_DUTY, trip: trip('accepted', 0, 0), load: 1 } }, { onto: 'present' }, undefined],
  [{ state: 'on_trip', duty: { ...NO_DUTY, trip: trip('accepted', 0, 0), load: 2 } }, { onto: 'present' }, 'full'],
  [
    { state: 'on_trip', duty: { ...NO_DUTY, trip: trip('under_way', 0, 0), load: 1 } },
    { onto: 'present' },
    'under_way',
  ],
  [{ state: 'on_trip', duty: { ...NO_DUTY, trip: trip('under_way', 0, 0), load: 1 } }, { onto: 'next' }, undefined],
] as const)('why not %#', (who, what, why) => {
  expect(whyNot(candidate(who as Partial<Candidate>), load(what))).toBe(why)
})
