import type { OrderView, TripView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Decision, DecisionsRecord } from '../../ingest/events/decisions.ts'

/**
 * A small log and a small book, made up together from a row of choices: the log as the engine and dispatch would write it, with
 * what an honest broker does to it (records that come twice, records of an owner that was replaced), and the book as dispatch
 * would hold it after each step.
 */

export const START = Date.UTC(2026, 4, 8, 23, 30)
const STEP_MS = 20_000
export const WAREHOUSES = ['w1', 'w2', 'w3']
const COURIERS = ['c1', 'c2', 'c3', 'c4']
export const POINT = { lat: 41.9, lng: -87.65 }
const CELL = '892664c1a83ffff'
const ORDERS_MAX = 12

/** The book after a step, and how long the topics were then. */
export interface Cut {
  now: number
  decisions: number
  deliveries: number
  epoch: number
  /** of the last decided record */
  source_offset: number
  orders: OrderView[]
  trips: TripView[]
}

export interface MadeUpLog {
  decisions: DecisionsRecord[]
  deliveries: DeliveryEvent[]
  /** the book at some moment, and at the end */
  cut: Cut
  end: Cut
  now: number
}

/** [which order, which of its moves, how] */
export type Choice = [order: number, move: number, extra: number]
type Order = OrderView
type Move = (extra: number) => unknown

const as = <T>(value: unknown): T => value as T

/** @param at the step after which the book is looked at, modulo their number */
export function makeLog(choices: readonly Choice[], at = 0): MadeUpLog {
  const town = new Town()
  const { log } = town
  const cuts = choices.map(([order, move, extra], index) => {
    log.now += STEP_MS
    const moves = town.moves(order)
    moves[move % moves.length]?.(extra)
    return index === at % choices.length ? town.cut() : null
  })
  const end = town.cut()
  return { ...log, end, cut: cuts.find(cut => cut !== null) ?? end }
}

class Town {
  readonly log: Pick<MadeUpLog, 'decisions' | 'deliveries' | 'now'> = { decisions: [], deliveries: [], now: START }
  readonly orders: Order[] = []
  readonly trips: TripView[] = []
  epoch = 1
  #source_offset = 0

  cut(): Cut {
    const { decisions, deliveries, now } = this.log
    const sizes = { decisions: decisions.length, deliveries: deliveries.length, epoch: this.epoch, now }
    const source_offset = this.#source_offset
    return { ...sizes, source_offset, orders: structuredClone(this.orders), trips: structuredClone(this.trips) }
  }

  /** What can happen next: to this order, or around it. */
  moves(which: number): Move[] {
    const moves: Move[] = [
      () => this.#repeatDecisions(),
      extra => this.#repeatDelivery(extra),
      extra => extra % 12 === 0 && this.#changeOwner(),
    ]
    if (this.orders.length < ORDERS_MAX) moves.push(extra => this.#place(extra))
    const order = this.orders[which % Math.max(1, this.orders.length)]
    if (!order || order.closed_at !== null) return moves
    return [...moves.slice(which % 4 === 0 ? 0 : moves.length), ...this.#orderMoves(order)]
  }

  #orderMoves(order: Order): Move[] {
    const trip = this.trips.find(one => one.trip_id === order.trip_id)
    const moves: Move[] = []
    const waiting = !trip || trip.state === 'offered' || trip.state === 'accepted'
    if (order.state === 'routed' || order.state === 'picking') {
      moves.push(
        () => this.#pick(order),
        () => this.#pack(order),
        () => this.#shorten(order),
      )
      if (waiting) moves.push(extra => this.#reroute(order, extra))
    }
    if (order.state !== 'picked_up' && waiting) moves.push(extra => extra % 4 === 0 && this.#cancel(order))
    if (!trip) moves.push(extra => this.#assign(order, extra))
    if (trip?.state === 'offered') moves.push(() => this.#step(trip, 'trip.accepted', 'accepted', {}))
    if (trip?.state === 'offered' || trip?.state === 'accepted') moves.push(extra => this.#reassign(trip, extra))
    if (order.state === 'packed' && (trip?.state === 'accepted' || trip?.state === 'under_way')) {
      moves.push(() => this.#pickUp(order, trip))
    }
    if (order.state === 'picked_up' && trip) moves.push(extra => this.#end(order, trip, extra))
    return moves
  }

  // ── The engine ──

  #decide(decisions: object[], epoch = this.epoch): void {
    this.#source_offset += 1
    this.log.decisions.push(
      as({
        ...{ kind: 'decided', epoch, fold_version: '1', tenant_id: 't', zone_id: 'z', causation_id: 'x' },
        ...{ source_offset: String(this.#source_offset), correlation_id: 'x', decided_at: this.log.now },
        decisions: as<Decision[]>(decisions),
      }),
    )
  }

  /** The producer is not idempotent: after a cut connection its last batch may lie there twice. */
  #repeatDecisions(): void {
    const last = this.log.decisions.slice(-3)
    const whole = last.findLastIndex(record => record.kind === 'owner')
    this.log.decisions.push(...last.slice(whole + 1).filter(record => record.epoch === this.epoch))
  }

  #changeOwner(): void {
    this.epoch += 1
    this.log.decisions.push({ kind: 'owner', epoch: this.epoch, fold_version: '1', owner: 'other' })
    const order = this.orders.find(one => one.closed_at === null)
    if (!order) return
    // The former owner has not heard of it yet.
    const head = { order_id: order.order_id, attempt: order.attempt, to_put_back: [] }
    this.#decide([{ ...head, type: 'order.cancelled', reason: 'void', by: 'load' }], this.epoch - 1)
    this.#source_offset -= 1
  }

  #place(extra: number): void {
    const { now } = this.log
    const order_id = `order-${this.orders.length}`
    const lines = ['milk', 'bread'].map((sku, at) => ({ line_id: `l${at}`, sku, quantity: 2, unit: 'each' }))
    const order: Order = as({
      ...{
        order_id,
        external_id: null,
        zone_id: 'z',
        state: 'rejected',
        version: 1,
        attempt: 0,
        point: POINT,
        cell: CELL,
      },
      ...{
        requires: [],
        placed_at: now,
        fulfilment_id: null,
        warehouse_id: null,
        lines,
        promise: null,
        candidates: [],
      },
      ...{ first_deliver_by: null, reason: 'out_of_stock', trip_id: null, courier_id: null, pinned: false },
      ...{ cancel_asked: false, packed_at: null, picked_up_at: null, closed_at: now, updated_at: now, fulfilments: [] },
    })
    this.orders.push(order)
    const asked = { order_id, candidates: [], order: { order_id, point: POINT, cell: CELL, lines }, placed_at: now }
    if (extra % 5 === 0) {
      order.attempt = 1
      this.#decide([{ ...asked, attempt: 1, type: 'order.rejected', reason: 'out_of_stock' }])
    } else this.#decide([{ ...asked, ...this.#route(order, extra), type: 'order.routed' }])
  }

  #route(order: Order, extra: number) {
    const { now } = this.log
    const attempt = order.attempt + 1
    const warehouse_id = WAREHOUSES[extra % WAREHOUSES.length]
    const fulfilment_id = `${order.order_id}-${attempt}`
    const promise = { ready_at: now + 300_000, deliver_by: now + (extra % 7) * 60_000 }
    const replaced = order.fulfilments.map(part => part.fulfilment_id)
    const part = as<Order['fulfilments'][number]>({
      ...{ fulfilment_id, warehouse_id, lines: [...order.lines], ready_at: promise.ready_at },
    })
    Object.assign(order, {
      ...{
        state: 'routed',
        attempt,
        fulfilment_id,
        warehouse_id,
        promise,
        reason: null,
        packed_at: null,
        closed_at: null,
      },
      ...{
        first_deliver_by: order.first_deliver_by ?? promise.deliver_by,
        fulfilments: [{ ...part, state: 'reserved', packed_at: null }],
      },
    })
    return { order_id: order.order_id, attempt, fulfilments: [part], promise, replaced, candidates: [] }
  }

  #head({ order_id, attempt, fulfilment_id, warehouse_id }: Order) {
    return { order_id, attempt, fulfilment_id, warehouse_id }
  }

  #reroute(order: Order, extra: number): void {
    this.#decide([{ ...this.#route(order, extra), type: 'order.rerouted', cause: 'count' }])
    this.#voidTrip(order)
  }

  #pick(order: Order): void {
    order.state = 'picking'
    this.#decide([{ ...this.#head(order), type: 'order.picking' }])
  }

  #pack(order: Order): void {
    const fulfilments = order.fulfilments.map(part => ({ ...part, packed_at: this.log.now }))
    Object.assign(order, { state: 'packed', packed_at: this.log.now, fulfilments })
    this.#decide([{ ...this.#head(order), type: 'order.packed', packed_at: this.log.now }])
  }

  #shorten(order: Order): void {
    const [line, ...rest] = order.lines
    if (!line || rest.length === 0) return
    order.lines = rest
    order.fulfilments = order.fulfilments.map(part => ({ ...part, lines: rest }))
    const { line_id, sku, quantity } = line
    const less = { line_id, sku, quantity_before: quantity, quantity: 0, cause: 'short_pick' }
    this.#decide([{ ...this.#head(order), type: 'order.shortened', ...less }])
  }

  #cancel(order: Order): void {
    Object.assign(order, { state: 'cancelled', reason: 'changed_mind', closed_at: this.log.now })
    const why = { reason: 'changed_mind', by: 'customer', to_put_back: [] }
    this.#decide([{ ...this.#head(order), type: 'order.cancelled', ...why }])
    this.#voidTrip(order)
  }

  // ── Dispatch ──

  #step(trip: TripView, type: DeliveryEvent['type'], state: string, data: object, actor = 'solver:main'): void {
    Object.assign(trip, { state, version: trip.version + 1, updated_at: this.log.now })
    this.#tell(trip, type, data, actor)
  }

  #tell({ trip_id, version, courier_id, warehouse_id }: TripView, type: string, data: object, actor: string): void {
    const { deliveries, now } = this.log
    const event_id = `event-${deliveries.length}`
    const head = { trip_id, version, courier_id, warehouse_id }
    deliveries.push(
      as({ event_id, tenant_id: 't', zone_id: 'z', occurred_at: now, actor, type, data: { ...head, ...data } }),
    )
  }

  /** The outbox sends a row again when it died between Kafka's acknowledgement and its mark. */
  #repeatDelivery(extra: number): void {
    const { deliveries } = this.log
    const old = deliveries[deliveries.length - 1 - (extra % 6)]
    if (old) deliveries.push(old)
  }

  #voidTrip(order: Order): void {
    const trip = this.trips.find(one => one.trip_id === order.trip_id)
    if (!trip) return
    this.#step(trip, 'trip.cancelled', 'cancelled', { reason: 'order_moved' })
    for (const one of this.orders) {
      if (one.trip_id === trip.trip_id) Object.assign(one, { trip_id: null, courier_id: null, pinned: false })
    }
  }

  /** Takes a second order along where one waits. */
  #assign(order: Order, extra: number): void {
    const free = COURIERS.filter(id => !this.trips.some(trip => trip.courier_id === id && isActive(trip)))
    const courier_id = free[extra % Math.max(1, free.length)]
    if (!courier_id) return
    const other = this.orders.find(one => one !== order && one.closed_at === null && one.trip_id === null)
    const orders = other && extra % 2 === 0 ? [order, other] : [order]
    const stops = ['pickup', 'dropoff'].flatMap(kind =>
      orders.map(({ order_id, fulfilment_id }) => ({ kind, order_id, fulfilment_id, point: POINT, eta: this.log.now })),
    )
    const pinned = extra % 3 === 0
    const trip: TripView = as({
      ...{ trip_id: `trip-${String(this.trips.length).padStart(4, '0')}`, zone_id: 'z', courier_id, state: 'offered' },
      ...{ warehouse_id: order.warehouse_id, version: 1, stops, pinned, offered_at: 0, updated_at: this.log.now },
    })
    this.trips.push(trip)
    this.#tell(trip, 'trip.assigned', { stops }, pinned ? 'dispatcher:ann' : 'solver:main')
    for (const one of orders) Object.assign(one, { trip_id: trip.trip_id, courier_id, pinned })
  }

  #reassign(trip: TripView, extra: number): void {
    const from_courier_id = trip.courier_id
    const free = COURIERS.filter(id => !this.trips.some(one => one.courier_id === id && isActive(one)))
    const courier_id = free[extra % Math.max(1, free.length)]
    if (!courier_id) return
    Object.assign(trip, { courier_id, pinned: true })
    this.#step(
      trip,
      'trip.reassigned',
      'offered',
      { from_courier_id, reason: 'by_hand', stops: trip.stops },
      'dispatcher:bob',
    )
    for (const one of this.orders) if (one.trip_id === trip.trip_id) Object.assign(one, { courier_id, pinned: true })
  }

  #pickUp(order: Order, trip: TripView): void {
    Object.assign(order, { state: 'picked_up', picked_up_at: this.log.now })
    this.#step(trip, 'delivery.picked_up', 'under_way', { order_id: order.order_id, picked_up_at: this.log.now })
  }

  #end(order: Order, trip: TripView, extra: number): void {
    const { now } = this.log
    const failed = extra % 4 === 0
    const reason = failed ? 'nobody_home' : null
    Object.assign(order, { state: failed ? 'failed' : 'delivered', reason, closed_at: now })
    const left = this.orders.some(one => one.trip_id === trip.trip_id && one.closed_at === null)
    const data = { order_id: order.order_id, delivered_at: now, late_s: 0, reason: 'nobody_home' }
    this.#step(trip, failed ? 'delivery.failed' : 'delivery.delivered', left ? 'under_way' : 'done', data)
  }
}

const isActive = (trip: TripView): boolean => trip.state !== 'done' && trip.state !== 'cancelled'
