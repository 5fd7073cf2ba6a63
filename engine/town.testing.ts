import type { OperationsEvent, OperationsType } from '../ingest/contract.ts'
import type { Decision, DecisionOf, DecisionType } from '../ingest/events/decisions.ts'
import type { Sku, TenantId, WarehouseId, ZoneId } from '../ingest/events/envelope.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { type FulfilmentState, newZone, type OrderState, type StockState, type WarehouseState } from './state.ts'
import { type Outcome, step } from './zone.ts'

/** A zone for tests, spoken to through the fold alone: warehouses north of the customer's door, with what lies in them. */

export const START = Date.UTC(2026, 0, 2, 18)
export const DOOR = { lat: 41.9, lng: -87.65 }
export const northOf = (meters: number) => ({ lat: DOOR.lat + meters / 111_195, lng: DOOR.lng })
export const WAREHOUSE = {
  time_zone: 'America/Chicago',
  utc_offset_s: -21_600,
  radius_m: 8_000,
  pickers: 2,
  pick_s_per_line: 30,
  pack_s: 60,
}

export interface House {
  meters: number
  stock: Record<string, number>
  more?: object
}

export class Town {
  readonly zone
  now = START
  #offset = 0

  constructor(houses: Record<string, House>, zone_id = 'town') {
    this.zone = newZone(zone_id as ZoneId, 'demo' as TenantId)
    for (const [warehouse_id, house] of Object.entries(houses)) this.open(warehouse_id, house)
  }

  /** `told_at`: when it happened, as its sender says. */
  send(type: OperationsType, data: unknown, told_at = this.now): Outcome {
    this.#offset += 1
    const time = this.now.toString(16).padStart(12, '0')
    const event = {
      event_id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${this.#offset.toString(16).padStart(12, '0')}`,
      schema_version: 1,
      tenant_id: 'demo',
      zone_id: this.zone.zone_id,
      occurred_at: told_at,
      received_at: this.now,
      source: 'test',
      actor: 'test:town',
      correlation_id: 'c',
      type,
      data,
    } as OperationsEvent
    return step(this.zone, { offset: this.#offset, appended_at: this.now, event })
  }

  open(warehouse_id: string, { meters, stock, more }: House): void {
    const point = northOf(meters)
    const told = { warehouse_id, name: warehouse_id, point, cell: cellOf(point), ...WAREHOUSE, ...more }
    this.send('warehouse.upserted', told)
    for (const [sku, quantity] of Object.entries(stock)) this.count(warehouse_id, sku, quantity)
  }

  count(warehouse_id: string, sku: string, quantity: number): Outcome {
    return this.send('stock.counted', { warehouse_id, sku, unit: 'each', quantity, as_of: this.now })
  }

  place(order_id: string, lines: Record<string, number>, more: object = {}): Outcome {
    return this.send('order.placed', wishOf(order_id, lines, more))
  }

  pick(type: OperationsType, order_id: string, more: object = {}): Outcome {
    const part = this.parts(order_id)[0]
    const { fulfilment_id, warehouse_id } = part ?? {}
    return this.send(type, { order_id, fulfilment_id, warehouse_id, ...more })
  }

  order(order_id: string): OrderState {
    const order = [...this.zone.orders.values()].find(one => one.order_id === order_id)
    if (!order) throw new Error(`there is no order ${order_id}`)
    return order
  }

  parts(order_id: string): FulfilmentState[] {
    return this.order(order_id).fulfilments
  }

  warehouse(warehouse_id: string): WarehouseState {
    const warehouse = this.zone.warehouses.get(warehouse_id as WarehouseId)
    if (!warehouse) throw new Error(`there is no warehouse ${warehouse_id}`)
    return warehouse
  }

  stock(warehouse_id: string, sku: string): StockState {
    const stock = this.warehouse(warehouse_id).stock.get(sku as Sku)
    if (!stock) throw new Error(`${warehouse_id} has no ${sku}`)
    return stock
  }
}

export const wishOf = (order_id: string, lines: Record<string, number>, more: object = {}) => ({
  order_id,
  customer_ref: 'c1',
  point: DOOR,
  cell: cellOf(DOOR),
  lines: Object.entries(lines).map(([sku, quantity]) => ({ line_id: sku, sku, quantity, unit: 'each' })),
  ...more,
})

export function decisionsOf(outcome: Outcome): readonly Decision[] {
  if (outcome.kind === 'ok' || outcome.kind === 'superseded') return outcome.decisions
  throw new Error(`${outcome.kind}: ${'detail' in outcome ? outcome.detail : ''}`)
}

export const typesOf = (outcome: Outcome): string[] => decisionsOf(outcome).map(({ type }) => type)

export function only<T extends DecisionType>(outcome: Outcome, type: T): DecisionOf<T> {
  const found = decisionsOf(outcome).filter((decision): decision is DecisionOf<T> => decision.type === type)
  const [first] = found
  if (!first || found.length > 1) throw new Error(`${found.length} × ${type} in ${JSON.stringify(outcome)}`)
  return first
}
