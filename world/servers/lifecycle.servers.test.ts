/** Starts and ends the servers as a person does, killing included, in a data folder of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PROJECT_DIR, type ServerUrls } from './config.ts'
import { identify, isAlive, type ProcessIdentity } from './identity.ts'
import { removeData } from './start.ts'
import { waitFor } from './testing.ts'

const data_dir = mkdtempSync(join(tmpdir(), 'waggle-lifecycle-'))
const START_TIMEOUT_MS = 120_000
const END_TIMEOUT_MS = 40_000
const TEST_TIMEOUT_MS = 300_000

interface Run {
  child: ChildProcess
  urls: ServerUrls
  said(): string
  /** The process itself and all it started, as they were when it was ready. */
  processes: ProcessIdentity[]
}

const started: ChildProcess[] = []
let run: Run

beforeAll(async () => {
  chmodSync(data_dir, 0o711) // PostgreSQL's own user must pass through
  run = await startRun()
}, START_TIMEOUT_MS)

afterAll(async () => {
  for (const child of started) {
    child.kill('SIGTERM')
    await exitOf(child)
  }
  await removeData(data_dir)
}, TEST_TIMEOUT_MS)

test('a second start on the same data is refused, and says by whom it is held', async () => {
  const second = launch()
  expect(await exitOf(second.child)).toBe(1)
  expect(second.said()).toContain(`are running already (process ${run.child.pid})`)
})

test('a server that is killed is started again, on its port', { timeout: TEST_TIMEOUT_MS }, async () => {
  const old = serverPid('redis')
  process.kill(old.pid, 'SIGKILL')
  await waitFor(() => run.said().includes('redis: it died (signal SIGKILL); starting it again'), {
    timeout_ms: END_TIMEOUT_MS,
    what: 'word of its death',
  })
  const redis = new Redis(run.urls.redis_url, { maxRetriesPerRequest: null })
  redis.on('error', () => {}) // it is away for a moment
  expect(await redis.ping()).toBe('PONG')
  redis.disconnect()
  expect(serverPid('redis').pid).not.toBe(old.pid)
  run.processes.push(serverPid('redis'))
})

test('kill -9 leaves no process, and the next start finds the data', { timeout: TEST_TIMEOUT_MS }, async () => {
  await write(run.urls)
  run.child.kill('SIGKILL')
  await allEnd(run.processes)
  expect(existsSync(join(data_dir, 'servers.lock'))).toBe(true) // nobody was left to remove it

  run = await startRun()
  expect(await read(run.urls)).toEqual({ row: 'kept', topics: 1 })
})

test('servers that were killed themselves start again too', { timeout: TEST_TIMEOUT_MS }, async () => {
  await write(run.urls)
  // The keeper first, so that nobody is left to end the servers.
  const lock = JSON.parse(readFileSync(join(data_dir, 'servers.lock'), 'utf8'))
  for (const one of [lock.keeper, lock.owner]) process.kill(one.pid, 'SIGKILL')
  for (const one of run.processes) if (isAlive(one)) process.kill(one.pid, 'SIGKILL')
  await allEnd(run.processes)

  run = await startRun()
  expect(await read(run.urls)).toEqual({ row: 'kept', topics: 1 })
})

test('ctrl-C ends all of them in order and gives the folder back', { timeout: TEST_TIMEOUT_MS }, async () => {
  run.child.kill('SIGINT')
  expect(await exitOf(run.child)).toBe(0)
  await allEnd(run.processes)
  expect(run.said()).toContain('all of them have ended')
  expect(existsSync(join(data_dir, 'servers.lock'))).toBe(false)
})

test('--fresh begins with nothing', { timeout: TEST_TIMEOUT_MS }, async () => {
  run = await startRun('--fresh')
  expect(await read(run.urls)).toEqual({ row: undefined, topics: 0 })
})

function launch(...args: string[]): { child: ChildProcess; said(): string } {
  const script = join(PROJECT_DIR, 'world', 'servers', 'main.ts')
  const child = spawn(process.execPath, [script, '--data', data_dir, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
  }
  return { child, said: () => text }
}

async function startRun(...args: string[]): Promise<Run> {
  const { child, said } = launch(...args)
  const line = await waitFor(
    () => {
      if (child.exitCode !== null) return 'ended'
      return said()
        .split('\n')
        .find(text => text.startsWith('{'))
    },
    { timeout_ms: START_TIMEOUT_MS, what: 'the addresses of the servers' },
  )
  if (line === 'ended') throw new Error(`the servers did not start:\n${said()}`)
  return { child, urls: JSON.parse(line), said, processes: family(child.pid ?? 0) }
}

/** Its exit code; null when a signal ended it. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

function family(pid: number): ProcessIdentity[] {
  const identity = identify(pid)
  return identity === undefined ? [] : [identity, ...childrenOf(pid).flatMap(family)]
}

function childrenOf(pid: number): number[] {
  const text =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      : execFileSync('sh', ['-c', `pgrep -P ${pid} || true`], { encoding: 'utf8' })
  return text.split(/\s+/).filter(Boolean).map(Number)
}

function serverPid(name: string): ProcessIdentity {
  return JSON.parse(readFileSync(join(data_dir, name, `${name}.pid`), 'utf8'))
}

async function allEnd(processes: ProcessIdentity[]): Promise<void> {
  expect(processes.length).toBeGreaterThanOrEqual(6) // itself, the keeper, four servers
  await waitFor(() => processes.every(one => !isAlive(one)), {
    timeout_ms: END_TIMEOUT_MS,
    what: 'the end of all processes',
  })
}

const TOPIC = 'lifecycle'

function admin(urls: ServerUrls): ReturnType<Kafka['admin']> {
  return new Kafka({ brokers: [urls.kafka_brokers], logLevel: logLevel.NOTHING }).admin()
}

/** A row in PostgreSQL and a topic in Kafka; safe to repeat. */
async function write(urls: ServerUrls): Promise<void> {
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  await client.query('CREATE TABLE IF NOT EXISTS lifecycle (word text); TRUNCATE lifecycle')
  await client.query("INSERT INTO lifecycle VALUES ('kept')")
  await client.end()
  const kafka = admin(urls)
  await kafka.connect()
  await kafka.createTopics({ topics: [{ topic: TOPIC }], waitForLeaders: true })
  await kafka.disconnect()
}

async function read(urls: ServerUrls): Promise<{ row: string | undefined; topics: number }> {
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  const there = await client.query("SELECT to_regclass('lifecycle') IS NOT NULL AS there")
  const rows = there.rows[0].there ? (await client.query('SELECT word FROM lifecycle')).rows : []
  await client.end()
  const kafka = admin(urls)
  await kafka.connect()
  const topics = (await kafka.listTopics()).filter(topic => topic === TOPIC).length
  await kafka.disconnect()
  return { row: rows[0]?.word, topics }
}
