import type { Topic } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import type { LoadRecord, OrderAck } from './record.ts'

/** What the log says beside what the accounts take of it: where each event lies, whose order it is, which decisions stand. */
export interface Trail {
  /** `topic/partition/offset` of operations and couriers → event_id */
  events: Map<string, string>
  /** event_id → how often it lies in the log: more than once where a reply was cut */
  times: Map<string, number>
  /** external id → the order ids it was placed under */
  placed: Map<string, Set<string>>
  /** `partition/offset` of decisions → how many rows, and whether the record counts for nobody */
  decisions: Map<string, { rows: number; is_void: boolean }>
  /** `zone minute` → what was decided in it, as orders_per_minute should say */
  minutes: Map<string, Minute>
  /** partition → highest epoch, and highest source offset that counts */
  last: Map<number, { epoch: number; source_offset: number }>
}

export interface Minute {
  placed: number
  routed: number
  rejected: number
  cancelled: number
}

export const emptyTrail = (): Trail => ({
  events: new Map(),
  times: new Map(),
  placed: new Map(),
  decisions: new Map(),
  minutes: new Map(),
  last: new Map(),
})

type Json = Record<string, unknown>

export function follow(trail: Trail, topic: Topic, partition: number, { offset, value }: LogMessage): void {
  if (topic !== 'operations' && topic !== 'couriers' && topic !== 'decisions') return
  const event = parse(value)
  if (topic === 'decisions') {
    followDecisions(trail, partition, offset, event)
    return
  }
  const event_id = String(event.event_id)
  trail.events.set(`${topic}/${partition}/${offset}`, event_id)
  trail.times.set(event_id, (trail.times.get(event_id) ?? 0) + 1)
  if (event.type !== 'order.placed') return
  const { external_id, order_id } = event.data as Json
  const ids = trail.placed.get(String(external_id)) ?? new Set<string>()
  trail.placed.set(String(external_id), ids.add(String(order_id)))
}

function parse(value: Buffer | null): Json {
  try {
    return JSON.parse(value?.toString() ?? '') as Json
  } catch {
    return {}
  }
}

/** Below the highest epoch a record is void; so is one whose source was decided by a record before it. */
function followDecisions(trail: Trail, partition: number, offset: number, record: Json): void {
  const decisions = Array.isArray(record.decisions) ? (record.decisions as Json[]) : []
  const last = trail.last.get(partition) ?? { epoch: 0, source_offset: -1 }
  trail.last.set(partition, last)
  const epoch = Number(record.epoch)
  const source_offset = record.kind === 'decided' ? Number(record.source_offset) : undefined
  const is_void = epoch < last.epoch || (source_offset !== undefined && source_offset <= last.source_offset)
  trail.decisions.set(`${partition}/${offset}`, { rows: Math.max(1, decisions.length), is_void })
  if (epoch > last.epoch) last.epoch = epoch
  if (is_void || source_offset === undefined) return
  last.source_offset = source_offset
  for (const decision of decisions) countMinute(trail, record, decision)
}

function countMinute(trail: Trail, { zone_id, decided_at }: Json, { type, attempt, placed_at }: Json): void {
  const count = (at: unknown, what: keyof Minute): void => {
    const key = `${zone_id} ${Math.floor(Number(at) / 60_000) * 60}`
    const minute = trail.minutes.get(key) ?? { placed: 0, routed: 0, rejected: 0, cancelled: 0 }
    minute[what]++
    trail.minutes.set(key, minute)
  }
  if (type === 'order.routed' || (type === 'order.rejected' && Number(attempt) <= 1)) {
    count(placed_at ?? decided_at, 'placed')
  }
  if (type === 'order.routed') count(decided_at, 'routed')
  if (type === 'order.rejected') count(decided_at, 'rejected')
  if (type === 'order.cancelled') count(decided_at, 'cancelled')
}

// ── Acknowledged and there ──────────────────────────────────────────────────────────────────────────────────────────

/** @returns in words what somebody was told is in the log, and is not, or not where it was said to be */
export function findLost(trail: Trail, { orders, events }: LoadRecord, operation: (at: string) => Json): string[] {
  const lost: string[] = []
  for (const { event_id, topic, partition, offset } of events) {
    const at = `${topic}/${partition}/${offset}`
    if (trail.events.get(at) === event_id) continue
    const elsewhere = trail.times.has(event_id) ? 'it lies elsewhere' : 'it is nowhere'
    lost.push(`the event ${event_id} was acknowledged at ${at}, and there lies another; ${elsewhere}`)
  }
  for (const ack of orders) {
    const found = operation(`${ack.partition}/${ack.offset}`)
    if (!isOrder(found, ack))
      lost.push(`the order ${ack.external_id} was acknowledged and is not where it was said to be`)
  }
  return lost
}

function isOrder({ type, data }: Json, { order_id, external_id }: OrderAck): boolean {
  const order = (data ?? {}) as Json
  return type === 'order.placed' && order.order_id === order_id && order.external_id === external_id
}

/** One wish, two orders. */
export function findPlacedTwice(trail: Trail): string[] {
  return [...trail.placed].flatMap(([external_id, ids]) =>
    ids.size > 1 ? [`${external_id} was placed as ${[...ids].join(' and ')}`] : [],
  )
}
