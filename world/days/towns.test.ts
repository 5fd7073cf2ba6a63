import { latLngToCell } from 'h3-js'
import { describe, expect, it } from 'vitest'
import { PlaceOrder } from '../../dispatch/contract.ts'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import { shapeOf } from '../../ingest/io/shape.ts'
import { metresBetween } from '../city/chicago.ts'
import { draws } from '../city/random.ts'
import type { PlannedOrder, Town } from '../city/town.ts'
import { arrivalOf, positionAt } from '../city/ways.ts'
import { townOf } from '../towns.ts'
import { busiestHour, fittingIds } from './day_town.ts'
import { dayDir, storesFile } from './made_up.testing.ts'

const hourOf = ({ time_zone }: Town, time_ms: number) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, timeStyle: 'short' }).format(time_ms)

function ordersOf(town: Town, from_ms: number): PlannedOrder[] {
  const orders: PlannedOrder[] = []
  for (let next = town.order(1, from_ms); next; next = town.order(orders.length + 1, next.due_ms)) orders.push(next)
  return orders
}

const isServed = ({ cells }: Town, { order }: PlannedOrder) =>
  cells.includes(latLngToCell(order.point.lat, order.point.lng, AREA_RESOLUTION))

const shape = shapeOf(PlaceOrder)

it.each([
  ['a recorded day', () => townOf({ kind: 'day', path: dayDir(), from_minute: 131 }, 1)],
  ['a town of stores', () => townOf({ kind: 'stores', path: storesFile(), from_minute: 605 }, 1)],
])('%s begins with its warm-up ahead: time can only go on', (_, open) => {
  const town = open()
  const warm_up_ms = town.warm_up_min * 60_000
  const begins = town.begins(Date.UTC(2026, 5, 1))
  expect(town.begins(begins - warm_up_ms - 1)).toBe(begins)
  expect(town.begins(begins - warm_up_ms)).toBe(begins + 86_400_000)
})

describe('a recorded day', () => {
  const town = (from_minute?: number) => townOf({ kind: 'day', path: dayDir(), from_minute }, 1)

  it('begins with its busiest hour, and with what was placed in the three quarters of an hour before it', () => {
    const busiest = town()
    expect(hourOf(busiest, busiest.begins(Date.UTC(2026, 5, 1)))).toBe('01:40')
    expect(ordersOf(busiest, 0).map(({ order, due_ms }) => [order.external_id, due_ms / 60_000])).toEqual([
      ['o2', 0],
      ['o3', 30],
      ['o4', 31],
      ['o5', 70],
    ])
    expect([busiest.warm_up_min, town(20).warm_up_min, town(5).warm_up_min]).toEqual([45, 10, 0])
    expect(ordersOf(town(131), 0).map(({ order, due_ms }) => [order.external_id, due_ms / 60_000])).toEqual([
      ['o2', -31],
      ['o3', -1],
      ['o4', 0],
      ['o5', 39],
    ])
    expect(hourOf(town(131), town(131).begins(Date.now()))).toBe('02:11')
    expect(ordersOf(town(145), 0)[0], 'the first minute of them').toMatchObject({ due_ms: -45 * 60_000 })
  })

  it('is packed at the recorded times', () => {
    const { crew } = town()
    expect(crew.packed_ms?.('o3')).toBe(50 * 60_000)
    expect(crew.packed_ms?.('o4')).toBe(41 * 60_000)
  })

  it('has the couriers whose shift was not over three quarters of an hour before, each at the place where it began', () => {
    const { fleet, places } = town()
    expect(fleet.map(({ courier_id, on_ms, off_ms }) => [courier_id, on_ms / 60_000, (off_ms ?? 0) / 60_000])).toEqual([
      ['c1', -100, -10],
      ['c2', -40, 140],
      ['c3', 60, 200],
    ])
    expect(metresBetween(fleet[1]?.start ?? { lat: 0, lng: 0 }, places[0]?.point ?? { lat: 1, lng: 0 })).toBeCloseTo(
      500,
      0,
    )
  })

  it('lies on the map as it does in its plane, every door in the zone and within reach of its restaurant', () => {
    const played = town(0)
    const [first, second] = played.places
    if (!first || !second) throw new Error('two restaurants')
    expect(metresBetween(first.point, second.point)).toBeCloseTo(3_000, -1)
    expect(second.point.lng, 'east').toBeGreaterThan(first.point.lng)
    expect(played.order(1, 0)?.order.point.lat, 'north').toBeGreaterThan(first.point.lat)
    for (const one of ordersOf(played, 0)) {
      expect(shape.fits(one.order) || shape.fault(one.order)).toBe(true)
      expect(isServed(played, one)).toBe(true)
      const place = played.places.find(({ warehouse_id }) => warehouse_id === one.order.warehouse_id)
      expect(metresBetween(place?.point ?? one.order.point, one.order.point)).toBeLessThan(place?.radius_m ?? 0)
    }
  })

  it('takes for a straight way what its speed asks for', () => {
    const { ride, places, fleet } = town()
    const [from, to] = [places[0]?.point, places[1]?.point]
    if (!from || !to) throw new Error('two restaurants')
    const way = ride.way(from, to, 1_000, fleet[0]?.speed_mps ?? 0, draws(1, 'way'))
    expect((arrivalOf(way) - 1_000) / 60_000).toBeCloseTo(10, 1)
    expect(positionAt(way, 301_000).speed_mps).toBeCloseTo(5, 1)
  })

  it('finds the first of several equally busy hours, and an empty day begins at midnight', () => {
    expect(busiestHour([500, 10, 69, 70, 559, 20].map(placed => ({ placed })))).toBe(10)
    expect(busiestHour([10, 20, 80, 90, 140].map(placed => ({ placed })))).toBe(10)
    expect(busiestHour([])).toBe(0)
  })

  it('keeps ids that fit, and makes one of each that does not', () => {
    const ids = fittingIds(['r1', 'Café 2', '-x', 'n2-Caf--2'])
    expect(ids.get('r1')).toBe('r1')
    expect(new Set(ids.values()).size).toBe(4)
    for (const id of ids.values()) expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/)
  })
})

describe('a town of stores', () => {
  const town = (seed = 1, from_minute?: number) => townOf({ kind: 'stores', path: storesFile(), from_minute }, seed)

  it('begins with its busiest hour, the same for the same seed', () => {
    expect(hourOf(town(), town().begins(Date.now()))).toBe('16:00')
    expect(hourOf(town(1, 605), town(1, 605).begins(Date.now()))).toBe('10:05')
    expect(ordersOf(town(), 0)).toEqual(ordersOf(town(), 0))
    const doors = (one: Town) => ordersOf(one, 0).map(({ customer_ref }) => customer_ref)
    expect(doors(town(2))).not.toEqual(doors(town()))
  })

  it('has orders from its doors only, as often as is published, until it closes', () => {
    const played = town(1, 8 * 60)
    const orders = ordersOf(played, 0)
    const hours = [0, 8].map(hour => orders.filter(one => Math.floor(one.due_ms / 3_600_000) === hour).length)
    expect(hours[0]).toBeGreaterThan(110)
    expect(hours[0]).toBeLessThan(195)
    expect(hours[1]).toBeGreaterThan(270)
    expect(hours[1]).toBeLessThan(390)
    expect((orders.at(-1)?.due_ms ?? 0) / 3_600_000).toBeCloseTo(13, 0)
    for (const one of orders.slice(0, 200)) {
      expect(shape.fits(one.order) || shape.fault(one.order)).toBe(true)
      expect([41.89, 41.9, 41.93]).toContain(one.order.point.lat)
      expect(isServed(played, one)).toBe(true)
    }
  })

  it('takes between a store and a door the seconds of the file, in either direction', () => {
    const { ride, places } = town()
    const [store, door] = [places[1]?.point, { lng: -87.64, lat: 41.89 }]
    if (!store) throw new Error('two stores')
    for (const [from, to] of [
      [store, door],
      [door, store],
    ] as const) {
      expect((arrivalOf(ride.way(from, to, 5_000, 4, draws(1, 'way'))) - 5_000) / 1_000).toBeCloseTo(700, 3)
    }
  })

  it("tells Waggle each store's seconds to each door's cell, its pickers and couriers", () => {
    const { places, fleet } = town()
    expect(places[0]?.travel?.seconds).toEqual([300, 450, 900])
    const neighbours = storesFile('1\t-87.65\t41.90', '1\t-87.6401\t41.89')
    const shared = townOf({ kind: 'stores', path: neighbours, from_minute: undefined }, 1)
    expect(shared.places[0]?.travel?.seconds, 'the mean of the doors of a cell').toEqual([375, 900])
    expect(places.map(({ pickers }) => pickers)).toEqual([1, 2])
    expect(fleet.map(({ home, tied }) => [home.warehouse_id, tied])).toEqual([
      ['store-0', true],
      ['store-0', true],
      ['store-1', true],
    ])
  })
})
