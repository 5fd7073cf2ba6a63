import type { TransferId } from '../../ingest/events/envelope.ts'
import { contentOf } from '../content.ts'
import { isRefusal, TRANSFER_LIFE, type TransferHappening } from '../lives.ts'
import type { EventOfType, TransferState, ZoneState } from '../state.ts'
import { apply, stockOf, type Why } from '../stock.ts'
import { forgetLater } from './ended.ts'
import { moveStock } from './stock.ts'

/**
 * Goods between two warehouses of the zone. Part of `evolve`: mechanical.
 *
 *                  the one that gives            the one that takes
 *   sent           on hand − quantity            in transit + quantity
 *   received                                     in transit − quantity, on hand + what was really there
 *   cancelled      on hand + quantity            in transit − quantity
 */

export function sendTransfer(zone: ZoneState, event: EventOfType<'transfer.sent'>): void {
  const { transfer_id, warehouse_id, to_warehouse_id, lines } = event.data
  const transfer: TransferState = {
    transfer_id,
    state: 'in_transit',
    from_warehouse_id: warehouse_id,
    to_warehouse_id,
    content: contentOf(event.data),
    lines: lines.map(({ sku, unit, quantity }) => ({ sku, unit, quantity })),
  }
  zone.transfers.set(transfer_id, transfer)
  const why: Why = { cause: 'transfer_sent', ref: transfer_id }
  for (const { sku, unit, quantity } of lines) {
    moveStock(zone, { warehouse_id, sku, unit }, -quantity, why, event.occurred_at)
  }
  moveInTransit(zone, transfer, 1, why)
}

export function receiveTransfer(zone: ZoneState, event: EventOfType<'transfer.received'>): void {
  const transfer = zone.transfers.get(event.data.transfer_id)
  if (!transfer) return
  const why: Why = { cause: 'transfer_received', ref: transfer.transfer_id }
  moveInTransit(zone, transfer, -1, why)
  const found = event.data.lines ?? []
  const as_sent = transfer.lines.filter(line => !found.some(({ sku }) => sku === line.sku))
  for (const { sku, unit, quantity } of [...found, ...as_sent]) {
    const place = { warehouse_id: transfer.to_warehouse_id, sku, unit }
    moveStock(zone, place, quantity, why, event.occurred_at)
  }
  end(zone, transfer, 'receive')
}

export function cancelTransfer(zone: ZoneState, event: EventOfType<'transfer.cancelled'>): void {
  const transfer = zone.transfers.get(event.data.transfer_id)
  if (!transfer) return
  const why: Why = { cause: 'transfer_cancelled', ref: transfer.transfer_id }
  moveInTransit(zone, transfer, -1, why)
  for (const { sku, unit, quantity } of transfer.lines) {
    const place = { warehouse_id: transfer.from_warehouse_id, sku, unit }
    moveStock(zone, place, quantity, why, event.occurred_at)
  }
  end(zone, transfer, 'cancel')
}

function moveInTransit(zone: ZoneState, { to_warehouse_id, lines }: TransferState, sign: 1 | -1, why: Why): void {
  const warehouse = zone.warehouses.get(to_warehouse_id)
  if (!warehouse) return
  for (const { sku, unit, quantity } of lines) {
    const in_transit = sign * quantity
    const movement = { warehouse_id: to_warehouse_id, sku, on_hand: 0, reserved: 0, safety: 0, in_transit, ...why }
    apply(zone, stockOf(warehouse, sku, unit), movement)
  }
}

function end(zone: ZoneState, transfer: TransferState, happening: TransferHappening): void {
  const next = TRANSFER_LIFE[transfer.state][happening]
  if (isRefusal(next)) return
  transfer.state = next
  transfer.lines = []
  forgetLater<TransferId>(zone.ended.transfers, transfer.transfer_id, zone.time)
}
