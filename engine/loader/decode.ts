import type { Topic } from '../../ingest/contract.ts'
import type { LogMessage } from '../../ingest/io/reader.ts'
import { decisionRows } from './decisions.ts'
import {
  count,
  countOf,
  type Fields,
  fieldsOf,
  objectOf,
  offsetOrNull,
  placeOf,
  realOrNull,
  text,
  textOfBytes,
  time,
  timeOrNull,
  wholeOrNull,
} from './fields.ts'
import { movementRows } from './movements.ts'
import type { Mark } from './rule.ts'
import type { Row } from './tables.ts'

/**
 * From a record of the log to its rows. Every record gives at least one, whatever it holds, so that rows and records can
 * be compared; unknown fields stay in `data`, an unknown type is loaded with its envelope, and what cannot be read at all
 * becomes a row of type `unreadable`. 60 to 150 k records a CPU-second, most of it JSON.parse.
 */

export interface Decoded {
  partition: number
  offset: number
  appended_at: number
  /** as they lie in Kafka */
  bytes: number
  rows: Row[]
  /** only of `decisions` and `movements` */
  mark?: Mark
}

export const UNREADABLE = 'unreadable'

export function decodeRecord(topic: Topic, partition: number, message: LogMessage): Decoded {
  const { offset, appended_at, value } = message
  const head = { kafka_partition: partition, kafka_offset: offset, appended_at }
  const decoded = { partition, offset, appended_at, bytes: value?.length ?? 0 }
  const raw = textOfBytes(value)
  const event = objectOf(raw)
  if (topic === 'decisions') return { ...decoded, ...decisionRows(head, event, raw) }
  if (topic === 'movements') return { ...decoded, ...movementRows(head, event, raw) }
  if (topic === 'dead-letters') return { ...decoded, rows: [deadLetterRow(head, message.headers, event ?? {}, raw)] }
  const row = ROWS[topic]
  return { ...decoded, rows: [row(head, event ?? {}, raw)] }
}

export interface Head {
  kafka_partition: number
  kafka_offset: number
  appended_at: number
}

const ROWS = { operations: operationsRow, couriers: couriersRow, deliveries: deliveriesRow }

function envelopeOf(head: Head, event: Fields) {
  return {
    ...head,
    event_id: text(event.event_id),
    type: text(event.type) || UNREADABLE,
    tenant_id: text(event.tenant_id),
    zone_id: text(event.zone_id),
    occurred_at: time(event.occurred_at, head.appended_at),
    received_at: time(event.received_at, head.appended_at),
    source: text(event.source),
    actor: text(event.actor),
    correlation_id: text(event.correlation_id),
    causation_id: text(event.causation_id),
  }
}

/** An event's data alone; of what is no event, everything there is. */
const dataOf = (event: Fields, raw: string): string =>
  text(event.type) !== '' && event.data !== undefined ? JSON.stringify(event.data) : raw

function operationsRow(head: Head, event: Fields, raw: string): Row<'operations'> {
  const data = fieldsOf(event.data)
  // A confirmed hold carries the order it became.
  const order = event.type === 'hold.confirmed' ? fieldsOf(data.order) : data
  return {
    ...envelopeOf(head, event),
    warehouse_id: text(order.warehouse_id),
    order_id: text(order.order_id),
    fulfilment_id: text(data.fulfilment_id),
    hold_id: text(data.hold_id),
    line_id: text(data.line_id),
    sku: text(data.sku),
    quantity: wholeOrNull(data.quantity ?? data.delta),
    unit: text(data.unit),
    reason: text(data.reason),
    lines: countOf(order.lines),
    ...placeOf(order),
    data: dataOf(event, raw),
  }
}

function couriersRow(head: Head, event: Fields, raw: string): Row<'couriers'> {
  const data = fieldsOf(event.data)
  return {
    ...envelopeOf(head, event),
    courier_id: text(data.courier_id),
    state: text(data.state),
    vehicle: text(data.vehicle),
    speed_mps: realOrNull(data.speed_mps),
    heading_deg: realOrNull(data.heading_deg),
    ...placeOf(data),
    data: dataOf(event, raw),
  }
}

function deliveriesRow(head: Head, event: Fields, raw: string): Row<'deliveries'> {
  const data = fieldsOf(event.data)
  return {
    ...envelopeOf(head, event),
    trip_id: text(data.trip_id),
    version: count(data.version, 2 ** 32 - 1),
    courier_id: text(data.courier_id),
    warehouse_id: text(data.warehouse_id),
    order_id: text(data.order_id),
    fulfilment_id: text(data.fulfilment_id),
    reason: text(data.reason),
    stops: countOf(data.stops),
    picked_up_at: timeOrNull(data.picked_up_at),
    delivered_at: timeOrNull(data.delivered_at),
    late_s: wholeOrNull(data.late_s),
    data: dataOf(event, raw),
  }
}

function deadLetterRow(head: Head, headers: Record<string, string>, event: Fields, raw: string): Row<'dead-letters'> {
  return {
    ...head,
    origin_topic: text(headers.origin_topic),
    origin_partition: count(Number(headers.origin_partition), 2 ** 32 - 1),
    origin_offset: offsetOrNull(headers.origin_offset) ?? 0,
    reason: text(headers.reason),
    detail: text(headers.detail),
    event_id: text(event.event_id),
    type: text(event.type) || UNREADABLE,
    tenant_id: text(event.tenant_id),
    zone_id: text(event.zone_id),
    occurred_at: time(event.occurred_at, head.appended_at),
    correlation_id: text(event.correlation_id),
    data: raw,
  }
}
