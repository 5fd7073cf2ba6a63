import type { OperationsEvent } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { Json } from '../past/search.ts'
import type { RecordedEvent } from './format.ts'
import type { Stretch } from './record.ts'

/** What of the log goes into a recording: the words from outside, as far as they can be said again. */

/** type → how many were passed over */
export type LeftOut = Record<string, number>

export interface Sieve {
  /** in the order they were taken */
  events: RecordedEvent[]
  left_out: LeftOut
  take(event: OperationsEvent): void
  /** @returns undefined: it is of an order that is not recorded */
  failed(event: Json): RecordedEvent | undefined
}

/** Said by nobody outside: the clock of the whole, and what one zone's engine tells another's. */
const OWN_WORDS: ReadonlySet<string> = new Set(['clock.set', 'tick', 'order.offered_over'])

export function openSieve({ from, to }: Stretch): Sieve {
  const events: RecordedEvent[] = []
  const left_out: LeftOut = {}
  const placed = new Set<string>()
  const within = (time_ms: number): number => Math.min(Math.max(time_ms, from), to - 1)
  const isWanted = (event: OperationsEvent): boolean => {
    switch (event.type) {
      case 'order.placed':
        placed.add(event.data.order_id)
        return true
      // Of earlier orders the replay knows nothing; what comes back of them is stock.
      case 'order.cancel_asked':
      case 'pick.started':
      case 'line.short':
      case 'order.packed':
        return placed.has(event.data.order_id)
      case 'stock.put_back':
        return !placed.has(event.data.order_id ?? '')
      default:
        return SAID_AGAIN.has(event.type)
    }
  }
  return {
    events,
    left_out,
    take(event) {
      if (OWN_WORDS.has(event.type)) return
      if (isWanted(event)) events.push(recorded(event, within(event.occurred_at)))
      else left_out[event.type] = (left_out[event.type] ?? 0) + 1
    },
    failed(event) {
      const data = event.data as { order_id?: unknown } | undefined
      if (event.type !== 'delivery.failed' || !placed.has(String(data?.order_id))) return undefined
      return recorded(event, within(Number(event.occurred_at)))
    },
  }
}

/** Words of warehouses and dispatchers that mean the same whatever was decided. */
const SAID_AGAIN: ReadonlySet<string> = new Set([
  'stock.counted',
  'stock.adjusted',
  'stock.received',
  'stock.safety_set',
  'sku.suspended',
  'sku.resumed',
  'warehouse.mode',
  'warehouse.paused',
  'warehouse.resumed',
])

const recorded = (
  { type, actor, data }: Pick<OperationsEvent, 'type' | 'actor' | 'data'> | Json,
  occurred_at: number,
) => ({ type, occurred_at, actor, data }) as RecordedEvent

// ── Couriers ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Couriers {
  /** who was on shift at the beginning, by id: the shift as it was begun, from where they were last seen */
  on_shift: RecordedEvent[]
  events: RecordedEvent[]
  left_out: LeftOut
}

interface OnShift {
  actor: string
  data: Json
  place: { point: Point; cell: string }
  said_at: number
}

/** @param event of the topic couriers; the words of one courier in order */
export function couriersUntil({ from, to }: Stretch): { take(event: Json): void; end(): Couriers } {
  const here = new Map<string, OnShift>()
  const events: RecordedEvent[] = []
  const left_out: LeftOut = {}
  const seen = new Set<unknown>()
  const before = (event: Json, courier_id: string): void => {
    const data = event.data as Json
    const place = { point: data.point as Point, cell: String(data.cell) }
    const known = here.get(courier_id)
    const said_at = Number(event.occurred_at)
    if (known !== undefined && said_at < known.said_at) return
    if (event.type === 'shift.started') here.set(courier_id, { actor: String(event.actor), data, place, said_at })
    else if (event.type === 'shift.ended') here.delete(courier_id)
    else if (event.type === 'courier.moved' && known !== undefined) Object.assign(known, { place, said_at })
  }
  return {
    take(event) {
      const time_ms = Number(event.occurred_at)
      const courier_id = String((event.data as Json | undefined)?.courier_id)
      if (time_ms >= to || seen.has(event.event_id)) return
      if (time_ms < from) return before(event, courier_id)
      if (event.type === 'shift.started' || event.type === 'shift.ended') {
        seen.add(event.event_id)
        events.push(recorded(event, time_ms))
      } else left_out[String(event.type)] = (left_out[String(event.type)] ?? 0) + 1
    },
    end() {
      const on_shift = [...here]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { actor, data, place }]) => {
          const { point, cell } = place
          return { type: 'shift.started', occurred_at: from, actor, data: { ...data, point, cell } } as RecordedEvent
        })
      return { on_shift, events, left_out }
    },
  }
}
