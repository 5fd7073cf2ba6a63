import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { OrderView, PlacedAnswer, PlaceOrder } from '../../dispatch/contract.ts'
import { type EventAnswer, type EventDraft, PARTITIONS_DEFAULT, partitionOf, topicName } from '../../ingest/contract.ts'
import { SCHEMA_VERSION } from '../../ingest/events/envelope.ts'
import type { Producer } from '../../ingest/io/producer.ts'
import { type Answer, CityStopped, openCaller } from '../city/call.ts'
import { type LoadRecord, noteRefusal } from './record.ts'

/**
 * The doors as the load uses them: the same bytes again until there is an answer, and every answer written down. Holds and pauses,
 * which have no door of their own here, are published as dispatch would publish them.
 */
export interface Doors {
  put(what: 'zones' | 'warehouses', id: string, body: object): Promise<void>
  place(order: PlaceOrder): Promise<PlacedAnswer | undefined>
  cancel(order_id: string): Promise<void>
  order(order_id: string): Promise<OrderView | undefined>
  /** In order, all of them acknowledged when it resolves. */
  send(drafts: readonly EventDraft[]): Promise<void>
  /** Straight into the log, by our own hand. */
  publish(zone_id: string, type: string, data: object): Promise<void>
  open(): number
  retries(): number
}

export interface DoorsOptions {
  ingest_url: string
  dispatch_url: string
  key: string
  namespace: string
  producer: Producer
  record: LoadRecord
  stop: AbortSignal
}

export function openDoors(options: DoorsOptions): Doors {
  const { ingest_url, dispatch_url, record, stop } = options
  const caller = openCaller(options.key, stop)
  const call = (method: 'GET' | 'PUT' | 'POST', url: string, body?: object): Promise<Answer> =>
    caller.call({ method, url, ...(body !== undefined && { body: JSON.stringify(body) }) })
  const good = (what: string, answer: Answer): boolean => {
    if (answer.status < 300) return true
    noteRefusal(record, `${what} → ${answer.status}`, answer.body)
    return false
  }
  let publishing = 0
  return {
    open: () => caller.open() + publishing,
    retries: () => caller.tally.retries,
    async put(what, id, body) {
      good(`PUT ${what}`, await call('PUT', `${ingest_url}/v1/${what}/${id}`, body))
    },
    async place(order) {
      record.asked++
      const answer = await call('POST', `${dispatch_url}/v1/orders`, order)
      if (!good('order', answer)) return undefined
      const placed = answer.body as PlacedAnswer
      const { order_id, partition, offset } = placed
      record.orders.push({ external_id: order.external_id, order_id, partition, offset: Number(offset) })
      return placed
    },
    async cancel(order_id) {
      const answer = await call('POST', `${dispatch_url}/v1/orders/${order_id}/cancel`, { reason: 'changed_mind' })
      if (answer.status !== 409) good('cancel', answer)
    },
    async order(order_id) {
      const answer = await call('GET', `${dispatch_url}/v1/orders/${order_id}`)
      return good('order', answer) ? (answer.body as OrderView) : undefined
    },
    async send(drafts) {
      const answer = await call('POST', `${ingest_url}/v1/events`, drafts)
      if (answer.status > 207 && !good('events', answer)) return
      const answers = (Array.isArray(answer.body) ? answer.body : [answer.body]) as EventAnswer[]
      for (const [place, one] of answers.entries()) noteAnswer(record, drafts[place], one)
    },
    async publish(zone_id, type, data) {
      publishing++
      try {
        await publishOne(options, zone_id, type, data)
      } finally {
        publishing--
      }
    },
  }
}

function noteAnswer(record: LoadRecord, draft: EventDraft | undefined, answer: EventAnswer): void {
  if (answer.status !== 'accepted') {
    noteRefusal(record, `event ${draft?.type}`, answer)
    return
  }
  const { event_id, partition, offset } = answer
  const topic = /^(courier|shift|state)\./.test(draft?.type ?? '') ? 'couriers' : 'operations'
  record.events.push({ event_id, topic, partition, offset: Number(offset) })
}

const AGAIN_MS = 300

async function publishOne(options: DoorsOptions, zone_id: string, type: string, data: object): Promise<void> {
  const { producer, namespace, record, stop } = options
  const event_id = randomUUIDv7()
  const now = Date.now()
  const envelope = { event_id, type, schema_version: SCHEMA_VERSION, tenant_id: 'demo', zone_id }
  const origin = { source: 'faults', actor: 'test:faults', correlation_id: event_id }
  const event = { ...envelope, occurred_at: now, received_at: now, ...origin, data }
  const partition = partitionOf(zone_id, PARTITIONS_DEFAULT)
  const message = { partition, key: zone_id, value: Buffer.from(JSON.stringify(event)) }
  for (;;) {
    if (stop.aborted) throw new CityStopped('the load is over')
    try {
      const { offset } = await producer.send(topicName(namespace, 'operations'), message)
      record.events.push({ event_id, topic: 'operations', partition, offset })
      return
    } catch {
      await delay(AGAIN_MS, undefined, { signal: stop }).catch(() => {})
    }
  }
}
