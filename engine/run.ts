import { randomUUIDv7 } from 'node:crypto'
import { Piscina } from 'piscina'
import { partitionOf, topicName } from '../ingest/contract.ts'
import type { DeadLetterHeaders } from '../ingest/events/dead_letters.ts'
import { SCHEMA_VERSION } from '../ingest/events/envelope.ts'
import { type KafkaClient, type Producer, topicEnds } from '../ingest/io/kafka.ts'
import type { Log } from '../ingest/io/log.ts'
import type { Pool } from '../ingest/io/postgres.ts'
import { type LogBatch, openReader, type TopicPartition } from '../ingest/io/reader.ts'
import { type Adoption, adopt, newAdoption } from './adoption.ts'
import { FOLD_VERSION } from './checkpoint.ts'
import { isNewestOwner, raiseEpoch, readCheckpoint, writeCheckpoint } from './io/postgres.ts'
import type { RedisClient } from './io/redis.ts'
import { type LiveViews, openLiveViews } from './live_views.ts'
import type { EngineMetrics } from './metrics.ts'
import { packMessages, unpackRecords } from './pack.ts'
import type { CheckpointBytes, DeadLetter, Due, Folded, FoldRequest, ViewChange, WorkerRequest } from './protocol.ts'

/**
 * The shell around the fold: owners, adoption, publishing, checkpoints, views. The main thread talks to the servers,
 * partition p is folded by worker p mod W.
 *
 *   assigned ─► raise the epoch ─► publish the marker ─► load the checkpoint ─► adopt `decisions` up to the marker
 *            ─► per batch: fold ─► publish decisions and dead letters (acknowledged) ─► views ─► now and then a checkpoint
 */
export interface EngineOptions {
  kafka: KafkaClient
  producer: Producer
  pool: Pool
  redis: RedisClient
  namespace: string
  partitions: number
  workers: number
  /** host, process and instance, for people */
  owner: string
  checkpoint_every_ms: number
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
const PROBE_EVERY_MS = 1_000
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000
const GROUP = 'engine'

/** A partition that this process owns. */
interface Owned {
  partition: number
  epoch: number
  adoption: Adoption
  adopted: PromiseWithResolvers<void>
  adopt_from: number
  /** first offset that is not folded in, by topic */
  next: { operations: number; couriers: number }
  /** `next` as the last checkpoint has it */
  saved: { operations: number; couriers: number }
  saved_at: number
  /** offset in `decisions` behind everything that is folded and acknowledged, and the highest epoch before it */
  decisions_next: number
  decisions_epoch: number
  /** end of `operations` at the takeover: until it is folded in, Redis may know more than we do */
  catch_up_to: number
  views_begun: boolean
  maintaining: boolean
  /** everything folded is acknowledged: only then may the state become a checkpoint */
  settled: boolean
  due: Due | null
  views: LiveViews
  probed_at: number
  /** one thing at a time: batches and maintenance */
  turn: Promise<unknown>
  signal: AbortController
}

export async function runEngine(options: EngineOptions): Promise<Engine> {
  const { kafka, producer, pool, namespace, partitions, log, metrics } = options
  const topics = {
    operations: topicName(namespace, 'operations'),
    decisions: topicName(namespace, 'decisions'),
    couriers: topicName(namespace, 'couriers'),
    dead: topicName(namespace, 'dead-letters'),
  }
  const pools = Array.from({ length: options.workers }, openPool)
  const owned = new Map<number, Promise<Owned>>()
  let decided_lines_left = DECIDED_LINES_A_SECOND

  function worker<Answer>(partition: number, request: WorkerRequest, transfer: ArrayBuffer[] = []): Promise<Answer> {
    const pool = pools[partition % pools.length]
    if (!pool) throw new Error('the engine has no workers')
    return pool.run(request, { transferList: transfer })
  }

  // ── Becoming the owner ────────────────────────────────────────────────────────────────────────────────────────────

  function own(partition: number, signal: AbortSignal): Promise<Owned> {
    const known = owned.get(partition)
    if (known) return known
    const owner = takeOver(partition, signal)
    owned.set(partition, owner)
    // A failed try is forgotten, so that the reader's next one begins anew.
    owner.catch(() => {
      if (owned.get(partition) === owner) owned.delete(partition)
    })
    return owner
  }

  async function takeOver(partition: number, signal: AbortSignal): Promise<Owned> {
    signal.throwIfAborted()
    const ends = await topicEnds(kafka, topics.operations)
    signal.throwIfAborted()
    const epoch = await raiseEpoch(pool, partition, options.owner)
    const marker = { kind: 'owner', epoch, fold_version: FOLD_VERSION, owner: options.owner }
    const value = Buffer.from(JSON.stringify(marker))
    signal.throwIfAborted()
    const { offset: marker_offset } = await producer.send(topics.decisions, { partition, key: 'owner', value })
    const [operations, couriers] = await Promise.all([
      readCheckpoint(pool, 'operations', partition),
      readCheckpoint(pool, 'couriers', partition),
    ])
    const next = { operations: operations?.next_offset ?? 0, couriers: couriers?.next_offset ?? 0 }
    const due = await worker<Due | null>(partition, {
      kind: 'load',
      partition,
      partitions,
      epoch,
      operations: { next_offset: next.operations, bytes: operations?.state ?? null },
      couriers: { next_offset: next.couriers, bytes: couriers?.state ?? null },
    })
    log.info({ partition, epoch, marker_offset, next }, 'took a partition over')
    return {
      partition,
      epoch,
      adoption: newAdoption(epoch, marker_offset, next.operations, operations?.decisions_epoch ?? 0),
      adopted: Promise.withResolvers(),
      adopt_from: operations?.decisions_next ?? 0,
      next,
      saved: { ...next },
      saved_at: Date.now(),
      decisions_next: operations?.decisions_next ?? 0,
      decisions_epoch: operations?.decisions_epoch ?? 0,
      catch_up_to: ends[partition]?.high ?? 0,
      views_begun: false,
      maintaining: false,
      settled: true,
      due,
      views: openLiveViews({ redis: options.redis, namespace, on_write: metrics.viewWritten }),
      probed_at: 0,
      turn: Promise.resolve(),
      signal: new AbortController(),
    }
  }

  async function start({ topic, partition }: TopicPartition, signal: AbortSignal): Promise<number> {
    const owner = await own(partition, signal)
    if (topic === topics.decisions) return owner.adopt_from
    await owner.adopted.promise
    return topic === topics.operations ? owner.next.operations : owner.next.couriers
  }

  async function readDecisions(batch: LogBatch): Promise<'stop' | undefined> {
    const owner = await ownerOf(batch)
    for (const { offset, value } of batch.messages) {
      if (!adopt(owner.adoption, offset, value)) continue
      log.info(
        { partition: owner.partition, epoch: owner.epoch, adopted: owner.adoption.decisions.size },
        'adopted what was decided',
      )
      finishAdoption(owner)
      owner.adopted.resolve()
      return 'stop'
    }
    return undefined
  }

  /** @throws Error when the partition is not ours any more: a batch of it must not count as handled */
  async function ownerOf({ partition }: LogBatch): Promise<Owned> {
    const owner = await owned.get(partition)
    if (!owner || owner.signal.signal.aborted) throw new Error(`partition ${partition} is not ours any more`)
    return owner
  }

  // ── Folding ───────────────────────────────────────────────────────────────────────────────────────────────────────

  function inTurn<Result>(owner: Owned, work: () => Promise<Result>): Promise<Result> {
    const run = owner.turn.then(work, work)
    owner.turn = run.catch(() => undefined)
    return run
  }

  async function foldBatch(batch: LogBatch): Promise<undefined> {
    const owner = await ownerOf(batch)
    const topic = batch.topic === topics.operations ? 'operations' : 'couriers'
    // What is folded is never folded again: if anything goes wrong between the fold and Kafka's acknowledgement, this
    // memory is of no more use, and a new owner begins from the checkpoint.
    await inTurn(owner, () => foldAndPublish(owner, topic, batch)).catch((error: Error) => {
      if (!owner.signal.signal.aborted) options.fault(error)
      throw error
    })
    return undefined
  }

  async function foldAndPublish(owner: Owned, topic: 'operations' | 'couriers', batch: LogBatch): Promise<void> {
    if (owner.signal.signal.aborted) throw new Error(`partition ${owner.partition} is not ours any more`)
    const started = performance.now()
    const messages = packMessages(batch.messages)
    const { partition, epoch } = owner
    const adopted = topic === 'operations' ? adoptedOf(owner.adoption, batch) : null
    const request: FoldRequest = { kind: 'fold', topic, partition, epoch, messages, adopted }
    owner.settled = false
    const folded = await worker<Folded>(owner.partition, request, [messages.index.buffer, messages.bytes.buffer])
    await publish(owner, batch, folded)
    const last = batch.messages.at(-1)
    if (last) owner.next[topic] = last.offset + 1
    finishAdoption(owner)
    owner.settled = true
    owner.due = folded.due
    owner.views.change(folded.views, { epoch: owner.epoch, offset: owner.next[topic] - 1 })
    metrics.folded(topic, folded.counts, batch.messages.length, performance.now() - started)
    logDecided(folded)
  }

  /** Repeats until Kafka has acknowledged all of it, in order: what is folded is never folded again. */
  async function publish(owner: Owned, batch: LogBatch, folded: Folded): Promise<void> {
    const sends = [
      ...unpackRecords(folded.records).map(
        ({ zone_id, value }) =>
          () =>
            producer.send(topics.decisions, { partition: owner.partition, key: zone_id, value }),
      ),
      ...folded.dead.map(letter => () => sendDead(batch, letter)),
    ]
    for (let attempt = 1, first = 0; first < sends.length; attempt += 1) {
      const results = await Promise.allSettled(sends.slice(first).map(send => send()))
      for (const result of results) {
        if (result.status === 'rejected') break
        if (result.value.topic === topics.decisions) {
          owner.decisions_next = Math.max(owner.decisions_next, result.value.offset + 1)
        }
        first += 1
      }
      if (first === sends.length) break
      if (owner.signal.signal.aborted)
        throw new Error(`partition ${owner.partition} was lost while Kafka did not acknowledge`)
      metrics.publishRetried()
      await new Promise(resolve =>
        setTimeout(resolve, Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt, 8))),
      )
    }
  }

  async function sendDead(batch: LogBatch, { offset, reason, detail, value }: DeadLetter) {
    const origin = `${batch.topic}/${batch.partition}/${offset}`
    const headers: DeadLetterHeaders = {
      origin_topic: batch.topic,
      origin_partition: String(batch.partition),
      origin_offset: String(offset),
      reason,
      detail: detail.slice(0, 500),
    }
    log.warn({ origin, reason, detail: headers.detail }, 'dead letter')
    const partition = partitionOf(origin, partitions)
    return producer.send(topics.dead, { partition, key: origin, value: Buffer.from(value), headers: { ...headers } })
  }

  /** One line a decided order, so that a correlation id can be followed; bounded, because the engine may decide 80,000 a second. */
  function logDecided({ decided }: Folded): void {
    const shown = decided.slice(0, decided_lines_left)
    decided_lines_left -= shown.length
    for (const line of shown) log.info(line, 'decided')
  }

  // ── Views and checkpoints ─────────────────────────────────────────────────────────────────────────────────────────

  async function rewriteViews(
    owner: Owned,
    wanted: 'all' | { warehouse_ids: string[]; fleet: boolean },
  ): Promise<void> {
    const which = wanted === 'all' ? { warehouse_ids: 'all' as const, fleet: true } : wanted
    const { partition, epoch, next } = owner
    const changes = await worker<ViewChange[]>(partition, { kind: 'whole', partition, epoch, ...which })
    // Not awaited: Redis never holds up the fold. A failed write is wanted again.
    void owner.views.replace(changes, {
      operations: { epoch, offset: next.operations - 1 },
      couriers: { epoch, offset: next.couriers - 1 },
    })
  }

  async function saveCheckpoint(owner: Owned): Promise<void> {
    const { partition, epoch, decisions_next, decisions_epoch, next, saved, settled } = owner
    if (!settled || (next.operations === saved.operations && next.couriers === saved.couriers)) return
    const bytes = await worker<CheckpointBytes>(partition, { kind: 'checkpoint', partition, epoch })
    const write = { partition, epoch, fold_version: FOLD_VERSION, decisions_next, decisions_epoch, ...bytes }
    if (!(await writeCheckpoint(pool, write))) {
      // Lost in the regular way while this was under way: nothing is wrong.
      if (owner.signal.signal.aborted) return
      options.fault(new Error(`partition ${owner.partition} has a newer owner than epoch ${epoch}`))
      return
    }
    owner.saved = { operations: bytes.operations.next_offset, couriers: bytes.couriers.next_offset }
    metrics.checkpointed(bytes.operations.bytes.length + bytes.couriers.bytes.length)
  }

  async function maintain(owner: Owned): Promise<void> {
    const now = Date.now()
    if (now - owner.probed_at >= PROBE_EVERY_MS) {
      owner.probed_at = now
      void owner.views.probe()
    }
    const caught_up = owner.next.operations >= owner.catch_up_to
    const wanting = caught_up ? (owner.views_begun ? owner.views.wanting() : 'all') : null
    if (caught_up) owner.views_begun = true
    if (wanting) await inTurn(owner, () => rewriteViews(owner, wanting))
    if (now - owner.saved_at >= options.checkpoint_every_ms) {
      owner.saved_at = now
      await inTurn(owner, () => saveCheckpoint(owner))
    }
    if (owner.due && owner.due.wall_ms <= now) await tick(owner, owner.due)
  }

  /** Time went on and nothing else did. */
  async function tick(owner: Owned, due: Due): Promise<void> {
    const event = {
      event_id: randomUUIDv7(),
      type: 'tick',
      schema_version: SCHEMA_VERSION,
      tenant_id: due.tenant_id,
      zone_id: due.zone_id,
      occurred_at: Date.now(),
      received_at: Date.now(),
      source: 'engine',
      actor: 'service:engine',
      correlation_id: randomUUIDv7(),
      data: {},
    }
    const value = Buffer.from(JSON.stringify(event))
    await producer.send(topics.operations, { partition: owner.partition, key: due.zone_id, value })
    if (owner.due === due) owner.due = null
  }

  /** Each owner by itself: one whose publishing is stuck does not keep the others from their timers. */
  function maintainOne(owner: Owned): void {
    if (owner.maintaining || owner.signal.signal.aborted) return
    owner.maintaining = true
    maintain(owner)
      .catch((error: Error) =>
        log.warn({ err: error, partition: owner.partition }, 'maintenance failed, next time again'),
      )
      .finally(() => {
        owner.maintaining = false
      })
  }
  const maintenance = setInterval(() => {
    const more = (DECIDED_LINES_A_SECOND * MAINTENANCE_MS) / 1_000
    decided_lines_left = Math.min(DECIDED_LINES_A_SECOND, decided_lines_left + more)
    for (const owner of owned.values()) owner.then(maintainOne, () => undefined)
  }, MAINTENANCE_MS)

  const reader = await openReader({
    kafka,
    group_id: `${namespace}.${GROUP}`,
    topics: [topics.operations, topics.decisions, topics.couriers],
    start,
    handle: batch => (batch.topic === topics.decisions ? readDecisions(batch) : foldBatch(batch)),
    async kept(partition) {
      const owner = await owned.get(partition)
      return owner !== undefined && isNewestOwner(pool, partition, owner.epoch)
    },
    lost({ topic, partition }) {
      if (topic !== topics.operations) return
      const promise = owned.get(partition)
      owned.delete(partition)
      promise?.then(
        owner => {
          owner.signal.abort()
          return worker(partition, { kind: 'drop', partition, epoch: owner.epoch })
        },
        () => undefined,
      )
    },
    fault: options.fault,
    trouble: (at, error, attempt) => log.warn({ ...at, err: error, attempt }, 'a batch failed and comes again'),
    commit: true,
  })

  return {
    async check() {
      if (!reader.ready()) throw new Error('partitions are being taken over')
      const [trouble] = reader.troubles()
      if (trouble) throw new Error(trouble)
    },
    async checkViews() {
      for (const promise of owned.values()) {
        const trouble = (await promise).views.trouble()
        if (trouble) throw new Error(trouble)
      }
    },
    lag: () => reader.lag(),
    async close() {
      clearInterval(maintenance)
      // First the checkpoints, then the group: as long as we are members nobody else raises our epochs.
      await reader.drain()
      for (const promise of owned.values()) {
        const owner = await promise.catch(() => null)
        if (!owner) continue
        await inTurn(owner, () => saveCheckpoint(owner)).catch((error: Error) =>
          log.warn({ err: error }, 'no last checkpoint'),
        )
        owner.signal.abort()
        await owner.views.idle()
      }
      await reader.close()
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}

const DECIDED_LINES_A_SECOND = 100

/** Once all that was adopted is folded in, a checkpoint need not lead back to it. */
function finishAdoption(owner: Owned): void {
  const { adoption, next } = owner
  if (adoption.through >= next.operations) return
  adoption.decisions.clear()
  owner.decisions_next = Math.max(owner.decisions_next, adoption.marker_offset)
  owner.decisions_epoch = owner.epoch
}

/** The part of what was adopted that a batch needs; null when all of that is behind it. */
function adoptedOf({ through, decisions }: Adoption, { messages }: LogBatch): FoldRequest['adopted'] {
  const first = messages[0]
  if (!first || through < first.offset) return null
  const mine = messages.flatMap(({ offset }) => {
    const taken = decisions.get(offset)
    return taken ? [[offset, taken] as const] : []
  })
  return { through, decisions: new Map(mine) }
}

/** A pool of one thread: piscina picks a thread by itself, and a partition's memory lies in one of them. */
function openPool(): Piscina {
  return new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
  })
}
