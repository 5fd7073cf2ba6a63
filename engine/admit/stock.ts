import type { Sku, TransferId, WarehouseId } from '../../ingest/events/envelope.ts'
import { contentOf } from '../content.ts'
import { isRefusal, TRANSFER_LIFE } from '../lives.ts'
import type { EventOfType, ZoneState } from '../state.ts'
import { dead, type Refused, refused } from './refused.ts'

/** Can it mean anything? Stock, items and transfers. null: go on. */

export function admitStock(
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

export function admitSku(
  zone: ZoneState,
  { warehouse_id, sku }: { warehouse_id: WarehouseId; sku: Sku },
): Refused | null {
  const warehouse = zone.warehouses.peek(warehouse_id)
  if (!warehouse) return dead('unknown_warehouse', warehouse_id)
  return warehouse.stock.has(sku) ? null : dead('unknown_sku', `${warehouse_id} never had ${sku}`)
}

type Sent = EventOfType<'transfer.sent'>['data']

export function admitSent(zone: ZoneState, data: Sent): Refused | null {
  const { transfer_id, warehouse_id, to_warehouse_id, lines } = data
  const known = zone.transfers.peek(transfer_id)
  if (known) {
    if (known.content !== contentOf(data))
      return dead('conflict', `transfer ${transfer_id} was sent with other content`)
    const next = TRANSFER_LIFE[known.state].send
    return isRefusal(next) ? refused(next, `transfer ${transfer_id} is ${known.state}`) : null
  }
  if (!zone.warehouses.has(to_warehouse_id))
    return dead('foreign_warehouse', `${to_warehouse_id} is no warehouse of this zone`)
  if (to_warehouse_id === warehouse_id) return dead('wrong_shape', `${warehouse_id} sends to itself`)
  if (new Set(lines.map(({ sku }) => sku)).size < lines.length)
    return dead('wrong_shape', `transfer ${transfer_id} names an item twice`)
  return admitUnits(zone, warehouse_id, lines) ?? admitUnits(zone, to_warehouse_id, lines)
}

export function admitTransfer(
  zone: ZoneState,
  { transfer_id, warehouse_id }: { transfer_id: TransferId; warehouse_id: WarehouseId },
  happening: 'receive' | 'cancel',
): Refused | null {
  const transfer = zone.transfers.peek(transfer_id)
  if (!transfer) return dead('unknown_transfer', transfer_id)
  const where = happening === 'receive' ? transfer.to_warehouse_id : transfer.from_warehouse_id
  if (warehouse_id !== where)
    return dead('foreign_warehouse', `${happening} of transfer ${transfer_id} happens at ${where}`)
  const next = TRANSFER_LIFE[transfer.state][happening]
  return isRefusal(next) ? refused(next, `${happening} of transfer ${transfer_id}, which is ${transfer.state}`) : null
}

export function admitLines(zone: ZoneState, data: EventOfType<'transfer.received'>['data']): Refused | null {
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
