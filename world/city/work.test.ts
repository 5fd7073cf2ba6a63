import { expect, test } from 'vitest'
import type { OrderView, TripView } from '../../dispatch/contract.ts'
import { openBook } from './work.ts'

const order = (order_id: string, version: number, state: OrderView['state'] = 'routed') =>
  ({ order_id, version, state }) as OrderView
const trip = (trip_id: string, version: number, state: TripView['state'] = 'offered') =>
  ({ trip_id, version, state }) as TripView

function book() {
  const heard: string[] = []
  const opened = openBook({
    onOrder: row => heard.push(`${row.order_id}@${row.version} ${row.state}`),
    onTrip: row => heard.push(`${row.trip_id}@${row.version} ${row.state}`),
    onMove: row => heard.push(`${row.courier_id} to ${row.warehouse_id}`),
    onOrderGone: order_id => heard.push(`${order_id} gone`),
    onTripGone: row => heard.push(`${row.trip_id} gone`),
  })
  const say = (event: string, data: object) => opened.take({ event, data: JSON.stringify(data) })
  return { ...opened, say, heard }
}

test('only a higher version counts, also after the order is closed', () => {
  const { say, heard, orders } = book()
  say('order', order('a', 2))
  say('order', order('a', 1))
  say('order', order('a', 3, 'cancelled'))
  say('order', order('a', 2))
  expect(heard).toEqual(['a@2 routed', 'a@3 cancelled'])
  expect(orders.size).toBe(0)
})

test('a snapshot after a cut tells what is new and what has gone', () => {
  const { say, heard } = book()
  say('snapshot', { orders: [order('a', 1), order('b', 1)], trips: [trip('t', 1)], moves: [] })
  heard.length = 0
  say('snapshot', { orders: [order('b', 4, 'packed'), order('c', 1)], trips: [], moves: [] })
  expect(heard).toEqual(['b@4 packed', 'c@1 routed', 'a gone', 't gone'])
})

test('the same snapshot twice says nothing', () => {
  const { say, heard } = book()
  const snapshot = { orders: [order('a', 1)], trips: [trip('t', 1)], moves: [] }
  say('snapshot', snapshot)
  heard.length = 0
  say('snapshot', snapshot)
  expect(heard).toEqual([])
})

test('an advice is told once, also when it comes again, and anew when the courier is asked again', () => {
  const { say, heard } = book()
  const move = (version: number, asked_at: number) => ({ courier_id: 'c1', warehouse_id: 'w1', version, asked_at })
  say('move', move(1, 5))
  say('snapshot', { orders: [], trips: [], moves: [move(1, 5)] })
  say('move', move(2, 9))
  say('move', move(1, 20))
  expect(heard).toEqual(['c1 to w1', 'c1 to w1', 'c1 to w1'])
})
