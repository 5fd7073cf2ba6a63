import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Candidate, Decision } from '../../ingest/events/decisions.ts'
import type { OrderLine } from '../../ingest/events/envelope.ts'
import { centreOf } from '../../ingest/events/geo.ts'
import type { WarehouseState, ZoneState } from '../state.ts'
import { type Level, placeName } from './books.ts'
import { must } from './must.ts'

/**
 * No false sold-out (I1): whoever was refused had no warehouse that could cover it. A naive look at every warehouse of the
 * zone and at the independent accounts, in the state after the step.
 */
export function checkRefusal(
  zone: ZoneState,
  stock: ReadonlyMap<string, Level>,
  event: OperationsEvent,
  decisions: readonly Decision[],
): void {
  const last = decisions.at(-1)
  // What comes after a refusal within its step may have freed goods: then the state is another one.
  if (last?.type !== 'order.rejected' && last?.type !== 'order.offered' && last?.type !== 'hold.refused') return
  const wish = wishOf(event)
  if (!wish) return
  const to = centreOf(wish.cell)
  if (wish.split) checkSplit(zone, stock, event.type, wish, to)
  const refused = new Map(last.candidates.map(candidate => [candidate.warehouse_id, candidate]))
  for (const warehouse of zone.warehouses.values()) {
    if (wish.warehouse_id && wish.warehouse_id !== warehouse.warehouse_id) continue
    if (!reaches(warehouse, to) || !covers(zone, warehouse, stock, wish.lines)) continue
    const candidate = refused.get(warehouse.warehouse_id)
    if (!candidate && refused.size >= zone.policy.candidates_max) continue
    must(
      candidate && hasOtherReason(candidate, warehouse),
      () => `I1: ${event.type} refused, and ${warehouse.warehouse_id} has it all (it says ${candidate?.refused})`,
    )
  }
}

interface Wish {
  cell: string
  lines: readonly OrderLine[]
  warehouse_id?: string | undefined
  split?: boolean | undefined
  deliver_between?: object | undefined
}

function wishOf(event: OperationsEvent): Wish | null {
  if (event.type === 'order.placed' || event.type === 'hold.asked') return event.data
  if (event.type === 'order.offered_over') return event.data.order
  return event.type === 'hold.confirmed' ? event.data.order : null
}

/** Of an order that may be split: not every line has somewhere a warehouse that could give it and has time to spare. */
function checkSplit(
  zone: ZoneState,
  stock: ReadonlyMap<string, Level>,
  type: string,
  wish: Wish,
  to: WarehouseState['point'],
): void {
  if (wish.warehouse_id || wish.deliver_between || zone.policy.promise_s_max < 3_600) return
  const idle = [...zone.warehouses.values()].filter(
    one => !one.paused && one.mode === 'normal' && !one.opening && one.open_lines < 20 && reaches(one, to),
  )
  const given = wish.lines.filter(({ sku }) => {
    const same = wish.lines.filter(line => line.sku === sku)
    return idle.some(warehouse => covers(zone, warehouse, stock, same))
  })
  must(given.length < wish.lines.length, () => `I1: ${type} refused, and several warehouses have it all between them`)
}

function covers(
  zone: ZoneState,
  warehouse: WarehouseState,
  stock: ReadonlyMap<string, Level>,
  lines: readonly OrderLine[],
): boolean {
  return lines.every(({ sku, unit }) => {
    const level = stock.get(placeName(warehouse.warehouse_id, sku))
    const kept = zone.warehouses.get(warehouse.warehouse_id)?.stock.get(sku)
    const wanted = lines.reduce((sum, line) => sum + (line.sku === sku ? line.quantity : 0), 0)
    if (!level || level.suspended_until > zone.time) return false
    return kept?.unit === unit && level.on_hand - level.reserved - level.safety >= wanted
  })
}

/** Reasons that have nothing to do with goods, where they are true. */
function hasOtherReason({ refused }: Candidate, warehouse: WarehouseState): boolean {
  switch (refused) {
    case 'full':
    case 'window_missed':
      return true
    case 'warehouse_paused':
      return warehouse.paused
    case 'throttled':
      return warehouse.mode === 'throttled'
    case 'closed':
      return warehouse.opening !== undefined
    default:
      return false
  }
}

const EARTH_M = 6_371_008.8
const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** By the haversine, with a metre to spare at the rim. */
function reaches({ point, radius_m }: WarehouseState, to: WarehouseState['point']): boolean {
  const [lat, lng] = [radians(to.lat - point.lat), radians(to.lng - point.lng)]
  const half =
    Math.sin(lat / 2) ** 2 + Math.cos(radians(point.lat)) * Math.cos(radians(to.lat)) * Math.sin(lng / 2) ** 2
  return 2 * EARTH_M * Math.asin(Math.sqrt(half)) < radius_m - 1
}
