import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TOPICS, type Topic, topicName } from '../../ingest/contract.ts'
import { createTopics, deleteTopics, kafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import { openProducer, type Producer } from '../../ingest/io/producer.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import type { ServerUrls } from '../../world/servers/config.ts'
import { freshDatabase, freshNamespace, waitFor } from '../../world/servers/testing.ts'
import { type ClickHouse, openClickhouse } from '../io/clickhouse.ts'
import { TABLES } from './tables.ts'

/** For the loader's tests: a namespace of its own on the real servers, a log to fill, and loaders as real processes. */

export const PARTITIONS = 3

export interface Scene extends AsyncDisposable {
  namespace: string
  clickhouse: ClickHouse
  postgres_url: string
  /** Resolves with the offset. */
  put(topic: Topic, partition: number, value: object | Buffer, headers?: Record<string, string>): Promise<number>
  start(env?: Record<string, string>): LoaderProcess
  select<R>(query: string): Promise<R[]>
  /** Waits until every record of Kafka has its row, and throws when one has more than its own. */
  complete(timeout_ms?: number): Promise<void>
}

export interface LoaderProcess {
  child: ChildProcess
  address: Promise<string>
  lines: string[]
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  stop(): Promise<void>
}

export async function openScene(label: string, urls: ServerUrls): Promise<Scene> {
  const namespace = freshNamespace(label)
  const database = await freshDatabase(urls, migratePostgres)
  await migrateClickhouse(urls.clickhouse_url, namespace)
  const kafka = kafkaClient({ brokers: [urls.kafka_brokers], client_id: namespace })
  await createTopics(kafka, namespace, PARTITIONS)
  const producer = await openProducer(kafka)
  const clickhouse = openClickhouse(urls.clickhouse_url, namespace)
  const processes: LoaderProcess[] = []
  const env = {
    WAGGLE_NAMESPACE: namespace,
    WAGGLE_KAFKA_BROKERS: urls.kafka_brokers,
    WAGGLE_POSTGRES_URL: database.url,
    WAGGLE_CLICKHOUSE_URL: urls.clickhouse_url,
    WAGGLE_LOADER_PORT: '0',
    WAGGLE_LOADER_WAIT_MS_MAX: '100',
  }
  const select = async <R>(query: string): Promise<R[]> =>
    (await clickhouse.client.query({ query, format: 'JSONEachRow' })).json<R>()
  return {
    namespace,
    clickhouse,
    postgres_url: database.url,
    put: (topic, partition, value, headers) => put(producer, topicName(namespace, topic), partition, value, headers),
    start(more = {}) {
      const started = startLoader({ ...process.env, ...env, ...more })
      processes.push(started)
      return started
    },
    select,
    complete: async (timeout_ms = 60_000) => {
      const wanted = await recordsOf(kafka, namespace)
      await waitFor(async () => checkComplete(wanted, await rowsOf(select)), { timeout_ms, what: 'all rows' }).catch(
        error => {
          const told = processes.flatMap(({ child, lines }) => [`── exit code ${child.exitCode}`, ...lines.slice(-5)])
          throw new Error(`${error instanceof Error ? error.message : error}\n${told.join('\n')}`)
        },
      )
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map(one => one.stop()))
      await producer.close()
      await deleteTopics(kafka, namespace)
      await clickhouse.client.command({ query: `DROP DATABASE IF EXISTS \`${namespace}\`` }).catch(() => undefined)
      await clickhouse.close()
      await database.drop()
    },
  }
}

async function put(
  producer: Producer,
  topic: string,
  partition: number,
  value: object | Buffer,
  headers?: Record<string, string>,
): Promise<number> {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))
  const message = { partition, key: 'k', value: bytes, ...(headers ? { headers } : {}) }
  return (await producer.send(topic, message)).offset
}

function startLoader(env: NodeJS.ProcessEnv): LoaderProcess {
  const file = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const lines: string[] = []
  const address = Promise.withResolvers<string>()
  address.promise.catch(() => undefined)
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', line => {
      lines.push(line)
      const [, url] = /"address":"(http:[^"]+)"/.exec(line) ?? []
      if (url) address.resolve(url)
    })
  }
  const exit = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill)
    address.reject(new Error(`the loader ended: ${lines.join('\n')}`))
    return { code, signal }
  })
  return {
    child,
    address: address.promise,
    lines,
    exit,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await exit
      clearTimeout(timer)
    },
  }
}

/** `topic/partition` → records in Kafka. */
async function recordsOf(kafka: ReturnType<typeof kafkaClient>, namespace: string): Promise<Map<string, number>> {
  const wanted = new Map<string, number>()
  for (const topic of Object.keys(TOPICS) as Topic[]) {
    const ends = await topicEnds(kafka, topicName(namespace, topic))
    for (const [partition, { low, high }] of ends.entries()) {
      if (high > low) wanted.set(`${topic}/${partition}`, high - low)
    }
  }
  return wanted
}

interface Found {
  records: number
  rows: number
  distinct: number
  last: number
}

/** Columns that tell the rows of one record apart. */
const INDEX: Partial<Record<Topic, string>> = { decisions: 'decision_index', movements: 'movement_index' }

async function rowsOf(select: Scene['select']): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  for (const topic of Object.keys(TOPICS) as Topic[]) {
    const index = INDEX[topic] ?? '0'
    const rows = await select<Found & { partition: number }>(`
      SELECT kafka_partition AS partition, toUInt32(uniqExact(kafka_offset)) AS records, toUInt32(count()) AS rows,
        toUInt32(uniqExact(kafka_offset, ${index})) AS distinct, toUInt32(max(kafka_offset)) AS last
      FROM ${TABLES[topic].name} GROUP BY kafka_partition`)
    for (const row of rows) found.set(`${topic}/${row.partition}`, row)
  }
  return found
}

/** The logs of tests begin at offset 0 and are never cut, so as many offsets as records, the last at the end, is all of them. */
function checkComplete(wanted: Map<string, number>, found: Map<string, Found>): boolean {
  for (const [name, { rows, distinct }] of found) {
    if (rows !== distinct) throw new Error(`${name} has ${rows} rows for ${distinct} places in the log`)
  }
  return [...wanted].every(([name, records]) => {
    const there = found.get(name)
    return there?.records === records && there.last === records - 1
  })
}
