import type { Topic } from '../../ingest/contract.ts'
import type { Columns } from './arrow.ts'
import {
  between,
  count,
  countOf,
  type Fields,
  fieldsOf,
  offsetOrNull,
  realOrNull,
  text,
  time,
  timeOrNull,
  wholeOrNull,
} from './fields.ts'
import { lastField, type ReadRecord } from './records.ts'

/**
 * From a record of an event's topic to its row. Every record gives one, whatever it holds, so that rows and records can be
 * compared; unknown fields stay in `data`, an unknown type is loaded with its envelope, and what cannot be read at all
 * becomes a row of type `unreadable`.
 */

export const UNREADABLE = 'unreadable'
const NONE: Fields = {}

export interface Head {
  kafka_partition: number
  kafka_offset: number
  appended_at: number
}

export function addHead(to: Columns, { kafka_partition, kafka_offset, appended_at }: Head): void {
  to.kafka_partition.add(kafka_partition)
  to.kafka_offset.add(kafka_offset)
  to.appended_at.add(appended_at)
}

type EnvelopeTopic = Extract<Topic, 'operations' | 'couriers' | 'deliveries'>

function addEnvelope(to: Columns<EnvelopeTopic>, head: Head, event: Fields): void {
  addHead(to, head)
  to.event_id.add(text(event.event_id))
  to.type.add(text(event.type) || UNREADABLE)
  to.tenant_id.add(text(event.tenant_id))
  to.zone_id.add(text(event.zone_id))
  to.occurred_at.add(time(event.occurred_at, head.appended_at))
  to.received_at.add(time(event.received_at, head.appended_at))
  to.source.add(text(event.source))
  to.actor.add(text(event.actor))
  to.correlation_id.add(text(event.correlation_id))
  to.causation_id.add(text(event.causation_id))
}

export function addPlace(to: Columns<'operations' | 'couriers' | 'decisions'>, data: Fields): void {
  const point = fieldsOf(data.point)
  const lat = realOrNull(point.lat)
  const lng = realOrNull(point.lng)
  const known = lat !== null && lng !== null && between(lat, -90, 90) && between(lng, -180, 180)
  to.lat.add(known ? lat : null)
  to.lng.add(known ? lng : null)
  to.cell.addCell(data.cell)
}

/** The record as it came. */
export function addWhole(to: Columns, { values, start, end, text, ascii }: ReadRecord): void {
  if (ascii) to.data.add(values, start, end)
  else to.data.addText(text)
}

/** An event's data alone; of what is no event, everything there is. */
function addData(to: Columns, record: ReadRecord): void {
  const { event = NONE, values, start, ascii, text: all } = record
  const place = lastField(record, 'data', '{')
  if (text(event.type) === '' || event.data === undefined) addWhole(to, record)
  else if (!place) to.data.addText(JSON.stringify(event.data))
  else if (ascii) to.data.add(values, start + place.start, start + place.end)
  else to.data.addText(all.slice(place.start, place.end))
}

export function addOperation(to: Columns<'operations'>, head: Head, record: ReadRecord): void {
  const { event = NONE } = record
  const data = fieldsOf(event.data)
  // A confirmed hold carries the order it became.
  const order = event.type === 'hold.confirmed' ? fieldsOf(data.order) : data
  addEnvelope(to, head, event)
  to.warehouse_id.add(text(order.warehouse_id))
  to.order_id.add(text(order.order_id))
  to.fulfilment_id.add(text(data.fulfilment_id))
  to.hold_id.add(text(data.hold_id))
  to.line_id.add(text(data.line_id))
  to.sku.add(text(data.sku))
  to.quantity.add(wholeOrNull(data.quantity ?? data.delta))
  to.unit.add(text(data.unit))
  to.reason.add(text(data.reason))
  to.lines.add(countOf(order.lines))
  addPlace(to, order)
  addData(to, record)
}

export function addCourier(to: Columns<'couriers'>, head: Head, record: ReadRecord): void {
  const { event = NONE } = record
  const data = fieldsOf(event.data)
  addEnvelope(to, head, event)
  to.courier_id.add(text(data.courier_id))
  to.state.add(text(data.state))
  to.vehicle.add(text(data.vehicle))
  to.speed_mps.add(realOrNull(data.speed_mps))
  to.heading_deg.add(realOrNull(data.heading_deg))
  addPlace(to, data)
  addData(to, record)
}

export function addDelivery(to: Columns<'deliveries'>, head: Head, record: ReadRecord): void {
  const { event = NONE } = record
  const data = fieldsOf(event.data)
  addEnvelope(to, head, event)
  to.trip_id.add(text(data.trip_id))
  to.version.add(count(data.version, 2 ** 32 - 1))
  to.courier_id.add(text(data.courier_id))
  to.warehouse_id.add(text(data.warehouse_id))
  to.order_id.add(text(data.order_id))
  to.fulfilment_id.add(text(data.fulfilment_id))
  to.reason.add(text(data.reason))
  to.stops.add(countOf(data.stops))
  to.picked_up_at.add(timeOrNull(data.picked_up_at))
  to.delivered_at.add(timeOrNull(data.delivered_at))
  to.late_s.add(wholeOrNull(data.late_s))
  addData(to, record)
}

export function addDeadLetter(
  to: Columns<'dead-letters'>,
  head: Head,
  record: ReadRecord,
  headers: Readonly<Record<string, string>>,
): void {
  const { event = NONE } = record
  addHead(to, head)
  to.origin_topic.add(text(headers.origin_topic))
  to.origin_partition.add(count(Number(headers.origin_partition), 2 ** 32 - 1))
  to.origin_offset.add(offsetOrNull(headers.origin_offset) ?? 0)
  to.reason.add(text(headers.reason))
  to.detail.add(text(headers.detail))
  to.event_id.add(text(event.event_id))
  to.type.add(text(event.type) || UNREADABLE)
  to.tenant_id.add(text(event.tenant_id))
  to.zone_id.add(text(event.zone_id))
  to.occurred_at.add(time(event.occurred_at, head.appended_at))
  to.correlation_id.add(text(event.correlation_id))
  addWhole(to, record)
}
