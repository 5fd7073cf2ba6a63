import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { type OperationsType, partitionOf, topicName } from '../ingest/contract.ts'
import type { DecisionRecord } from '../ingest/events/decisions.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { createTopics, deleteTopics, kafkaClient, topicEnds } from '../ingest/io/kafka.ts'
import { openPostgres } from '../ingest/io/postgres.ts'
import { openProducer, type Producer } from '../ingest/io/producer.ts'
import { openRanges } from '../ingest/io/ranges.ts'
import { migratePostgres } from '../sql/migrate.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import { callTool, type Tool } from './command.ts'
import { engineEnvironment } from './engine.testing.ts'

/** A real log with a real engine on it, and the command-line tools run as processes. */

export const PARTITIONS = 2
export const ZONE = 'chicago'
export const POINT = { lat: 41.9, lng: -87.65 }

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface Scene extends AsyncDisposable {
  namespace: string
  producer: Producer
  /** @returns its offset in operations */
  append(value: string | Buffer, partition?: number): Promise<number>
  /** An event of the zone, in the zone's partition unless said otherwise. */
  event(type: OperationsType, data: unknown, more?: Record<string, unknown>): string
  startEngine(): Promise<void>
  stopEngine(): Promise<void>
  /** As a process: a second of processor time each. */
  run(script: string, ...args: string[]): Promise<Ran>
  /** The same in this process. */
  call<Options>(tool: Tool<Options>, ...args: string[]): Promise<Ran>
  /** Resolves with the record that a source offset led to. */
  decided(offset: number): Promise<{ record: DecisionRecord; appended_at: number }>
  /** everything of `decisions` in the zone's partition so far */
  decisions(): Promise<{ record: DecisionRecord; appended_at: number }[]>
  /** Resolves when the dead letters in Kafka are so many. */
  dead(count: number): Promise<void>
}

export const HOME = partitionOf(ZONE, PARTITIONS)

export async function openScene(label: string): Promise<Scene> {
  const servers = testServers()
  const namespace = freshNamespace(label)
  const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: label })
  await createTopics(kafka, namespace, PARTITIONS)
  const producer = await openProducer(kafka)
  const database = await freshDatabase(servers, migratePostgres)
  const ground = { namespace, postgres_url: database.url, partitions: PARTITIONS, checkpoint_every_ms: 500 }
  const env = engineEnvironment(ground)
  const pool = openPostgres(database.url, { max: 4, service: label })
  let engine: ChildProcess | null = null

  async function stopEngine(): Promise<void> {
    if (!engine || engine.exitCode !== null) return
    const ended = once(engine, 'exit')
    engine.kill('SIGTERM')
    await ended
    engine = null
  }

  async function decisions() {
    const topic = topicName(namespace, 'decisions')
    const to = (await topicEnds(kafka, topic))[HOME]?.high ?? 0
    await using ranges = await openRanges(kafka, namespace, [{ topic, partition: HOME, from: 0, to }])
    const found: { record: DecisionRecord; appended_at: number }[] = []
    for await (const messages of ranges.read(topic, HOME)) {
      for (const { value, appended_at } of messages) {
        const record = JSON.parse(String(value)) as DecisionRecord
        if (record.kind === 'decided') found.push({ record, appended_at })
      }
    }
    return found
  }

  const deadLetters = async () => {
    const ends = await topicEnds(kafka, topicName(namespace, 'dead-letters'))
    return ends.reduce((sum, { high }) => sum + high, 0)
  }

  return {
    namespace,
    producer,
    async append(value, partition = HOME) {
      const message = { partition, key: ZONE, value: Buffer.from(value) }
      return (await producer.send(topicName(namespace, 'operations'), message)).offset
    },
    event: (type, data, more = {}) => JSON.stringify({ ...envelope(), type, data, ...more }),
    async startEngine() {
      const child = spawn(process.execPath, ['engine/main.ts'], { stdio: ['ignore', 'pipe', 'inherit'], env })
      engine = child
      const ready = Promise.withResolvers<void>()
      child.stdout.on('data', (lines: Buffer) => lines.includes('"msg":"ready"') && ready.resolve())
      child.once('exit', code => ready.reject(new Error(`the engine ended with ${code}`)))
      await ready.promise
    },
    stopEngine,
    async run(script, ...args) {
      const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', script, ...args], { env })
      const ran: Ran = { code: null, stdout: '', stderr: '' }
      child.stdout.on('data', (bytes: Buffer) => {
        ran.stdout += bytes.toString()
      })
      child.stderr.on('data', (bytes: Buffer) => {
        ran.stderr += bytes.toString()
      })
      ;[ran.code] = await once(child, 'close')
      return ran
    },
    async call(tool, ...args) {
      const ran: Ran = { code: null, stdout: '', stderr: '' }
      const write = (content: string | Uint8Array) => {
        ran.stdout += Buffer.from(content).toString()
      }
      ran.code = await callTool(tool, args, async () => ({ kafka, pool, namespace }), {
        write,
        print: line => write(`${line}\n`),
        tell(line) {
          ran.stderr += `${line}\n`
        },
      })
      return ran
    },
    decided: offset =>
      waitFor(async () => (await decisions()).find(({ record }) => record.source_offset === String(offset)), {
        timeout_ms: 30_000,
        what: `the decision on ${offset}`,
      }),
    decisions,
    async dead(count) {
      await waitFor(async () => (await deadLetters()) >= count, { timeout_ms: 30_000, what: `${count} dead letters` })
    },
    async [Symbol.asyncDispose]() {
      await stopEngine()
      await producer.close()
      await pool.end()
      await deleteTopics(kafka, namespace)
      await database.drop()
    },
  }
}

function envelope() {
  const now = Date.now()
  return {
    event_id: randomUUIDv7(),
    schema_version: 1,
    tenant_id: 'demo',
    zone_id: ZONE,
    occurred_at: now,
    received_at: now,
    source: 'test',
    actor: 'test:tools',
    correlation_id: randomUUIDv7(),
  }
}

export const warehouse = (warehouse_id: string, lng = POINT.lng) => ({
  warehouse_id,
  name: `Warehouse ${warehouse_id}`,
  point: { lat: POINT.lat, lng },
  cell: cellOf({ lat: POINT.lat, lng }),
  time_zone: 'America/Chicago',
  utc_offset_s: -21_600,
  radius_m: 6_000,
  pickers: 2,
  pick_s_per_line: 20,
  pack_s: 30,
})

export const order = (order_id: string, lines: Record<string, number>, more: Record<string, unknown> = {}) => ({
  order_id,
  customer_ref: 'c1',
  point: POINT,
  cell: cellOf(POINT),
  lines: Object.entries(lines).map(([sku, quantity], place) => ({
    line_id: `l${place + 1}`,
    sku,
    quantity,
    unit: 'each',
  })),
  ...more,
})
