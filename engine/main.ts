import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { openHttp } from '../ingest/io/http.ts'
import { createTopics, kafkaClient, pingKafka } from '../ingest/io/kafka.ts'
import { openPostgres, pingPostgres } from '../ingest/io/postgres.ts'
import { openProducer } from '../ingest/io/producer.ts'
import { runService, step } from '../ingest/io/service.ts'
import { readConfig } from './config.ts'
import { openRedis, pingRedis } from './io/redis.ts'
import { engineMetrics } from './metrics.ts'
import { type Engine, runEngine } from './run.ts'

const SERVICE = 'engine'
/** Decisions of one batch from each of many partitions wait here for Kafka. */
const PRODUCER_BUFFER_BYTES = 134_217_728

await runService(SERVICE, async stack => {
  const config = readConfig()
  const { namespace, partitions } = config
  let engine: Engine | null = null

  const pool = openPostgres(config.postgres_url, { max: 4, service: SERVICE })
  stack.defer(() => pool.end())
  const redis = openRedis(config.redis_url)
  stack.defer(() => redis.disconnect())
  const kafka = kafkaClient({ brokers: config.kafka_brokers, client_id: SERVICE })
  const http = await openHttp({
    ...config,
    service: SERVICE,
    port: config.engine_port,
    checks: {
      kafka: () => pingKafka(kafka),
      postgres: () => pingPostgres(pool),
      redis: () => pingRedis(redis),
      partitions: async () => (engine ? engine.check() : Promise.reject(new Error('the group is being joined'))),
      views: async () => engine?.checkViews(),
    },
  })
  const { log, metrics } = http

  await step('connect to Postgres (WAGGLE_POSTGRES_URL)', () => pingPostgres(pool))
  await step('make the topics in Kafka (WAGGLE_KAFKA_BROKERS)', () => createTopics(kafka, namespace, partitions))
  const producer = await step('connect the producer to Kafka', () =>
    openProducer(kafka, { buffer_bytes_max: PRODUCER_BUFFER_BYTES }),
  )
  stack.defer(() => producer.close())
  stack.defer(() => http.close())
  const url = await http.listen()
  engine = await step('join the group of engines', () =>
    runEngine({
      kafka,
      producer,
      pool,
      redis,
      namespace,
      partitions,
      workers: config.engine_workers,
      owner: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
      checkpoint_every_ms: config.checkpoint_every_ms,
      session_timeout_ms: config.engine_session_ms,
      failpoint: config.engine_failpoint,
      log,
      metrics: engineMetrics(metrics, () => engine?.lag() ?? []),
      fault(error) {
        log.error({ err: error }, 'the engine cannot go on')
        // Nothing is saved on the way out: what is in memory may not be acknowledged.
        process.exit(1)
      },
    }),
  )
  const running = engine
  stack.defer(() => running.close())
  log.info({ url, namespace, partitions, workers: config.engine_workers }, 'ready')
  return log
})
