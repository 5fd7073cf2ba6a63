import { randomUUIDv7 } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { Piscina } from 'piscina'
import { topicName } from '../ingest/contract.ts'
import { type KafkaClient, topicEnds } from '../ingest/io/kafka.ts'
import type { Log } from '../ingest/io/log.ts'
import { INDEX_STEP } from '../ingest/io/log_messages.ts'
import type { Pool } from '../ingest/io/postgres.ts'
import type { Producer } from '../ingest/io/producer.ts'
import { openReader } from '../ingest/io/reader.ts'
import { isWatched, tell, timeNow } from '../ingest/io/timeline.ts'
import { waitUnlessAborted } from '../ingest/io/wait.ts'
import { withFailpoint } from './failpoints.ts'
import { readCheckpoint, readParts, writeCut, writePart } from './io/checkpoints.ts'
import { isNewestOwner, raiseEpoch } from './io/postgres.ts'
import { type RedisClient, readFences, writeViews } from './io/redis.ts'
import type { EngineMetrics } from './metrics.ts'
import type { OwnerEffects, OwnerSettings, RequestOf, WorkerAnswers } from './owner/effects.ts'
import { openOwners } from './owners.ts'
import { type Gatherer, newGatherer } from './worker/gather.ts'
import type { WorkerAnswer } from './worker/memory.ts'
import type { WorkerRequest } from './worker/protocol.ts'

/** Wires owners (owners.ts) to the servers and to the worker threads: partition p is folded by worker p mod W. */
export interface EngineOptions extends OwnerSettings {
  kafka: KafkaClient
  producer: Producer
  pool: Pool
  redis: RedisClient
  workers: number
  /** silence after which Kafka gives our partitions away */
  session_timeout_ms: number
  /** for tests, see failpoints.ts */
  failpoint: string | undefined
  log: Log
  metrics: EngineMetrics
  /** The engine can't go on; the process should end and be started again. */
  fault: (error: Error) => void
}

export interface Engine {
  /** Rejects while a partition is not being folded, or can't be. */
  check(): Promise<void>
  /** Rejects while views in Redis are behind. */
  checkViews(): Promise<void>
  lag(): { topic: string; partition: number; lag: number }[]
  /** Finishes what is in flight and ends with a checkpoint. */
  close(): Promise<void>
}

const MAINTENANCE_MS = 250
const DECIDED_LINES_A_SECOND = 100
const GROUP = 'engine'

export async function runEngine(options: EngineOptions): Promise<Engine> {
  const { kafka, namespace, log } = options
  const workers = Array.from({ length: options.workers }, openWorker)
  const owners = openOwners(options, withFailpoint(realEffects(options, workers), options.failpoint))
  const maintenance = setInterval(() => owners.maintain(), MAINTENANCE_MS)
  const reader = await openReader({
    kafka,
    group_id: `${namespace}.${GROUP}`,
    topics: (['operations', 'decisions', 'couriers'] as const).map(topic => topicName(namespace, topic)),
    start: owners.start,
    handle: owners.handle,
    kept: owners.kept,
    lost: owners.lost,
    fault: options.fault,
    trouble: (at, error, attempt) => log.warn({ ...at, err: error, attempt }, 'a batch failed and comes again'),
    frees: true,
    commit: true,
    session_timeout_ms: options.session_timeout_ms,
  })
  return {
    async check() {
      if (!reader.ready()) throw new Error('partitions are being taken over')
      const [trouble] = reader.troubles()
      if (trouble) throw new Error(trouble)
    },
    checkViews: () => owners.checkViews(),
    lag: () => reader.lag(),
    async close() {
      clearInterval(maintenance)
      // First the checkpoints, then the group: as long as we are members nobody else raises our epochs.
      await reader.drain()
      await owners.close()
      await reader.close()
      await Promise.all(workers.map(worker => worker.destroy()))
    },
  }
}

function realEffects(options: EngineOptions, workers: readonly Piscina[]): OwnerEffects {
  const { kafka, producer, pool, redis, namespace, log, metrics, fault } = options
  return {
    raiseEpoch: (partition, above) => raiseEpoch(pool, partition, options.owner, above),
    isNewestOwner: (partition, epoch) => isNewestOwner(pool, partition, epoch),
    readCheckpoint: partition => readCheckpoint(pool, partition),
    readParts: (partition, checkpoint, skip) => readParts(pool, partition, checkpoint, skip),
    writePart: part => writePart(pool, part),
    writeCut: cut => writeCut(pool, cut),
    async operationsEnd(partition) {
      const ends = await topicEnds(kafka, topicName(namespace, 'operations'))
      return ends[partition]?.high ?? 0
    },
    send: (topic, message) => producer.send(topicName(namespace, topic), message),
    ask: openAsking(workers, namespace),
    writeViews: writes => writeViews(redis, namespace, writes),
    readFences: views => readFences(redis, namespace, views),
    now_ms: () => Date.now(),
    wait: waitUnlessAborted,
    newId: () => randomUUIDv7(),
    log,
    metrics,
    decided: boundedLines(log),
    fault,
  }
}

/** Each worker is asked through a gatherer of its own. */
function openAsking(workers: readonly Piscina[], namespace: string): OwnerEffects['ask'] {
  const gatherers = workers.map(worker =>
    newGatherer(requests => worker.run(requests, { transferList: requests.flatMap(transferOf) })),
  )
  return <Kind extends WorkerRequest['kind']>(request: RequestOf<Kind>) => {
    const gatherer = gatherers[request.partition % gatherers.length]
    if (!gatherer) return Promise.reject(new Error('no workers'))
    const answer = isWatched() ? askWatched(gatherer, request, namespace) : gatherer.ask(request)
    return answer as Promise<WorkerAnswers[Kind]>
  }
}

async function askWatched({ ask }: Gatherer, request: WorkerRequest, namespace: string): Promise<WorkerAnswer> {
  if (request.kind !== 'fold') return ask(request)
  const { partition, messages } = request
  // Before it changes hands.
  const [first = 0, last = 0] = [messages.index[0], messages.index.at(-INDEX_STEP)]
  const from = timeNow()
  const answer = await ask(request)
  tell({ what: 'folded', topic: topicName(namespace, request.topic), partition, first, last, from, to: timeNow() })
  return answer
}

const transferOf = (request: WorkerRequest): ArrayBuffer[] =>
  request.kind === 'fold' ? [request.messages.index.buffer, request.messages.bytes.buffer] : []

/** One line a decided order; bounded, because the engine may decide 80,000 a second. */
function boundedLines(log: Log): OwnerEffects['decided'] {
  let left = 0
  let second = 0
  return lines => {
    const now = Math.floor(Date.now() / 1_000)
    if (now !== second) left = DECIDED_LINES_A_SECOND
    second = now
    for (const line of lines.slice(0, left)) log.info(line, 'decided')
    left -= Math.min(left, lines.length)
  }
}

const TASKS_AHEAD = 256

/** A pool of one thread: piscina picks a thread by itself, and a partition's memory lies in one of them. */
function openWorker(): Piscina {
  // V8 learns which objects live long and makes those in its old space at once. Of a fold's none do, but a collection amid a batch may teach
  // it otherwise, and then each holds what it points to until the next full collection: 24 µs of CPU an order instead of 20.
  setFlagsFromString('--no-allocation-site-pretenuring')
  return new Piscina({
    // They lie in the thread's own queue: handed out one by one, each waited for a turn of our event loop (p99 5 times as long).
    concurrentTasksPerWorker: TASKS_AHEAD,
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // Open orders outlive many batches. 200,000 orders of two lines: 25 µs of CPU each; with V8's own 48 MB 30, with 384 MB 32.
    resourceLimits: { maxYoungGenerationSizeMb: 96 },
  })
}
