import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, escapeIdentifier } from 'pg'
import { type Topic, topicName } from '../../ingest/contract.ts'
import { createTopics, kafkaClient, topicEnds } from '../../ingest/io/kafka.ts'
import { openProducer } from '../../ingest/io/producer.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { PROJECT_DIR, type ServerUrls, URL_VARIABLES } from '../servers/config.ts'
import { type Keeper, openKeeper } from '../servers/keep.ts'
import { freePort } from '../servers/ports.ts'
import { messageOf } from '../servers/server.ts'
import { type Servers, startServers } from '../servers/start.ts'
import type { Pids } from './machine.ts'
import { type BenchMessage, PARTITIONS } from './traffic.ts'

/** The servers of a run, and the places and processes of its cases. */
export interface Stage extends AsyncDisposable {
  servers: Servers
  keeper: Keeper
  dir: string
  say: (line: string) => void
  /** of the four servers */
  pids(): Pids
}

export async function openStage(say: (line: string) => void): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const dir = mkdtempSync(join(tmpdir(), 'waggle-bench-'))
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  say('starting Kafka, Redis, PostgreSQL and ClickHouse')
  const servers = stack.use(
    await startServers({ data_dir: join(dir, 'servers'), mode: 'native', disposable: true, log: say }),
  )
  const keeper = await openKeeper()
  stack.defer(() => keeper.close())
  const rest = stack.move()
  return {
    servers,
    keeper,
    dir,
    say,
    pids() {
      const entries = Object.values(servers.each ?? {}).map(server => [server.name, server.pid() ?? 0])
      return Object.fromEntries(entries)
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

/** A namespace and a database that no case has had before, with topics and tables. */
export interface Ground {
  namespace: string
  urls: ServerUrls
}

export async function freshGround({ servers: { urls } }: Stage, name: string): Promise<Ground> {
  const namespace = `bench_${name}`
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  await client.query(`CREATE DATABASE ${escapeIdentifier(namespace)}`)
  await client.end()
  const url = new URL(urls.postgres_url)
  url.pathname = `/${namespace}`
  const ground = { namespace, urls: { ...urls, postgres_url: url.href } }
  await Promise.all([
    migratePostgres(ground.urls.postgres_url),
    migrateClickhouse(urls.clickhouse_url, namespace),
    createTopics(benchKafka(ground), namespace, PARTITIONS),
  ])
  return ground
}

export const benchKafka = ({ urls }: { urls: ServerUrls }) =>
  kafkaClient({ brokers: urls.kafka_brokers.split(','), client_id: 'bench' })

export async function query<Row extends object>({ urls }: Ground, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

const FILL_AT_ONCE = 4_000
const PROGRESS_EVERY = 200_000

/** Appends messages in their order, as fast as Kafka takes them. */
export async function fill(stage: Stage, ground: Ground, count: number, next: (n: number) => BenchMessage) {
  const producer = await openProducer(benchKafka(ground), { buffer_bytes_max: 256 * 1024 * 1024 })
  for (let sent = 0; sent < count; ) {
    const sends: Promise<unknown>[] = []
    for (const end = Math.min(count, sent + FILL_AT_ONCE); sent < end; sent += 1) {
      const { topic, ...message } = next(sent)
      sends.push(producer.send(topicName(ground.namespace, topic), message))
    }
    await Promise.all(sends)
    if (sent % PROGRESS_EVERY < FILL_AT_ONCE || sent === count) stage.say(`  ${sent} of ${count} events are in the log`)
  }
  await producer.close()
}

/** Where each partition of a topic ends. */
export async function endsOf(ground: Ground, topic: Topic): Promise<number[]> {
  const ends = await topicEnds(benchKafka(ground), topicName(ground.namespace, topic))
  return ends.map(({ high }) => high)
}

// ── Processes under test ────────────────────────────────────────────────────────────────────────────────────────────

export interface Running {
  name: string
  url: string
  pid: number
  /** sum over the samples of a metric whose labels contain all of these texts */
  metric(name: string, ...labels: string[]): Promise<number>
  isReady(): Promise<boolean>
  stop(): Promise<void>
}

export interface StartOptions {
  name: string
  script: string
  env?: Record<string, string>
  /** a module that it loads before its own, with the same address in each of its threads */
  preload?: URL
  /** .cpuprofile files of all its threads go there when it stops */
  profile_dir?: string | undefined
}

const ANSWERS_WITHIN_MS = 60_000

/** Resolves when it listens: what it does from then on is what is measured. */
export async function startProcess(stage: Stage, ground: Ground, options: StartOptions): Promise<Running> {
  const { name, script, preload, profile_dir } = options
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const addresses = Object.entries(URL_VARIABLES).map(([key, variable]) => [
    variable,
    ground.urls[key as keyof ServerUrls],
  ])
  if (profile_dir) mkdirSync(profile_dir, { recursive: true })
  const child = await stage.keeper.spawn({
    command: process.execPath,
    args: [
      '--disable-warning=TimeoutNegativeWarning',
      ...(preload ? ['--import', preload.href] : []),
      ...(profile_dir ? ['--cpu-prof', `--cpu-prof-dir=${profile_dir}`] : []),
      join(PROJECT_DIR, script),
    ],
    cwd: PROJECT_DIR,
    env: {
      ...process.env,
      ...Object.fromEntries(addresses),
      WAGGLE_NAMESPACE: ground.namespace,
      WAGGLE_PARTITIONS: String(PARTITIONS),
      WAGGLE_ENGINE_PORT: String(port),
      WAGGLE_LOADER_PORT: String(port),
      ...options.env,
    },
    log_file: join(stage.dir, `${ground.namespace}-${name}.log`),
    pid_file: join(stage.dir, `${ground.namespace}-${name}.pid`),
    stop_steps: [{ signal: 'SIGTERM', wait_ms: 60_000 }],
  })
  const answers = () => fetch(`${url}/healthz`).then(response => response.ok)
  for (const until = performance.now() + ANSWERS_WITHIN_MS; !(await answers().catch(() => false)); ) {
    if (child.hasEnded() || performance.now() > until) throw new Error(`${name} did not start:\n${child.logTail()}`)
    await delay(10)
  }
  return {
    name,
    url,
    pid: child.pid,
    async metric(metric, ...labels) {
      if (child.hasEnded()) throw new Error(`${name} ended (${await child.ended}):\n${child.logTail()}`)
      const text = await fetch(`${url}/metrics`).then(response => response.text())
      return sumOf(text, metric, labels)
    },
    isReady: () =>
      fetch(`${url}/readyz`).then(
        response => response.ok,
        () => false,
      ),
    stop: () => child.stop(),
  }
}

function sumOf(text: string, metric: string, labels: readonly string[]): number {
  let sum = 0
  for (const line of text.split('\n')) {
    const name = line.slice(0, line.search(/[{ ]/))
    if (name !== metric || !labels.every(label => line.includes(label))) continue
    sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

/** Not more often: a look at /metrics is work of the engine, and would be measured with it. */
const LOOK_EVERY_MS = 250

/** Waits for it, looking four times a second. @throws Error that names what did not happen within the time */
export async function until(what: string, timeout_s: number, holds: () => Promise<boolean>): Promise<void> {
  let trouble = ''
  for (const end = performance.now() + timeout_s * 1_000; performance.now() < end; await delay(LOOK_EVERY_MS)) {
    const is = await holds().catch(error => {
      trouble = messageOf(error)
      if (/ ended \(/.test(trouble)) throw error
      return false
    })
    if (is) return
  }
  throw new Error(`${what} did not happen within ${timeout_s} s ${trouble}`)
}
