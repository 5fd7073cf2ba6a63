import { randomUUID } from 'node:crypto'
import { readBook, readOrder } from '../dispatch/io/book.ts'
import { notesWithin } from '../dispatch/io/notes.ts'
import { openClickhouse, ordersPerMinute } from '../engine/io/clickhouse.ts'
import { openViews } from '../engine/io/views.ts'
import { followClock } from '../ingest/io/clock.ts'
import { openHttp } from '../ingest/io/http.ts'
import { createTopics, kafkaClient, pingKafka, topicEnds } from '../ingest/io/kafka.ts'
import { followNetwork } from '../ingest/io/network.ts'
import { openListener, openPostgres, pingPostgres } from '../ingest/io/postgres.ts'
import { openReader } from '../ingest/io/reader.ts'
import { runService, step } from '../ingest/io/service.ts'
import { readConfig } from './config.ts'
import { addApi } from './gateway/api.ts'
import { beginPicture, readingOf, untilCaughtUp } from './gateway/begin.ts'
import { callerOf, callerRules } from './gateway/callers.ts'
import { flowOf, newFlowLog, noteShown } from './gateway/flow.ts'
import { openHistory } from './gateway/history.ts'
import { keepLive } from './gateway/live.ts'
import { openMetrics } from './gateway/metrics.ts'
import { addPage } from './gateway/page.ts'
import { newRoom, snapshotOf } from './gateway/room.ts'
import { statsOf } from './gateway/stats.ts'
import { openDispatch } from './io/dispatch.ts'
import { readHistory } from './io/history.ts'
import { openSockets } from './io/sockets.ts'
import { openWorld } from './io/world.ts'

const SERVICE = 'dashboards'
const CAUGHT_UP_WITHIN_MS = 60_000

await runService(SERVICE, async stack => {
  const config = readConfig()
  const { namespace, partitions, dashboards_tenant: tenant_id, dashboards_basemap_url: basemap_url = null } = config
  const [flow, room] = [newFlowLog(), newRoom(randomUUID())]

  const pool = stack.adopt(openPostgres(config.postgres_url, { max: 4, service: SERVICE }), it => it.end())
  const views = stack.adopt(openViews(config), it => it.close())
  const clickhouse = stack.adopt(openClickhouse(config.clickhouse_url, namespace), it => it.close())
  const kafka = kafkaClient({ brokers: config.kafka_brokers, client_id: SERVICE })
  const checks = { postgres: () => pingPostgres(pool), kafka: () => pingKafka(kafka) }
  const http = await openHttp({ ...config, service: SERVICE, port: config.dashboards_port, checks })
  stack.defer(() => http.close())
  const { app, log } = http

  const connecting = openListener(config.postgres_url, { service: SERVICE, log })
  const listener = await step('connect to Postgres (WAGGLE_POSTGRES_URL)', () => connecting)
  stack.defer(() => listener.close())
  const network = await step('read the network from Postgres; are the migrations done?', () =>
    followNetwork(pool, listener, log),
  )
  const clock = await step('read the clock from Postgres', () => followClock(pool, listener, log))
  await step('make the topics in Kafka (WAGGLE_KAFKA_BROKERS)', () => createTopics(kafka, namespace, partitions))
  const book = (closed_since_ms: number) => readBook(pool, { tenant_id, closed_since_ms })
  const ends = (topic: string) => topicEnds(kafka, topic)
  const notes = (span: { from_ms: number; to_ms: number }) => notesWithin(pool, tenant_id, span)
  const business = { now: clock.now, clock: clock.clock, warehouses: () => network.network().warehouses, book, ends }
  const followed = await step('read the book', () => beginPicture(business, { tenant_id, namespace }))
  const { picture } = followed
  const figures = () => flowOf(flow, Date.now())
  const rules = callerRules(http.authenticate, tenant_id, config)
  const sockets = openSockets({
    server: app.server,
    clients_max: config.dashboards_clients_max,
    buffer_bytes_max: config.dashboards_buffer_bytes_max,
    admit: (headers, key) => callerOf(rules, headers, 'dashboards', key),
    snapshot: () => snapshotOf(picture, room, figures(), Date.now()),
    shown: ({ seq, latency_ms }) => metrics.shown(noteShown(flow, seq, latency_ms)),
  })
  stack.defer(() => sockets.close())
  const metrics = openMetrics(http.metrics, { sockets, figures })

  const reader = await openReader({
    kafka,
    group_id: `${namespace}.dashboards.${room.epoch}`,
    ...readingOf(followed, { namespace, flow, log, skipped: metrics.skipped }),
  })
  stack.defer(() => reader.close())
  await step('catch up with the log', () => untilCaughtUp(followed, reader, CAUGHT_UP_WITHIN_MS))
  const live = { picture, room, flow, log, hz: config.dashboards_hz }
  const stopLive = keepLive(live, {
    ...business,
    ...{ send: sockets.send, notes, fleet: views.fleet, warehouseViews: views.warehouses },
    minutes: span => ordersPerMinute(clickhouse.client, { tenant_id, ...span }),
  })
  stack.defer(stopLive)

  addApi(app, {
    callerOf: (request, scope) => callerOf(rules, request.headers, scope),
    ...{ readOrder: id => readOrder(pool, tenant_id, id), nameOf: id => picture.warehouses.get(id)?.name },
    ...{ send: openDispatch(config.dispatch_url, config.dashboards_key), world: openWorld(config.world_url) },
    history: openHistory({ past: span => readHistory(clickhouse.client, { tenant_id, ...span }), notes }),
    stats: () => statsOf(picture, flow, reader, sockets.clients()),
    page: { basemap_url, title: config.dashboards_title, world: config.world_url !== undefined },
    timeZone: () => network.network().warehouses.values().next().value?.time_zone,
  })
  addPage(app, basemap_url)
  log.info({ url: await http.listen(), namespace, tenant_id, open: rules.open }, 'ready')
  return log
})
