import { expect, test } from 'vitest'
import type { Stores } from '../../days/stores.ts'
import type { Delivered, Rule } from './day.ts'
import { figuresOf, hoursOf } from './figures.ts'
import { drawOrders, type StoreOrder, varied } from './orders.ts'
import { playStores } from './play.ts'

/** Two stores made up here, ten minutes apart; all clients live nearer to the first, whose one courier can't bring it all. */
const stores = [0, 1].map(at => ({ point: { lat: 41, lng: at }, couriers: 1, pickers: 2 }))
const clients = Array.from({ length: 20 }, (_, at) => ({ lat: 41.5, lng: at / 20 }))
const town: Stores = {
  stores,
  clients,
  seconds: Int32Array.from(clients.flatMap((_, at) => [300 + at, 360 + at])),
  picking_s_mean: 60,
  door_s_mean: 60,
}
const orders: StoreOrder[] = Array.from({ length: 16 }, (_, at) => ({
  ...{ id: `o${at}`.padEnd(4, '-'), placed_s: 240 * at, client: at, picking_s: 40 + at, door_s: 50 + at },
}))
const deliver = (rule: Rule, floating: boolean, some = orders, where = town) =>
  playStores(where, some, { rule, floating }, async () => {})
const play = async (rule: Rule, floating: boolean) => figuresOf(await deliver(rule, floating))

test.each([
  ['tied', false],
  ['floating', true],
])('every order is delivered, and the choice of store takes lateness away: couriers %s', async (_, floating) => {
  const [nearest, together] = [await play('nearest', floating), await play('together', floating)]
  for (const played of [nearest, together]) expect(played.orders).toBe(orders.length)
  expect(nearest.another_store_share).toBe(0)
  expect(together.late_min).toBeLessThanOrEqual(nearest.late_min)
})

test('where couriers are tied, half of the orders go to the store that has one free', async () => {
  const [nearest, together] = [await play('nearest', false), await play('together', false)]
  expect(together.another_store_share).toBeGreaterThan(0.3)
  expect(together.late_min).toBeLessThan(nearest.late_min / 2)
})

const one_store = { ...town, stores: stores.slice(0, 1), seconds: Int32Array.from(clients.map(() => 300)) }
const order = (id: string, picking_s: number) => ({ id, placed_s: 0, client: 0, picking_s, door_s: 50 })

test.each(['nearest', 'together'] as const)(
  'nothing leaves before it is picked, and a floating courier goes on from the door: %s',
  async rule => {
    const hours = async (...some: StoreOrder[]) =>
      figuresOf(await deliver(rule, true, some, one_store)).last_delivered_h
    // 900 s of picking, 300 on the road, 50 at the door; back again, and the same way once more.
    expect(await hours(order('o1', 900))).toBeCloseTo(1_250 / 3_600, 2)
    expect(await hours(order('o1', 900), order('o2', 900))).toBeGreaterThanOrEqual((1_250 + 650) / 3_600 - 0.01)
  },
)

test('who picks begins with what was placed first, and with as many as there are pickers', async () => {
  const some = ['o1', 'o2', 'o3', 'o4'].map(id => order(id, 100))
  const begun = (await deliver('nearest', true, some, one_store)).map(one => one.begins_s).sort((a, b) => a - b)
  expect(begun).toEqual([0, 0, 100, 100])
})

test('picking is put off until a courier is near, where the choice of store is open', async () => {
  const some = Array.from({ length: 6 }, (_, at) => order(`o${at}`, 40))
  const waits = async (rule: Rule) =>
    Math.max(...(await deliver(rule, true, some, one_store)).map(one => one.pickup_s - one.ready_s))
  expect(await waits('nearest')).toBeGreaterThan(1_800)
  expect(await waits('together')).toBeLessThan(300)
})

test('a floating courier is met half-way: who is at the door of one store brings the next from there', async () => {
  // Whoever lives at 0 is near the first store, whoever lives at 1 a little nearer to the second, which is far from door 0.
  const near = {
    ...town,
    stores: [{ ...(stores[0] as (typeof stores)[0]) }, { ...(stores[1] as (typeof stores)[0]), couriers: 0 }],
  }
  const where: Stores = { ...near, clients: clients.slice(0, 2), seconds: Int32Array.from([100, 1_500, 500, 450]) }
  const some = Array.from({ length: 8 }, (_, at) => ({ ...order(`o${at}`, 40), client: at % 2 }))
  const from = (delivered: readonly Delivered[]) =>
    delivered.filter(one => one.order.client === 1).map(one => one.store)
  expect(from(await deliver('nearest', true, some, where))).toEqual([1, 1, 1, 1])
  expect(from(await deliver('together', true, some, where))).toContain(0)
})

test.each([
  ['nearest', true],
  ['nearest', false],
  ['together', true],
  ['together', false],
] as const)(
  'nobody knows how long a picking or a door takes before it is over: %s, floating %s',
  async (rule, floating) => {
    const base = await deliver(rule, floating)
    const slow = base[6] as Delivered
    const change = async (longer: Partial<StoreOrder>) =>
      deliver(
        rule,
        floating,
        orders.map(one => (one === slow.order ? { ...one, ...longer } : one)),
      )
    const until = (delivered: readonly Delivered[], t: number) =>
      delivered.filter(one => one.pickup_s < t && one.order.id !== slow.order.id)
    const longer = [
      { delivered: await change({ door_s: 4_000 }), over_s: slow.done_s },
      { delivered: await change({ picking_s: 4_000 }), over_s: slow.ready_s },
    ]
    for (const { delivered, over_s } of longer) {
      expect(until(delivered, over_s).length).toBeGreaterThan(2)
      expect(until(delivered, over_s)).toEqual(until(base, over_s))
      expect(delivered).not.toEqual(base)
    }
  },
)

test('what an hour’s orders waited for adds up to their way from click to door', async () => {
  const delivered = await deliver('together', false)
  const hours = hoursOf(town, delivered)
  expect(hours.reduce((all, one) => all + one.orders, 0)).toBe(orders.length)
  const waited_min = hours.reduce(
    (all, one) => all + one.orders * (one.until_picked_from + one.picking + one.for_courier + one.road + one.door),
    0,
  )
  expect(waited_min / orders.length).toBeCloseTo(figuresOf(delivered).click_to_door_min, 1)
  expect(hours.some(one => one.detour > 0)).toBe(true)
})

test('the draws follow from the seed', () => {
  expect(drawOrders(town, 1)).toEqual(drawOrders(town, 1))
  expect(drawOrders(town, 2)).not.toEqual(drawOrders(town, 1))
  expect(drawOrders(town, 1, 1.5).length / drawOrders(town, 1).length).toBeCloseTo(1.5, 1)
})

test('a town that is varied has other couriers and ways, and the same where nothing is', () => {
  expect(varied(town, { couriers: 1, jitter: 0 }, 1)).toEqual(town)
  const other = varied(town, { couriers: 3, jitter: 0.1 }, 1)
  expect(other.stores.map(one => one.couriers)).toEqual([3, 3])
  for (const [at, way_s] of other.seconds.entries()) {
    expect(Math.abs(way_s / (town.seconds[at] ?? 0) - 1)).toBeLessThan(0.11)
  }
  expect(other.seconds).not.toEqual(town.seconds)
})
