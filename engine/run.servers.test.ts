import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Kafka } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Topic, topicName } from '../ingest/contract.ts'
import type { DecisionsRecord } from '../ingest/events/decisions.ts'
import { createTopics, deleteTopics, kafkaClient, topicEnds } from '../ingest/io/kafka.ts'
import type { LogMessage } from '../ingest/io/log_messages.ts'
import { packMessages } from '../ingest/io/log_messages.ts'
import { openProducer, type Producer } from '../ingest/io/producer.ts'
import { openReader } from '../ingest/io/reader.ts'
import { migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import { FOLD_VERSION } from './checkpoint.ts'
import { encodeStock } from './contract.ts'
import { startEngine } from './engine.testing.ts'
import { openRedis } from './io/redis.ts'
import { openViews } from './io/views.ts'
import { foldBatch, loadPartition } from './partition.ts'
import { replayPartition } from './past/replay.ts'
import { type SimulatedMessage, SimulatedZone, zoneIn } from './simulated_log.ts'

/** The real engine on real servers, killed, stalled and robbed of its Redis: nothing may differ from a fold of the log. */

const PARTITIONS = 2
const namespace = freshNamespace('engine')
const servers = testServers()
let kafka: Kafka
let producer: Producer
let database: FreshDatabase
const running = new Set<ChildProcess>()

beforeAll(async () => {
  kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'engine-test' })
  await createTopics(kafka, namespace, PARTITIONS)
  producer = await openProducer(kafka)
  database = await freshDatabase(servers, migratePostgres)
})
afterEach(async () => {
  await Promise.all([...running].map(engine => stop(engine, 'SIGKILL')))
})
afterAll(async () => {
  await producer.close()
  await deleteTopics(kafka, namespace)
  await database.drop()
})

function start(more: Record<string, string> = {}): ChildProcess {
  const ground = { namespace, postgres_url: database.url, partitions: PARTITIONS, checkpoint_every_ms: 500 }
  const engine = startEngine(ground, more)
  running.add(engine)
  return engine
}

async function stop(engine: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  running.delete(engine)
  if (engine.exitCode !== null || engine.signalCode !== null) return
  const ended = once(engine, 'exit')
  engine.kill(signal)
  await ended
}

/** A log that one zone could have written just now. */
function makeLog(partition: number, seed: number, length: number): SimulatedMessage[] {
  const source = new SimulatedZone(zoneIn(partition, PARTITIONS), seed, {
    start_ms: Date.now() - 60_000,
    step_ms_max: 20,
  })
  const nothing = { next_offset: 0, bytes: null }
  const held = loadPartition({
    kind: 'load',
    partition,
    partitions: PARTITIONS,
    epoch: 1,
    operations: nothing,
    couriers: nothing,
  })
  const log = source.opening()
  for (let offset = 0; offset < length; offset += 1) {
    const message = log[offset] ?? source.next([...held.zones.values()][0])
    log[offset] = message
    const messages = packMessages([
      { offset, appended_at: message.appended_at, key: null, value: message.value, headers: {} },
    ])
    foldBatch(held, { topic: 'operations', messages, adopted: null })
  }
  return log
}

const append = (partition: number, log: readonly SimulatedMessage[]) =>
  Promise.all(
    log.map(({ value }) => producer.send(topicName(namespace, 'operations'), { partition, key: 'test', value })),
  )

/** All of a topic, by partition, as it stands now. */
async function readAll(topic: Topic): Promise<LogMessage[][]> {
  const name = topicName(namespace, topic)
  const ends = await topicEnds(kafka, name)
  const read: LogMessage[][] = ends.map(() => [])
  const reader = await openReader({
    kafka,
    group_id: freshNamespace('all'),
    topics: [name],
    start: async () => 'earliest',
    handle: async ({ partition, messages }) => void read[partition]?.push(...messages),
    fault: error => expect.unreachable(error.message),
  })
  await waitFor(() => ends.every(({ high }, partition) => (read[partition]?.length ?? 0) >= high), {
    timeout_ms: 20_000,
    what: `all of ${name}`,
  })
  await reader.close()
  return read
}

/** What a reader of `decisions` takes. */
function taken(messages: readonly LogMessage[]) {
  let epoch = 0
  let last = -1
  return messages.flatMap(({ value }) => {
    const record = JSON.parse(String(value)) as DecisionsRecord
    if (record.epoch < epoch) return []
    epoch = record.epoch
    if (record.kind === 'owner' || Number(record.source_offset) <= last) return []
    last = Number(record.source_offset)
    return [{ source_offset: last, decisions: record.decisions }]
  })
}

/** Waits until decisions, dead letters and Redis equal a fold of the log. */
async function expectEqualToFold(): Promise<void> {
  const operations = await readAll('operations')
  const folds = operations.map((messages, partition) =>
    replayPartition({ partition, partitions: PARTITIONS }, messages, []),
  )
  const last = folds.map(({ decisions }) => decisions.at(-1)?.source_offset ?? -1)
  await waitFor(
    async () =>
      (await readAll('decisions')).every(
        (messages, partition) => (taken(messages).at(-1)?.source_offset ?? -1) >= (last[partition] ?? 0),
      ),
    {
      timeout_ms: 45_000,
      what: 'the engine to decide everything',
      every_ms: 250,
    },
  )
  const decided = await readAll('decisions')
  for (const [partition, { decisions }] of folds.entries()) expect(taken(decided[partition] ?? [])).toEqual(decisions)
  const dead = new Set((await readAll('dead-letters')).flat().map(({ key, headers }) => `${key} ${headers.reason}`))
  const expected_dead = folds.flatMap((fold, partition) =>
    fold.dead.map(({ offset, reason }) => `${topicName(namespace, 'operations')}/${partition}/${offset} ${reason}`),
  )
  expect([...dead].sort()).toEqual(expected_dead.sort())
  const views = openViews({ redis_url: servers.redis_url, namespace, partitions: PARTITIONS })
  for (const { stock } of folds) {
    for (const [warehouse_id, texts] of stock) {
      const expected = Object.fromEntries(texts)
      let seen = {}
      await waitFor(
        async () => {
          const view = await views.warehouse(warehouse_id)
          seen = Object.fromEntries([...(view?.stock ?? [])].map(([sku, level]) => [sku, encodeStock(level)]))
          return JSON.stringify(Object.entries(seen).sort()) === JSON.stringify(Object.entries(expected).sort())
        },
        { timeout_ms: 15_000, what: `the view of ${warehouse_id}` },
      ).catch(() => expect(seen).toEqual(expected))
    }
  }
  await views.close()
}

async function emptyRedis(): Promise<number> {
  const redis = openRedis(servers.redis_url)
  await redis.connect()
  const keys = await redis.keys(`${namespace}:*`)
  if (keys.length > 0) await redis.del(...keys)
  redis.disconnect()
  return keys.length
}

describe('the engine', { timeout: 150_000 }, () => {
  test('killed again and again, with its views taken away: decisions, dead letters and views equal a fold of the log', async () => {
    // One partition only: warehouse ids are the same in every simulated zone.
    const log = makeLog(0, 41, 1_200)
    let engine = start()
    for (let part = 0; part < 4; part += 1) {
      const appended = append(0, log.slice(part * 300, part * 300 + 300))
      const decided_before = (await topicEnds(kafka, topicName(namespace, 'decisions')))[0]?.high ?? 0
      await waitFor(
        async () => ((await topicEnds(kafka, topicName(namespace, 'decisions')))[0]?.high ?? 0) > decided_before + 20,
        {
          timeout_ms: 40_000,
          what: 'the engine to be in the middle of it',
          every_ms: 50,
        },
      )
      await appended
      if (part === 3) break
      await stop(engine, 'SIGKILL')
      if (part === 1) await emptyRedis()
      engine = start()
    }
    await expectEqualToFold()
    expect(await emptyRedis()).toBeGreaterThan(0)
    await expectEqualToFold()
    await stop(engine, 'SIGTERM')
    expect(engine.exitCode).toBe(0)
  })

  // Each costs a session of 6 s: these four here, all of FAILPOINTS in the simulation and in test:faults.
  const POINTS = ['after_fold', 'after_publish', 'before_dead_letters', 'after_checkpoint'] as const

  test('killed at named moments, one after the other: nothing differs from a fold of the log', async () => {
    const log = makeLog(0, 43, POINTS.length * 60)
    for (const [place, point] of POINTS.entries()) {
      const engine = start({ WAGGLE_ENGINE_FAILPOINT: `${point}:1` })
      const exit = once(engine, 'exit')
      await append(0, log.slice(place * 60, place * 60 + 60))
      const [, signal] = await exit
      running.delete(engine)
      expect(signal, point).toBe('SIGKILL')
    }
    const last = start()
    await expectEqualToFold()
    await stop(last, 'SIGTERM')
  })

  test('a log that knows a newer owner than Postgres does is taken over all the same', async () => {
    const log = makeLog(0, 44, 100)
    const marker = { kind: 'owner', epoch: 70, fold_version: FOLD_VERSION, owner: 'of a Postgres that was restored' }
    await producer.send(topicName(namespace, 'decisions'), {
      partition: 0,
      key: 'owner',
      value: Buffer.from(JSON.stringify(marker)),
    })
    const engine = start()
    await append(0, log)
    await expectEqualToFold()
    await stop(engine, 'SIGTERM')
  })

  test('an owner that stalled beyond its session and wakes up changes nothing', async () => {
    const log = makeLog(0, 42, 900)
    const first = start()
    const decisions_high = async () => (await topicEnds(kafka, topicName(namespace, 'decisions')))[0]?.high ?? 0
    const before = await decisions_high()
    await append(0, log.slice(0, 300))
    await waitFor(async () => (await decisions_high()) > before + 50, {
      timeout_ms: 40_000,
      what: 'the first owner to decide',
    })
    first.kill('SIGSTOP')
    const appended = append(0, log.slice(300, 600))
    const second = start()
    const stalled_at = await decisions_high()
    await appended
    await waitFor(async () => (await decisions_high()) > stalled_at + 50, {
      timeout_ms: 60_000,
      what: 'the second owner to take over',
    })
    first.kill('SIGCONT')
    await append(0, log.slice(600))
    await expectEqualToFold()
    await Promise.all([stop(first, 'SIGTERM'), stop(second, 'SIGTERM')])
  })
})
