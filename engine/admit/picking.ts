import type { OperationsEvent } from '../../ingest/contract.ts'
import type { FulfilmentId } from '../../ingest/events/envelope.ts'
import { FULFILMENT_LIFE, type FulfilmentHappening, isRefusal, ORDER_LIFE } from '../lives.ts'
import { type FulfilmentState, openOf, type ZoneState } from '../state.ts'
import { dead, type Refused, refused } from './refused.ts'

/** Can it mean anything? Picking. null: go on. */

type PickingEvent = Extract<OperationsEvent, { data: { fulfilment_id: FulfilmentId } }>

const HAPPENS = {
  'pick.started': 'start',
  'pick.revised': 'revise',
  'line.picked': 'line',
  'line.short': 'line',
  'line.substituted': 'line',
  'order.packed': 'pack',
} as const satisfies Record<PickingEvent['type'], FulfilmentHappening>

export function admitPicking(zone: ZoneState, event: PickingEvent): Refused | null {
  const { order_id, fulfilment_id, warehouse_id } = event.data
  const order = zone.orders.peek(order_id)
  if (!order) return dead('unknown_order', order_id)
  const fulfilment = order.fulfilments.find(part => part.fulfilment_id === fulfilment_id)
  if (!fulfilment) return dead('unknown_fulfilment', fulfilment_id)
  if (fulfilment.warehouse_id !== warehouse_id)
    return dead('foreign_warehouse', `${fulfilment_id} is picked at ${fulfilment.warehouse_id}`)
  const of_order = ORDER_LIFE[order.state].pick
  const of_part = FULFILMENT_LIFE[fulfilment.state][HAPPENS[event.type]]
  const next = isRefusal(of_order) ? of_order : of_part
  if (!isRefusal(next)) return admitPickingLine(fulfilment, event)
  return refused(next, `${event.type} of ${fulfilment_id}: it is ${fulfilment.state}, and its order ${order.state}`)
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
