import type { RecordedEvent } from '../../engine/record/format.ts'
import type { Scripted, ScriptedData } from '../city/town.ts'

/** What warehouses and dispatchers said in a recording, to be said again at the same distance from the beginning. */

/** Who tells how things stood; everybody else tells what happened. */
const TELLER = 'tool:record'
export const isStanding = ({ occurred_at, actor }: RecordedEvent, from: number): boolean =>
  occurred_at === from && actor === TELLER

const SCRIPTED: ReadonlySet<RecordedEvent['type']> = new Set([
  'warehouse.mode',
  'warehouse.paused',
  'warehouse.resumed',
  'stock.counted',
  'stock.adjusted',
  'stock.received',
  'stock.put_back',
  'stock.safety_set',
  'sku.suspended',
  'sku.resumed',
] as const)

export function scriptOf(events: readonly RecordedEvent[], from: number): Scripted[] {
  return events.flatMap((event): Scripted[] => {
    const { type, occurred_at, data } = event
    const due_ms = occurred_at - from
    if (type === 'stock.counted' && isStanding(event, from)) {
      const { warehouse_id, sku, unit, safety } = data
      return safety === undefined
        ? []
        : [{ due_ms, type: 'stock.safety_set', data: { warehouse_id, sku, unit, safety } }]
    }
    if (!SCRIPTED.has(type)) return []
    return [{ due_ms, type, data: untied(event, from) }]
  })
}

/** The times in it as ms from the beginning, and without the order that is given another id now. */
function untied(event: RecordedEvent, from: number): ScriptedData {
  if (event.type === 'stock.put_back') {
    const { order_id: _, ...data } = event.data
    return data
  }
  if (event.type === 'stock.counted') return { ...event.data, as_of: event.data.as_of - from }
  if (event.type === 'sku.suspended' && event.data.until !== undefined) {
    return { ...event.data, until: event.data.until - from }
  }
  return event.data as ScriptedData
}
