import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { openHttp } from '../ingest/io/http.ts'
import { createTopics, kafkaClient, openProducer, pingKafka } from '../ingest/io/kafka.ts'
import { openPostgres, pingPostgres } from '../ingest/io/postgres.ts'
import { readConfig } from './config.ts'
import { openRedis, pingRedis } from './io/redis.ts'
import { engineMetrics } from './metrics.ts'
import { type Engine, runEngine } from './run.ts'

const PRODUCER_BUFFER_BYTES = 128 * 1024 * 1024

const config = readConfig()
const releases = new AsyncDisposableStack()
let engine: Engine | null = null

const kafka = kafkaClient({ brokers: config.kafka_brokers, client_id: 'engine' })
const pool = openPostgres(config.postgres_url, { max: 4, service: 'engine' })
const redis = openRedis(config.redis_url)
const http = await openHttp({
  service: 'engine',
  host: config.host,
  port: config.engine_port,
  keys: config.keys,
  log_level: config.log_level,
  checks: {
    kafka: () => pingKafka(kafka),
    postgres: () => pingPostgres(pool),
    redis: () => pingRedis(redis),
    partitions: async () => (engine ? engine.check() : Promise.reject(new Error('joining the group'))),
    views: async () => engine?.checkViews(),
  },
})

let ending = false
async function end(code: number): Promise<void> {
  if (ending) return
  ending = true
  await releases.disposeAsync().catch((error: unknown) => http.log.error({ err: error }, 'not everything was released'))
  process.exit(code)
}
process.once('SIGTERM', () => void end(0))
process.once('SIGINT', () => void end(0))
function fault(error: Error): void {
  http.log.error({ err: error }, 'the engine cannot go on')
  // Nothing is saved on the way out: what is in memory may not be acknowledged.
  process.exit(1)
}

try {
  releases.defer(() => pool.end())
  releases.defer(async () => redis.disconnect())
  await createTopics(kafka, config.namespace, config.partitions)
  const producer = await openProducer(kafka, { buffer_bytes_max: PRODUCER_BUFFER_BYTES })
  releases.defer(() => producer.close())
  releases.defer(() => http.close())
  const url = await http.listen()
  engine = await runEngine({
    kafka,
    producer,
    pool,
    redis,
    namespace: config.namespace,
    partitions: config.partitions,
    workers: config.engine_workers,
    owner: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
    checkpoint_every_ms: config.checkpoint_every_ms,
    log: http.log,
    metrics: engineMetrics(http.metrics, () => engine?.lag() ?? []),
    fault,
  })
  releases.defer(async () => engine?.close())
  http.log.info({ url, partitions: config.partitions, workers: config.engine_workers }, 'engine is running')
} catch (error) {
  http.log.error({ err: error }, 'the engine could not start')
  await end(1)
}
