import { describe, expect, test } from 'vitest'
import type { WaitingOrder } from '../io/open_work.ts'
import type { TripRow } from '../rows.ts'
import type { PlannedTrip } from '../solver/port.ts'
import { dueTogether, type Planned } from './carry_out.ts'

/** What is due of a plan, and what must be told together. Fulfilments are named after their orders. */

interface Given {
  /** courier → what it was told to hold; absent: it is free */
  present?: Record<string, string[]>
  /** courier → what the plan wants it to hold, and when, s */
  plan: Record<string, { holds: string[]; depart_s?: number; pickup_s?: number }>
  /** order → s until it is ready; default: 1,000 */
  ready?: Record<string, number>
}

function due({ present = {}, plan, ready = {} }: Given): string[][] {
  const ids = [...new Set([...Object.values(present), ...Object.values(plan).map(one => one.holds)].flat())]
  const trip_of = new Map(Object.entries(present).flatMap(([courier, held]) => held.map(id => [id, `T${courier}`])))
  const changeable = new Map(
    Object.entries(present).map(([courier_id, held]) => {
      const stops = held.map(order_id => ({ kind: 'dropoff', order_id }))
      return [courier_id, { trip_id: `T${courier_id}`, courier_id, stops } as object as TripRow]
    }),
  )
  const couriers = Object.keys(plan).map(courier_id => ({
    ...{ courier_id, place: { lat: 0, lng: 0 }, committed: [] },
    ...(present[courier_id] && { open_trip: { arrive_s: 50 } }),
  }))
  const trips = Object.entries(plan).map(
    ([courier_id, { holds, depart_s = 1_000, pickup_s = 1_000 }]) =>
      ({ courier_id, fulfilment_ids: holds, depart_s, pickup_s }) as object as PlannedTrip,
  )
  const planned = {
    ...{ changeable, plan: { trips } },
    orders: ids.map(id => ({ order_id: id, fulfilment_id: id, trip_id: trip_of.get(id) ?? null }) as WaitingOrder),
    input: { couriers, fulfilments: ids.map(id => ({ fulfilment_id: id, order_id: id, ready_s: ready[id] ?? 1_000 })) },
  }
  return dueTogether(planned as object as Planned, 90).map(group => group.map(one => one.trip.courier_id))
}

describe('is told', () => {
  test('a trip that leaves soon, and no other', () => {
    expect(due({ plan: { a: { holds: ['x'], depart_s: 90 }, b: { holds: ['y'], depart_s: 91 } } })).toEqual([['a']])
  })

  test('a change of a trip, before its courier would be off with what it was told', () => {
    const plan = { a: { holds: ['x', 'y'] } }
    expect(due({ present: { a: ['x'] }, plan })).toEqual([])
    expect(due({ present: { a: ['x'] }, plan, ready: { x: 90 } })).toEqual([['a']])
    expect(due({ present: { a: ['x'] }, plan: { a: { holds: ['x', 'y'], pickup_s: 60 } } })).toEqual([['a']])
  })

  test('nothing of a trip that holds already what it shall, in this sequence', () => {
    const at_once = { pickup_s: 0 }
    expect(due({ present: { a: ['x', 'y'] }, plan: { a: { holds: ['x', 'y'], ...at_once } } })).toEqual([])
    expect(due({ present: { a: ['x', 'y'] }, plan: { a: { holds: ['y', 'x'], ...at_once } } })).toEqual([['a']])
  })

  test('together with the trips that it takes from, and those that these take from', () => {
    const present = { b: ['x'], c: ['y'], d: ['z'] }
    const later = { b: { holds: ['y'] }, c: { holds: ['w'] }, d: { holds: ['z'] } }
    expect(due({ present, plan: { a: { holds: ['x'], depart_s: 0 }, ...later } })).toEqual([['a', 'b', 'c']])
  })

  test('once, when two give each other what they hold', () => {
    const plan = { a: { holds: ['y'], pickup_s: 0 }, b: { holds: ['x'], pickup_s: 0 } }
    expect(due({ present: { a: ['x'], b: ['y'] }, plan })).toEqual([['a', 'b']])
  })
})
