import { cellToParent, gridDisk } from 'h3-js'
import { describe, expect, test } from 'vitest'
import { cellOf } from '../ingest/events/geo.ts'
import { throughCheckpoint } from './checkpoint/checkpoint.testing.ts'
import { digestZones } from './checkpoint.ts'
import { DOOR, decisionsOf, only, START, Town, typesOf } from './town.testing.ts'

/** Routing, case by case: ways, windows, fixed warehouses, orders over several warehouses. */

const HOUR = 3_600_000
const street = () =>
  new Town({
    near: { meters: 1_000, stock: { milk: 10, bread: 1 } },
    middle: { meters: 3_000, stock: { milk: 10, bread: 10 } },
    far: { meters: 6_000, stock: { milk: 10, bread: 10 } },
  })

const winnersOf = (town: Town, order_id: string, more: object = {}) =>
  only(town.place(order_id, { milk: 1 }, more), 'order.routed').fulfilments.map(part => part.warehouse_id)

const travel = (warehouse_id: string, version: number, table: Record<string, number>, more: object = {}) => ({
  warehouse_id,
  version,
  part: 0,
  parts: 1,
  cells: Object.keys(table),
  seconds: Object.values(table),
  ...more,
})

describe('the way there', () => {
  test('of equal promises the lower id wins, however the warehouses came', () => {
    for (const ids of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
    ]) {
      const town = new Town(Object.fromEntries(ids.map(id => [id, { meters: 500, stock: { milk: 1 } }])))
      expect([...winnersOf(town, 'o1'), ...winnersOf(town, 'o2'), ...winnersOf(town, 'o3')]).toEqual(['a', 'b', 'c'])
    }
  })

  test('a cell of the travel table takes its seconds, any other the great circle', () => {
    const town = street()
    town.send('travel.set', travel('near', 1, { [cellOf(DOOR)]: 1_900 }))
    const routed = only(town.place('o1', { milk: 1 }), 'order.routed')
    expect(routed.fulfilments[0]?.warehouse_id).toBe('middle')
    const elsewhere = { lat: DOOR.lat + 0.01, lng: DOOR.lng }
    expect(winnersOf(town, 'o2', { point: elsewhere, cell: cellOf(elsewhere) })).toEqual(['near'])
  })

  test('a coarser cell stands for all below it, unless the table has a finer one', () => {
    const town = street()
    const cell = cellOf(DOOR)
    town.send('travel.set', travel('near', 1, { [cellToParent(cell, 7)]: 1_900 }))
    expect(winnersOf(town, 'o1')).toEqual(['middle'])
    town.send('travel.set', travel('near', 2, { [cellToParent(cell, 7)]: 1_900, [cell]: 10 }))
    expect(winnersOf(town, 'o2')).toEqual(['near'])
  })

  test('a table comes in parts and replaces the former one whole, with its last part', () => {
    const town = street()
    const cell = cellOf(DOOR)
    const [a = '', b = ''] = gridDisk(cell, 1).filter(other => other !== cell)
    town.send('travel.set', travel('near', 1, { [cell]: 1_900 }))
    town.send('travel.set', travel('near', 2, { [a]: 5 }, { part: 1, parts: 2 }))
    expect(winnersOf(town, 'o1')).toEqual(['middle'])
    town.send('travel.set', travel('near', 2, { [b]: 5 }, { part: 0, parts: 2 }))
    expect(winnersOf(town, 'o2')).toEqual(['near'])
  })

  test('an older version never comes over a newer one, complete or not', () => {
    const town = street()
    const cell = cellOf(DOOR)
    town.send('travel.set', travel('near', 5, { [cell]: 10 }))
    const late = town.send('travel.set', travel('near', 4, { [cell]: 1_900 }))
    expect(late.kind).toBe('superseded')
    expect(only(late, 'travel.superseded')).toMatchObject({ version: 4, current_version: 5 })
    expect(winnersOf(town, 'o1')).toEqual(['near'])
    town.send('travel.set', travel('near', 7, { [cell]: 1_900 }, { part: 0, parts: 2 }))
    expect(town.send('travel.set', travel('near', 6, { [cell]: 1_900 })).kind).toBe('superseded')
    expect(winnersOf(town, 'o2')).toEqual(['near'])
  })

  test.each([
    ['unknown_warehouse', travel('nobody', 1, {})],
    ['wrong_shape', travel('near', 1, { '8f2664c1e2db0a0': 1 })],
    ['wrong_shape', travel('near', 1, { [cellOf(DOOR)]: 1 }, { seconds: [] })],
    ['wrong_shape', travel('near', 1, {}, { part: 3, parts: 2 })],
  ])('what can not be a table is a dead letter: %s', (reason, data) => {
    expect(street().send('travel.set', data)).toMatchObject({ kind: 'dead', reason })
  })

  test('tables survive a checkpoint, half of a new one too', () => {
    const town = street()
    const cell = cellOf(DOOR)
    town.send('travel.set', travel('near', 1, { [cell]: 1_900 }))
    town.send('travel.set', travel('near', 2, { [cell]: 10 }, { part: 1, parts: 2 }))
    const again = throughCheckpoint(town.zone)
    expect(digestZones([again])).toBe(digestZones([town.zone]))
    expect(again.warehouses.get(town.warehouse('near').warehouse_id)?.travel_coming?.parts).toHaveLength(2)
  })
})

describe('an order for a window', () => {
  const from = START + 3 * HOUR
  const to = START + 4 * HOUR

  test('is promised within it, and picking need not begin before it must', () => {
    const town = street()
    const { promise, fulfilments } = only(
      town.place('o1', { milk: 2 }, { deliver_between: { from, to } }),
      'order.routed',
    )
    expect(promise).toMatchObject({ deliver_from: from, deliver_by: to })
    // 238 s on the road and 120 s at the door before it begins; 90 s of work before that
    expect(promise.ready_at).toBe(from - 358_000)
    expect(fulfilments[0]).toMatchObject({ ready_at: from - 358_000, start_at: from - 448_000 })
  })

  test('that has begun is served at once', () => {
    const town = street()
    const { promise } = only(
      town.place('o1', { milk: 1 }, { deliver_between: { from: START - HOUR, to: START + HOUR } }),
      'order.routed',
    )
    expect(promise).toMatchObject({ ready_at: START + 90_000, deliver_by: START + HOUR })
  })

  test('that can not be met is refused: too soon over, or ending before it begins', () => {
    const town = street()
    for (const window of [
      { from: START, to: START + 60_000 },
      { from: to, to: from },
    ]) {
      const rejected = only(town.place(`o${window.to}`, { milk: 1 }, { deliver_between: window }), 'order.rejected')
      expect(rejected).toMatchObject({ reason: 'window_missed', retryable: false })
    }
  })

  test('far away may take longer than the policy allows for one at once', () => {
    const town = street()
    town.send('policy.changed', { policy: { ...town.zone.policy, promise_s_max: 60 } })
    expect(only(town.place('now', { milk: 1 }), 'order.rejected').reason).toBe('full')
    expect(typesOf(town.place('later', { milk: 1 }, { deliver_between: { from, to } }))).toEqual(['order.routed'])
  })

  test('asks whether the warehouse is open when it is picked, not now', () => {
    // START is Friday 12:00 in Chicago: minute 4 × 1,440 + 720
    const noon = 4 * 1_440 + 720
    const opening = [{ from_minute: noon + 170, to_minute: noon + 600 }]
    const town = new Town({ near: { meters: 1_000, stock: { milk: 10 }, more: { opening } } })
    expect(only(town.place('now', { milk: 1 }), 'order.rejected').reason).toBe('closed')
    const routed = only(town.place('later', { milk: 1 }, { deliver_between: { from, to } }), 'order.routed')
    expect(routed.fulfilments[0]?.start_at).toBeGreaterThanOrEqual(START + 170 * 60_000)
    const before = { from: START + HOUR, to: START + 2 * HOUR }
    expect(only(town.place('before', { milk: 1 }, { deliver_between: before }), 'order.rejected').reason).toBe('closed')
  })
})

describe('a fixed warehouse', () => {
  test('gets the order though another is nearer, and refuses it alone', () => {
    const town = street()
    expect(winnersOf(town, 'o1', { warehouse_id: 'far' })).toEqual(['far'])
    const rejected = only(town.place('o2', { bread: 2 }, { warehouse_id: 'near' }), 'order.rejected')
    expect(rejected).toMatchObject({ reason: 'out_of_stock', line_id: 'bread' })
    expect(rejected.candidates.map(({ warehouse_id }) => warehouse_id)).toEqual(['near'])
  })

  test('is not left when it is paused: the order waits for it', () => {
    const town = street()
    town.place('o1', { milk: 1 }, { warehouse_id: 'far' })
    expect(typesOf(town.send('warehouse.paused', { warehouse_id: 'far', reason: 'staff' }))).toEqual([])
    expect(town.parts('o1')).toMatchObject([{ warehouse_id: 'far', state: 'reserved' }])
  })
})

test.each([
  ['warehouse_paused', (town: Town) => town.send('warehouse.paused', { warehouse_id: 'near', reason: 'staff' }), true],
  ['throttled', (town: Town) => town.send('warehouse.mode', mode({ mode: 'throttled', throttle_per_10_min: 0 })), true],
  ['full', (town: Town) => town.send('warehouse.mode', mode({ mode: 'busy', busy_extra_s: 4_000 })), true],
  ['out_of_stock', (town: Town) => town.count('near', 'milk', 0), true],
])('%s is told for the warehouse that was asked', (reason, happen, retryable) => {
  const town = new Town({ near: { meters: 1_000, stock: { milk: 10 } } })
  happen(town)
  const rejected = only(town.place('o1', { milk: 1 }), 'order.rejected')
  expect(rejected).toMatchObject({ reason, retryable, candidates: [{ warehouse_id: 'near', refused: reason }] })
  expect('line_id' in rejected).toBe(reason === 'out_of_stock')
})

const mode = (more: object) => ({ warehouse_id: 'near', ...more })

describe('an order over several warehouses', () => {
  const market = () =>
    new Town({
      a: { meters: 500, stock: { milk: 5 } },
      b: { meters: 1_000, stock: { bread: 5, eggs: 5 } },
      c: { meters: 1_500, stock: { milk: 5, bread: 5 } },
      d: { meters: 2_000, stock: { eggs: 5, beer: 5 } },
    })
  const split = { split: true }
  const partsOf = (town: Town, order_id: string, lines: Record<string, number>) =>
    only(town.place(order_id, lines, split), 'order.routed').fulfilments.map(({ warehouse_id, lines: taken }) => [
      warehouse_id,
      ...taken.map(({ sku }) => sku),
    ])

  test('only where it allows it', () => {
    const town = market()
    const wish = { milk: 1, eggs: 1 }
    expect(only(town.place('o1', wish), 'order.rejected')).toMatchObject({ reason: 'sku_unknown', line_id: 'eggs' })
    expect(partsOf(town, 'o2', wish)).toEqual([
      ['a', 'milk'],
      ['b', 'eggs'],
    ])
    expect(town.stock('a', 'milk').reserved).toBe(1)
    expect(town.stock('b', 'eggs').reserved).toBe(1)
  })

  test('one if one can, two if two can, three if it needs three', () => {
    const town = market()
    expect(partsOf(town, 'o1', { milk: 1, bread: 1 })).toEqual([['c', 'milk', 'bread']])
    // The nearest three would be a, b and d.
    expect(partsOf(town, 'o2', { milk: 1, bread: 1, beer: 1 })).toEqual([
      ['c', 'milk', 'bread'],
      ['d', 'beer'],
    ])
    town.count('c', 'milk', 0)
    expect(partsOf(town, 'o3', { milk: 1, bread: 1, beer: 1 })).toEqual([
      ['a', 'milk'],
      ['b', 'bread'],
      ['d', 'beer'],
    ])
  })

  test('its promise is the latest of its parts, each of which says its own', () => {
    const town = market()
    const { promise, fulfilments, candidates } = only(town.place('o1', { milk: 1, beer: 1 }, split), 'order.routed')
    expect(fulfilments.map(({ fulfilment_id }) => fulfilment_id)).toEqual(['o1.1.1', 'o1.1.2'])
    expect(promise.deliver_by).toBe(Math.max(...fulfilments.map(part => part.deliver_by ?? 0)))
    expect(new Set(fulfilments.map(part => part.deliver_by)).size).toBe(2)
    expect(candidates.filter(({ refused }) => !refused).map(({ warehouse_id }) => warehouse_id)).toEqual(['a', 'd'])
  })

  test('a line stays whole: two halves of it in two places are no cover', () => {
    const town = market()
    const rejected = only(town.place('o1', { milk: 6, eggs: 1 }, split), 'order.rejected')
    expect(rejected).toMatchObject({ reason: 'out_of_stock', line_id: 'milk' })
  })

  test('two lines of one SKU go to two places where one can not give both', () => {
    const town = new Town({ a: { meters: 500, stock: { milk: 5 } }, b: { meters: 900, stock: { milk: 4 } } })
    const line = { sku: 'milk', unit: 'each' }
    const lines = [
      { ...line, line_id: 'x', quantity: 4 },
      { ...line, line_id: 'y', quantity: 5 },
    ]
    const { fulfilments } = only(town.place('o1', {}, { ...split, lines }), 'order.routed')
    expect(fulfilments.map(part => [part.warehouse_id, part.lines[0]?.line_id])).toEqual([
      ['a', 'y'],
      ['b', 'x'],
    ])
  })

  test('is shared out where no warehouse alone has the time for all of it', () => {
    const skus = Array.from({ length: 20 }, (_, number) => `sku${number}`)
    const stock = Object.fromEntries(skus.map(sku => [sku, 9]))
    const town = new Town({ a: { meters: 500, stock }, b: { meters: 600, stock } })
    town.send('policy.changed', { policy: { ...town.zone.policy, promise_s_max: 900 } })
    const wish = Object.fromEntries(skus.map(sku => [sku, 1]))
    expect(only(town.place('o1', wish), 'order.rejected').reason).toBe('full')
    const { fulfilments, promise } = only(town.place('o2', wish, split), 'order.routed')
    expect(fulfilments.map(part => part.warehouse_id)).toEqual(['a', 'b'])
    expect(promise.deliver_by - town.now).toBeLessThanOrEqual(900_000)
  })

  test('four and more are put together by what each covers', () => {
    const skus = ['v', 'w', 'x', 'y', 'z']
    const town = new Town(
      Object.fromEntries(
        skus.map((sku, place) => [`house-${sku}`, { meters: 500 + 100 * place, stock: { [sku]: 1 } }]),
      ),
    )
    const wish = Object.fromEntries(skus.map(sku => [sku, 1]))
    expect(only(town.place('o1', wish, split), 'order.routed').fulfilments).toHaveLength(5)
    expect(only(town.place('o2', wish, split), 'order.rejected').reason).toBe('out_of_stock')
  })

  test('one part is routed anew alone; the others and the first promise stay', () => {
    const town = market()
    const first = only(town.place('o1', { milk: 1, beer: 1 }, split), 'order.routed')
    const outcome = town.send('warehouse.paused', { warehouse_id: 'a', reason: 'fire' })
    const moved = only(outcome, 'order.rerouted')
    expect(moved).toMatchObject({ replaced: ['o1.1.1'], attempt: 2, cause: 'warehouse_paused' })
    expect(moved.fulfilments).toMatchObject([{ fulfilment_id: 'o1.2', warehouse_id: 'c' }])
    expect(moved.promise.deliver_by).toBe(first.promise.deliver_by)
    expect(typesOf(outcome)).not.toContain('promise.changed')
    expect(town.parts('o1').map(({ state }) => state)).toEqual(['replaced', 'reserved', 'reserved'])
  })

  test('is packed with its last part, and cancelled as a whole', () => {
    const town = market()
    for (const order_id of ['o1', 'o2']) town.place(order_id, { milk: 1, beer: 1 }, split)
    for (const { fulfilment_id, warehouse_id, lines } of town.parts('o1')) {
      expect(town.order('o1').state).toBe('routed')
      const part = { order_id: 'o1', fulfilment_id, warehouse_id }
      town.send('pick.started', part)
      for (const { line_id } of lines) town.send('line.picked', { ...part, line_id, quantity: 1 })
      town.send('order.packed', part)
    }
    expect(town.order('o1').state).toBe('packed')
    town.send('order.cancel_asked', { order_id: 'o2', reason: 'changed_mind' })
    expect(town.parts('o2').map(({ state }) => state)).toEqual(['cancelled', 'cancelled'])
    expect([town.stock('a', 'milk').reserved, town.stock('d', 'beer').reserved]).toEqual([0, 0])
  })

  test('a part of which nothing is left is dropped; the rest goes on to its end', () => {
    const town = market()
    town.place('o1', { milk: 1, beer: 1 }, split)
    const outcome = town.send('order.changed', { order_id: 'o1', lines: [{ line_id: 'milk', quantity: 0 }] })
    expect(typesOf(outcome)).toEqual(['order.shortened', 'order.part_dropped'])
    const [, beer] = town.parts('o1')
    const part = { order_id: 'o1', fulfilment_id: beer?.fulfilment_id, warehouse_id: 'd' }
    town.send('pick.started', part)
    town.send('line.picked', { ...part, line_id: 'beer', quantity: 1 })
    town.send('order.packed', part)
    expect(town.order('o1').state).toBe('packed')
    expect(town.warehouse('a').open_orders.size).toBe(0)
  })
})

test('a decision shows no more candidates than the policy says, the winner always', () => {
  const houses = Array.from({ length: 12 }, (_, place) => [
    `house${String(place).padStart(2, '0')}`,
    { meters: 300 * (place + 1), stock: place === 11 ? { milk: 5 } : { milk: 0 } },
  ])
  const town = new Town(Object.fromEntries(houses))
  const routed = only(town.place('o1', { milk: 1 }), 'order.routed')
  expect(routed.candidates.map(({ warehouse_id }) => warehouse_id)).toEqual([
    'house00',
    'house01',
    'house02',
    'house03',
    'house11',
  ])
  expect(decisionsOf(town.place('o2', { milk: 9 }))[0]).toMatchObject({ candidates: { length: 5 } })
})
