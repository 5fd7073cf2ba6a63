import { describe, expect, test } from 'vitest'
import { livingHolds, nextEnd, nextHold } from './due.ts'
import { HOLD_LIFE, type HoldHappening, type HoldStateName } from './lives.ts'
import { drawFrom } from './simulated_log.ts'
import { HOLDS_EXPIRED_A_STEP, type HoldState, type ZoneState } from './state.ts'
import { decisionsOf, only, Town, typesOf, wishOf } from './town.testing.ts'
import { nextDue } from './zone.ts'

/** Holds: ask, confirm, release, expire; each as often as the caller likes to say it. */

const HOUR = 3_600_000
const town = (milk = 10) => new Town({ near: { meters: 1_000, stock: { milk }, more: { pickers: 1_000 } } })
const asked = (hold_id: string, quantity = 3, ttl_s = 60) => {
  const { point, cell, lines } = wishOf('unused', { milk: quantity })
  return { hold_id, point, cell, lines, ttl_s }
}
const confirmed = (hold_id: string, order_id: string, quantity = 3) => ({
  hold_id,
  order: wishOf(order_id, { milk: quantity }),
})
const released = (hold_id: string) => ({ hold_id, reason: 'basket_left' })
const holdOf = (here: Town, hold_id: string): HoldState | undefined => here.zone.holds.get(hold_id as never)

describe('the same again', () => {
  test('confirming what nobody asked for, or what is forgotten, is an order like any other and gets its answer', () => {
    const here = town()
    only(here.send('hold.confirmed', confirmed('never-asked', 'o1')), 'order.routed')
    only(here.send('hold.confirmed', confirmed('never-asked', 'o2', 1_000)), 'order.rejected')
  })

  test('asking, confirming and releasing twice happens once', () => {
    const here = town()
    only(here.send('hold.asked', asked('h1')), 'hold.granted')
    expect(here.send('hold.asked', asked('h1')).kind).toBe('duplicate')
    expect(here.send('hold.asked', asked('h1', 4))).toMatchObject({ kind: 'dead', reason: 'conflict' })
    only(here.send('hold.confirmed', confirmed('h1', 'o1')), 'order.routed')
    expect(here.send('hold.confirmed', confirmed('h1', 'o1')).kind).toBe('duplicate')
    expect(here.stock('near', 'milk')).toMatchObject({ on_hand: 10, reserved: 3 })
    expect(here.send('hold.released', released('h1'))).toMatchObject({ reason: 'illegal_transition' })
    only(here.send('hold.asked', asked('h2')), 'hold.granted')
    only(here.send('hold.released', released('h2')), 'hold.released')
    expect(here.send('hold.released', released('h2')).kind).toBe('duplicate')
    expect(here.stock('near', 'milk').reserved).toBe(3)
  })

  test('a repeat is still known when the hold is over, and then forgotten', () => {
    const here = town()
    here.send('hold.asked', asked('h1'))
    here.now += 2 * HOUR
    only(here.send('tick', {}), 'hold.expired')
    expect(holdOf(here, 'h1')).toMatchObject({ state: 'expired', fulfilments: [] })
    here.now += 47 * HOUR
    expect(here.send('hold.asked', asked('h1')).kind).toBe('duplicate')
    here.now += HOUR + 60_000
    here.send('tick', {})
    expect(here.zone.holds.size).toBe(0)
    expect(here.zone.ended.holds).toEqual([])
  })

  test('every unit of a confirmed hold is given back and reserved in one step', () => {
    const here = town()
    here.send('hold.asked', asked('h1', 10))
    expect(here.send('hold.confirmed', confirmed('h1', 'o1', 10))).toMatchObject({
      movements: [
        { reserved: -10, cause: 'confirmed', ref: 'h1' },
        { reserved: 10, cause: 'reserved', ref: 'o1' },
      ],
    })
  })
})

describe('the life of a hold', () => {
  const PAST: Record<HoldStateName, (here: Town) => void> = {
    granted: here => here.send('hold.asked', asked('h1')),
    refused: here => here.send('hold.asked', asked('h1', 99)),
    released: here => {
      here.send('hold.asked', asked('h1'))
      here.send('hold.released', released('h1'))
    },
    expired: here => {
      here.send('hold.asked', asked('h1'))
      here.now += 60_000
      here.send('tick', {})
    },
    confirmed: here => {
      here.send('hold.asked', asked('h1'))
      here.send('hold.confirmed', confirmed('h1', 'first'))
    },
  }
  const SAY: Record<Exclude<HoldHappening, 'expire'>, (here: Town, state: string) => ReturnType<Town['send']>> = {
    ask: (here, state) => here.send('hold.asked', asked('h1', state === 'refused' ? 99 : 3)),
    confirm: here => here.send('hold.confirmed', confirmed('h1', 'o1')),
    release: here => here.send('hold.released', released('h1')),
  }
  const cases = Object.entries(HOLD_LIFE).flatMap(([state, row]) =>
    (['ask', 'confirm', 'release'] as const).map(happening => ({ state, happening, next: row[happening] })),
  )

  test.each(cases)('$state, then $happening: $next', ({ state, happening, next }) => {
    const here = town()
    PAST[state as HoldStateName](here)
    expect(holdOf(here, 'h1')?.state).toBe(state)
    const outcome = SAY[happening](here, state)
    if (next === 'repeat') expect(outcome.kind).toBe('duplicate')
    else if (next === 'illegal') expect(outcome).toMatchObject({ kind: 'dead', reason: 'illegal_transition' })
    else {
      expect(holdOf(here, 'h1')?.state).toBe(next)
      // An order always gets its answer, whatever became of its hold.
      if (happening === 'confirm') expect(typesOf(outcome)).toContain('order.routed')
    }
  })
})

describe('who ends next', () => {
  test('is found as by a look at all of them, through grants and ends', () => {
    const draw = drawFrom(3)
    const here = town(1_000_000)
    const naive = ({ holds }: ZoneState) =>
      [...holds.values()]
        .filter(({ state }) => state === 'granted')
        .sort((a, b) => a.expires_at - b.expires_at || (a.hold_id < b.hold_id ? -1 : 1))
    for (let number = 0; number < 1_500; number += 1) {
      here.now += draw.below(1_000)
      const old = `h${draw.below(number + 1)}`
      const roll = draw.below(4)
      if (roll < 2) here.send('hold.asked', asked(`h${number}`, 1, 5 + draw.below(300)))
      else if (roll < 3) here.send('hold.released', released(old))
      else here.send('hold.confirmed', confirmed(old, `o${number}`, 1))
      const expected = naive(here.zone)
      expect(nextEnd(here.zone)).toBe(expected[0]?.expires_at ?? null)
      expect(nextHold(here.zone)).toBe(expected[0])
      if (number % 50 === 0) expect(livingHolds(here.zone).reverse()).toEqual(expected)
    }
    expect(naive(here.zone).length).toBeGreaterThan(20)
  })

  test('a step ends a bounded number of them, earliest first; a tick ends the rest', () => {
    const here = town(1_000_000)
    for (let number = 0; number < HOLDS_EXPIRED_A_STEP + 20; number += 1) {
      here.send('hold.asked', asked(`h${number}`, 1, 600 - (number % 7)))
    }
    here.now += 600_000
    const first = decisionsOf(here.send('tick', {}))
    expect(first).toHaveLength(HOLDS_EXPIRED_A_STEP)
    expect(first[0]).toEqual({ type: 'hold.expired', hold_id: 'h104' })
    expect(nextDue(here.zone)).toBeLessThanOrEqual(here.zone.time)
    expect(decisionsOf(here.send('tick', {}))).toHaveLength(20)
    expect(nextDue(here.zone)).toBeNull()
    expect(here.stock('near', 'milk').reserved).toBe(0)
  })
})
