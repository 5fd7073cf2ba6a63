import { cellToParent } from 'h3-js'
import { NOWHERE, type OperationsEvent, type OperationsType, partitionOf } from '../ingest/contract.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import { digestZones } from './checkpoint.ts'
import type { Partition } from './partition.ts'
import {
  type FulfilmentState,
  type HoldState,
  type OrderState,
  openOf,
  type WarehouseState,
  type ZoneState,
} from './state.ts'

/**
 * A seeded source of a zone's events for tests: it looks at the state that a reference fold has reached, so that most of
 * what it makes is plausible, and some of it is late, repeated, illegal or broken.
 */
export interface Draw {
  /** whole number below n */
  below(n: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item | undefined
}

/** mulberry32: small, seeded, the same everywhere. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    below: n => Math.floor(next() * n),
    chance: probability => next() < probability,
    pick: items => items[Math.floor(next() * items.length)],
  }
}

export interface SimulatedMessage {
  appended_at: number
  value: Buffer
}

const START_MS = Date.UTC(2026, 0, 2, 18)
const CENTRE = { lat: 41.9, lng: -87.65 }
const WAREHOUSE_COUNT = 4
const SKUS = ['milk', 'bread', 'eggs', 'bananas', 'beer', 'coffee']
const PAST_REMEMBERED = 200
const ORDERS_REMEMBERED = 48
const HOLDS_REMEMBERED = 5
const TRANSFERS_REMEMBERED = 5
const CELLS = new Map<string, string>()

export class SimulatedZone {
  readonly zone_id: string
  #draw: Draw
  #count = 0
  #now: number
  /** business time, as far as the fold had come */
  #time: number
  readonly #step_ms_max: number
  readonly #neighbours: readonly string[]
  readonly #prefix: string
  readonly #warehouses: string[]
  /** What was made lately: the next event mostly goes on with one of these, found without a walk through the state. */
  readonly #past: SimulatedMessage[] = []
  readonly #order_ids: string[] = []
  readonly #hold_ids: string[] = []
  readonly #transfers: { transfer_id: string; from: string; to: string; sku: string; quantity: number }[] = []

  /**
   * `start_ms`: wall time of the first event; between two events pass less than `step_ms_max`. `neighbours`: zones that the
   * policy may name. `prefix`: of its warehouses', orders' and holds' ids.
   */
  constructor(
    zone_id: string,
    seed: number,
    { start_ms = START_MS, step_ms_max = 20_000, neighbours = [] as readonly string[], prefix = '' } = {},
  ) {
    this.zone_id = zone_id
    this.#now = start_ms
    this.#time = start_ms
    this.#step_ms_max = step_ms_max
    this.#neighbours = neighbours
    this.#prefix = prefix
    this.#warehouses = Array.from({ length: WAREHOUSE_COUNT }, (_, place) => `${prefix}w${place + 1}`)
    this.#draw = drawFrom(seed)
  }

  /** The events that open a zone: its warehouses and their first counts. */
  opening(): SimulatedMessage[] {
    const warehouses = this.#warehouses.map((warehouse_id, place) => {
      const point = { lat: CENTRE.lat + 0.01 * place, lng: CENTRE.lng + 0.008 * (place % 2) }
      return this.#event('warehouse.upserted', {
        warehouse_id,
        name: `Warehouse ${place + 1}`,
        point,
        cell: cellOf(point),
        time_zone: 'America/Chicago',
        utc_offset_s: -21_600,
        radius_m: 6_000,
        pickers: 2,
        pick_s_per_line: 20,
        pack_s: 30,
      })
    })
    const counts = this.#warehouses.flatMap(warehouse_id =>
      SKUS.map(sku =>
        this.#event('stock.counted', {
          warehouse_id,
          sku,
          unit: 'each',
          quantity: this.#draw.below(60),
          as_of: this.#now,
        }),
      ),
    )
    return [...warehouses, ...counts]
  }

  /** What happens next, given the state of the reference fold. `now`: wall time, where somebody else keeps it. */
  next(zone: ZoneState | undefined, now = this.#now + this.#draw.below(this.#step_ms_max)): SimulatedMessage {
    this.#now = now
    this.#time = zone?.time ?? now
    if (this.#draw.chance(0.04)) return this.#repeat()
    if (this.#draw.chance(0.02)) return this.#broken()
    const message = this.#plausible(zone)
    this.#remember(this.#past, message, PAST_REMEMBERED)
    return message
  }

  /** A ring: the oldest gives way. */
  #remember<Item>(ring: Item[], item: Item, size: number): void {
    if (ring.length < size) ring.push(item)
    else ring[this.#count % size] = item
  }

  #repeat(): SimulatedMessage {
    const past = this.#draw.pick(this.#past)
    return past ? { ...past, appended_at: this.#now } : this.#broken()
  }

  #broken(): SimulatedMessage {
    const kinds = [
      '{"half":',
      '[]',
      'null',
      '',
      '{"type":"order.placed","schema_version":1}',
      '{"type":"made.up","schema_version":1}',
      '{"type":"tick","schema_version":99}',
    ]
    return { appended_at: this.#now, value: Buffer.from(this.#draw.pick(kinds) ?? '') }
  }

  #plausible(zone: ZoneState | undefined): SimulatedMessage {
    const order = this.#someOrder(zone)
    const roll = this.#draw.below(100)
    if (roll < 30 || !order) return this.#order()
    if (roll < 62) return this.#picking(order)
    if (roll < 68) return this.#event('order.cancel_asked', { order_id: order.order_id, reason: 'changed_mind' })
    if (roll < 71) return this.#changed(order)
    if (roll < 86) return this.#stock()
    if (roll < 92) return this.#warehouse(zone)
    if (roll < 98) return this.#hold(zone)
    // Zones that hand orders to each other have one clock.
    if (roll < 99 && this.#neighbours.length === 0)
      return this.#event('clock.set', {
        wall_ms: this.#now,
        time_ms: (zone?.time ?? this.#now) + 1,
        rate: 1 + this.#draw.below(this.#draw.chance(0.2) ? 20 : 3),
      })
    return this.#event('tick', {})
  }

  /** One of the latest, mostly one that is still open. */
  #someOrder(zone: ZoneState | undefined): OrderState | undefined {
    if (!zone) return undefined
    for (let tries = 0; tries < 6; tries += 1) {
      const order_id = this.#draw.pick(this.#order_ids)
      const order = order_id === undefined ? undefined : zone.orders.peek(order_id as OrderState['order_id'])
      if (order && (order.state === 'routed' || this.#draw.chance(0.03))) return order
    }
    return undefined
  }

  #order(): SimulatedMessage {
    const order = this.#wish(this.#newOrderId())
    if (this.#draw.chance(0.95)) return this.#event('order.placed', order)
    const from = { from_zone_id: 'over-the-border', source_offset: `${this.#count}`, placed_at: this.#time }
    return this.#event('order.offered_over', { order, ...from })
  }

  #newOrderId(): string {
    const order_id = `${this.#prefix}o${this.#count}`
    this.#remember(this.#order_ids, order_id, ORDERS_REMEMBERED)
    return order_id
  }

  #point(far = false) {
    return {
      lat: CENTRE.lat + (far ? 2 : 0.03 * (this.#draw.below(100) / 100)),
      lng: CENTRE.lng + 0.0002 * this.#draw.below(100),
    }
  }

  /** The points lie on a grid of 20,000, and each of h3-js's answers takes longer than the rest of an order. */
  #cellOf(point: { lat: number; lng: number }): string {
    const name = `${point.lat} ${point.lng}`
    const cell = CELLS.get(name) ?? cellOf(point)
    CELLS.set(name, cell)
    return cell
  }

  #window(): { from: number; to: number } {
    const from = this.#time - 600_000 + this.#draw.below(7_200_000)
    return { from, to: from + this.#draw.below(5_400_000) }
  }

  #wish(order_id: string) {
    const point = this.#point(this.#draw.chance(0.03))
    const lines = SKUS.filter(() => this.#draw.chance(0.35)).map((sku, place) => ({
      line_id: `l${place}`,
      sku: this.#draw.chance(0.01) ? 'unheard_of' : sku,
      quantity: 1 + this.#draw.below(3),
      unit: 'each',
    }))
    const first = { line_id: 'l0', sku: 'milk', quantity: 1, unit: 'each' }
    return {
      order_id,
      customer_ref: `c${this.#draw.below(500)}`,
      point,
      cell: this.#cellOf(point),
      lines: lines.length > 0 ? lines : [first],
      ...(this.#draw.chance(0.3) ? { on_shortfall: 'reject' } : {}),
      ...(this.#draw.chance(0.05) ? { warehouse_id: this.#draw.pick(this.#warehouses) } : {}),
      ...(this.#draw.chance(0.25) ? { split: true } : {}),
      ...(this.#draw.chance(0.08) ? { deliver_between: this.#window() } : {}),
    }
  }

  #picking(order: OrderState): SimulatedMessage {
    const fulfilment = this.#draw.pick(
      order.fulfilments.filter(part => part.state !== 'replaced' || this.#draw.chance(0.05)),
    )
    if (!fulfilment) return this.#order()
    const part = {
      order_id: order.order_id,
      fulfilment_id: fulfilment.fulfilment_id,
      warehouse_id: fulfilment.warehouse_id,
    }
    if (this.#draw.chance(0.06)) {
      return this.#event('pick.revised', {
        ...part,
        ready_in_s: this.#draw.below(this.#draw.chance(0.3) ? 4_000 : 400),
      })
    }
    if (fulfilment.state !== 'picking') return this.#event('pick.started', part)
    const line = this.#openLine(fulfilment)
    if (!line) return this.#event('order.packed', part)
    const asked = openOf(line) + (this.#draw.chance(0.02) ? 1 : 0)
    const quantity = Math.max(1, asked)
    if (this.#draw.chance(0.08)) return this.#event('line.short', { ...part, line_id: line.line_id, quantity })
    if (this.#draw.chance(0.06)) {
      return this.#event('line.substituted', {
        ...part,
        line_id: line.line_id,
        substitute_sku: this.#draw.pick(SKUS),
        quantity,
      })
    }
    return this.#event('line.picked', { ...part, line_id: line.line_id, quantity })
  }

  #openLine(fulfilment: FulfilmentState) {
    return this.#draw.pick(fulfilment.lines.filter(line => openOf(line) > 0))
  }

  #changed(order: OrderState): SimulatedMessage {
    const line = this.#draw.pick(order.fulfilments.flatMap(({ lines }) => lines))
    return this.#event('order.changed', {
      order_id: order.order_id,
      lines: [{ line_id: line?.line_id ?? 'l0', quantity: this.#draw.below(2) }],
    })
  }

  #stock(): SimulatedMessage {
    const place = {
      warehouse_id: this.#draw.pick(this.#warehouses),
      sku: this.#draw.pick(SKUS),
      unit: this.#draw.chance(0.01) ? 'g' : 'each',
    }
    const roll = this.#draw.below(14)
    if (roll < 4) {
      const as_of = this.#time - this.#draw.below(this.#draw.chance(0.1) ? 8_000_000 : 400_000)
      return this.#event('stock.counted', { ...place, quantity: this.#draw.below(90), as_of })
    }
    if (roll < 6) return this.#event('stock.adjusted', { ...place, delta: this.#draw.below(9) - 5, reason: 'damaged' })
    if (roll < 9) return this.#event('stock.received', { ...place, quantity: 1 + this.#draw.below(60) })
    if (roll < 10) {
      const condition = this.#draw.chance(0.5) ? 'sellable' : 'waste'
      return this.#event('stock.put_back', { ...place, quantity: 1, condition })
    }
    if (roll < 11) return this.#event('stock.safety_set', { ...place, safety: this.#draw.below(4) })
    return roll < 12 ? this.#suspension(place) : this.#transfer(place)
  }

  #suspension({ warehouse_id, sku }: { warehouse_id: string | undefined; sku: string | undefined }): SimulatedMessage {
    const at = { warehouse_id, sku: this.#draw.chance(0.03) ? 'unheard_of' : sku }
    if (this.#draw.chance(0.5)) return this.#event('sku.resumed', at)
    const until = this.#draw.chance(0.7) ? { until: this.#time + this.#draw.below(600_000) } : {}
    return this.#event('sku.suspended', { ...at, ...until, reason: 'recall' })
  }

  #transfer(place: { warehouse_id: string | undefined; sku: string | undefined; unit: string }): SimulatedMessage {
    const known = this.#draw.pick(this.#transfers)
    if (!known || this.#draw.chance(0.4)) return this.#sent(place)
    const { transfer_id, from, to, sku, quantity } = known
    if (this.#draw.chance(0.2)) {
      return this.#event('transfer.cancelled', { transfer_id, warehouse_id: from, reason: 'van_broke_down' })
    }
    const found = { sku, unit: 'each', quantity: Math.max(0, quantity - this.#draw.below(3)) }
    const lines = this.#draw.chance(0.5) ? { lines: [found] } : {}
    return this.#event('transfer.received', { transfer_id, warehouse_id: to, ...lines })
  }

  #sent({ warehouse_id = '', sku = '', unit }: Partial<Record<'warehouse_id' | 'sku' | 'unit', string | undefined>>) {
    const to = this.#draw.chance(0.03) ? 'w_unknown' : (this.#draw.pick(this.#warehouses) ?? '')
    const transfer = { transfer_id: `t${this.#count}`, from: warehouse_id, to, sku, quantity: 1 + this.#draw.below(8) }
    this.#remember(this.#transfers, transfer, TRANSFERS_REMEMBERED)
    const { transfer_id, quantity } = transfer
    const lines = [{ sku, unit, quantity }]
    return this.#event('transfer.sent', { transfer_id, warehouse_id, to_warehouse_id: to, lines })
  }

  #warehouse(zone: ZoneState | undefined): SimulatedMessage {
    const warehouse_id = this.#draw.chance(0.02) ? 'w_unknown' : this.#draw.pick(this.#warehouses)
    const paused = zone?.warehouses.get(warehouse_id as WarehouseState['warehouse_id'])?.paused
    if (paused) return this.#event('warehouse.resumed', { warehouse_id })
    if (this.#draw.chance(0.12)) return this.#travel(warehouse_id)
    if (this.#draw.chance(0.03)) return this.#policy()
    if (this.#draw.chance(0.6)) return this.#event('warehouse.paused', { warehouse_id, reason: 'staff' })
    const mode = this.#draw.pick(['normal', 'busy', 'throttled'])
    return this.#event('warehouse.mode', { warehouse_id, mode, busy_extra_s: 300, throttle_per_10_min: 3 })
  }

  /** Versions come late and twice, parts are missing, some cells stand for all below them. */
  #travel(warehouse_id: string | undefined): SimulatedMessage {
    const parts = 1 + this.#draw.below(2)
    const cells = Array.from({ length: this.#draw.below(4) }, () => {
      const cell = this.#cellOf(this.#point())
      return this.#draw.chance(0.3) ? cellToParent(cell, 7) : cell
    })
    const seconds = cells.map(() => this.#draw.below(600))
    const version = 1 + Math.floor(this.#count / 500) + this.#draw.below(2)
    return this.#event('travel.set', { warehouse_id, version, part: this.#draw.below(parts), parts, cells, seconds })
  }

  #policy(): SimulatedMessage {
    const neighbours = this.#neighbours.length > 0 && this.#draw.chance(0.7) ? { neighbours: this.#neighbours } : {}
    const promise_s_max = this.#draw.chance(0.9) ? 3_600 : 1_500
    return this.#event('policy.changed', { policy: { ...DEFAULT_POLICY, promise_s_max, ...neighbours } })
  }

  #hold(zone: ZoneState | undefined): SimulatedMessage {
    const held = zone?.holds.get(this.#draw.pick(this.#hold_ids) as HoldState['hold_id'])
    if (held && this.#draw.chance(0.4)) {
      const order = this.#wish(this.#newOrderId())
      const kept = held.fulfilments
        .flatMap(({ lines }) => lines)
        .map(({ line_id, sku, unit, granted: quantity }) => ({ line_id, sku, unit, quantity }))
      const lines = kept.length > 0 && this.#draw.chance(0.8) ? kept : order.lines
      return this.#event('hold.confirmed', { hold_id: held.hold_id, order: { ...order, lines } })
    }
    if (held && this.#draw.chance(0.3))
      return this.#event('hold.released', { hold_id: held.hold_id, reason: 'basket_left' })
    const { point, cell, lines } = this.#wish('unused')
    const hold_id = `${this.#prefix}h${this.#count}`
    this.#remember(this.#hold_ids, hold_id, HOLDS_REMEMBERED)
    return this.#event('hold.asked', {
      hold_id,
      point,
      cell,
      lines,
      ttl_s: 30 + this.#draw.below(300),
    })
  }

  #event(type: OperationsType, data: unknown): SimulatedMessage {
    this.#count += 1
    const event = {
      event_id: this.#eventId(),
      type,
      schema_version: 1,
      tenant_id: 'demo',
      zone_id: this.zone_id,
      // Some devices tell late what happened before.
      occurred_at: this.#time - (this.#draw.chance(0.05) ? this.#draw.below(900_000) : 0),
      received_at: this.#now,
      source: 'simulation',
      actor: 'test:simulation',
      correlation_id: `c${this.#count}`,
      data,
    }
    return { appended_at: this.#now, value: Buffer.from(JSON.stringify(event)) }
  }

  /** A UUIDv7 whose rest is the running number: unique, and the same for the same seed. */
  #eventId(): OperationsEvent['event_id'] {
    const time = this.#now.toString(16).padStart(12, '0')
    const count = this.#count.toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count}`
  }
}

/** A zone id that lies in the wanted partition. */
export function zoneIn(partition: number, partitions: number): string {
  for (let number = 0; ; number += 1) {
    const zone_id = `zone-${number}`
    if (zone_id !== NOWHERE && partitionOf(zone_id, partitions) === partition) return zone_id
  }
}

export const digestOf = (held: Partition): string => digestZones(held.zones.values())
