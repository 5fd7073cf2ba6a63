import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decisionsOf, START, Town } from './town.testing.ts'

/**
 * The choice of warehouses against somebody who looks at everything: all warehouses in the order of their promises for an
 * order that goes to one, every way to deal out the lines for an order that may be split.
 */

const HOUR_S = 3_600
const SKUS = ['milk', 'bread', 'eggs'] as const
/** Of the fold's default policy: at most an hour; 1.35 road metres a metre at 5.5 m/s; 240, 120 and 180 s. */
const promiseOf = (house: House, lines: number): number => {
  const work_s = house.busy_s + 60 + lines * 30
  return Math.max(work_s, 240) + Math.round((house.meters * 1.35) / 5.5) + 120 + 180
}

interface House {
  meters: number
  stock: number[]
  paused: boolean
  busy_s: number
  open: boolean
  suspended: number
}

/** Most warehouses can serve, so that it matters which one does. */
const seldom = fc.constantFrom(false, false, false, false, false, true)

const house = fc.record({
  // Cells are compared, not doors: steps of 500 m keep a warehouse's promise from being a matter of rounding.
  meters: fc.integer({ min: 1, max: 15 }).map(steps => steps * 500),
  stock: fc.array(fc.constantFrom(0, 2, 5, 9), { minLength: 3, maxLength: 3 }),
  paused: seldom,
  busy_s: fc.constantFrom(0, 0, 600, 3_000),
  open: seldom.map(is => !is),
  suspended: fc.constantFrom(-1, -1, -1, -1, -1, 0, 1, 2),
})
const lines = fc.uniqueArray(
  fc.record({ sku: fc.integer({ min: 0, max: 2 }), quantity: fc.integer({ min: 1, max: 4 }) }),
  { minLength: 1, maxLength: 3, selector: line => line.sku },
)
type Line = { sku: number; quantity: number }

/** Closed: open only at another hour of the week. START is a Friday, 12:00 in Chicago. */
const CLOSED = { opening: [{ from_minute: 0, to_minute: 60 }] }

function townOf(houses: readonly House[]): Town {
  const town = new Town({})
  for (const [place, { meters, stock, open }] of houses.entries()) {
    const levels = Object.fromEntries(SKUS.map((sku, at) => [sku, stock[at] ?? 0]))
    town.open(`w${place}`, { meters, stock: levels, more: { pickers: 1_000, ...(open ? {} : CLOSED) } })
  }
  for (const [place, { paused, busy_s, suspended }] of houses.entries()) {
    const warehouse_id = `w${place}`
    if (paused) town.send('warehouse.paused', { warehouse_id, reason: 'staff' })
    if (busy_s > 0) town.send('warehouse.mode', { warehouse_id, mode: 'busy', busy_extra_s: busy_s })
    const sku = SKUS[suspended]
    if (sku) town.send('sku.suspended', { warehouse_id, sku, reason: 'recall' })
  }
  return town
}

const covers = (house: House, { sku, quantity }: Line): boolean =>
  house.suspended !== sku && (house.stock[sku] ?? 0) >= quantity

const serves = (house: House, mine: readonly Line[]): boolean =>
  !house.paused && house.open && mine.every(line => covers(house, line)) && promiseOf(house, mine.length) <= HOUR_S

const wishOf = (wanted: readonly Line[]) =>
  Object.fromEntries(wanted.map(({ sku, quantity }) => [SKUS[sku] ?? '', quantity]))

/** w0, w1, …: fewer than ten, so their ids are in the order of their places. */
function best(houses: readonly House[], wanted: readonly Line[]): number | null {
  let found: number | null = null
  for (const [place, one] of houses.entries()) {
    if (!serves(one, wanted)) continue
    const former = found === null ? undefined : houses[found]
    if (!former || promiseOf(one, wanted.length) < promiseOf(former, wanted.length)) found = place
  }
  return found
}

test('an order goes to the shortest promise of those that can serve it, and is refused only when none can', () => {
  fc.assert(
    fc.property(fc.array(house, { minLength: 1, maxLength: 8 }), lines, (houses, wanted) => {
      const town = townOf(houses)
      // The promise is made for the middle of the customer's cell: measure from there, as every courier would.
      const near = town.zone.policy
      expect(near.promise_s_max).toBe(HOUR_S)
      const [decision] = decisionsOf(town.place('o1', wishOf(wanted)))
      const travels = new Map(
        decision && 'candidates' in decision
          ? decision.candidates.map(one => [one.warehouse_id as string, one.travel_s])
          : [],
      )
      const exact = houses.map((one, place) => withTravel(one, travels.get(`w${place}`)))
      const expected = best(exact, wanted)
      if (expected === null) expect(decision?.type).toBe('order.rejected')
      else {
        expect(decision?.type).toBe('order.routed')
        if (decision?.type !== 'order.routed') return
        expect(decision.fulfilments.map(part => part.warehouse_id)).toEqual([`w${expected}`])
        const promise_s = promiseOf(exact[expected] as House, wanted.length)
        expect(decision.promise.deliver_by).toBe(START + 1_000 * promise_s)
      }
    }),
    { numRuns: 300 },
  )
})

/** The decision says how long each way takes; all else is reckoned here. */
const withTravel = (one: House, travel_s: number | undefined): House =>
  travel_s === undefined ? one : { ...one, meters: (travel_s * 5.5) / 1.35 }

/** The fewest warehouses that serve all lines, whole lines each; Infinity: no way. */
function fewest(houses: readonly House[], wanted: readonly Line[]): number {
  let least = Number.POSITIVE_INFINITY
  const deal = (at: number, shares: readonly Line[][]): void => {
    const line = wanted[at]
    if (!line) {
      const used = shares.flatMap((share, place) => (share.length > 0 ? [{ share, house: houses[place] }] : []))
      if (used.every(({ share, house: one }) => one && serves(one, share))) least = Math.min(least, used.length)
      return
    }
    for (const place of houses.keys()) {
      deal(
        at + 1,
        shares.map((share, one) => (one === place ? [...share, line] : share)),
      )
    }
  }
  deal(
    0,
    houses.map(() => []),
  )
  return least
}

test('an order that may be split takes as few warehouses as can be, and is refused only when no dealing out helps', () => {
  fc.assert(
    fc.property(fc.array(house, { minLength: 2, maxLength: 4 }), lines, (houses, wanted) => {
      const clear = houses.map(one => ({ ...one, meters: Math.min(one.meters, 3_000), busy_s: 0 }))
      const town = townOf(clear)
      const [decision] = decisionsOf(town.place('o1', wishOf(wanted), { split: true }))
      const expected = fewest(clear, wanted)
      if (expected === Number.POSITIVE_INFINITY) expect(decision?.type).toBe('order.rejected')
      else {
        expect(decision?.type).toBe('order.routed')
        if (decision?.type !== 'order.routed') return
        expect(decision.fulfilments).toHaveLength(expected)
        const given = decision.fulfilments.flatMap(part => part.lines.map(line => `${line.sku} ${line.quantity}`))
        expect(given.toSorted()).toEqual(wanted.map(({ sku, quantity }) => `${SKUS[sku]} ${quantity}`).toSorted())
      }
    }),
    { numRuns: 300 },
  )
})
