import { addClockRoute } from './clock_route.ts'
import { readConfig } from './config.ts'
import { addEventsRoute } from './events_route.ts'
import { followClock } from './io/clock.ts'
import { openHttp } from './io/http.ts'
import { createTopics, kafkaClient, pingKafka } from './io/kafka.ts'
import { followNetwork } from './io/network.ts'
import { relayOutbox } from './io/outbox.ts'
import { openListener, openPostgres, pingPostgres } from './io/postgres.ts'
import { openProducer } from './io/producer.ts'
import { openPublisher } from './io/publish.ts'
import { runService, step } from './io/service.ts'
import { addNetworkRoutes } from './network_routes.ts'
import { watchOffsets } from './offsets.ts'
import { addTravelRoute } from './travel_route.ts'

const SERVICE = 'ingest'
/** The door may not fill the producer's buffer so that the outbox finds no place in it. */
const OUTBOX_RESERVE_BYTES = 8_388_608

await runService(SERVICE, async stack => {
  const config = readConfig()
  const { namespace, partitions } = config

  const pool = openPostgres(config.postgres_url, { max: 10, service: SERVICE })
  stack.defer(() => pool.end())
  const kafka = kafkaClient({ brokers: config.kafka_brokers, client_id: SERVICE })
  const checks = { postgres: () => pingPostgres(pool), kafka: () => pingKafka(kafka) }
  const http = await openHttp({ ...config, service: SERVICE, port: config.ingest_port, checks })
  const { log, metrics } = http

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
  const buffer_bytes_max = config.ingest_buffer_bytes_max
  const producer = await step('connect the producer to Kafka', () =>
    openProducer(kafka, { buffer_bytes_max: buffer_bytes_max + OUTBOX_RESERVE_BYTES }),
  )
  stack.defer(() => producer.close())

  const publisher = openPublisher({
    producer,
    directory: network.network,
    now: clock.now,
    namespace,
    partitions,
    metrics,
    buffer_bytes_max,
  })
  const relay = await relayOutbox({ pool, listener, producer, namespace, partitions, log, metrics })
  stack.defer(() => relay.close())

  const offsets = watchOffsets({ pool, publisher, network, clock, log })
  stack.defer(() => offsets.close())

  const door = { pool, publisher, network, clock, relay }
  addEventsRoute(http, publisher)
  addNetworkRoutes(http, door)
  addTravelRoute(http, door)
  addClockRoute(http, door)
  stack.defer(() => http.close())
  log.info({ url: await http.listen(), namespace, partitions }, 'ready')
  return log
})
