import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OperationsType, partitionOf, topicName } from '../ingest/contract.ts'
import type { DecisionsRecord } from '../ingest/events/decisions.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import { createTopics, deleteTopics, kafkaClient } from '../ingest/io/kafka.ts'
import { openProducer, type Producer } from '../ingest/io/producer.ts'
import { openReader, type Reader } from '../ingest/io/reader.ts'
import { migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import { startEngine } from './engine.testing.ts'
import { zoneIn } from './simulated_log.ts'
import { DOOR, northOf, WAREHOUSE, wishOf } from './town.testing.ts'

/** Two zones in two partitions of the real engine: what one refuses the other one takes, through the log, also after a kill. */

const PARTITIONS = 2
const [NORTH, SOUTH] = [zoneIn(0, PARTITIONS), zoneIn(1, PARTITIONS)]
const namespace = freshNamespace('border')
const servers = testServers()
const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'border-test' })
let producer: Producer
let database: FreshDatabase
let reader: Reader
let engine: ChildProcess
/** `zone decision order` in the order of each partition */
const decided: string[] = []

const start = () =>
  startEngine({ namespace, postgres_url: database.url, partitions: PARTITIONS, checkpoint_every_ms: 30_000 })

beforeAll(async () => {
  await createTopics(kafka, namespace, PARTITIONS)
  producer = await openProducer(kafka)
  database = await freshDatabase(servers, migratePostgres)
  engine = start()
  reader = await openReader({
    kafka,
    group_id: freshNamespace('decided'),
    topics: [topicName(namespace, 'decisions')],
    start: async () => 'earliest',
    handle: async ({ messages }) => {
      for (const { value } of messages) {
        const record = JSON.parse(String(value)) as DecisionsRecord
        if (record.kind === 'owner') continue
        for (const decision of record.decisions) {
          if ('order_id' in decision) decided.push(`${record.zone_id} ${decision.type} ${decision.order_id}`)
        }
      }
      return undefined
    },
    fault: error => expect.unreachable(error.message),
  })
})
afterAll(async () => {
  engine.kill('SIGKILL')
  await reader.close()
  await producer.close()
  await deleteTopics(kafka, namespace)
  await database.drop()
})

let count = 0
function send(zone_id: string, type: OperationsType, data: object) {
  const now = Date.now()
  const time = now.toString(16).padStart(12, '0')
  count += 1
  const event = {
    event_id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count.toString(16).padStart(12, '0')}`,
    ...{ type, schema_version: 1, tenant_id: 'demo', zone_id, occurred_at: now, received_at: now },
    ...{ source: 'test', actor: 'test:border', correlation_id: `c${count}`, data },
  }
  const partition = partitionOf(zone_id, PARTITIONS)
  const value = Buffer.from(JSON.stringify(event))
  return producer.send(topicName(namespace, 'operations'), { partition, key: zone_id, value })
}

async function open(zone_id: string, warehouse_id: string, milk: number): Promise<void> {
  const point = northOf(1_000)
  await send(zone_id, 'warehouse.upserted', {
    ...{ warehouse_id, name: warehouse_id, point, cell: cellOf(point) },
    ...WAREHOUSE,
  })
  await send(zone_id, 'stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: milk, as_of: Date.now() })
}

const heard = (wanted: string) => waitFor(() => decided.includes(wanted), { timeout_ms: 60_000, what: wanted })

test('an order goes over the border, is taken or rejected there, and is cancelled across it', async () => {
  await open(NORTH, 'n1', 0)
  await open(SOUTH, 's1', 5)
  await send(NORTH, 'policy.changed', { policy: { ...DEFAULT_POLICY, neighbours: [SOUTH] } })
  await send(NORTH, 'order.placed', wishOf('o1', { milk: 2 }))
  await heard(`${NORTH} order.offered o1`)
  await heard(`${SOUTH} order.routed o1`)
  await send(NORTH, 'order.placed', wishOf('o2', { milk: 9 }))
  await heard(`${SOUTH} order.rejected o2`)
  await send(NORTH, 'order.cancel_asked', { order_id: 'o1', reason: 'changed_mind' })
  await heard(`${SOUTH} order.cancelled o1`)

  // No checkpoint is that young: the next engine adopts it all, offers again, and the neighbour drops the repeats.
  const ended = once(engine, 'exit')
  engine.kill('SIGKILL')
  await ended
  engine = start()
  await send(NORTH, 'order.placed', wishOf('o3', { milk: 5 }, { point: DOOR }))
  await heard(`${SOUTH} order.routed o3`)
  const south = decided.filter(one => one.startsWith(SOUTH))
  expect(south).toEqual([
    `${SOUTH} order.routed o1`,
    `${SOUTH} order.rejected o2`,
    `${SOUTH} order.cancelled o1`,
    `${SOUTH} order.routed o3`,
  ])
}, 120_000)
