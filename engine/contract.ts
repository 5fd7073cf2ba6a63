import { type Static, Type } from 'typebox'
import { ShiftBreak, Vehicle } from '../ingest/events/couriers.ts'
import { Cell, CourierId, Point, Requirement, Seconds, Sku, TimeMs, WarehouseId } from '../ingest/events/envelope.ts'

/**
 * What the engine promises to the rooms downstream: the live views in Redis. Others read them through
 * `engine/io/views.ts`; only the engine writes.
 *
 *   {namespace}:{w:<warehouse_id>}:fence     "<epoch>:<offset>"          state of the view = fold after that offset
 *   {namespace}:{w:<warehouse_id>}:meta      JSON WarehouseView
 *   {namespace}:{w:<warehouse_id>}:stock     hash sku → "<on_hand> <reserved> <safety> <unit>[ <suspended_until>]"
 *   {namespace}:{c:<n>}:fence                "<epoch>:<offset>"          n: partition of `couriers`
 *   {namespace}:{c:<n>}:fleet                hash courier_id → JSON CourierView
 *   {namespace}:{c:<n>}:supply               JSON SupplyView           available couriers by cell
 *
 * All keys of one warehouse share a hash tag (the braces), so one script can change them together on Redis Cluster.
 */
export const viewKeys = {
  warehouse(namespace: string, warehouse_id: string) {
    const tag = `${namespace}:{w:${warehouse_id}}`
    return { fence: `${tag}:fence`, meta: `${tag}:meta`, stock: `${tag}:stock` }
  },
  fleet(namespace: string, partition: number) {
    const tag = `${namespace}:{c:${partition}}`
    return { fence: `${tag}:fence`, fleet: `${tag}:fleet`, supply: `${tag}:supply` }
  },
}

export interface StockView {
  on_hand: number
  reserved: number
  safety: number
  unit: 'each' | 'g'
  /** business ms; nothing is granted before it. 0: not suspended */
  suspended_until: number
}

/** Available to promise. */
export const available = (stock: { on_hand: number; reserved: number; safety: number }): number =>
  Math.max(0, stock.on_hand - stock.reserved - stock.safety)

/** What may be granted at `time`, business ms. */
export const grantable = (
  stock: Parameters<typeof available>[0] & { suspended_until: number },
  time: number,
): number => (stock.suspended_until > time ? 0 : available(stock))

export const encodeStock = (stock: StockView): string =>
  `${stock.on_hand} ${stock.reserved} ${stock.safety} ${stock.unit}${stock.suspended_until > 0 ? ` ${stock.suspended_until}` : ''}`

/** Throws on text that `encodeStock` did not write. */
export function decodeStock(text: string): StockView {
  const [on_hand, reserved, safety, unit, suspended_until = '0'] = text.split(' ')
  const view = {
    on_hand: Number(on_hand),
    reserved: Number(reserved),
    safety: Number(safety),
    suspended_until: Number(suspended_until),
  }
  if (!Object.values(view).every(Number.isSafeInteger) || (unit !== 'each' && unit !== 'g')) {
    throw new Error(`not a stock view: ${text}`)
  }
  return { ...view, unit }
}

/** A warehouse as it stands after the fence's offset: what a quote needs beside the stock. */
export const WarehouseView = Type.Object({
  warehouse_id: WarehouseId,
  zone_id: Type.String(),
  tenant_id: Type.String(),
  name: Type.String(),
  point: Point,
  radius_m: Type.Integer(),
  paused: Type.Boolean(),
  /** s from an order of one line placed now until it is packed, at the present load */
  ready_in_s: Seconds,
  pick_s_per_line: Seconds,
  open_lines: Type.Integer({ description: 'lines reserved and not yet picked' }),
  road_factor: Type.Number(),
  speed_mps: Type.Number(),
  courier_wait_s: Seconds,
  /** handover and buffer, added to every promise */
  fixed_s: Seconds,
  promise_s_max: Seconds,
  as_of: TimeMs,
})
export type WarehouseView = Static<typeof WarehouseView>

/** A courier as last heard of. Positions are collapsed: only the newest stands here. */
export const CourierView = Type.Object({
  courier_id: CourierId,
  tenant_id: Type.String(),
  zone_id: Type.String(),
  state: Type.Union([Type.Literal('available'), Type.Literal('break'), Type.Literal('off')]),
  point: Point,
  cell: Cell,
  seen_at: TimeMs,
  vehicle: Vehicle,
  capacity: Type.Integer(),
  has: Type.Array(Requirement),
  home_warehouse_id: Type.Optional(WarehouseId),
  shift_started_at: TimeMs,
  /** as agreed on at its beginning; absent: nothing was */
  shift_ends_at: Type.Optional(TimeMs),
  breaks: Type.Optional(Type.Array(ShiftBreak)),
})
export type CourierView = Static<typeof CourierView>

/** Resolution of the cells in which supply is counted: about 0.7 km², some five minutes' ride across a few of them. */
export const SUPPLY_RESOLUTION = 8

/** Couriers on shift and available by their own word, counted by cell; cells without any are left out. */
export const SupplyView = Type.Array(
  Type.Object({ tenant_id: Type.String(), cell: Type.String(), available: Type.Integer({ minimum: 1 }) }),
)
export type SupplyView = Static<typeof SupplyView>

/** One SKU at one warehouse, in an availability answer. */
export const SkuAvailability = Type.Object({
  sku: Sku,
  available: Type.Integer(),
  unit: Type.String(),
  suspended_until: Type.Optional(TimeMs),
})

/** One warehouse that could serve a point, nearest in promise first. */
export const WarehouseAvailability = Type.Object({
  warehouse_id: WarehouseId,
  name: Type.String(),
  promise_s: Seconds,
  travel_s: Seconds,
  paused: Type.Boolean(),
  items: Type.Array(SkuAvailability),
  /** the log position this answer stands on: `partition` of operations, `offset` of the last event folded in */
  as_of: Type.Object({ partition: Type.Integer(), epoch: Type.Integer(), offset: Type.String() }),
})
export type WarehouseAvailability = Static<typeof WarehouseAvailability>
