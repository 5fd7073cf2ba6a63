import { expect, test } from 'vitest'
import type { OperationsEvent } from '../../ingest/contract.ts'
import { cellOf } from '../../ingest/events/geo.ts'
import { shapeOf } from '../../ingest/io/shape.ts'
import { available } from '../contract.ts'
import { northOf, START, Town } from '../town.testing.ts'
import { RECORDED, type RecordedEvent } from './format.ts'
import { couriersUntil, openSieve } from './sieve.ts'
import { snapshotOf } from './snapshot.ts'

const typesOf = (events: readonly RecordedEvent[]) => events.map(one => one.type)

function expectFitting(events: readonly RecordedEvent[]): void {
  for (const { type, data } of events) {
    const shape = shapeOf(RECORDED[type])
    expect(shape.fits(data) || shape.fault(data)).toBe(true)
  }
}

test('a zone that hears its snapshot has the same shelves, with what earlier orders have taken off', () => {
  const town = new Town({
    near: { meters: 500, stock: { milk: 10, eggs: 3 } },
    far: { meters: 2_000, stock: { milk: 4 }, more: { pickers: 5, opening: [{ from_minute: 0, to_minute: 9_000 }] } },
  })
  const cells = [cellOf(northOf(0)), cellOf(northOf(5_000))]
  town.send('travel.set', { warehouse_id: 'near', version: 3, part: 0, parts: 1, cells, seconds: [60, 900] })
  town.place('o1', { milk: 3 })
  town.send('stock.safety_set', { warehouse_id: 'near', sku: 'eggs', unit: 'each', safety: 1 })
  town.send('sku.suspended', { warehouse_id: 'far', sku: 'milk', reason: 'recall' })
  town.send('warehouse.paused', { warehouse_id: 'far', reason: 'power_cut' })
  town.send('warehouse.mode', { warehouse_id: 'near', mode: 'busy', busy_extra_s: 120 })

  const snapshot = snapshotOf(town.zone, START)
  expectFitting(snapshot)
  expect(typesOf(snapshot).filter(type => type === 'sku.suspended')).toHaveLength(1)
  const again = new Town({}, 'again')
  for (const { type, data } of snapshot) again.send(type as OperationsEvent['type'], data)
  const shelves = ({ zone }: Town) =>
    [...zone.warehouses.values()].map(
      ({ warehouse_id, paused, mode, pickers, busy_extra_s, opening, travel, stock }) => ({
        ...{ warehouse_id, paused, mode, pickers, busy_extra_s, opening, travel },
        stock: [...stock].map(([sku, one]) => [sku, available(one), one.suspended_until]).sort(),
      }),
    )
  expect(shelves(again)).toEqual(shelves(town).sort((a, b) => (a.warehouse_id < b.warehouse_id ? -1 : 1)))
  expect(again.zone.policy).toEqual(town.zone.policy)
  expect(again.stock('near', 'milk')).toMatchObject({ on_hand: 7, reserved: 0 })
})

const said = (type: OperationsEvent['type'], occurred_at: number, data: object) =>
  ({ type, occurred_at, actor: 'test:x', data }) as OperationsEvent

test('what goes through the sieve is of the orders placed in that time, and what Waggle or a picker of an earlier one said is not', () => {
  const sieve = openSieve({ from: 1_000, to: 2_000 })
  const part = (order_id: string) => ({ order_id, fulfilment_id: `${order_id}.1`, warehouse_id: 'w' })
  const milk = { warehouse_id: 'w', sku: 'milk', unit: 'each', quantity: 1 }
  for (const event of [
    said('clock.set', 1_000, {}),
    said('pick.started', 1_001, part('early')),
    said('order.placed', 999, { order_id: 'new' }),
    said('pick.started', 1_100, part('new')),
    said('line.picked', 1_150, { ...part('new'), line_id: 'l1', quantity: 1 }),
    said('stock.put_back', 1_200, { ...milk, condition: 'sellable', order_id: 'early' }),
    said('stock.put_back', 1_200, { ...milk, condition: 'sellable', order_id: 'new' }),
    said('order.cancel_asked', 1_300, { order_id: 'early', reason: 'x' }),
    said('order.cancel_asked', 1_300, { order_id: 'new', reason: 'x' }),
    said('stock.received', 1_400, milk),
    said('tick', 1_500, {}),
  ])
    sieve.take(event)
  expect(typesOf(sieve.events)).toEqual([
    'order.placed',
    'pick.started',
    'stock.put_back',
    'order.cancel_asked',
    'stock.received',
  ])
  // The log is of one order; a sender's clock may be a little off.
  expect(sieve.events[0]?.occurred_at).toBe(1_000)
  expect(sieve.left_out).toEqual({ 'pick.started': 1, 'line.picked': 1, 'stock.put_back': 1, 'order.cancel_asked': 1 })
  const failed = (order_id: string) => ({ type: 'delivery.failed', occurred_at: 1_900, actor: 'c', data: { order_id } })
  expect(sieve.failed(failed('new'))).toMatchObject({ type: 'delivery.failed', occurred_at: 1_900 })
  expect(sieve.failed(failed('early'))).toBeUndefined()
  expect(sieve.failed({ ...failed('new'), occurred_at: 2_000 })).toMatchObject({ occurred_at: 1_999 })
})

test('couriers on shift stand where they were last seen, and later shifts begin and end when they did', () => {
  const couriers = couriersUntil({ from: 1_000, to: 2_000 })
  const event = (type: string, occurred_at: number, courier_id: string, more: object = {}) => ({
    ...{ event_id: `${type}/${courier_id}/${occurred_at}`, type, occurred_at, actor: `courier:${courier_id}` },
    data: { courier_id, ...more },
  })
  const at = (metres: number) => ({ point: northOf(metres), cell: '8926641a83bffff' })
  const shift = { vehicle: 'bicycle', capacity: 2, has: ['cold'] }
  for (const one of [
    event('shift.started', 100, 'a', { ...at(0), ...shift }),
    event('courier.moved', 900, 'a', { ...at(300), speed_mps: 5 }),
    event('courier.moved', 800, 'a', at(200)),
    event('courier.moved', 1_100, 'a', at(400)),
    event('shift.started', 100, 'b', { ...at(0), ...shift }),
    event('shift.ended', 950, 'b'),
    event('shift.started', 1_500, 'c', { ...at(50), ...shift }),
    event('shift.started', 1_500, 'c', { ...at(50), ...shift }),
    event('shift.ended', 1_600, 'a'),
    event('shift.ended', 2_000, 'c'),
  ])
    couriers.take(one)
  const { on_shift, events, left_out } = couriers.end()
  expectFitting([...on_shift, ...events])
  expect(on_shift).toEqual([
    { type: 'shift.started', occurred_at: 1_000, actor: 'courier:a', data: { courier_id: 'a', ...at(300), ...shift } },
  ])
  expect(events.map(({ type, occurred_at }) => [type, occurred_at])).toEqual([
    ['shift.started', 1_500],
    ['shift.ended', 1_600],
  ])
  expect(left_out).toEqual({ 'courier.moved': 1 })
})
