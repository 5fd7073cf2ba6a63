import { getResolution, isValidCell } from 'h3-js'
import type { OperationsEvent } from '../ingest/contract.ts'
import type { DeadReason } from '../ingest/events/dead_letters.ts'
import {
  CELL_RESOLUTION,
  type FulfilmentId,
  type OrderId,
  type Sku,
  type WarehouseId,
} from '../ingest/events/envelope.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { contentOf } from './content.ts'
import { type EventOfType, type FulfilmentState, type OrderState, openOf, type ZoneState } from './state.ts'

/** Can this event mean anything in this state? What can't is a value, not an exception: a duplicate or a dead letter. */
export type Refused = { kind: 'duplicate' } | { kind: 'dead'; reason: DeadReason; detail: string }

const dead = (reason: DeadReason, detail: string): Refused => ({ kind: 'dead', reason, detail })

/** null: go on. Pure. */
export function admitContent(zone: ZoneState, event: OperationsEvent): Refused | null {
  switch (event.type) {
    case 'order.placed':
      return admitOrder(zone, event.data)
    case 'order.changed':
    case 'order.cancel_asked':
      return admitOpenOrder(zone, event.data.order_id)
    case 'hold.asked':
      return zone.holds.has(event.data.hold_id) ? { kind: 'duplicate' } : null
    case 'hold.confirmed':
      return zone.holds.has(event.data.hold_id)
        ? admitOrder(zone, event.data.order)
        : dead('unknown_hold', event.data.hold_id)
    case 'hold.released':
      return zone.holds.has(event.data.hold_id) ? null : dead('unknown_hold', event.data.hold_id)
    case 'stock.counted':
    case 'stock.adjusted':
    case 'stock.received':
    case 'stock.put_back':
      return admitStock(zone, event.data)
    case 'pick.started':
    case 'line.picked':
    case 'line.short':
    case 'line.substituted':
    case 'order.packed':
      return admitPicking(zone, event)
    case 'warehouse.paused':
    case 'warehouse.resumed':
    case 'warehouse.mode':
      return zone.warehouses.has(event.data.warehouse_id) ? null : dead('unknown_warehouse', event.data.warehouse_id)
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

function admitOrder(zone: ZoneState, request: OrderRequest): Refused | null {
  if (namesTwice(request.lines)) return dead('wrong_shape', `order ${request.order_id} names a line twice`)
  const known = zone.orders.get(request.order_id)
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

function admitOpenOrder(zone: ZoneState, order_id: OrderId): Refused | null {
  const order = zone.orders.get(order_id)
  if (!order) return dead('unknown_order', order_id)
  if (order.state === 'cancelled' || order.state === 'rejected') return { kind: 'duplicate' }
  return null
}

function admitStock(zone: ZoneState, data: { warehouse_id: WarehouseId; sku: Sku; unit: string }): Refused | null {
  const warehouse = zone.warehouses.get(data.warehouse_id)
  if (!warehouse) return dead('unknown_warehouse', data.warehouse_id)
  const stock = warehouse.stock.get(data.sku)
  if (!stock || stock.unit === data.unit) return null
  return dead('conflict', `${data.sku} is kept in ${stock.unit}, not ${data.unit}`)
}

type PickingEvent = Extract<OperationsEvent, { data: { fulfilment_id: FulfilmentId } }>

function admitPicking(zone: ZoneState, event: PickingEvent): Refused | null {
  const { order_id, fulfilment_id, warehouse_id } = event.data
  const order = zone.orders.get(order_id)
  if (!order) return dead('unknown_order', order_id)
  const fulfilment = order.fulfilments.find(part => part.fulfilment_id === fulfilment_id)
  if (!fulfilment) return dead('unknown_fulfilment', fulfilment_id)
  if (fulfilment.warehouse_id !== warehouse_id)
    return dead('foreign_warehouse', `${fulfilment_id} is picked at ${fulfilment.warehouse_id}`)
  return admitPickingStep(order, fulfilment, event)
}

/** The life of a fulfilment: reserved ─► picking ─► packed; replaced and cancelled are ends. */
function admitPickingStep(order: OrderState, fulfilment: FulfilmentState, event: PickingEvent): Refused | null {
  const illegal = () =>
    dead('illegal_transition', `${event.type} of ${fulfilment.fulfilment_id}, which is ${fulfilment.state}`)
  if (order.state !== 'routed') return illegal()
  if (event.type === 'pick.started') return fulfilment.state === 'reserved' ? null : illegal()
  if (fulfilment.state !== 'picking') return illegal()
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
