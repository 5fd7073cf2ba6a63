import { getResolution, isValidCell } from 'h3-js'
import type { OperationsEvent } from '../ingest/contract.ts'
import { CELL_RESOLUTION, type HoldId, type OrderId, type WarehouseId } from '../ingest/events/envelope.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { admitPicking } from './admit/picking.ts'
import { dead, type Refused, refused } from './admit/refused.ts'
import { admitLines, admitSent, admitSku, admitStock, admitTransfer } from './admit/stock.ts'
import { contentOf } from './content.ts'
import { HOLD_LIFE, isRefusal, ORDER_LIFE } from './lives.ts'
import { CLOSED_KEPT_MS, type EventOfType, type ZoneState } from './state.ts'

/** Can this event mean anything in this state? null: go on. Pure. */
export function admitContent(zone: ZoneState, event: OperationsEvent): Refused | null {
  switch (event.type) {
    case 'order.placed':
      return admitOrder(zone, event.data)
    case 'order.offered_over':
      return admitOffer(zone, event)
    case 'order.changed':
      return admitOpenOrder(zone, event.data.order_id, 'change')
    case 'order.cancel_asked':
      return admitOpenOrder(zone, event.data.order_id, 'cancel')
    case 'hold.asked':
      return admitAsked(zone, event)
    case 'hold.confirmed':
      return admitConfirmation(zone, event.data) ?? admitOrder(zone, event.data.order)
    case 'hold.released':
      return admitHold(zone, event.data.hold_id, 'release')
    case 'stock.counted':
    case 'stock.adjusted':
    case 'stock.received':
    case 'stock.put_back':
    case 'stock.safety_set':
      return admitStock(zone, event.data.warehouse_id, event.data)
    case 'sku.suspended':
    case 'sku.resumed':
      return admitSku(zone, event.data)
    case 'transfer.sent':
      return admitSent(zone, event.data)
    case 'transfer.received':
      return admitTransfer(zone, event.data, 'receive') ?? admitLines(zone, event.data)
    case 'transfer.cancelled':
      return admitTransfer(zone, event.data, 'cancel')
    case 'pick.started':
    case 'pick.revised':
    case 'line.picked':
    case 'line.short':
    case 'line.substituted':
    case 'order.packed':
      return admitPicking(zone, event)
    case 'warehouse.paused':
    case 'warehouse.resumed':
      return admitWarehouse(zone, event.data.warehouse_id)
    case 'warehouse.mode':
      return admitWarehouse(zone, event.data.warehouse_id) ?? admitMode(event.data)
    case 'travel.set':
      return admitTravel(zone, event.data)
    case 'warehouse.upserted':
    case 'policy.changed':
    case 'clock.set':
    case 'tick':
      return null
  }
}

function admitTravel(zone: ZoneState, data: EventOfType<'travel.set'>['data']): Refused | null {
  const { warehouse_id, cells, seconds, part, parts } = data
  if (!zone.warehouses.has(warehouse_id)) return dead('unknown_warehouse', warehouse_id)
  if (cells.length !== seconds.length) return dead('wrong_shape', `${cells.length} cells and ${seconds.length} seconds`)
  if (part >= parts) return dead('wrong_shape', `part ${part} of ${parts}, counted from 0`)
  const wrong = cells.find(cell => !isValidCell(cell) || getResolution(cell) > CELL_RESOLUTION)
  return wrong === undefined ? null : dead('wrong_shape', `${wrong} is not an H3 cell of resolution 9 or coarser`)
}

const admitWarehouse = (zone: ZoneState, warehouse_id: WarehouseId): Refused | null =>
  zone.warehouses.has(warehouse_id) ? null : dead('unknown_warehouse', warehouse_id)

/**
 * An engine that was down says its offers again, each with an id of its own. What was decided here about one so old may be
 * forgotten already, and an order must not be delivered twice.
 */
function admitOffer(zone: ZoneState, { data, occurred_at }: EventOfType<'order.offered_over'>): Refused | null {
  const { order } = data
  if (!zone.orders.has(order.order_id) && occurred_at <= zone.time - CLOSED_KEPT_MS)
    return dead('too_late_to_tell', `order ${order.order_id} was offered more than 48 hours ago`)
  return admitOrder(zone, order)
}

function admitOrder(zone: ZoneState, request: OrderRequest): Refused | null {
  if (namesTwice(request.lines)) return dead('wrong_shape', `order ${request.order_id} names a line twice`)
  const known = zone.orders.peek(request.order_id)
  if (!known) return null
  if (known.content === contentOf(request)) return { kind: 'duplicate' }
  return dead('conflict', `order ${request.order_id} was placed with other content`)
}

/** Most orders have a few lines: looking back costs less than a set. */
const FEW_LINES = 16

function namesTwice(lines: OrderRequest['lines']): boolean {
  if (lines.length > FEW_LINES) return new Set(lines.map(({ line_id }) => line_id)).size < lines.length
  for (let at = 1; at < lines.length; at += 1) {
    for (let before = 0; before < at; before += 1) if (lines[before]?.line_id === lines[at]?.line_id) return true
  }
  return false
}

function admitOpenOrder(zone: ZoneState, order_id: OrderId, happening: 'change' | 'cancel'): Refused | null {
  const order = zone.orders.peek(order_id)
  if (!order) return dead('unknown_order', order_id)
  const next = ORDER_LIFE[order.state][happening]
  return isRefusal(next) ? refused(next, `${happening} of ${order_id}, which is ${order.state}`) : null
}

function admitMode(data: EventOfType<'warehouse.mode'>['data']): Refused | null {
  const { mode, busy_extra_s, throttle_per_10_min } = data
  if (mode === 'busy' && busy_extra_s === undefined) return dead('wrong_shape', 'busy without busy_extra_s')
  if (mode === 'throttled' && throttle_per_10_min === undefined)
    return dead('wrong_shape', 'throttled without throttle_per_10_min')
  return null
}

// ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function admitAsked(zone: ZoneState, { data }: EventOfType<'hold.asked'>): Refused | null {
  const known = zone.holds.peek(data.hold_id)
  if (!known) return null
  if (known.content !== contentOf(data)) return dead('conflict', `hold ${data.hold_id} was asked with other content`)
  const next = HOLD_LIFE[known.state].ask
  return isRefusal(next) ? refused(next, `hold ${data.hold_id} is ${known.state}`) : null
}

/** A hold that is forgotten, or that nobody asked for, has ended for the order: it is tried afresh, since it needs an answer. */
const admitConfirmation = (zone: ZoneState, { hold_id }: EventOfType<'hold.confirmed'>['data']): Refused | null =>
  zone.holds.has(hold_id) ? admitHold(zone, hold_id, 'confirm') : null

function admitHold(zone: ZoneState, hold_id: HoldId, happening: 'confirm' | 'release'): Refused | null {
  const hold = zone.holds.peek(hold_id)
  if (!hold) return dead('unknown_hold', hold_id)
  const next = HOLD_LIFE[hold.state][happening]
  return isRefusal(next) ? refused(next, `${happening} of hold ${hold_id}, which is ${hold.state}`) : null
}
