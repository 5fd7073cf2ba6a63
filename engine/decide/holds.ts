import type { OrderLine } from '../../ingest/events/envelope.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import { nextHold } from '../due.ts'
import { promiseTerms } from '../routing/load.ts'
import { travelSecondsTo } from '../routing/reach.ts'
import { fulfilmentName, isRetryable, route } from '../routing.ts'
import {
  type DecisionStream,
  type EventOfType,
  type FulfilmentState,
  HOLD_MARGIN_MS,
  HOLDS_EXPIRED_A_STEP,
  type HoldState,
  openOf,
  type WarehouseState,
  type ZoneState,
} from '../state.ts'
import { placeOrder } from './orders.ts'
import { partsOf } from './parts.ts'

export function* askHold(zone: ZoneState, event: EventOfType<'hold.asked'>): DecisionStream {
  const { hold_id, ttl_s } = event.data
  const routing = route(zone, event.data)
  const { candidates } = routing
  if (routing.kind === 'refused') {
    const { reason, line_id } = routing
    yield {
      type: 'hold.refused',
      hold_id,
      reason,
      retryable: isRetryable(reason),
      ...(line_id ? { line_id } : {}),
      candidates,
    }
    return
  }
  const expires_at = Math.max(zone.time, zone.time + 1_000 * ttl_s - HOLD_MARGIN_MS)
  const fulfilments = partsOf(hold_id, 1, routing)
  yield { type: 'hold.granted', hold_id, fulfilments, candidates, promise: routing.promise, expires_at }
}

/**
 * The hold's goods become the order's in one step. A hold that has ended, or that does not fit the order (other goods,
 * another warehouse or place, a warehouse that was paused since), gives way to a fresh grant, or a rejection.
 */
export function* confirmHold(zone: ZoneState, event: EventOfType<'hold.confirmed'>): DecisionStream {
  const { hold_id, order } = event.data
  const hold = zone.holds.peek(hold_id)
  const alive = hold?.state === 'granted' && hold.expires_at > zone.time
  const fitting = alive ? fitOf(zone, hold, order) : null
  if (!fitting) {
    if (alive) yield { type: 'hold.released', hold_id, reason: 'does_not_fit' }
    yield* placeOrder(zone, order, event.occurred_at)
    return
  }
  const { part, warehouse, travel_s } = fitting
  const ready_at = Math.max(zone.time, part.ready_at)
  const deliver_by = ready_at + 1_000 * (travel_s + promiseTerms(zone, warehouse).fixed_s)
  const { order_id } = order
  const lines = order.lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit }))
  const { warehouse_id } = warehouse
  yield {
    type: 'order.routed',
    order_id,
    attempt: 1,
    fulfilments: [{ fulfilment_id: fulfilmentName(order_id, 1), warehouse_id, lines, ready_at }],
    promise: { ready_at, deliver_by },
    candidates: [],
    order,
    placed_at: event.occurred_at,
    hold_id,
  }
}

interface Fit {
  part: FulfilmentState
  warehouse: WarehouseState
  travel_s: number
}

function fitOf(zone: ZoneState, hold: HoldState, order: OrderRequest): Fit | null {
  const [part] = hold.fulfilments
  const warehouse = part && zone.warehouses.peek(part.warehouse_id)
  if (!warehouse || warehouse.paused) return null
  if (order.warehouse_id && order.warehouse_id !== warehouse.warehouse_id) return null
  // A window wants other times than a hold for now: it is granted afresh.
  if (order.deliver_between) return null
  const travel_s = travelSecondsTo(zone, warehouse.warehouse_id, order.cell)
  return travel_s !== undefined && covers(part, order.lines) ? { part, warehouse, travel_s } : null
}

function covers(part: FulfilmentState, lines: readonly OrderLine[]): boolean {
  const held = new Map<string, number>()
  for (const line of part.lines)
    held.set(`${line.sku} ${line.unit}`, (held.get(`${line.sku} ${line.unit}`) ?? 0) + openOf(line))
  for (const { sku, unit, quantity } of lines) held.set(`${sku} ${unit}`, (held.get(`${sku} ${unit}`) ?? 0) - quantity)
  return [...held.values()].every(rest => rest >= 0)
}

export function* releaseHold(zone: ZoneState, event: EventOfType<'hold.released'>): DecisionStream {
  const { hold_id, reason } = event.data
  if (zone.holds.peek(hold_id)?.state === 'granted') yield { type: 'hold.released', hold_id, reason }
}

export function* expireHolds(zone: ZoneState): DecisionStream {
  for (let count = 0; count < HOLDS_EXPIRED_A_STEP; count += 1) {
    const hold = holdToExpire(zone)
    if (!hold) return
    yield { type: 'hold.expired', hold_id: hold.hold_id }
  }
}

export const hasHoldToExpire = (zone: ZoneState): boolean => holdToExpire(zone) !== undefined

function holdToExpire(zone: ZoneState): HoldState | undefined {
  const hold = nextHold(zone)
  return hold && hold.expires_at <= zone.time ? hold : undefined
}
