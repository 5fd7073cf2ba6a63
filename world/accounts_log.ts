import { randomUUID } from 'node:crypto'
import type { EachBatchPayload, IHeaders, Kafka } from 'kafkajs'
import { TOPICS, type Topic, topicName } from '../ingest/contract.ts'
import { topicEnds } from '../ingest/io/kafka.ts'
import type { LogMessage } from '../ingest/io/log_messages.ts'

/**
 * The log, read from offset 0 by a consumer group of its own: what the accounts rest on. It shares nothing with the services
 * but the vocabulary.
 */

export const ALL_TOPICS = Object.keys(TOPICS) as Topic[]

/** What happened to an order, as the three topics tell it. */
export interface OrderTrace {
  /** `partition/offset` in operations of each order.placed */
  placed_at: string[]
  /** what the engine decided last, of the decisions that say where the order stands */
  decided: 'routed' | 'picking' | 'packed' | 'rejected' | 'cancelled' | undefined
  routed: boolean
  rejected_reason: string | undefined
  rerouted: number
  shortened: number
  /** routed in the first place, and the best by time was refused */
  passed_over: boolean
  /** a dispatcher gave it to a courier */
  by_hand: boolean
  /** its courier gave it back, or was lost */
  left: boolean
  /** what the courier said last */
  delivery: 'picked_up' | 'delivered' | 'failed' | undefined
  late_s: number | undefined
}

/** Somebody on shift: the newest by the business clock. */
export interface CourierTrace {
  partition: number
  point: unknown
  state: string
  seen_at: number
}

export interface LogState {
  /** by topic and partition: how many records were read, which is also the next offset */
  read: Record<Topic, number[]>
  /** by partition and offset: rows that ClickHouse must have of that record of `decisions` */
  decision_rows: number[][]
  /** the same of `movements` */
  movement_rows: number[][]
  /** by partition of `decisions`: highest epoch, and highest source offset that was decided */
  judged: { epoch: number; source_offset: number }[]
  /** by partition of `operations`: the records as they came, for a fold of our own */
  operations: LogMessage[][]
  /** `partition/source offset` → the decisions that stand, as JSON */
  published: Map<string, string>
  /** courier_id → the newest that the courier said of itself */
  fleet: Map<string, CourierTrace>
  /** tenant/order → what is known of it */
  orders: Map<string, OrderTrace>
  /** `topic/partition/offset` of every record that was declared dead → its reason */
  dead: Map<string, string>
  /** offsets that were not one above the one before: a hole in what Kafka gave us */
  holes: string[]
}

export interface LogReader extends AsyncDisposable {
  state: LogState
  /** Resolves when everything that was in the log at this moment has been read. @returns the ends */
  readToEnd(): Promise<Record<Topic, number[]>>
}

const READ_TIMEOUT_MS = 60_000

/** Sees every record once, in the order of its partition. */
type Also = (topic: Topic, partition: number, message: LogMessage) => void

export async function openLogReader(kafka: Kafka, namespace: string, also: Also = () => {}): Promise<LogReader> {
  const state = emptyState()
  const names = new Map(ALL_TOPICS.map(topic => [topicName(namespace, topic), topic]))
  const groupId = `${namespace}.accounts.${randomUUID()}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 5 } })
  const crashed = Promise.withResolvers<never>()
  crashed.promise.catch(() => {})
  consumer.on(consumer.events.CRASH, ({ payload }) => crashed.reject(payload.error))
  await consumer.connect()
  await consumer.subscribe({ topics: [...names.keys()], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 1,
    eachBatch: async payload => readBatch(state, names, payload, also),
  })
  return {
    state,
    async readToEnd() {
      const ends = await endsOf(kafka, namespace)
      await Promise.race([untilRead(state, ends), crashed.promise])
      return ends
    },
    async [Symbol.asyncDispose]() {
      await consumer.disconnect()
      const admin = kafka.admin()
      await admin.connect()
      await admin.deleteGroups([groupId]).catch(() => {}) // an empty group expires by itself
      await admin.disconnect()
    },
  }
}

async function endsOf(kafka: Kafka, namespace: string): Promise<Record<Topic, number[]>> {
  const ends = emptyState().read
  for (const topic of ALL_TOPICS)
    ends[topic] = (await topicEnds(kafka, topicName(namespace, topic))).map(end => end.high)
  return ends
}

async function untilRead(state: LogState, ends: Record<Topic, number[]>): Promise<void> {
  const started = performance.now()
  const behind = (): string[] =>
    ALL_TOPICS.flatMap(topic =>
      ends[topic].flatMap((end, partition) =>
        (state.read[topic][partition] ?? 0) < end ? `${topic}/${partition}` : [],
      ),
    )
  while (behind().length > 0) {
    if (performance.now() - started > READ_TIMEOUT_MS)
      throw new Error(`the log could not be read: ${behind().join(', ')}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export function emptyState(): LogState {
  const read: Record<Topic, number[]> = {
    operations: [],
    decisions: [],
    movements: [],
    couriers: [],
    deliveries: [],
    'dead-letters': [],
  }
  return {
    read,
    decision_rows: [],
    movement_rows: [],
    judged: [],
    operations: [],
    published: new Map(),
    fleet: new Map(),
    orders: new Map(),
    dead: new Map(),
    holes: [],
  }
}

async function readBatch(
  state: LogState,
  names: Map<string, Topic>,
  { batch, heartbeat }: EachBatchPayload,
  also: Also,
): Promise<void> {
  const topic = names.get(batch.topic)
  if (topic === undefined) return
  for (const { offset, timestamp, key, value, headers = {} } of batch.messages) {
    const at = { offset: Number(offset), appended_at: Number(timestamp), key, value }
    const message = { ...at, headers: textsOf(headers) }
    if (at.offset >= (state.read[topic][batch.partition] ?? 0)) also(topic, batch.partition, message)
    takeRecord(state, topic, batch.partition, message)
  }
  await heartbeat()
}

// ── One record ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Takes the next record of a partition into the state. What was read already is passed over. */
export function takeRecord(state: LogState, topic: Topic, partition: number, message: LogMessage): void {
  const { offset, value, headers } = message
  const expected = state.read[topic][partition] ?? 0
  if (offset < expected) return
  if (offset > expected) state.holes.push(`${topic}/${partition}: ${expected} to ${offset - 1}`)
  state.read[topic][partition] = offset + 1
  if (topic === 'dead-letters') takeDead(state, headers)
  if (topic === 'couriers') takeCourier(state, parse(value), partition)
  if (topic === 'deliveries') takeDelivery(state, parse(value))
  if (topic === 'decisions') takeDecisions(state, parse(value), partition, offset)
  if (topic === 'movements') takeMovements(state, parse(value), partition, offset)
  if (topic === 'operations') takeOperation(state, parse(value), partition, message)
}

function textsOf(headers: IHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]))
}

type Json = Record<string, unknown>

function parse(value: Buffer | null): Json {
  try {
    const parsed: unknown = JSON.parse(value?.toString() ?? '')
    return typeof parsed === 'object' && parsed !== null ? (parsed as Json) : {}
  } catch {
    return {} // unreadable bytes count as a record and say nothing
  }
}

function traceOf(state: LogState, tenant_id: unknown, order_id: unknown): OrderTrace {
  const key = `${tenant_id}/${order_id}`
  const known = state.orders.get(key)
  if (known !== undefined) return known
  const trace: OrderTrace = {
    placed_at: [],
    decided: undefined,
    routed: false,
    rejected_reason: undefined,
    rerouted: 0,
    shortened: 0,
    passed_over: false,
    by_hand: false,
    left: false,
    delivery: undefined,
    late_s: undefined,
  }
  state.orders.set(key, trace)
  return trace
}

function takeOperation(state: LogState, event: Json, partition: number, message: LogMessage): void {
  state.operations[partition] ??= []
  state.operations[partition].push(message)
  const at = `${partition}/${message.offset}`
  const data = (event.data ?? {}) as Json
  if (event.type === 'order.placed') traceOf(state, event.tenant_id, data.order_id).placed_at.push(at)
  if (event.type === 'hold.confirmed') {
    traceOf(state, event.tenant_id, (data.order as Json | undefined)?.order_id).placed_at.push(at)
  }
}

/** Nobody is known before the shift begins, and nothing older replaces what is newer. */
function takeCourier(state: LogState, event: Json, partition: number): void {
  const data = (event.data ?? {}) as Json
  const courier_id = String(data.courier_id)
  const seen_at = Number(event.occurred_at)
  const known = state.fleet.get(courier_id)
  if (known !== undefined && seen_at < known.seen_at) return
  if (event.type === 'shift.started') {
    state.fleet.set(courier_id, { partition, point: data.point, state: 'available', seen_at })
  } else if (known !== undefined && known.state !== 'off') {
    known.seen_at = seen_at
    if (event.type === 'courier.moved') known.point = data.point
    if (event.type === 'shift.ended') known.state = 'off'
    if (event.type === 'state.changed') known.state = String(data.state)
  }
}

function takeDead(state: LogState, headers: Record<string, string>): void {
  const { origin_topic = '', origin_partition = '', origin_offset = '', reason = '' } = headers
  const topic = origin_topic.replace(/^.*\./, '') // the namespace may stand in front
  state.dead.set(`${topic}/${origin_partition}/${origin_offset}`, reason)
}

function takeDelivery(state: LogState, event: Json): void {
  const data = (event.data ?? {}) as Json
  const type = String(event.type)
  takeTrip(state, type, event, data)
  if (type !== 'delivery.picked_up' && type !== 'delivery.delivered' && type !== 'delivery.failed') return
  const trace = traceOf(state, event.tenant_id, data.order_id)
  // Sent twice it may come again after what followed it.
  if (type === 'delivery.picked_up') trace.delivery ??= 'picked_up'
  if (type === 'delivery.failed') trace.delivery = 'failed'
  if (type === 'delivery.delivered') {
    trace.delivery = 'delivered'
    trace.late_s = Number(data.late_s)
  }
}

function takeTrip(state: LogState, type: string, { tenant_id, actor }: Json, { stops, order_ids }: Json): void {
  if (type === 'trip.cancelled' && Array.isArray(order_ids)) {
    for (const order_id of order_ids) traceOf(state, tenant_id, order_id).left = true
  }
  const given = type === 'trip.assigned' || type === 'trip.reassigned'
  if (!given || !Array.isArray(stops) || !String(actor).startsWith('dispatcher:')) return
  for (const { order_id } of stops as Json[]) traceOf(state, tenant_id, order_id).by_hand = true
}

/** The readers' rule: below the highest epoch a record is void, and so is one whose source was decided already. */
function takeDecisions(state: LogState, record: Json, partition: number, offset: number): void {
  const decisions = Array.isArray(record.decisions) ? (record.decisions as Json[]) : []
  state.decision_rows[partition] ??= []
  state.decision_rows[partition][offset] = Math.max(1, decisions.length)
  state.judged[partition] ??= { epoch: 0, source_offset: -1 }
  const last = state.judged[partition]
  const epoch = Number(record.epoch ?? -1)
  if (epoch < last.epoch) return
  last.epoch = epoch
  if (record.kind !== 'decided' || Number(record.source_offset) <= last.source_offset) return
  last.source_offset = Number(record.source_offset)
  state.published.set(`${partition}/${last.source_offset}`, JSON.stringify(decisions))
  for (const decision of decisions) takeDecision(state, record.tenant_id, decision)
}

function takeMovements(state: LogState, record: Json, partition: number, offset: number): void {
  const { source_offset } = (record.rows ?? {}) as { source_offset?: unknown }
  state.movement_rows[partition] ??= []
  state.movement_rows[partition][offset] = Array.isArray(source_offset) ? source_offset.length : 1
}

function takeDecision(state: LogState, tenant_id: unknown, decision: Json): void {
  if (decision.order_id === undefined) return
  const trace = traceOf(state, tenant_id, decision.order_id)
  if (decision.type === 'order.routed') {
    trace.decided = 'routed'
    trace.routed = true
    const [best] = Array.isArray(decision.candidates) ? (decision.candidates as Json[]) : []
    trace.passed_over = best?.refused !== undefined
  } else if (decision.type === 'order.rerouted') {
    trace.decided = 'routed'
    trace.rerouted++
  } else if (decision.type === 'order.picking') trace.decided = 'picking'
  else if (decision.type === 'order.packed') trace.decided = 'packed'
  else if (decision.type === 'order.cancelled') trace.decided = 'cancelled'
  else if (decision.type === 'order.shortened') trace.shortened++
  else if (decision.type === 'order.rejected') {
    trace.decided = 'rejected'
    trace.rejected_reason = String(decision.reason)
  }
}
