import { getResolution, isValidCell } from 'h3-js'
import type { OperationsEvent } from '../ingest/contract.ts'
import type { DeadReason } from '../ingest/events/dead_letters.ts'
import {
  CELL_RESOLUTION,
  type FulfilmentId,
  type HoldId,
  type OrderId,
  type Sku,
  type TransferId,
  type WarehouseId,
} from '../ingest/events/envelope.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { contentOf } from './content.ts'
import { FULFILMENT_LIFE, type FulfilmentHappening, HOLD_LIFE, ORDER_LIFE, TRANSFER_LIFE } from './lives.ts'
import { type EventOfType, type FulfilmentState, openOf, type ZoneState } from './state.ts'

/** Can this event mean anything in this state? What can't is a value, not an exception: a duplicate or a dead letter. */
export type Refused = { kind: 'duplicate' } | { kind: 'dead'; reason: DeadReason; detail: string }

const dead = (reason: DeadReason, detail: string): Refused => ({ kind: 'dead', reason, detail })

/** null: go on. Pure. */
export function admitContent(zone: ZoneState, event: OperationsEvent): Refused | null {
  switch (event.type) {
    case 'order.placed':
      return admitOrder(zone, event.data)
    case 'order.offered_over':
      return admitOrder(zone, event.data.order)
    case 'order.changed':
      return admitOpenOrder(zone, event.data.order_id, 'change')
    case 'order.cancel_asked':
      return admitOpenOrder(zone, event.data.order_id, 'cancel')
    case 'hold.asked':
      return admitAsked(zone, event)
    case 'hold.confirmed':
      return admitHold(zone, event.data.hold_id, 'confirm') ?? admitOrder(zone, event.data.order)
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

/** What a table of lives says to an event: null when it may happen. */
function refusedBy(next: string, what: string): Refused | null {
  if (next === 'repeat') return { kind: 'duplicate' }
  return next === 'illegal' ? dead('illegal_transition', what) : null
}

const admitWarehouse = (zone: ZoneState, warehouse_id: WarehouseId): Refused | null =>
  zone.warehouses.has(warehouse_id) ? null : dead('unknown_warehouse', warehouse_id)

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
  return refusedBy(ORDER_LIFE[order.state][happening], `${happening} of ${order_id}, which is ${order.state}`)
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
  return refusedBy(HOLD_LIFE[known.state].ask, data.hold_id)
}

function admitHold(zone: ZoneState, hold_id: HoldId, happening: 'confirm' | 'release'): Refused | null {
  const hold = zone.holds.peek(hold_id)
  if (!hold) return dead('unknown_hold', hold_id)
  return refusedBy(HOLD_LIFE[hold.state][happening], `${happening} of hold ${hold_id}, which is ${hold.state}`)
}

// ── Stock and transfers ─────────────────────────────────────────────────────────────────────────────────────────────

function admitStock(
  zone: ZoneState,
  warehouse_id: WarehouseId,
  { sku, unit }: { sku: Sku; unit: string },
): Refused | null {
  const warehouse = zone.warehouses.peek(warehouse_id)
  if (!warehouse) return dead('unknown_warehouse', warehouse_id)
  const stock = warehouse.stock.peek(sku)
  if (!stock || stock.unit === unit) return null
  return dead('conflict', `${sku} is kept in ${stock.unit}, not ${unit}`)
}

function admitSku(zone: ZoneState, { warehouse_id, sku }: { warehouse_id: WarehouseId; sku: Sku }): Refused | null {
  const warehouse = zone.warehouses.peek(warehouse_id)
  if (!warehouse) return dead('unknown_warehouse', warehouse_id)
  return warehouse.stock.has(sku) ? null : dead('unknown_sku', `${warehouse_id} never had ${sku}`)
}

type Sent = EventOfType<'transfer.sent'>['data']

function admitSent(zone: ZoneState, data: Sent): Refused | null {
  const { transfer_id, warehouse_id, to_warehouse_id, lines } = data
  const known = zone.transfers.peek(transfer_id)
  if (known) {
    if (known.content !== contentOf(data))
      return dead('conflict', `transfer ${transfer_id} was sent with other content`)
    return refusedBy(TRANSFER_LIFE[known.state].send, transfer_id)
  }
  if (!zone.warehouses.has(to_warehouse_id))
    return dead('foreign_warehouse', `${to_warehouse_id} is no warehouse of this zone`)
  if (to_warehouse_id === warehouse_id) return dead('wrong_shape', `${warehouse_id} sends to itself`)
  if (new Set(lines.map(({ sku }) => sku)).size < lines.length)
    return dead('wrong_shape', `transfer ${transfer_id} names an item twice`)
  return admitUnits(zone, warehouse_id, lines) ?? admitUnits(zone, to_warehouse_id, lines)
}

function admitTransfer(
  zone: ZoneState,
  { transfer_id, warehouse_id }: { transfer_id: TransferId; warehouse_id: WarehouseId },
  happening: 'receive' | 'cancel',
): Refused | null {
  const transfer = zone.transfers.peek(transfer_id)
  if (!transfer) return dead('unknown_transfer', transfer_id)
  const where = happening === 'receive' ? transfer.to_warehouse_id : transfer.from_warehouse_id
  if (warehouse_id !== where)
    return dead('foreign_warehouse', `${happening} of transfer ${transfer_id} happens at ${where}`)
  const what = `${happening} of transfer ${transfer_id}, which is ${transfer.state}`
  return refusedBy(TRANSFER_LIFE[transfer.state][happening], what)
}

function admitLines(zone: ZoneState, data: EventOfType<'transfer.received'>['data']): Refused | null {
  const { transfer_id, warehouse_id, lines = [] } = data
  if (new Set(lines.map(({ sku }) => sku)).size < lines.length)
    return dead('wrong_shape', `transfer ${transfer_id} names an item twice`)
  return admitUnits(zone, warehouse_id, lines)
}

function admitUnits(zone: ZoneState, warehouse_id: WarehouseId, lines: Sent['lines']): Refused | null {
  for (const line of lines) {
    const refused = admitStock(zone, warehouse_id, line)
    if (refused) return refused
  }
  return null
}

// ── Picking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type PickingEvent = Extract<OperationsEvent, { data: { fulfilment_id: FulfilmentId } }>

const HAPPENS = {
  'pick.started': 'start',
  'pick.revised': 'revise',
  'line.picked': 'line',
  'line.short': 'line',
  'line.substituted': 'line',
  'order.packed': 'pack',
} as const satisfies Record<PickingEvent['type'], FulfilmentHappening>

function admitPicking(zone: ZoneState, event: PickingEvent): Refused | null {
  const { order_id, fulfilment_id, warehouse_id } = event.data
  const order = zone.orders.peek(order_id)
  if (!order) return dead('unknown_order', order_id)
  const fulfilment = order.fulfilments.find(part => part.fulfilment_id === fulfilment_id)
  if (!fulfilment) return dead('unknown_fulfilment', fulfilment_id)
  if (fulfilment.warehouse_id !== warehouse_id)
    return dead('foreign_warehouse', `${fulfilment_id} is picked at ${fulfilment.warehouse_id}`)
  const what = `${event.type} of ${fulfilment_id}, which is ${fulfilment.state} in an order that is ${order.state}`
  return (
    refusedBy(ORDER_LIFE[order.state].pick, what) ??
    refusedBy(FULFILMENT_LIFE[fulfilment.state][HAPPENS[event.type]], what) ??
    admitPickingLine(fulfilment, event)
  )
}

function admitPickingLine(fulfilment: FulfilmentState, event: PickingEvent): Refused | null {
  if (event.type === 'pick.started' || event.type === 'pick.revised') return null
  if (event.type === 'order.packed') {
    const open = fulfilment.lines.find(line => openOf(line) > 0)
    return open ? dead('illegal_transition', `line ${open.line_id} is still open: report it picked or short`) : null
  }
  const { line_id, quantity } = event.data
  const line = fulfilment.lines.find(candidate => candidate.line_id === line_id)
  if (!line) return dead('unknown_line', line_id)
  if (quantity > openOf(line))
    return dead('illegal_transition', `line ${line_id} has ${openOf(line)} open, not ${quantity}`)
  return null
}
