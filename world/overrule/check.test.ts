import { describe, expect, test } from 'vitest'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import { checkTrips } from './check.ts'
import type { Said } from './dispatcher.ts'

/** The check itself is tried: on evenings in which all is well, and on such in which it is not. */

const versions = new Map<string, number>()
const BY_HAND = 'dispatcher:ann'
const SOLVER = 'dispatch:solver'

interface Told {
  trip: string
  courier?: string
  orders?: string[]
  actor?: string
  order?: string
  after_present?: boolean
  correlation_id?: string
}

function event(
  type: string,
  { trip, courier = 'c1', orders, actor = SOLVER, order, correlation_id = '', ...more }: Told,
) {
  const version = (versions.get(trip) ?? 0) + 1
  versions.set(trip, version)
  const stops = orders?.map(order_id => ({ kind: 'dropoff', order_id }))
  const data = {
    trip_id: trip,
    version,
    courier_id: courier,
    ...(stops && { stops }),
    ...(order && { order_id: order }),
  }
  return { type, actor, correlation_id, data: { ...data, ...more } } as object as DeliveryEvent
}

const evening = (events: [type: string, told: Told][], said: Record<string, Said> = {}) => {
  versions.clear()
  return checkTrips(
    events.map(([type, told]) => event(type, told)),
    new Map(Object.entries(said)),
  )
}
const PIN: Record<string, Said> = { k: { order_ids: ['o1'], pinned: true } }
const given = { trip: 't1', orders: ['o1'], actor: BY_HAND, correlation_id: 'k' }

describe('nothing is found', () => {
  test('where one trip follows the other, and what is planned waits', () => {
    const { findings, trips } = evening([
      ['trip.planned', { trip: 't1', orders: ['o1', 'o2'] }],
      ['trip.assigned', { trip: 't2', orders: ['o3'], actor: BY_HAND, after_present: true }],
      ['delivery.delivered', { trip: 't1', order: 'o1', actor: 'courier:c1' }],
      ['delivery.failed', { trip: 't1', order: 'o2', actor: 'courier:c1' }],
      ['trip.offered', { trip: 't2', actor: 'courier:c1' }],
    ])
    expect([findings, trips]).toEqual([[], 2])
  })

  test('where a pinned order is moved by hand, or comes back by its courier or the engine', () => {
    const moves: [string, Told][] = [
      ['trip.reassigned', { trip: 't1', courier: 'c2', orders: ['o1'], actor: BY_HAND }],
      ['trip.declined', { trip: 't1', actor: 'courier:c1' }],
      ['trip.cancelled', { trip: 't1', actor: 'engine:fold' }],
    ]
    for (const move of moves) {
      expect(evening([['trip.assigned', given], move], PIN)).toMatchObject({ findings: [], pinned: 1 })
    }
  })

  test('where an event comes twice', () => {
    versions.clear()
    const first = event('trip.planned', { trip: 't1', orders: ['o1'] })
    const cancelled = event('trip.cancelled', { trip: 't1' })
    const next = event('trip.planned', { trip: 't2', orders: ['o1'] })
    expect(checkTrips([first, first, cancelled, first, next], new Map()).findings).toEqual([])
  })
})

describe('it is found', () => {
  test('when a courier is on two trips', () => {
    const { findings } = evening([
      ['trip.planned', { trip: 't1', orders: ['o1'] }],
      ['trip.planned', { trip: 't2', orders: ['o2'] }],
    ])
    expect(findings).toEqual(['c1 is on t1 and on t2 (trip.planned)'])
  })

  test('when what was planned is offered too early', () => {
    const { findings } = evening([
      ['trip.planned', { trip: 't1', orders: ['o1'] }],
      ['trip.assigned', { trip: 't2', orders: ['o3'], actor: BY_HAND, after_present: true }],
      ['trip.offered', { trip: 't2' }],
    ])
    expect(findings).toEqual(['c1 is on t1 and on t2 (trip.offered)'])
  })

  test('when an order is on two trips', () => {
    const { findings } = evening([
      ['trip.planned', { trip: 't1', orders: ['o1'] }],
      ['trip.planned', { trip: 't2', courier: 'c2', orders: ['o1'] }],
    ])
    expect(findings).toEqual(['o1 is on t1 and on t2 (trip.planned)'])
  })

  test.each([
    ['trip.cancelled', { trip: 't1', actor: 'dispatch:watch' }, /dispatch:watch took o1 away/],
    ['trip.changed', { trip: 't1', orders: ['o2'] }, /dispatch:solver took o1 away/],
    ['trip.reassigned', { trip: 't1', courier: 'c2', orders: ['o1'] }, /dispatch:solver moved o1/],
  ] as [string, Told, RegExp][])('when Waggle itself moves what is pinned: %s', (type, told, found) => {
    expect(
      evening(
        [
          ['trip.assigned', given],
          [type, told],
        ],
        PIN,
      ).findings,
    ).toEqual([expect.stringMatching(found)])
  })

  test('but not after it was unpinned by hand', () => {
    const unpin: Told = { trip: 't1', orders: ['o1'], actor: BY_HAND, correlation_id: 'u' }
    const events: [string, Told][] = [
      ['trip.assigned', given],
      ['trip.changed', unpin],
      ['trip.cancelled', { trip: 't1' }],
    ]
    expect(evening(events, { ...PIN, u: { order_ids: ['o1'], pinned: false } }).findings).toEqual([])
  })
})
