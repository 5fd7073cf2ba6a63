import type { Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import type { Movement } from '../../ingest/events/movements.ts'
import { available } from '../contract.ts'
import type { Happened } from '../past.ts'
import { type FulfilmentState, openOf, type StockState, type WarehouseState, type ZoneState } from '../state.ts'

/** What lay at one warehouse of one SKU, who it was promised to, and what moved. Gathered while the past is folded. Pure. */

export interface Levels {
  on_hand: number
  reserved: number
  safety: number
  in_transit: number
}

/** A movement with what caused it and the levels after it. Times: business clock, ms. */
export interface Moved extends Levels {
  offset: number
  time: number
  change: Movement
  event: { type: string; event_id: string; actor: string }
  available: number
}

export interface StockStory {
  warehouse_id: string
  sku: string
  levels: Levels
  /** the last ones, oldest first */
  moved: Moved[]
  moved_count: number
  kept: number
}

export function newStory(zone: ZoneState | null, warehouse_id: string, sku: string, kept: number): StockStory {
  const stock = zone?.warehouses.get(warehouse_id as WarehouseId)?.stock.get(sku as Sku)
  return { warehouse_id, sku, levels: levelsOf(stock), moved: [], moved_count: 0, kept }
}

const levelsOf = (stock: StockState | undefined): Levels => ({
  on_hand: stock?.on_hand ?? 0,
  reserved: stock?.reserved ?? 0,
  safety: stock?.safety ?? 0,
  in_transit: stock?.in_transit ?? 0,
})

export function noteMoved(story: StockStory, { source, zone, outcome }: Happened): void {
  if (!('movements' in outcome)) return
  for (const change of outcome.movements) {
    if (change.warehouse_id !== story.warehouse_id || change.sku !== story.sku) continue
    const { on_hand, reserved, safety, in_transit } = story.levels
    const levels: Levels = {
      on_hand: on_hand + change.on_hand,
      reserved: reserved + change.reserved,
      safety: safety + change.safety,
      in_transit: in_transit + change.in_transit,
    }
    story.levels = levels
    story.moved_count += 1
    const { type, event_id, actor } = source.event
    const event = { type, event_id, actor }
    story.moved.push({ offset: source.offset, time: zone.time, change, event, ...levels, available: available(levels) })
    // Twice as many as wanted before the first half goes: shifting one by one would move them all each time.
    if (story.moved.length > 2 * story.kept + 1_000) story.moved = story.moved.slice(-story.kept)
  }
}

/** What is promised of it, and to whom. */
export interface Promised {
  kind: 'order' | 'hold'
  /** order or hold */
  id: string
  fulfilment_id: string
  line_id: string
  quantity: number
  state: string
  /** of an order, when it was placed; of a hold, when it ends */
  at: number
}

export interface StockAt extends Levels {
  available: number
  unit: string
  stock: StockState
  promised: Promised[]
  warehouse: Pick<WarehouseState, 'name' | 'paused' | 'mode' | 'open_lines'>
}

/** null: the warehouse, or this SKU there, is not known at that moment. */
export function stockAt(zone: ZoneState, warehouse_id: string, sku: string): StockAt | null {
  const warehouse = zone.warehouses.get(warehouse_id as WarehouseId)
  const stock = warehouse?.stock.get(sku as Sku)
  if (!warehouse || !stock) return null
  const { name, paused, mode, open_lines } = warehouse
  return {
    ...levelsOf(stock),
    available: available(stock),
    unit: stock.unit,
    stock: structuredClone(stock),
    promised: promisedOf(zone, warehouse_id, sku),
    warehouse: { name, paused, mode, open_lines },
  }
}

function promisedOf(zone: ZoneState, warehouse_id: string, sku: string): Promised[] {
  const promised: Promised[] = []
  const note = (of: Pick<Promised, 'kind' | 'id' | 'at'>, fulfilments: readonly FulfilmentState[]) => {
    for (const { fulfilment_id, warehouse_id: at, state, lines } of fulfilments) {
      for (const line of lines) {
        const quantity = openOf(line)
        if (at !== warehouse_id || line.sku !== sku || quantity === 0) continue
        promised.push({ ...of, fulfilment_id, line_id: line.line_id, quantity, state })
      }
    }
  }
  for (const { order_id, placed_at, fulfilments } of zone.orders.values())
    note({ kind: 'order', id: order_id, at: placed_at }, fulfilments)
  for (const { hold_id, expires_at, fulfilments } of zone.holds.values())
    note({ kind: 'hold', id: hold_id, at: expires_at }, fulfilments)
  return promised.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}
