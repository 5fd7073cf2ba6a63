import { type OperationsEvent, REAL_TIME } from '../ingest/contract.ts'
import type { Cause, Decision } from '../ingest/events/decisions.ts'
import type {
  FulfilmentId,
  HoldId,
  LineId,
  OrderId,
  Sku,
  TenantId,
  TransferId,
  WarehouseId,
  ZoneId,
} from '../ingest/events/envelope.ts'
import type { Movement } from '../ingest/events/movements.ts'
import type { Clock, Policy, Warehouse, WarehouseMode } from '../ingest/events/network.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { Tracked } from './checkpoint/tracked.ts'
import type { FulfilmentStateName, HoldStateName, OrderStateName, TransferStateName } from './lives.ts'
import type { PackedIds } from './packed/ids.ts'
import { PackedRows } from './packed/rows.ts'
import { RecentIds } from './recent_ids.ts'
import type { RecentMoves } from './recent_moves.ts'
import type { TravelComing, TravelTable } from './routing/travel.ts'

/** What the fold remembers of a zone. Plain data, orders packed; only `evolve` in zone.ts changes it. Times: business clock, ms. */
export interface ZoneState {
  zone_id: ZoneId
  tenant_id: TenantId
  clock: Clock
  /** the largest append time seen, wall ms */
  appended_at: number
  /** the zone's time: `appended_at` through `clock`, never stepping back */
  time: number
  policy: Policy
  warehouses: Tracked<WarehouseId, WarehouseState>
  orders: PackedRows<OrderId, OrderState>
  holds: Tracked<HoldId, HoldState>
  transfers: Tracked<TransferId, TransferState>
  /** what has ended, until it is forgotten */
  ended: { orders: Ended<OrderId>; holds: Ended<HoldId>; transfers: Ended<TransferId> }
  /** fulfilments that wait to be routed anew, first come first served */
  reroute: { order_id: OrderId; fulfilment_id: FulfilmentId; cause: Cause }[]
  /** (warehouse, SKU) with more reserved than on hand that are not worked off yet */
  short: { warehouse_id: WarehouseId; sku: Sku; cause: Cause }[]
  /** grows by one with every order; newest first is by this */
  sequence: number
  seen: RecentIds
  /** what the present step has moved; empty between steps */
  moved: Moved[]
}

/** A movement as the fold makes it. */
export interface Moved extends Movement {
  warehouse_id: WarehouseId
  sku: Sku
}

/** Ids by the minute in which they ended, oldest first: forgetting takes some off the end of the first list. */
export type Ended<Id> = { minute: number; who: Id[] }[]

export interface WarehouseState extends Warehouse {
  paused: boolean
  mode: WarehouseMode
  busy_extra_s: number
  throttle_per_10_min: number
  /** times of the orders routed here while throttled, oldest first; those of more than ten minutes ago are cut off by and by */
  routed_at: number[]
  stock: Tracked<Sku, StockState>
  /** orders with a part here that is not packed yet: follows from them */
  open_orders: PackedIds<OrderId>
  /** lines reserved and not yet picked */
  open_lines: number
  /** seconds on the road by cell; null: the great circle for all */
  travel: TravelTable | null
  travel_coming: TravelComing | null
}

export interface StockState {
  on_hand: number
  reserved: number
  safety: number
  /** on its way here from another warehouse of the zone */
  in_transit: number
  unit: 'each' | 'g'
  /** nothing new is granted before this; 0: not suspended */
  suspended_until: number
  /** time of the newest count; 0: never counted */
  counted_as_of: number
  /** what moved before this is not remembered, so an older count can't be used */
  moved_since: number
  moves: RecentMoves
}

/** granted = picked + short + released + expired + open, always. */
export interface Reservation {
  line_id: LineId
  sku: Sku
  unit: 'each' | 'g'
  granted: number
  picked: number
  short: number
  released: number
  expired: number
}

export const openOf = (line: Reservation): number =>
  line.granted - line.picked - line.short - line.released - line.expired

export interface FulfilmentState {
  fulfilment_id: FulfilmentId
  warehouse_id: WarehouseId
  state: FulfilmentStateName
  ready_at: number
  /** when this part is at the door, as announced; of a hold 0 */
  deliver_by: number
  lines: Reservation[]
}

/**
 * What routing anew must know of an order beside its lines. All that was asked for stands in the decision, and would take as much
 * memory again here.
 */
export type OrderWish = Pick<OrderRequest, 'cell' | 'warehouse_id' | 'deliver_between' | 'split' | 'on_shortfall'>

export interface OrderState {
  order_id: OrderId
  sequence: number
  /** hash of what was asked for, to tell a repeat from a conflict */
  content: string
  /** null once the order is closed: it will not be routed any more */
  wish: OrderWish | null
  state: OrderStateName
  /** the zone that an offered order went to */
  offered_to: ZoneId | null
  attempt: number
  fulfilments: FulfilmentState[]
  deliver_by: number
  first_deliver_by: number
  placed_at: number
}

export interface HoldState {
  hold_id: HoldId
  state: HoldStateName
  /** hash of what was asked for, to tell a repeat from a conflict */
  content: string
  /** empty once it has ended: only a repeat is still to be told */
  fulfilments: FulfilmentState[]
  /** what is true; what was announced ends HOLD_MARGIN_MS earlier */
  expires_at: number
}

export interface TransferState {
  transfer_id: TransferId
  state: TransferStateName
  from_warehouse_id: WarehouseId
  to_warehouse_id: WarehouseId
  /** hash of what was sent */
  content: string
  /** what left the shelf; empty once it has ended */
  lines: { sku: Sku; unit: 'each' | 'g'; quantity: number }[]
}

export function newZone(zone_id: ZoneId, tenant_id: TenantId): ZoneState {
  return {
    zone_id,
    tenant_id,
    clock: REAL_TIME,
    appended_at: 0,
    time: 0,
    policy: DEFAULT_POLICY,
    warehouses: new Tracked(),
    orders: new PackedRows(),
    holds: new Tracked(),
    transfers: new Tracked(),
    ended: { orders: [], holds: [], transfers: [] },
    reroute: [],
    short: [],
    sequence: 0,
    seen: new RecentIds(),
    moved: [],
  }
}

/** One event of the log with where and when it lies there. */
export interface Source {
  offset: number
  appended_at: number
  event: OperationsEvent
}

export type EventOfType<T extends OperationsEvent['type']> = Extract<OperationsEvent, { type: T }>
export type DecisionStream = Generator<Decision, void, void>

export const HOUR_MS = 3_600_000
export const CLOSED_KEPT_MS = 48 * HOUR_MS
export const HOLD_MARGIN_MS = 5_000
/** Re-routings in one step; the rest waits in the state, so that one event never holds up a partition. */
export const REROUTES_A_STEP = 200
/** Lines and candidates in the decisions of one kind of work in one step: 1,500 × some 200 bytes. */
export const WEIGHT_A_STEP = 1_500
export const HOLDS_EXPIRED_A_STEP = 500
/** More than one step ends in the long run, so the list of what is to be forgotten never grows. */
export const FORGOTTEN_A_STEP = 1_000
/** `suspended_until` of a SKU that waits for somebody to resume it. */
export const FOR_EVER = 2 ** 48
export const THROTTLE_WINDOW_MS = 600_000
