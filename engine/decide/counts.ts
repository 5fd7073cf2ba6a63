import type { DecisionStream, EventOfType, ZoneState } from '../state.ts'
import { isSuperseded, onHandAfterCount } from '../stock.ts'

export function* count(zone: ZoneState, event: EventOfType<'stock.counted'>): DecisionStream {
  const { warehouse_id, sku, quantity, unit, as_of, safety } = event.data
  const stock = zone.warehouses.peek(warehouse_id)?.stock.peek(sku)
  if (isSuperseded(stock, as_of, zone.time)) {
    yield { type: 'count.superseded', warehouse_id, sku, as_of, counted_as_of: stock?.counted_as_of ?? 0 }
    return
  }
  yield {
    type: 'stock.corrected',
    warehouse_id,
    sku,
    on_hand_before: stock?.on_hand ?? 0,
    on_hand: onHandAfterCount(stock, quantity, as_of),
    safety: safety ?? stock?.safety ?? 0,
    unit,
    // A clock that runs ahead must not make every later count look old.
    as_of: Math.min(as_of, zone.time),
    cause: 'count',
  }
}
