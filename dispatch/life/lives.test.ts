import { expect, test } from 'vitest'
import { ATTEMPT_STATES, COURIER_STATES, FULFILMENT_STATES, RETURN_STATES, TRIP_STATES } from '../contract.ts'
import { ATTEMPT_LIFE } from './attempt.ts'
import { COURIER_MAY, type CourierFacts, courierState } from './courier.ts'
import { FULFILMENT_LIFE } from './fulfilment.ts'
import { RETURN_LIFE } from './return.ts'
import { TRIP_LIFE } from './trip.ts'

/** The tables that are complete by type: that they lead somewhere, and never back. */

type Table = Record<string, Record<string, string>>

const TABLES: [
  name: string,
  table: Table,
  states: readonly string[],
  first: readonly string[],
  last: readonly string[],
][] = [
  ['trip', TRIP_LIFE, TRIP_STATES, ['planned', 'offered'], ['done', 'cancelled']],
  ['fulfilment', FULFILMENT_LIFE, FULFILMENT_STATES, ['reserved'], ['delivered', 'failed', 'released']],
  ['attempt', ATTEMPT_LIFE, ATTEMPT_STATES, ['on_the_way'], ['delivered', 'failed']],
  ['return', RETURN_LIFE, RETURN_STATES, ['asked', 'with_courier'], ['received', 'lost', 'withdrawn']],
]

test.each(TABLES)('a %s ends where it should, and every state can be reached', (_name, table, states, first, last) => {
  const reached = new Set(first)
  for (let size = 0; size < reached.size; ) {
    size = reached.size
    for (const state of reached) for (const next of Object.values(table[state] ?? {})) reached.add(next)
    reached.delete('refused')
  }
  expect([...reached].sort()).toEqual([...states].sort())
  const ends = states.filter(state => Object.values(table[state] ?? {}).every(next => next === 'refused'))
  expect(ends.sort()).toEqual([...last].sort())
})

test.each(TABLES)(
  'a %s never comes back to what it has left, but an offer may be made anew',
  (_name, table, states) => {
    const ahead = (from: string): Set<string> => {
      const found = new Set<string>()
      const walk = (state: string): void => {
        for (const next of Object.values(table[state] ?? {})) {
          if (next === 'refused' || next === state || found.has(next)) continue
          found.add(next)
          walk(next)
        }
      }
      walk(from)
      return found
    }
    const circles = states.filter(state => ahead(state).has(state))
    expect(circles.sort()).toEqual(table === TRIP_LIFE ? ['accepted', 'offered'] : [])
  },
)

test('what was picked up can only be brought, or fail', () => {
  expect(
    Object.values(FULFILMENT_LIFE.picked_up)
      .filter(next => next !== 'refused')
      .sort(),
  ).toEqual(['delivered', 'failed'])
  expect(TRIP_LIFE.under_way).toMatchObject({ lost: 'refused', reassigned: 'refused', cancelled: 'refused' })
})

const FACTS: CourierFacts = { said: 'available', silent_s: 0, silent_s_max: 60, trip: null, returns: 0 }

test.each([
  [{}, 'available'],
  [{ said: undefined }, 'off'],
  [{ said: 'off', trip: 'accepted' }, 'off'],
  [{ said: 'break' }, 'break'],
  [{ said: 'break', trip: 'offered' }, 'offered'],
  [{ trip: 'offered' }, 'offered'],
  [{ trip: 'accepted' }, 'on_trip'],
  [{ trip: 'under_way', returns: 2 }, 'on_trip'],
  [{ returns: 1 }, 'returning'],
  [{ silent_s: 60 }, 'available'],
  [{ silent_s: 61, trip: 'accepted' }, 'unreachable'],
] as const)('%j: %s', (facts, state) => {
  expect(courierState({ ...FACTS, ...facts })).toBe(state)
})

test('only who is available is given something without a word against it', () => {
  expect(COURIER_STATES.filter(state => COURIER_MAY[state].be_given === 'yes')).toEqual(['available'])
})
