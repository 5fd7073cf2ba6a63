import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cut, type MadeUpLog, makeLog, POINT, START, WAREHOUSES } from './made_up_log.testing.ts'
import { advance, applyDecisions, applyDelivery, applyWarehouses, type Picture, startPicture } from './picture.ts'
import { newRoom, snapshotOf } from './room.ts'

/** The picture must agree with the book however it was come by. */

const as = <T>(value: unknown): T => value as T

const warehouses = WAREHOUSES.map(warehouse_id =>
  as<Parameters<typeof applyWarehouses>[1][number]>({
    ...{ warehouse_id, tenant_id: 't', zone_id: 'z', name: `Place ${warehouse_id}`, point: POINT },
    ...{ time_zone: 'America/Chicago', paused: false, paused_reason: null, version: 1 },
  }),
)

function empty(): Picture {
  const picture = startPicture({
    ...{ tenant_id: 't', now: START, known_since: 0, orders: [], trips: [] },
    ...{ decisions_positions: {}, decisions_epochs: {}, decisions_source_offsets: {} },
  })
  applyWarehouses(picture, warehouses)
  return picture
}

/** The book as `readBook` gives it: what is open, and what was closed or changed lately. */
function fromBook(cut: Cut): Picture {
  const { now } = cut
  const since = now - 1_800_000
  const picture = startPicture({
    ...{ tenant_id: 't', now, known_since: since },
    orders: cut.orders.filter(order => order.closed_at === null || order.closed_at >= since),
    trips: cut.trips.filter(trip => (trip.state !== 'done' && trip.state !== 'cancelled') || trip.updated_at >= since),
    ...{ decisions_positions: { 0: cut.decisions }, decisions_epochs: { 0: cut.epoch } },
    decisions_source_offsets: { 0: cut.source_offset },
  })
  applyWarehouses(picture, warehouses)
  return picture
}

function readDecisions(picture: Picture, log: MadeUpLog, from: number, to: number): void {
  for (let offset = Math.max(0, from); offset < Math.min(to, log.decisions.length); offset += 1) {
    const record = log.decisions[offset]
    if (record) applyDecisions(picture, record, { partition: 0, offset })
  }
}

function readDeliveries(picture: Picture, log: MadeUpLog, from: number, to: number): void {
  for (let offset = Math.max(0, from); offset < Math.min(to, log.deliveries.length); offset += 1) {
    const event = log.deliveries[offset]
    if (event) applyDelivery(picture, event, { partition: 0, offset })
  }
}

function shown(picture: Picture, now: number) {
  advance(picture, now)
  const {
    orders,
    feed,
    counters,
    demand,
    warehouses: places,
  } = snapshotOf(picture, newRoom('e'), { events_per_s: 0, lag_ms_max: 0 }, 0)
  const sorted = orders.toSorted((a, b) => (a.order_id < b.order_id ? -1 : 1))
  const trips = [...picture.trips.values()]
    .filter(trip => trip.live)
    .map(({ trip_id, courier_id, order_ids }) => ({ trip_id, courier_id, order_ids }))
    .toSorted((a, b) => (a.trip_id < b.trip_id ? -1 : 1))
  return { orders: sorted, trips, feed, counters, demand, places }
}

const rowsOf = ({ orders, trips, places, demand }: ReturnType<typeof shown>) => ({ orders, trips, places, demand })

function inOrder(log: MadeUpLog): Picture {
  const picture = empty()
  readDecisions(picture, log, 0, log.decisions.length)
  readDeliveries(picture, log, 0, log.deliveries.length)
  return picture
}

const EVERYWHERE = [
  ...['cancelled', 'delivered', 'delivery.delivered', 'delivery.failed', 'delivery.picked_up', 'failed'],
  ...['order.cancelled', 'order.packed', 'order.picking', 'order.rejected', 'order.rerouted', 'order.routed'],
  ...['order.shortened', 'packed', 'picked_up', 'picking', 'rejected', 'routed', 'trip.accepted', 'trip.assigned'],
  ...['trip.cancelled', 'trip.reassigned', 'two orders on a trip'],
]

const byte = fc.nat({ max: 255 })
const choices = fc.array(fc.tuple(byte, byte, byte), { minLength: 1, maxLength: 200, size: 'max' })

describe('the picture', () => {
  test('is tried with logs that go everywhere', () => {
    const seen = new Set<string>()
    for (const log of fc.sample(choices, { numRuns: 200, seed: 1 }).map(some => makeLog(some))) {
      for (const order of log.end.orders) seen.add(order.state)
      for (const event of log.deliveries) {
        seen.add(event.type)
        if ('stops' in event.data && event.data.stops.length > 2) seen.add('two orders on a trip')
      }
      for (const record of log.decisions) {
        if (record.kind === 'decided') for (const decision of record.decisions) seen.add(decision.type)
      }
    }
    expect([...seen].toSorted()).toEqual(EVERYWHERE)
  })

  test('is the book, when it was folded from the log alone', () => {
    fc.assert(
      fc.property(choices, some => {
        const log = makeLog(some)
        const { end } = log
        const { orders, trips } = shown(inOrder(log), log.now)
        const since = log.now - 600_000
        const book = end.orders.filter(order => order.closed_at === null || order.closed_at >= since)
        const rows = orders.map(({ order_id, state, warehouse_id, courier_id, closed_at, first_deliver_by }) => ({
          ...{ order_id, state, warehouse_id, courier_id, closed_at, first_deliver_by },
        }))
        const wanted = book.map(({ order_id, state, warehouse_id, courier_id, closed_at, first_deliver_by }) => ({
          ...{ order_id, state, warehouse_id, courier_id, closed_at, first_deliver_by },
        }))
        expect(rows).toEqual(wanted.toSorted((a, b) => (a.order_id < b.order_id ? -1 : 1)))
        expect(orders.map(order => order.lines)).toEqual(
          book.toSorted((a, b) => (a.order_id < b.order_id ? -1 : 1)).map(order => order.lines.length),
        )
        expect(orders.map(order => order.pinned && order.closed_at === null)).toEqual(
          book
            .toSorted((a, b) => (a.order_id < b.order_id ? -1 : 1))
            .map(order => order.pinned && order.closed_at === null),
        )
        expect(trips.map(trip => trip.trip_id)).toEqual(
          end.trips.filter(trip => !['done', 'cancelled'].includes(trip.state)).map(trip => trip.trip_id),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('is the same after any rewinds and repeats', () => {
    const rewinds = fc.array(fc.tuple(fc.nat(200), fc.nat(30), fc.boolean()), { maxLength: 20 })
    fc.assert(
      fc.property(choices, rewinds, (some, jumps) => {
        const log = makeLog(some)
        const picture = empty()
        let [decisions, deliveries] = [0, 0]
        for (const [ahead, back, of_decisions] of jumps) {
          if (of_decisions) {
            readDecisions(picture, log, decisions, decisions + ahead)
            decisions = Math.max(0, Math.min(decisions + ahead, log.decisions.length) - back)
          } else {
            readDeliveries(picture, log, deliveries, deliveries + ahead)
            deliveries = Math.max(0, Math.min(deliveries + ahead, log.deliveries.length) - back)
          }
        }
        readDecisions(picture, log, decisions, log.decisions.length)
        readDeliveries(picture, log, deliveries, log.deliveries.length)
        return isDeepStrictEqual(shown(picture, log.now), shown(inOrder(log), log.now))
      }),
      { numRuns: 300 },
    )
  })

  test('is the same from a book of any moment, read from any earlier offset', () => {
    fc.assert(
      fc.property(choices, fc.nat(), fc.nat(150), fc.nat(40), (some, at, decisions_back, deliveries_back) => {
        const log = makeLog(some, at)
        const { cut } = log
        const picture = fromBook(cut)
        readDecisions(picture, log, cut.decisions - decisions_back, log.decisions.length)
        readDeliveries(picture, log, cut.deliveries - deliveries_back, log.deliveries.length)
        // A plain comparison: the difference of two pictures takes longer to print than to shrink.
        return isDeepStrictEqual(rowsOf(shown(picture, log.now)), rowsOf(shown(inOrder(log), log.now)))
      }),
      { numRuns: 500 },
    )
  })

  test('counts everything since ever, when the book says what was before', () => {
    fc.assert(
      fc.property(choices, fc.nat(), (some, at) => {
        const log = makeLog(some, at)
        const { cut } = log
        const before = empty()
        readDecisions(before, log, 0, cut.decisions)
        readDeliveries(before, log, 0, cut.deliveries)
        const picture = fromBook(cut)
        picture.totals = { ...before.totals }
        readDecisions(picture, log, 0, log.decisions.length)
        readDeliveries(picture, log, cut.deliveries - 5, log.deliveries.length)
        expect(picture.totals).toEqual(inOrder(log).totals)
      }),
      { numRuns: 300 },
    )
  })
})
