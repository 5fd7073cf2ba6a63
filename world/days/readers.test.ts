import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { preparationMeans, readDay } from './day.ts'
import { type DayFile, dayDir, storesFile } from './made_up.testing.ts'
import { betweenStores, readStores } from './stores.ts'

describe('a recorded day', () => {
  it('is read as it stands', () => {
    const dir = dayDir()
    const day = readDay(dir)
    expect(day).toMatchObject({ name: 'a-day', meters_per_minute: 300, pickup_service_min: 4, dropoff_service_min: 2 })
    expect(day.orders[1]).toEqual({ id: 'o2', x: 2_000, y: 500, placed: 100, restaurant: 'r2', ready: 110 })
    expect(day.couriers[2]).toEqual({ id: 'c3', x: 3_000, y: 500, on: 160, off: 300 })
    expect([...day.restaurants]).toEqual([
      ['r1', { x: 0, y: 0 }],
      ['r2', { x: 3_000, y: 0 }],
    ])
    expect([...preparationMeans(dir, day)]).toEqual([
      ['r1', 15],
      ['r2', 7.5],
    ])
  })

  it.each<[DayFile, string, string, string]>([
    ['orders.txt', 'o2\t2000', 'o2\twest', 'orders.txt: line 3, x: "west" is not a number'],
    ['orders.txt', 'r2\t110', 'r2', 'orders.txt: line 3, ready_time: is missing'],
    ['orders.txt', 'r2\t110', 'r2\t99', 'orders.txt: line 3, ready_time: 99 is below 100'],
    ['orders.txt', '\tr2\t110', '\tr9\t110', 'orders.txt: line 3, restaurant: restaurants.txt has no r9'],
    ['orders.txt', 'o4\t', 'o1\t', 'orders.txt: line 5: o1 stands above already'],
    ['orders.txt', '\t170\t', '\t-1\t', 'orders.txt: line 6, placement_time: -1 is below 0'],
    ['couriers.txt', '60\t240', '60\t59', 'couriers.txt: line 3, off_time: 59 is below 60'],
    ['restaurants.txt', 'r1\t0\t0', 'r1\t0', 'restaurants.txt: line 2, y: is missing'],
    ['instance_parameters.txt', '300', '0', 'instance_parameters.txt: line 2, meters_per_minute: 0 is below 1'],
    ['instance_parameters.txt', '\n300\t4\t2', '', 'instance_parameters.txt gives no speed or service times'],
  ])('with a fault in %s tells where it is: %j for %j', (name, before, after, message) => {
    expect(() => readDay(dayDir({ [name]: [before, after] }))).toThrow(message)
  })

  it('may have shifts until the end of the next day', () => {
    expect(readDay(dayDir({ 'couriers.txt': ['160\t300', '160\t2880'] })).couriers[2]?.off).toBe(2_880)
    expect(() => readDay(dayDir({ 'couriers.txt': ['160\t300', '160\t2881'] }))).toThrow('2881 is above 2880')
  })

  it('without one of its files says which', () => {
    const dir = dayDir()
    rmSync(join(dir, 'couriers.txt'))
    expect(() => readDay(dir)).toThrow(`${dir} has no couriers.txt`)
  })
})

describe('a file of stores', () => {
  it('is read as it stands', () => {
    const stores = readStores(storesFile())
    expect(stores).toMatchObject({ picking_s_mean: 180, door_s_mean: 120 })
    expect(stores.stores[1]).toEqual({ point: { lng: -87.66, lat: 41.92 }, couriers: 1, pickers: 2 })
    expect(stores.clients[2]).toEqual({ lng: -87.66, lat: 41.93 })
    expect([...stores.seconds]).toEqual([300, 700, 450, 460, 900, 200])
    expect(betweenStores(stores)).toEqual([
      [0, 910],
      [910, 0],
    ])
  })

  it.each([
    ['-87.66\t41.92', '-87.66\t141.92', 'line 6, latitude: 141.92 is above 90'],
    ['2\t1\n', '2\n', 'line 5, pickers: is missing'],
    ['450\t460', '450\tsoon', 'line 13, seconds to store 2: "soon" is not a number'],
    ['900\t200\n', '', 'EDGE_WEIGHT_SECTION has 2 rows for 3 clients'],
    ['MEAN_COMMISSION_TIME : 180', 'MEAN_COMMISSION_TIME :', 'line 2, MEAN_COMMISSION_TIME: is missing'],
    ['MEAN_COMMISSION_TIME : 180\n', '', 'has no MEAN_COMMISSION_TIME'],
    ['EOF\n', '', 'has no EOF'],
    ['CLIENT_SECTION\n', '', 'has no CLIENT_SECTION'],
    [
      'WAREHOUSE_SECTION\n',
      'CLIENT_SECTION\nWAREHOUSE_SECTION\n',
      'has its CLIENT_SECTION before its WAREHOUSE_SECTION',
    ],
  ])('with %j as %j tells what is wrong', (before, after, message) => {
    expect(() => readStores(storesFile(before, after))).toThrow(message)
  })
})
