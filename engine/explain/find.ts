import { topicName } from '../../ingest/contract.ts'
import { topicEnds } from '../../ingest/io/kafka.ts'
import { readNetwork } from '../../ingest/io/network.ts'
import type { Connection } from '../connection.ts'
import type { LogEnds } from '../past/log.ts'
import { type Json, searchTopic } from '../past/search.ts'

/** Where in the log something is. Without a hint all of it is searched, by bytes first: most records need no parsing. */

export interface DeliveryStep {
  type: string
  /** business clock, ms */
  time: number
  actor: string
  data: Json
}

export interface FoundOrder {
  /** zones that speak of it, with the first offset that does */
  zones: { zone_id: string; partition: number; first_offset: number }[]
  deliveries: DeliveryStep[]
  searched: number
}

export async function findOrder(
  connection: Connection,
  ends: LogEnds,
  order_id: string,
  zone_partition: number | undefined,
): Promise<FoundOrder> {
  const found: FoundOrder = { zones: [], deliveries: [], searched: 0 }
  const operations = { topic: 'operations' as const, ends: ends.operations, partition: zone_partition }
  await searchTopic(connection, { ...operations, holds: JSON.stringify(order_id) }, (event, partition, { offset }) => {
    const { zone_id } = event
    if (orderIn(event) !== order_id || typeof zone_id !== 'string') return
    if (!found.zones.some(zone => zone.zone_id === zone_id))
      found.zones.push({ zone_id, partition, first_offset: offset })
  }).then(searched => {
    found.searched = searched
  })
  if (found.zones.length === 0) return found
  const deliveries = await topicEnds(connection.kafka, topicName(connection.namespace, 'deliveries'))
  const seen = new Set<unknown>()
  const carried = { topic: 'deliveries' as const, ends: deliveries, partition: zone_partition }
  await searchTopic(connection, { ...carried, holds: JSON.stringify(order_id) }, event => {
    if (!isDeliveryOf(event, order_id) || seen.has(event.event_id)) return
    seen.add(event.event_id)
    const { type, occurred_at, actor, data } = event
    found.deliveries.push({ type: String(type), time: Number(occurred_at), actor: String(actor), data: data as Json })
  })
  found.deliveries.sort((a, b) => a.time - b.time)
  return found
}

function orderIn({ data }: Json): unknown {
  const { order_id, order } = (data ?? {}) as { order_id?: unknown; order?: { order_id?: unknown } }
  return order_id ?? order?.order_id
}

function isDeliveryOf({ data }: Json, order_id: string): boolean {
  const { order_id: one, stops } = (data ?? {}) as { order_id?: unknown; stops?: unknown }
  return one === order_id || (Array.isArray(stops) && stops.some((stop: Json | null) => stop?.order_id === order_id))
}

/** The zone of a warehouse: as Postgres knows it, else as the log says. */
export async function findWarehouse(
  connection: Connection,
  ends: LogEnds,
  warehouse_id: string,
): Promise<{ zone_id: string } | null> {
  const { warehouses } = await readNetwork(connection.pool)
  for (const row of warehouses.values()) if (row.warehouse_id === warehouse_id) return { zone_id: row.zone_id }
  let zone_id: string | null = null
  const operations = { topic: 'operations' as const, ends: ends.operations, partition: undefined }
  await searchTopic(connection, { ...operations, holds: JSON.stringify(warehouse_id) }, event => {
    const { warehouse_id: named } = (event.data ?? {}) as Json
    if (event.type === 'warehouse.upserted' && named === warehouse_id) zone_id ??= String(event.zone_id)
  })
  return zone_id === null ? null : { zone_id }
}
