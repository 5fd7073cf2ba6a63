import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OrderView, TripView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Decision, DecisionsRecord } from '../../ingest/events/decisions.ts'
import { advance, applyDecisions, applyDelivery, applyWarehouses, type Picture, startPicture } from './picture.ts'
import { newRoom, snapshotOf } from './room.ts'

/**
 * A small log and a small book, made up together: the log as the engine and dispatch would write it, the book as dispatch
 * would hold it after each step. The picture must agree with the book however it was come by.
 */

const START = Date.UTC(2026, 4, 8, 23, 30)
const STEP_MS = 20_000
const WAREHOUSES = ['w1', 'w2', 'w3']
const COURIERS = ['c1', 'c2', 'c3', 'c4']
const POINT = { lat: 41.9, lng: -87.65 }
const CELL = '892664c1a83ffff'

interface Cut {
  decisions: number
  deliveries: number
  epoch: number
  orders: OrderView[]
  trips: TripView[]
}

interface Log {
  decisions: DecisionsRecord[]
  deliveries: DeliveryEvent[]
  cuts: Cut[]
  now: number
}

type Choice = [order: number, action: number, extra: number]
type Order = OrderView & { fulfilments: string[] }

const as = <T>(value: unknown): T => value as T

function makeLog(choices: readonly Choice[]): Log {
  const orders: Order[] = []
  const trips: TripView[] = []
  const log: Log = { decisions: [], deliveries: [], cuts: [], now: START }
  let epoch = 1
  let source_offset = 0

  const decided = (decisions: Decision[], of_epoch = epoch) => {
    source_offset += 1
    log.decisions.push(
      as({
        kind: 'decided',
        epoch: of_epoch,
        fold_version: '1',
        tenant_id: 't',
        zone_id: 'z',
        source_offset: String(source_offset),
        causation_id: 'x',
        correlation_id: 'x',
        decided_at: log.now,
        decisions,
      }),
    )
  }
  const delivered = (type: DeliveryEvent['type'], trip: TripView, data: object, actor = 'solver:main') => {
    const { trip_id, version, courier_id, warehouse_id } = trip
    const event_id = `event-${log.deliveries.length}`
    const envelope = { event_id, tenant_id: 't', zone_id: 'z', occurred_at: log.now, actor }
    log.deliveries.push(as({ ...envelope, type, data: { trip_id, version, courier_id, warehouse_id, ...data } }))
  }
  const place = (extra: number) => {
    const order_id = `order-${orders.length}`
    const lines = [
      { line_id: 'l1', sku: 'milk', quantity: 2, unit: 'each' },
      { line_id: 'l2', sku: 'bread', quantity: 1, unit: 'each' },
    ]
    const order: Order = as({
      order_id,
      external_id: null,
      zone_id: 'z',
      state: 'rejected',
      version: 1,
      attempt: 1,
      point: POINT,
      cell: CELL,
      requires: [],
      placed_at: log.now,
      fulfilment_id: null,
      warehouse_id: null,
      lines,
      promise: null,
      first_deliver_by: null,
      reason: 'out_of_stock',
      candidates: [],
      trip_id: null,
      courier_id: null,
      pinned: false,
      cancel_asked: false,
      packed_at: null,
      picked_up_at: null,
      closed_at: log.now,
      updated_at: log.now,
      fulfilments: [],
    })
    orders.push(order)
    const head = { order_id, attempt: 1, candidates: [], order: { order_id, point: POINT, cell: CELL, lines } }
    if (extra % 5 === 0) {
      decided([as({ ...head, type: 'order.rejected', reason: 'out_of_stock', placed_at: log.now })])
      return
    }
    order.attempt = 0
    decided([as({ ...route(order, extra), ...head, attempt: 1, type: 'order.routed', placed_at: log.now })])
  }
  const route = (order: Order, extra: number) => {
    const warehouse_id = WAREHOUSES[extra % WAREHOUSES.length]
    const fulfilment_id = `${order.order_id}-${order.attempt + 1}`
    const promise = { ready_at: log.now + 300_000, deliver_by: log.now + (extra % 7) * 60_000 }
    const { first_deliver_by, lines } = order
    const replaced = order.fulfilments
    Object.assign(order, {
      state: 'routed',
      attempt: order.attempt + 1,
      fulfilment_id,
      warehouse_id,
      promise,
      first_deliver_by: first_deliver_by ?? promise.deliver_by,
      reason: null,
      packed_at: null,
      closed_at: null,
      fulfilments: [fulfilment_id],
    })
    const parts = [{ fulfilment_id, warehouse_id, lines: [...lines], ready_at: promise.ready_at }]
    return { order_id: order.order_id, attempt: order.attempt, fulfilments: parts, promise, replaced, candidates: [] }
  }
  const endTrip = (order: Order) => {
    const trip = trips.find(one => one.trip_id === order.trip_id)
    if (!trip) return
    trip.version += 1
    trip.state = 'cancelled'
    trip.updated_at = log.now
    delivered('trip.cancelled', trip, { reason: 'order_moved' })
    Object.assign(order, { trip_id: null, courier_id: null, pinned: false })
  }
  const step = (trip: TripView, type: DeliveryEvent['type'], state: string, data: object, actor?: string) => {
    Object.assign(trip, { state, version: trip.version + 1, updated_at: log.now, ...data })
    delivered(type, trip, data, actor)
  }
  const assign = (order: Order, extra: number) => {
    const courier_id = COURIERS[extra % COURIERS.length]
    const stop = { fulfilment_id: order.fulfilment_id, order_id: order.order_id, point: POINT, eta: log.now }
    const stops = [
      { ...stop, kind: 'pickup' },
      { ...stop, kind: 'dropoff' },
    ]
    const trip_id = `trip-${String(trips.length).padStart(4, '0')}`
    const by_hand = extra % 3 === 0
    const trip: TripView = as({
      ...{ trip_id, zone_id: 'z', courier_id, warehouse_id: order.warehouse_id, state: 'offered', version: 1, stops },
      ...{ pinned: by_hand, offered_at: log.now, updated_at: log.now },
    })
    trips.push(trip)
    delivered('trip.assigned', trip, { stops }, by_hand ? 'dispatcher:ann' : 'solver:main')
    Object.assign(order, { trip_id, courier_id, pinned: trip.pinned })
  }

  const act = ([which, action, extra]: Choice) => {
    if (action % 11 === 0 || orders.length === 0) return place(extra)
    if (action % 11 === 10) {
      epoch += 1
      log.decisions.push({ kind: 'owner', epoch, fold_version: '1', owner: 'other' })
      const [order] = orders
      // The former owner has not heard of it yet.
      if (order)
        decided(
          [as({ type: 'order.cancelled', order_id: order.order_id, attempt: 9, reason: 'void', by: 'load' })],
          epoch - 1,
        )
      source_offset -= 1
      return
    }
    const order = orders[which % orders.length]
    if (!order || order.closed_at !== null) return
    const trip = trips.find(one => one.trip_id === order.trip_id)
    const head = { order_id: order.order_id, attempt: order.attempt, fulfilment_id: order.fulfilment_id }
    const at_warehouse = order.state === 'routed' || order.state === 'picking'
    switch (action % 11) {
      case 1:
        if (!at_warehouse) return
        decided([as({ ...route(order, extra), type: 'order.rerouted', cause: 'count' })])
        return endTrip(order)
      case 2:
        if (order.state === 'picked_up') return
        Object.assign(order, { state: 'cancelled', reason: 'changed_mind', closed_at: log.now })
        decided([as({ ...head, type: 'order.cancelled', reason: 'changed_mind', by: 'customer', to_put_back: [] })])
        return endTrip(order)
      case 3:
        if (!at_warehouse) return
        order.state = 'picking'
        return decided([as({ ...head, type: 'order.picking' })])
      case 4:
        if (!at_warehouse) return
        Object.assign(order, { state: 'packed', packed_at: log.now })
        return decided([as({ ...head, type: 'order.packed', packed_at: log.now })])
      case 5:
        if (!at_warehouse || order.lines.length < 2) return
        order.lines = order.lines.slice(0, 1)
        return decided([
          as({ ...head, type: 'order.shortened', line_id: 'l2', sku: 'bread', quantity_before: 1, quantity: 0 }),
        ])
      case 6:
        if (trip?.state === 'offered') return step(trip, 'trip.accepted', 'accepted', {})
        return trip ? undefined : assign(order, extra)
      case 7:
        if (trip?.state !== 'offered' && trip?.state !== 'accepted') return
        step(
          trip,
          'trip.reassigned',
          'offered',
          {
            courier_id: COURIERS[extra % 4],
            pinned: true,
            stops: trip.stops,
            from_courier_id: trip.courier_id,
            reason: 'by_hand',
          },
          'dispatcher:bob',
        )
        Object.assign(order, { courier_id: trip.courier_id, pinned: true })
        return
      case 8:
        if (order.state !== 'packed' || trip?.state !== 'accepted') return
        order.state = 'picked_up'
        return step(trip, 'delivery.picked_up', 'under_way', { order_id: order.order_id })
      default: {
        if (order.state !== 'picked_up' || !trip) return
        const failed = extra % 4 === 0
        const reason = failed ? 'nobody_home' : null
        Object.assign(order, { state: failed ? 'failed' : 'delivered', reason, closed_at: log.now })
        const data = { order_id: order.order_id, delivered_at: log.now, late_s: 0, reason: 'nobody_home' }
        return step(trip, failed ? 'delivery.failed' : 'delivery.delivered', 'done', data)
      }
    }
  }

  for (const choice of choices) {
    log.now += STEP_MS
    act(choice)
    const sizes = { decisions: log.decisions.length, deliveries: log.deliveries.length, epoch }
    log.cuts.push({ ...sizes, orders: structuredClone(orders), trips: structuredClone(trips) })
  }
  return log
}

const warehouses = WAREHOUSES.map(warehouse_id =>
  as<Parameters<typeof applyWarehouses>[1][number]>({
    ...{ warehouse_id, tenant_id: 't', zone_id: 'z', name: `Place ${warehouse_id}`, point: POINT },
    ...{ time_zone: 'America/Chicago', paused: false, paused_reason: null, version: 1 },
  }),
)

function empty(): Picture {
  const picture = startPicture({
    ...{ tenant_id: 't', now: START, orders: [], trips: [] },
    ...{ decisions_positions: {}, decisions_epochs: {} },
  })
  applyWarehouses(picture, warehouses)
  return picture
}

/** The book as `readBook` gives it: what is open, and what was closed or changed lately. */
function fromBook(cut: Cut | undefined, now: number): Picture {
  if (!cut) return empty()
  const since = now - 1_800_000
  const picture = startPicture({
    ...{ tenant_id: 't', now },
    orders: cut.orders.filter(order => order.closed_at === null || order.closed_at >= since),
    trips: cut.trips.filter(trip => (trip.state !== 'done' && trip.state !== 'cancelled') || trip.updated_at >= since),
    ...{ decisions_positions: { 0: cut.decisions }, decisions_epochs: { 0: cut.epoch } },
  })
  applyWarehouses(picture, warehouses)
  return picture
}

function readDecisions(picture: Picture, log: Log, from: number, to: number): void {
  for (let offset = Math.max(0, from); offset < Math.min(to, log.decisions.length); offset += 1) {
    const record = log.decisions[offset]
    if (record) applyDecisions(picture, record, { partition: 0, offset })
  }
}

function readDeliveries(picture: Picture, log: Log, from: number, to: number): void {
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

function inOrder(log: Log): Picture {
  const picture = empty()
  readDecisions(picture, log, 0, log.decisions.length)
  readDeliveries(picture, log, 0, log.deliveries.length)
  return picture
}

const byte = fc.nat({ max: 255 })
const logs = fc.array(fc.tuple(byte, byte, byte), { minLength: 1, maxLength: 120 }).map(makeLog)

describe('the picture', () => {
  test('is the book, when it was folded from the log alone', () => {
    fc.assert(
      fc.property(logs, log => {
        const last = log.cuts.at(-1)
        const { orders, trips } = shown(inOrder(log), log.now)
        const since = log.now - 600_000
        const book = (last?.orders ?? []).filter(order => order.closed_at === null || order.closed_at >= since)
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
          (last?.trips ?? []).filter(trip => !['done', 'cancelled'].includes(trip.state)).map(trip => trip.trip_id),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('is the same after any rewinds and repeats', () => {
    const rewinds = fc.array(fc.tuple(fc.nat(200), fc.nat(30), fc.boolean()), { maxLength: 20 })
    fc.assert(
      fc.property(logs, rewinds, (log, jumps) => {
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
        expect(shown(picture, log.now)).toEqual(shown(inOrder(log), log.now))
      }),
      { numRuns: 300 },
    )
  })

  test('is the same from a book of any moment, read from any earlier offset', () => {
    fc.assert(
      fc.property(logs, fc.nat(), fc.nat(40), fc.nat(40), (log, at, decisions_back, deliveries_back) => {
        const index = at % log.cuts.length
        const cut = log.cuts[index]
        const picture = fromBook(cut, START + (index + 1) * STEP_MS)
        readDecisions(picture, log, (cut?.decisions ?? 0) - decisions_back, log.decisions.length)
        readDeliveries(picture, log, (cut?.deliveries ?? 0) - deliveries_back, log.deliveries.length)
        const { orders, trips, places, demand } = shown(picture, log.now)
        const wanted = shown(inOrder(log), log.now)
        expect({ orders, trips, places, demand }).toEqual({
          orders: wanted.orders,
          trips: wanted.trips,
          places: wanted.places,
          demand: wanted.demand,
        })
      }),
      { numRuns: 500 },
    )
  })

  test('counts everything since ever, when the book says what was before', () => {
    fc.assert(
      fc.property(logs, fc.nat(), (log, at) => {
        const index = at % log.cuts.length
        const cut = log.cuts[index]
        const now = START + (index + 1) * STEP_MS
        const before = empty()
        readDecisions(before, log, 0, cut?.decisions ?? 0)
        readDeliveries(before, log, 0, cut?.deliveries ?? 0)
        const picture = fromBook(cut, now)
        picture.totals = { ...before.totals }
        readDecisions(picture, log, 0, log.decisions.length)
        readDeliveries(picture, log, (cut?.deliveries ?? 0) - 5, log.deliveries.length)
        expect(picture.totals).toEqual(inOrder(log).totals)
      }),
      { numRuns: 300 },
    )
  })
})
