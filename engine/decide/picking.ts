import { grantable } from '../contract.ts'
import { type DecisionStream, type EventOfType, openOf, type Reservation, type ZoneState } from '../state.ts'
import { isSuperseded, onHandAfterCount } from '../stock.ts'
import { endIfEmpty, findPicking, type Picking, shortened, substituteLineId } from './parts.ts'
import { promiseAfter } from './promise.ts'

export function* startPicking(zone: ZoneState, event: EventOfType<'pick.started'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const { order_id, fulfilment_id, warehouse_id, ready_in_s } = event.data
  const warehouse = zone.warehouses.peek(warehouse_id)
  if (!picking || !warehouse) return
  const work_s = picking.fulfilment.lines.length * warehouse.pick_s_per_line + warehouse.pack_s
  const ready_at = zone.time + 1_000 * (ready_in_s ?? work_s)
  const { attempt } = picking.order
  yield { type: 'order.picking', order_id, attempt, fulfilment_id, warehouse_id, started_at: zone.time, ready_at }
  yield* promiseAfter(zone, picking, ready_at, 'picking')
}

export function* revisePicking(zone: ZoneState, event: EventOfType<'pick.revised'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  if (!picking) return
  const { order_id, fulfilment_id, warehouse_id, ready_in_s } = event.data
  const ready_at = zone.time + 1_000 * ready_in_s
  const { attempt } = picking.order
  yield { type: 'order.revised', order_id, attempt, fulfilment_id, warehouse_id, ready_at }
  yield* promiseAfter(zone, picking, ready_at, 'picking')
}

/**
 * The picker found less than was asked: the line shrinks, and beside what the picker still takes for it nothing is on hand
 * there any more until somebody counts.
 */
export function* shortLine(zone: ZoneState, event: EventOfType<'line.short'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const line = picking?.fulfilment.lines.find(({ line_id }) => line_id === event.data.line_id)
  if (!picking || !line) return
  const { order, fulfilment } = picking
  yield shortened(order, fulfilment, line, event.data.quantity, 'short_pick')
  yield* emptyShelf(zone, picking, line, event.occurred_at)
  yield* endIfEmpty(order, fulfilment, 'short_pick')
}

/** The picker looked like somebody who counts does: what he saw holds for when he saw it, and not over a newer count. */
function* emptyShelf(zone: ZoneState, picking: Picking, line: Reservation, seen_at: number): DecisionStream {
  const { sku } = line
  const { warehouse_id } = picking.fulfilment
  const stock = zone.warehouses.peek(warehouse_id)?.stock.peek(sku)
  const as_of = Math.min(seen_at, zone.time)
  if (!stock || isSuperseded(stock, as_of, zone.time)) return
  const on_hand = onHandAfterCount(stock, openOf(line), as_of)
  if (stock.on_hand <= on_hand) return
  const { on_hand: on_hand_before, safety, unit } = stock
  const ref = picking.order.order_id
  const cause = 'short_pick'
  yield { type: 'stock.corrected', warehouse_id, sku, on_hand_before, on_hand, safety, unit, as_of, cause, ref }
}

/** The substitute is reserved in the same step as the missing item is given up; without cover the line is short. */
export function* substitute(zone: ZoneState, event: EventOfType<'line.substituted'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  const { line_id, substitute_sku, quantity, warehouse_id } = event.data
  const line = picking?.fulfilment.lines.find(candidate => candidate.line_id === line_id)
  if (!picking || !line) return
  const { order, fulfilment } = picking
  const stock = zone.warehouses.peek(warehouse_id)?.stock.peek(substitute_sku)
  if (stock && stock.unit === line.unit && grantable(stock, zone.time) >= quantity) {
    const { order_id, attempt } = order
    const { fulfilment_id } = fulfilment
    yield {
      type: 'order.substituted',
      order_id,
      attempt,
      fulfilment_id,
      warehouse_id,
      line_id,
      substitute_line_id: substituteLineId(line_id, fulfilment.lines.length),
      sku: line.sku,
      substitute_sku,
      quantity,
    }
  } else {
    yield shortened(order, fulfilment, line, quantity, 'substitution')
  }
  yield* emptyShelf(zone, picking, line, event.occurred_at)
  yield* endIfEmpty(order, fulfilment, 'short_pick')
}

/** A part that is packed late has its promise looked at first: the last one closes the order, which then forgets its place. */
export function* pack(zone: ZoneState, event: EventOfType<'order.packed'>): DecisionStream {
  const picking = findPicking(zone, event.data)
  if (!picking) return
  const { order_id, fulfilment_id, warehouse_id } = event.data
  const { attempt } = picking.order
  yield* promiseAfter(zone, picking, zone.time, 'picking')
  yield { type: 'order.packed', order_id, attempt, fulfilment_id, warehouse_id, packed_at: zone.time }
}
