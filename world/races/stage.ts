import { randomUUIDv7 } from 'node:crypto'
import { latLngToCell } from 'h3-js'
import type { OrderView, TripView } from '../../dispatch/contract.ts'
import type { CourierView } from '../../engine/contract.ts'
import { openRedis, writeViews } from '../../engine/io/redis.ts'
import { AREA_RESOLUTION, partitionOf, topicName } from '../../ingest/contract.ts'
import type { Decision, DecisionRecord, OwnerMarker } from '../../ingest/events/decisions.ts'
import { cellOf } from '../../ingest/events/geo.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import type { OrderRequest } from '../../ingest/events/orders.ts'
import { createTopics, kafkaClient } from '../../ingest/io/kafka.ts'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { openPostgres, type Pool } from '../../ingest/io/postgres.ts'
import { openProducer } from '../../ingest/io/producer.ts'
import type { ServerUrls } from '../servers/config.ts'
import { startServices } from '../services.ts'

/** The real dispatch as a process of its own on the real servers. What the engine would decide and show is played from here. */

export const ZONE = 'chicago'
export const STORE = { lat: 41.8837, lng: -87.6289 }
export const DOOR = { lat: 41.8917, lng: -87.6343 }
const PARTITIONS = 2
const PARTITION = partitionOf(ZONE, PARTITIONS)
const TENANT = 'demo'

export interface StageOptions {
  /** the database is migrated */
  urls: ServerUrls
  namespace: string
  log_dir: string
  /** more variables for dispatch */
  env?: Record<string, string>
  log: (line: string) => void
}

/** What is wrong with a command, where it is answered with no order. */
export interface Problem {
  reason: string
  detail: string
  current?: Partial<OrderView & TripView>
  changed_by?: string
  changes?: { text: string; actor: string | null }[]
}

export interface Answer<Body> {
  status: number
  body: Body
  headers: Headers
}

export interface Stage extends AsyncDisposable {
  pool: Pool
  kafka: ReturnType<typeof kafkaClient>
  namespace: string
  /** Rejects while the service is down. */
  call<Body = Problem>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  decide(...decisions: object[]): Promise<void>
  /** The sum over all labels of one of the service's metrics; 0: not told yet. */
  metric(name: string): Promise<number>
  /** Replaces the live fleet: all of them at the store, available, and seen in an hour, but for what is said of them. */
  showFleet(couriers: Record<string, Partial<CourierView>>): Promise<void>
  /** kill -9. It comes back by itself. */
  kill(): Promise<void>
  ready(): Promise<void>
}

export async function openStage({ urls, namespace, log_dir, env = {}, log }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const pool = openPostgres(urls.postgres_url, { max: 4, service: 'stage' })
  stack.defer(() => pool.end())
  await writeNetwork(pool)
  const kafka = kafkaClient({ brokers: urls.kafka_brokers.split(','), client_id: 'stage' })
  await createTopics(kafka, namespace, PARTITIONS)
  const producer = await openProducer(kafka)
  stack.defer(() => producer.close())
  const redis = openRedis(urls.redis_url)
  stack.defer(() => redis.disconnect())
  const publish = async (record: DecisionRecord | OwnerMarker): Promise<void> => {
    const value = Buffer.from(JSON.stringify(record))
    await producer.send(topicName(namespace, 'decisions'), { partition: PARTITION, key: ZONE, value })
  }
  await publish({ kind: 'owner', epoch: 1, fold_version: 'played', owner: 'stage' })
  const started = { ...env, WAGGLE_PARTITIONS: String(PARTITIONS), WAGGLE_KEYS: '' }
  const services = stack.use(await startServices({ urls, namespace, log_dir, only: ['dispatch'], env: started, log }))
  let source_offset = 0
  let fence = 0
  const rest = stack.move()
  return {
    pool,
    kafka,
    namespace,
    async call<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(`${services.each.dispatch.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${DEVELOPMENT_KEY}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, body: JSON.parse(text) as Body, headers: response.headers }
    },
    async metric(name) {
      const text = await (await fetch(`${services.each.dispatch.url}/metrics`)).text()
      const lines = text.split('\n').filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    },
    async decide(...decisions) {
      source_offset += 1
      await publish(recordOf(decisions as Decision[], source_offset))
    },
    async showFleet(couriers) {
      fence += 1
      const fields = Object.entries(couriers).flatMap(([id, said]) => [id, JSON.stringify(courierOf(id, said))])
      const view = { kind: 'fleet', partition: 0 } as const
      const write = { view, expects: null, fence: { epoch: 1, offset: fence }, meta: null, fields }
      const [answer] = await writeViews(redis, namespace, [write])
      if (answer !== 'ok') throw new Error(`Redis did not take the fleet: ${answer}`)
    },
    kill: () => services.kill('dispatch'),
    ready: () => services.ready(),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

function recordOf(decisions: Decision[], source_offset: number): DecisionRecord {
  return {
    ...{ kind: 'decided', epoch: 1, fold_version: 'played', tenant_id: TENANT, zone_id: ZONE },
    ...{ source_offset: String(source_offset), causation_id: randomUUIDv7(), correlation_id: 'played' },
    ...{ decided_at: Date.now(), decisions },
  } as DecisionRecord
}

function courierOf(courier_id: string, said: Partial<CourierView>): CourierView {
  return {
    courier_id: courier_id as CourierView['courier_id'],
    ...{ tenant_id: TENANT, zone_id: ZONE, state: 'available', point: STORE, cell: cellOf(STORE) },
    ...{ seen_at: Date.now() + 3_600_000, vehicle: 'bicycle', capacity: 2, has: [], shift_started_at: 0 },
    ...said,
  }
}

async function writeNetwork(pool: Pool): Promise<void> {
  await pool.query('INSERT INTO zones (zone_id, tenant_id, name, time_zone, policy) VALUES ($1, $2, $3, $4, $5)', [
    ...[ZONE, TENANT, 'Chicago', 'America/Chicago'],
    JSON.stringify(DEFAULT_POLICY),
  ])
  const cells = new Set([STORE, DOOR].map(({ lat, lng }) => latLngToCell(lat, lng, AREA_RESOLUTION)))
  await pool.query('INSERT INTO zone_cells (tenant_id, cell, zone_id) SELECT $1, unnest($2::text[]), $3', [
    ...[TENANT, [...cells], ZONE],
  ])
  for (const id of ['w1', 'w2']) {
    await pool.query(
      `INSERT INTO warehouses (warehouse_id, zone_id, tenant_id, name, lat, lng, cell, time_zone, utc_offset_s, radius_m,
         pickers, pick_s_per_line, pack_s)
       VALUES ($1, $2, $3, $1, $4, $5, $6, 'America/Chicago', -18000, 5000, 4, 30, 60)`,
      [id, ZONE, TENANT, STORE.lat, STORE.lng, cellOf(STORE)],
    )
  }
}

// ── What the engine would decide ────────────────────────────────────────────────────────────────────────────────────

const orderOf = (order_id: string, more: object): OrderRequest =>
  ({
    order_id,
    ...{ external_id: `x-${order_id}`, customer_ref: 'somebody', point: DOOR, cell: cellOf(DOOR) },
    lines: [{ line_id: 'l1', sku: 'milk', quantity: 2, unit: 'each' }],
    ...more,
  }) as OrderRequest

export interface Routing {
  warehouses?: readonly string[]
  /** s from now */
  ready_s?: number
  deliver_s?: number
  /** of the order: requires, point */
  order?: object
}

/** One fulfilment a warehouse: `<order_id>.1` and so on. */
export function routed(
  order_id: string,
  { warehouses = ['w1'], ready_s = 60, deliver_s = 1_800, order }: Routing = {},
) {
  const now = Date.now()
  const request = orderOf(order_id, order ?? {})
  const ready_at = now + ready_s * 1_000
  return {
    ...{ type: 'order.routed', order_id, attempt: 1 },
    fulfilments: warehouses.map((warehouse_id, n) => ({
      ...{ fulfilment_id: `${order_id}.${n + 1}`, warehouse_id, lines: request.lines, ready_at },
    })),
    promise: { ready_at, deliver_by: now + deliver_s * 1_000 },
    candidates: [],
    ...{ order: request, placed_at: now },
  }
}

export const packed = (order_id: string, part = 1) => ({
  ...{ type: 'order.packed', order_id, attempt: 1, fulfilment_id: `${order_id}.${part}`, warehouse_id: `w${part}` },
  packed_at: Date.now(),
})

export const cancelled = (order_id: string) => ({
  ...{ type: 'order.cancelled', order_id, attempt: 1, reason: 'changed_mind', by: 'customer', to_put_back: [] },
})
