import { describe, expect, test } from 'vitest'
import { decodeStock, encodeStock, grantable } from './contract.ts'
import { MOVES_KEPT } from './recent_moves.ts'
import { only, START, Town, typesOf } from './town.testing.ts'

/** Stock as people and devices tell it: late, twice, out of order, and suspended for a while. */

const MINUTE = 60_000
const MILK = { warehouse_id: 'near', sku: 'milk', unit: 'each' }
const town = () =>
  new Town({
    near: { meters: 1_000, stock: { milk: 10, bread: 10 }, more: { pickers: 100 } },
    far: { meters: 3_000, stock: { milk: 10 } },
  })

describe('late and out of order', () => {
  test('what happened before the newest count is in it already, whenever it is told', () => {
    const here = town()
    here.now += 10 * MINUTE
    here.count('near', 'milk', 20)
    here.now += MINUTE
    here.send('stock.received', { ...MILK, quantity: 5 }, here.now - 5 * MINUTE)
    expect(here.stock('near', 'milk').on_hand).toBe(20)
    here.send('stock.received', { ...MILK, quantity: 5 }, here.now - 30_000)
    expect(here.stock('near', 'milk').on_hand).toBe(25)
  })

  test('a late count is corrected by when things happened, not by when they were told', () => {
    const here = town()
    here.now += 10 * MINUTE
    here.send('stock.received', { ...MILK, quantity: 5 }, START + 2 * MINUTE)
    here.send('stock.adjusted', { ...MILK, delta: -1, reason: 'damaged' }, START + 6 * MINUTE)
    // Whoever counted at minute 4 saw what was received at minute 2, and not what broke at minute 6.
    here.send('stock.counted', { ...MILK, quantity: 14, as_of: START + 4 * MINUTE })
    expect(here.stock('near', 'milk').on_hand).toBe(13)
  })

  test('a stale count is never taken over a newer one, and says so', () => {
    const here = town()
    here.now += 10 * MINUTE
    here.count('near', 'milk', 3)
    const late = here.send('stock.counted', { ...MILK, quantity: 50, as_of: here.now - MINUTE })
    expect(late.kind).toBe('superseded')
    expect(only(late, 'count.superseded')).toMatchObject({ counted_as_of: here.now })
    expect(here.stock('near', 'milk').on_hand).toBe(3)
  })

  test('a picker who tells late that the shelf was empty does not empty what was counted since', () => {
    const here = town()
    here.place('o1', { milk: 2 })
    here.pick('pick.started', 'o1')
    here.now += 10 * MINUTE
    here.count('near', 'milk', 30)
    const late = here.send(
      'line.short',
      { order_id: 'o1', fulfilment_id: 'o1.1', warehouse_id: 'near', line_id: 'milk', quantity: 2 },
      here.now - MINUTE,
    )
    expect(typesOf(late)).toEqual(['order.shortened', 'order.cancelled'])
    expect(here.stock('near', 'milk').on_hand).toBe(30)
  })

  test('a picker who finds the shelf empty has counted: an older count does not fill it again', () => {
    const here = town()
    here.place('o1', { milk: 2 })
    here.pick('pick.started', 'o1')
    here.now += 10 * MINUTE
    const short = here.pick('line.short', 'o1', { line_id: 'milk', quantity: 2 })
    expect(only(short, 'stock.corrected')).toMatchObject({ on_hand: 0, as_of: here.now, ref: 'o1' })
    const stale = here.send('stock.counted', { ...MILK, quantity: 9, as_of: here.now - MINUTE })
    expect(stale.kind).toBe('superseded')
    expect(here.stock('near', 'milk').on_hand).toBe(0)
  })

  test('a clock that runs ahead does not keep later goods out of the shelf', () => {
    const here = town()
    here.send('stock.counted', { ...MILK, quantity: 5, as_of: here.now + 365 * 86_400_000 })
    here.now += 1
    here.send('stock.received', { ...MILK, quantity: 5 })
    expect(here.stock('near', 'milk').on_hand).toBe(10)
  })

  test('what is remembered for late counts is bounded; a count from before it can not be used', () => {
    const here = town()
    for (let number = 0; number < 2 * MOVES_KEPT; number += 1) {
      here.now += 1_000
      here.send('stock.received', { ...MILK, quantity: 1 })
      expect(here.stock('near', 'milk').moves.delta.length).toBeLessThanOrEqual(MOVES_KEPT)
    }
    expect(here.send('stock.counted', { ...MILK, quantity: 0, as_of: START + 1_000 }).kind).toBe('superseded')
    here.send('stock.counted', { ...MILK, quantity: 0, as_of: here.now - 100_500 })
    expect(here.stock('near', 'milk').on_hand).toBe(101)
  })
})

describe('safety', () => {
  test('is set by itself, keeps goods back, and is a movement', () => {
    const here = town()
    const outcome = here.send('stock.safety_set', { ...MILK, safety: 9 })
    expect(outcome).toMatchObject({ movements: [{ safety: 9, on_hand: 0, cause: 'safety_set' }] })
    expect(only(here.place('o1', { milk: 2 }), 'order.routed').fulfilments[0]?.warehouse_id).toBe('far')
    expect(only(here.place('o2', { milk: 1 }), 'order.routed').fulfilments[0]?.warehouse_id).toBe('near')
    expect(here.send('stock.safety_set', { ...MILK, safety: 9 })).toMatchObject({ kind: 'ok', movements: [] })
    expect(here.send('stock.safety_set', { ...MILK, unit: 'g', safety: 1 })).toMatchObject({ reason: 'conflict' })
  })
})

describe('a suspended item', () => {
  const suspend = { warehouse_id: 'near', sku: 'milk', reason: 'recall' }

  test('is granted to nobody until its time, and says why, retryable and with the line', () => {
    const here = town()
    here.place('before', { milk: 2 })
    here.send('sku.suspended', { ...suspend, until: here.now + 5 * MINUTE })
    expect(here.stock('near', 'milk').reserved).toBe(2)
    const refused = here.place('o1', { milk: 1 }, { warehouse_id: 'near' })
    expect(only(refused, 'order.rejected')).toMatchObject({ reason: 'suspended', retryable: true, line_id: 'milk' })
    expect(only(here.place('o2', { milk: 1 }), 'order.routed').candidates[0]).toMatchObject({ refused: 'suspended' })
    here.now += 5 * MINUTE
    expect(only(here.place('o3', { milk: 1 }), 'order.routed').fulfilments[0]?.warehouse_id).toBe('near')
  })

  test('without an end it waits to be resumed', () => {
    const here = town()
    here.send('sku.suspended', suspend)
    here.now += 365 * 86_400_000
    expect(only(here.place('o1', { milk: 1 }, { warehouse_id: 'near' }), 'order.rejected').reason).toBe('suspended')
    here.send('sku.resumed', { warehouse_id: 'near', sku: 'milk' })
    only(here.place('o2', { milk: 1 }, { warehouse_id: 'near' }), 'order.routed')
  })

  test('can not be the substitute, and what is reserved of it can still be picked', () => {
    const here = town()
    here.place('o1', { milk: 1 })
    here.place('o2', { bread: 1 })
    here.send('sku.suspended', suspend)
    here.pick('pick.started', 'o2')
    const instead = here.pick('line.substituted', 'o2', { line_id: 'bread', substitute_sku: 'milk', quantity: 1 })
    expect(typesOf(instead)).toContain('order.shortened')
    here.pick('pick.started', 'o1')
    here.pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 })
    expect(here.stock('near', 'milk')).toMatchObject({ on_hand: 9, reserved: 0 })
  })

  test('must be one that the warehouse has', () => {
    expect(town().send('sku.suspended', { ...suspend, sku: 'caviar' })).toMatchObject({ reason: 'unknown_sku' })
    expect(town().send('sku.resumed', { warehouse_id: 'moon', sku: 'milk' })).toMatchObject({
      reason: 'unknown_warehouse',
    })
  })

  test('is seen by readers of the live view, who compare it with the business clock', () => {
    const level = { on_hand: 5, reserved: 1, safety: 1, unit: 'each' as const, suspended_until: 0 }
    expect(encodeStock(level)).toBe('5 1 1 each')
    expect(decodeStock('5 1 1 each')).toEqual(level)
    const suspended = decodeStock(encodeStock({ ...level, suspended_until: START }))
    expect(grantable(suspended, START - 1)).toBe(0)
    expect(grantable(suspended, START)).toBe(3)
  })
})

describe('a throttled warehouse', () => {
  const throttle = { warehouse_id: 'near', mode: 'throttled', throttle_per_10_min: 3 }
  const winner = (here: Town, order_id: string) =>
    only(here.place(order_id, { milk: 1 }), 'order.routed').fulfilments[0]?.warehouse_id

  test('takes so many orders in any ten minutes, and no more', () => {
    const here = town()
    here.send('warehouse.mode', throttle)
    const taken: (string | undefined)[] = []
    for (let number = 0; number < 5; number += 1) {
      taken.push(winner(here, `o${number}`))
      here.now += MINUTE
    }
    expect(taken).toEqual(['near', 'near', 'near', 'far', 'far'])
    here.now = START + 10 * MINUTE
    expect([winner(here, 'p0'), winner(here, 'p1')]).toEqual(['near', 'far'])
  })

  test('remembers those of ten minutes, so that more may be allowed at any time', () => {
    const here = town()
    here.count('near', 'milk', 10_000)
    here.send('warehouse.mode', { ...throttle, throttle_per_10_min: 100 })
    for (let number = 0; number < 400; number += 1) {
      here.place(`o${number}`, { milk: 1 })
      here.now += 10_000
      expect(here.warehouse('near').routed_at.length).toBeLessThan(100)
    }
    const recent = here.warehouse('near').routed_at.filter(at => at > here.now - 10 * MINUTE).length
    here.send('warehouse.mode', { ...throttle, throttle_per_10_min: recent })
    expect(winner(here, 'one_too_many')).toBe('far')
    here.send('warehouse.mode', { ...throttle, throttle_per_10_min: recent + 1 })
    expect(winner(here, 'one_more')).toBe('near')
  })

  test('a mode without its figure is no mode', () => {
    const here = town()
    expect(here.send('warehouse.mode', { warehouse_id: 'near', mode: 'throttled' })).toMatchObject({
      kind: 'dead',
      reason: 'wrong_shape',
    })
    expect(here.send('warehouse.mode', { warehouse_id: 'near', mode: 'busy' })).toMatchObject({ kind: 'dead' })
    expect(here.warehouse('near').mode).toBe('normal')
    here.send('warehouse.mode', { warehouse_id: 'near', mode: 'busy', busy_extra_s: 600 })
    const first = only(here.place('o1', { milk: 1 }), 'order.routed').candidates.find(
      ({ warehouse_id }) => warehouse_id === 'near',
    )
    here.send('warehouse.mode', { warehouse_id: 'near', mode: 'normal' })
    expect(first === undefined || first.promise_s > 600).toBe(true)
  })
})
