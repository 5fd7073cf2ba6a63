import type { Sku, WarehouseId } from '../../ingest/events/envelope.ts'
import { TRAVEL_PART_CELLS_MAX, type Warehouse } from '../../ingest/events/network.ts'
import { travelEntries } from '../routing/travel.ts'
import type { StockState, WarehouseState, ZoneState } from '../state.ts'
import type { RecordedEvent } from './format.ts'

/** How a zone's network and shelves stand, as the events that would lead there. */

const ACTOR = 'tool:record'

type OfType<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { type: Type }>

/** @param at business ms of all of them */
export function snapshotOf(zone: ZoneState, at: number): RecordedEvent[] {
  const head = { occurred_at: at, actor: ACTOR }
  const warehouses = [...zone.warehouses.values()].sort(byId)
  return [
    { ...head, type: 'policy.changed', data: { policy: zone.policy } },
    ...warehouses.map(one => ({ ...head, type: 'warehouse.upserted' as const, data: warehouseOf(one) })),
    ...warehouses.flatMap(one => travelOf(one, at)),
    ...warehouses.flatMap(one => standingOf(one, at)),
    ...warehouses.flatMap(one => shelvesOf(one, at)),
  ]
}

const byId = (a: WarehouseState, b: WarehouseState): number => (a.warehouse_id < b.warehouse_id ? -1 : 1)

function warehouseOf(warehouse: WarehouseState): Warehouse {
  const { warehouse_id, name, point, cell, time_zone, utc_offset_s, radius_m, pickers, pick_s_per_line, pack_s } =
    warehouse
  const { opening } = warehouse
  const all = { warehouse_id, name, point, cell, time_zone, utc_offset_s, radius_m, pickers, pick_s_per_line, pack_s }
  return { ...all, ...(opening && { opening }) }
}

function travelOf({ warehouse_id, travel }: WarehouseState, at: number): OfType<'travel.set'>[] {
  if (travel === null) return []
  const { cells, seconds } = travelEntries(travel)
  const parts = Math.ceil(cells.length / TRAVEL_PART_CELLS_MAX)
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part * TRAVEL_PART_CELLS_MAX, (part + 1) * TRAVEL_PART_CELLS_MAX]
    const entries = { cells: cells.slice(from, to), seconds: seconds.slice(from, to) }
    const data = { warehouse_id, version: travel.version, part, parts, ...entries }
    return { type: 'travel.set', occurred_at: at, actor: ACTOR, data }
  })
}

/** Where it takes orders otherwise than usual. */
function standingOf(warehouse: WarehouseState, at: number): RecordedEvent[] {
  const { warehouse_id, paused, mode, busy_extra_s, throttle_per_10_min } = warehouse
  const head = { occurred_at: at, actor: ACTOR }
  return [
    ...(mode === 'normal'
      ? []
      : [
          {
            ...head,
            type: 'warehouse.mode' as const,
            data: {
              warehouse_id,
              mode,
              ...(mode === 'busy' && { busy_extra_s }),
              ...(mode === 'throttled' && { throttle_per_10_min }),
            },
          },
        ]),
    ...(paused ? [{ ...head, type: 'warehouse.paused' as const, data: { warehouse_id, reason: 'as_recorded' } }] : []),
  ]
}

function shelvesOf({ warehouse_id, stock }: WarehouseState, at: number): RecordedEvent[] {
  const skus = [...stock].sort(([a], [b]) => (a < b ? -1 : 1))
  return skus.flatMap(([sku, state]) => shelfOf(warehouse_id, sku, state, at))
}

/** Earlier orders take what they have reserved, and are not in the recording: so is it with what is reserved. */
function shelfOf(warehouse_id: WarehouseId, sku: Sku, state: StockState, at: number): RecordedEvent[] {
  const { on_hand, reserved, safety, unit, suspended_until } = state
  const head = { occurred_at: at, actor: ACTOR }
  const quantity = Math.max(0, on_hand - reserved)
  const counted = { warehouse_id, sku, unit, quantity, as_of: at, ...(safety > 0 && { safety }) }
  const suspended = {
    warehouse_id,
    sku,
    reason: 'as_recorded',
    ...(Number.isSafeInteger(suspended_until) && suspended_until < FOR_EVER && { until: suspended_until }),
  }
  return [
    { ...head, type: 'stock.counted', data: counted },
    ...(suspended_until > at ? [{ ...head, type: 'sku.suspended' as const, data: suspended }] : []),
  ]
}

/** The largest time that an event may name. */
const FOR_EVER = 2 ** 48
