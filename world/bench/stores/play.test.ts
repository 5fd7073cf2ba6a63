import { expect, test } from 'vitest'
import type { Stores } from '../../days/stores.ts'
import { drawOrders, playStores, type Rule, type StoreOrder } from './play.ts'

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
const play = (rule: Rule, floating: boolean) => playStores(town, orders, { rule, floating }, async () => {})

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

test('nothing leaves before it is picked, and a floating courier goes on from the door', async () => {
  const { stores, clients } = town
  const one_store = { ...town, stores: stores.slice(0, 1), seconds: Int32Array.from(clients.map(() => 300)) }
  const order = (id: string, picking_s: number) => ({ id, placed_s: 0, client: 0, picking_s, door_s: 50 })
  const hours = async (...some: StoreOrder[]) => {
    const { last_delivered_h } = await playStores(one_store, some, { rule: 'nearest', floating: true }, async () => {})
    return last_delivered_h
  }
  // 900 s of picking, 300 on the road, 50 at the door; back again, and the same way once more.
  expect(await hours(order('o1', 900))).toBeCloseTo(1_250 / 3_600, 2)
  expect(await hours(order('o1', 900), order('o2', 900))).toBeGreaterThanOrEqual((1_250 + 650) / 3_600 - 0.01)
})

test('the draws follow from the seed', () => {
  expect(drawOrders(town, 1)).toEqual(drawOrders(town, 1))
  expect(drawOrders(town, 2)).not.toEqual(drawOrders(town, 1))
})
