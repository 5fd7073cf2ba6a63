import { describe, expect, test } from 'vitest'
import { TRANSFER_LIFE, type TransferHappening, type TransferStateName } from './lives.ts'
import { only, Town, typesOf } from './town.testing.ts'
import { nextDue } from './zone.ts'

/** Goods between two warehouses of a zone: off the shelf here, on their way, on the shelf there. */

const HOUR = 3_600_000
const town = () =>
  new Town({
    giver: { meters: 1_000, stock: { milk: 10, bread: 4 } },
    taker: { meters: 3_000, stock: { milk: 1 } },
    third: { meters: 5_000, stock: { milk: 20 } },
  })
const line = (sku: string, quantity: number, unit = 'each') => ({ sku, unit, quantity })
const sent = (transfer_id: string, ...lines: object[]) => ({
  transfer_id,
  warehouse_id: 'giver',
  to_warehouse_id: 'taker',
  lines,
})
const received = (transfer_id: string, ...lines: object[]) => ({
  transfer_id,
  warehouse_id: 'taker',
  ...(lines.length > 0 && { lines }),
})
const cancelled = (transfer_id: string) => ({ transfer_id, warehouse_id: 'giver', reason: 'van_broke_down' })

describe('a transfer', () => {
  test('leaves one shelf, is on its way, and comes to the other, with every step in the ledger', () => {
    const here = town()
    const out = here.send('transfer.sent', sent('t1', line('milk', 4), line('bread', 1)))
    expect(here.stock('giver', 'milk')).toMatchObject({ on_hand: 6, in_transit: 0 })
    expect(here.stock('taker', 'milk')).toMatchObject({ on_hand: 1, in_transit: 4 })
    expect(here.stock('taker', 'bread')).toMatchObject({ on_hand: 0, in_transit: 1, unit: 'each' })
    expect(out).toMatchObject({
      movements: [
        { warehouse_id: 'giver', sku: 'milk', on_hand: -4, in_transit: 0, cause: 'transfer_sent', ref: 't1' },
        { warehouse_id: 'giver', sku: 'bread', on_hand: -1 },
        { warehouse_id: 'taker', sku: 'milk', on_hand: 0, in_transit: 4 },
        { warehouse_id: 'taker', sku: 'bread', in_transit: 1 },
      ],
    })
    expect(only(here.place('o1', { bread: 1 }, { warehouse_id: 'taker' }), 'order.rejected').reason).toBe(
      'out_of_stock',
    )
    here.send('transfer.received', received('t1'))
    expect(here.stock('taker', 'milk')).toMatchObject({ on_hand: 5, in_transit: 0 })
    expect(here.stock('taker', 'bread')).toMatchObject({ on_hand: 1, in_transit: 0 })
  })

  test('comes with a difference: what was really there is on the shelf, the rest is not on its way any more', () => {
    const here = town()
    here.send('transfer.sent', sent('t1', line('milk', 4), line('bread', 2)))
    here.send('transfer.received', received('t1', line('milk', 3), line('eggs', 1)))
    expect(here.stock('taker', 'milk')).toMatchObject({ on_hand: 4, in_transit: 0 })
    expect(here.stock('taker', 'bread')).toMatchObject({ on_hand: 2, in_transit: 0 })
    expect(here.stock('taker', 'eggs')).toMatchObject({ on_hand: 1, in_transit: 0 })
  })

  test('that is cancelled goes back on the shelf', () => {
    const here = town()
    here.send('transfer.sent', sent('t1', line('milk', 4)))
    here.send('transfer.cancelled', cancelled('t1'))
    expect(here.stock('giver', 'milk').on_hand).toBe(10)
    expect(here.stock('taker', 'milk')).toMatchObject({ on_hand: 1, in_transit: 0 })
  })

  test('that takes what was promised moves those orders elsewhere in the same step', () => {
    const here = town()
    here.place('o1', { milk: 8 })
    const out = here.send('transfer.sent', sent('t1', line('milk', 5)))
    expect(only(out, 'stock.shortfall')).toMatchObject({ warehouse_id: 'giver', missing: 3, cause: 'transfer' })
    expect(only(out, 'order.rerouted')).toMatchObject({ order_id: 'o1', cause: 'transfer' })
    expect(here.stock('giver', 'milk')).toMatchObject({ on_hand: 5, reserved: 0 })
    expect(nextDue(here.zone)).toBeNull()
  })

  test('of more than the shelf held: what left has left, and nothing goes below nothing', () => {
    const here = town()
    here.send('transfer.sent', sent('t1', line('bread', 9)))
    expect(here.stock('giver', 'bread').on_hand).toBe(0)
    expect(here.stock('taker', 'bread').in_transit).toBe(9)
    here.send('transfer.received', received('t1'))
    expect(here.stock('taker', 'bread')).toMatchObject({ on_hand: 9, in_transit: 0 })
  })
})

describe('what cannot be', () => {
  test.each([
    ['to another zone', sent('t2', line('milk', 1)), { to_warehouse_id: 'elsewhere' }, 'foreign_warehouse'],
    ['from nowhere', sent('t2', line('milk', 1)), { warehouse_id: 'elsewhere' }, 'unknown_warehouse'],
    ['to itself', sent('t2', line('milk', 1)), { to_warehouse_id: 'giver' }, 'wrong_shape'],
    ['in another unit', sent('t2', line('milk', 1, 'g')), {}, 'conflict'],
    ['of one item twice', sent('t2', line('milk', 1), line('milk', 2)), {}, 'wrong_shape'],
  ])('a transfer %s is a dead letter and moves nothing', (_, data, more, reason) => {
    const here = town()
    expect(here.send('transfer.sent', { ...data, ...more })).toMatchObject({ kind: 'dead', reason })
    expect(here.stock('giver', 'milk').on_hand).toBe(10)
    expect(here.zone.transfers.size).toBe(0)
  })

  test('a transfer that nobody sent, or that arrives somewhere else', () => {
    const here = town()
    expect(here.send('transfer.received', received('t1'))).toMatchObject({ reason: 'unknown_transfer' })
    here.send('transfer.sent', sent('t1', line('milk', 1)))
    const astray = { transfer_id: 't1', warehouse_id: 'third' }
    expect(here.send('transfer.received', astray)).toMatchObject({ reason: 'foreign_warehouse' })
    expect(here.send('transfer.cancelled', { ...astray, reason: 'x' })).toMatchObject({ reason: 'foreign_warehouse' })
    expect(here.send('transfer.sent', sent('t1', line('milk', 2)))).toMatchObject({ reason: 'conflict' })
  })
})

describe('the life of a transfer', () => {
  const SAY = {
    send: (here: Town) => here.send('transfer.sent', sent('t1', line('milk', 4))),
    receive: (here: Town) => here.send('transfer.received', received('t1')),
    cancel: (here: Town) => here.send('transfer.cancelled', cancelled('t1')),
  }
  const TO = { in_transit: [], received: ['receive'], cancelled: ['cancel'] } as const
  const cases = Object.entries(TRANSFER_LIFE).flatMap(([state, row]) =>
    Object.entries(row).map(([happening, next]) => ({ state, happening, next })),
  )

  test.each(cases)('$state, then $happening: $next', ({ state, happening, next }) => {
    const here = town()
    for (const past of ['send', ...TO[state as TransferStateName]] as const) SAY[past](here)
    const before = JSON.stringify([...here.zone.warehouses.values()].map(({ stock }) => [...stock]))
    const outcome = SAY[happening as TransferHappening](here)
    const after = JSON.stringify([...here.zone.warehouses.values()].map(({ stock }) => [...stock]))
    if (next === 'repeat') expect(outcome.kind).toBe('duplicate')
    else if (next === 'illegal') expect(outcome).toMatchObject({ kind: 'dead', reason: 'illegal_transition' })
    else expect([...here.zone.transfers.values()][0]?.state).toBe(next)
    expect(after === before).toBe(outcome.kind !== 'ok')
  })

  test('what ended is forgotten after 48 hours, what is on its way is not', () => {
    const here = town()
    here.send('transfer.sent', sent('ended', line('milk', 1)))
    here.send('transfer.received', received('ended'))
    here.send('transfer.sent', sent('open', line('milk', 1)))
    here.now += 47 * HOUR
    expect(here.send('transfer.received', received('ended')).kind).toBe('duplicate')
    here.now += HOUR + 60_000
    expect(typesOf(here.send('tick', {}))).toEqual([])
    expect([...here.zone.transfers.keys()]).toEqual(['open'])
  })
})
