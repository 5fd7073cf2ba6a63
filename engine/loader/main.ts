import { openHttp } from '../../ingest/io/http.ts'
import { kafkaClient, pingKafka } from '../../ingest/io/kafka.ts'
import { stepBack } from '../../ingest/io/priority.ts'
import { openClickhouse } from '../io/clickhouse.ts'
import { openLoaderBook } from '../io/loader_book.ts'
import { readConfig } from './config.ts'
import { failpoint } from './failpoint.ts'
import { type Loader, openLoader } from './loader.ts'
import { openWatch } from './watch.ts'

/** Where it shares a machine with the engine, deciding goes before loading. */
const NICE = 5
const BATCH_BYTES_MAX = 32 * 1024 * 1024
const FORGET_DAYS = 7
const FORGET_EVERY_MS = 3_600_000

stepBack(NICE)
const config = readConfig()
const { namespace, kafka_brokers: brokers } = config
await using stack = new AsyncDisposableStack()
const stopping = new AbortController()
const stopped = Promise.withResolvers<void>()
let loader: Loader | undefined

const clickhouse = openClickhouse(config.clickhouse_url, namespace)
stack.defer(() => clickhouse.close())
const kafka = kafkaClient({ brokers, client_id: `${namespace}.loader` })
const http = await openHttp({
  service: 'loader',
  host: config.host,
  port: config.loader_port,
  keys: config.keys,
  log_level: config.log_level,
  checks: {
    clickhouse: () => clickhouse.ping(),
    postgres: () => book.ping(),
    kafka: () => pingKafka(kafka),
    loading: async () => {
      const troubles = watch.troubles()
      if (troubles.length > 0) throw new Error(troubles.join('; '))
      if (!loader?.ready()) throw new Error('partitions are being taken over')
    },
  },
})
stack.defer(() => http.close())
const book = openLoaderBook(config.postgres_url, error =>
  http.log.warn({ err: error }, 'a Postgres connection was lost'),
)
stack.defer(() => book.close())
const watch = openWatch(http.metrics, http.log, () => loader?.lag() ?? null)
const end = () => {
  stopping.abort()
  stopped.resolve()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
const fault = (error: Error) => {
  http.log.error({ err: error }, 'the loader cannot go on')
  process.exitCode = 1
  end()
}

http.log.info({ address: await http.listen() }, 'the loader listens')
try {
  const opened = await openLoader(
    {
      kafka,
      namespace,
      store: {
        book,
        clickhouse,
        alarm: (facts, text) => http.log.error(facts, text),
        reached: failpoint(config.loader_failpoint),
        fault,
      },
      watch,
      limits: { rows_max: config.loader_batch_rows_max, bytes_max: BATCH_BYTES_MAX },
      wait_ms_max: config.loader_wait_ms_max,
    },
    stopping.signal,
  )
  loader = opened
  stack.defer(() => opened.close())
  http.log.info('the loader reads')
} catch (error) {
  if (!stopping.signal.aborted) fault(error instanceof Error ? error : new Error(String(error)))
}
const forgetting = setInterval(() => {
  book.forget(FORGET_DAYS).then(
    () => watch.trouble('forgetting old batches', null),
    error => watch.trouble('forgetting old batches', error),
  )
}, FORGET_EVERY_MS)
stack.defer(() => clearInterval(forgetting))

await stopped.promise
http.log.info('the loader stops')
