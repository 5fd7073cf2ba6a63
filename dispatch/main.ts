import { openViews } from '../engine/io/views.ts'
import { followClock } from '../ingest/io/clock.ts'
import { openHttp } from '../ingest/io/http.ts'
import { createTopics, kafkaClient, pingKafka } from '../ingest/io/kafka.ts'
import { followNetwork } from '../ingest/io/network.ts'
import { enqueue, relayOutbox } from '../ingest/io/outbox.ts'
import { openListener, pingPostgres } from '../ingest/io/postgres.ts'
import { openProducer } from '../ingest/io/producer.ts'
import { openPublisher } from '../ingest/io/publish.ts'
import { runService, step } from '../ingest/io/service.ts'
import { openBus } from './bus.ts'
import { readConfig } from './config.ts'
import type { Desk } from './desk.ts'
import { openMetrics } from './metrics.ts'
import { openAnswers } from './orders/answers.ts'
import { openOutgoing } from './outgoing.ts'
import { openPools } from './pools.ts'
import { readAnswers, readIntoBook } from './readers.ts'
import { readiness } from './readiness.ts'
import { startAssigning } from './round/assigning.ts'
import { addRoutes } from './routes.ts'
import { openStreams } from './stream.ts'

const SERVICE = 'dispatch'
const buffer_bytes_max = 16 * 1024 * 1024

await runService(SERVICE, async stack => {
  const config = readConfig()
  const { namespace, partitions } = config

  const { requests: pool, background, close } = openPools(config.postgres_url, SERVICE)
  stack.defer(close)
  const kafka = kafkaClient({ brokers: config.kafka_brokers, client_id: SERVICE })
  const views = openViews(config)
  stack.defer(() => views.close())
  // Connects. When Redis is away, readiness says so and everything else goes on.
  await views.ping().catch(() => undefined)
  const ready = readiness({
    postgres: () => pingPostgres(pool),
    kafka: () => pingKafka(kafka),
    redis: () => views.ping(),
  })
  const http = await openHttp({ ...config, service: SERVICE, port: config.dispatch_port, checks: ready.checks })
  const { log } = http
  const metrics = openMetrics(http.metrics)

  const listener = await step('connect to Postgres (WAGGLE_POSTGRES_URL)', () =>
    openListener(config.postgres_url, { service: SERVICE, log }),
  )
  stack.defer(() => listener.close())
  const network = await step('read the network from Postgres; are the migrations done?', () =>
    followNetwork(pool, listener, log),
  )
  stack.defer(() => network.close())
  const clock = await step('read the clock from Postgres', () => followClock(pool, listener, log))
  stack.defer(() => clock.close())

  await step('make the topics in Kafka (WAGGLE_KAFKA_BROKERS)', () => createTopics(kafka, namespace, partitions))
  const producer = await step('connect the producer to Kafka', () => openProducer(kafka, { buffer_bytes_max }))
  stack.defer(() => producer.close())
  const directory = network.network
  const own = { producer, now: clock.now, namespace, partitions, metrics: http.metrics }
  const publisher = openPublisher({ ...own, directory, buffer_bytes_max })
  const relay = await relayOutbox({ ...own, pool: background, listener, log })
  stack.defer(() => relay.close())

  const bus = openBus()
  const outgoing = openOutgoing(publisher, enqueue)
  const desk: Desk = { pool, now: clock.now, enqueue: outgoing.enqueue, changed: bus.emit }
  const answers = openAnswers()
  const fault = (error: Error) => {
    log.fatal({ err: error }, 'decisions can not be read any more: start the service again')
    process.exit(1)
  }
  const reading = { kafka, namespace, desk: { ...desk, pool: background }, answers, metrics, log, fault }
  const book = await step('read decisions into the book', () => readIntoBook(reading))
  stack.defer(() => book.close())
  const hearing = await step('listen to decisions', () => readAnswers(reading))
  stack.defer(() => hearing.close())

  const work = { network: directory, fleet: views.fleet, silent_s_max: config.dispatch_unreachable_s }
  const assigning = startAssigning({ ...reading, ...work, rate: () => clock.clock().rate, settings: config })
  stack.defer(() => assigning.close())

  const streams = openStreams({ pool, bus, now: clock.now, metrics })
  const { suggestions, ticker } = assigning
  const shown = { suggestions, streams, views, partitions, offer_s: config.dispatch_offer_s }
  addRoutes(http, { desk, answers, metrics, ...outgoing, ...work, ...shown })
  stack.defer(() => http.close())
  stack.defer(() => streams.close())
  ready.watch({ book, answers: hearing, ticker })
  log.info({ url: await http.listen(), namespace, partitions }, 'ready')
  return log
})
