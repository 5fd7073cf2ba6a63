import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { topicName } from '../../ingest/contract.ts'
import type { DecisionsRecord } from '../../ingest/events/decisions.ts'
import { openProducer, type Producer } from '../../ingest/io/producer.ts'
import { type LogBatch, openReader } from '../../ingest/io/reader.ts'
import { eachPerMillion, type Line, openZones, zoneAt } from './folding.ts'
import { startLoader } from './loading.ts'
import { openMeter } from './machine.ts'
import type { BenchOptions } from './options.ts'
import type { Part } from './part.ts'
import { PART_SCRIPT } from './parts.ts'
import { quantiles } from './quantiles.ts'
import { benchKafka, freshGround, type Ground, type Running, type Stage, startProcess, until } from './stage.ts'
import { readTimeline, type Timeline, waitsTable } from './timeline.ts'
import { adjustmentOf, type BenchZone, benchZones, mixOf, orderOf, positionOf } from './traffic.ts'

/**
 * From order in Kafka to decision in Kafka, by the broker's own append times, at a steady rate; beside it, at the same
 * moments, a bare kafkajs echo of the same orders into another topic.
 */

const ORDERS_A_SECOND = 500
const OTHERS_A_SECOND = 2_000
const SLICES_A_SECOND = 50
const OUTAGE_S = 30
const OTHERS = mixOf([
  [60, positionOf],
  [40, adjustmentOf],
])
const ECHO_TOPIC = 'deliveries' // that this case has no other use for

export async function latencyCase(stage: Stage, options: BenchOptions): Promise<Line> {
  const ground = await freshGround(stage, 'latency')
  const zones = benchZones()
  await openZones(stage, ground, zones)
  const timeline_dir = join(stage.dir, 'timeline')
  const engine = await startWatched(stage, ground, timeline_dir)
  const loader = await startLoader(stage, ground)
  await until('the engine and the loader', 120, async () => (await engine.isReady()) && (await loader.isReady()))
  const echo = await startEcho(ground)
  const watch = await openWatch(ground)
  const load = await openLoad(ground, zones, watch)
  stage.say(`  ${options.warm_up_s} s of warm-up`)
  await delay(options.warm_up_s * 1_000)
  const meter = openMeter({ engine: engine.pid, loader: loader.pid, ...stage.pids() })
  stage.say(`  ${options.measure_s} s that count`)
  const from = Date.now()
  await delay(options.measure_s * 1_000)
  const steady = { from, to: Date.now() }
  const used = meter.read()
  meter.stop()
  stage.say(`  ${OUTAGE_S} s without ClickHouse and Redis`)
  const { redis, clickhouse } = stage.servers.each ?? {}
  await Promise.all([redis?.kill(), clickhouse?.kill()])
  const outage = { from: Date.now(), to: 0 }
  await delay(OUTAGE_S * 1_000)
  outage.to = Date.now()
  await load.stop()
  await Promise.all([redis?.start(), clickhouse?.start()])
  await until('the last decisions', 60, async () => watch.missing() === 0)
  await until('the views again', 60, () => engine.isReady())
  await watch.close()
  await echo.stop()
  await engine.stop()
  await loader.stop()
  const timeline = readTimeline(timeline_dir, {
    operations: topicName(ground.namespace, 'operations'),
    decisions: topicName(ground.namespace, 'decisions'),
  })
  const events = (ORDERS_A_SECOND + OTHERS_A_SECOND) * options.measure_s
  return {
    case: 'latency',
    events,
    events_per_s: load.perSecond(),
    not_taken_by_kafka: load.refused(),
    cpu_s_per_million: eachPerMillion(used.cpu_s, events),
    rss_mb_max: used.rss_mb_max,
    steady: figuresOf(watch, timeline, steady),
    without_clickhouse_and_redis: figuresOf(watch, timeline, outage),
  }
}

// ── The load ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function openLoad(ground: Ground, zones: readonly BenchZone[], watch: Watch) {
  const producer = await openProducer(benchKafka(ground))
  let sent = 0
  let refused = 0
  const began = performance.now()
  const send = (orders: number, others: number) => {
    const events = [
      ...Array.from({ length: orders }, () => orderOf(anyOf(zones))),
      ...Array.from({ length: others }, () => OTHERS(anyOf(zones))),
    ]
    for (const event of events) sendOne(producer, ground, event, watch).catch(() => (refused += 1))
    sent += events.length
  }
  let slice = 0
  // So many slices as the time that went by asks for: a late timer is made up for.
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1_000) * SLICES_A_SECOND)
    for (; slice < due; slice += 1) send(ORDERS_A_SECOND / SLICES_A_SECOND, OTHERS_A_SECOND / SLICES_A_SECOND)
  }, 1_000 / SLICES_A_SECOND)
  let per_second = 0
  return {
    perSecond: () => per_second,
    /** events that Kafka did not take in time: the machine is too busy for this rate */
    refused: () => refused,
    async stop() {
      clearInterval(timer)
      per_second = Math.round(sent / ((performance.now() - began) / 1_000))
      await producer.close()
    },
  }
}

const anyOf = (zones: readonly BenchZone[]): BenchZone => zoneAt(zones, Math.floor(Math.random() * zones.length))

async function sendOne(
  producer: Producer,
  { namespace }: Ground,
  { topic, ...message }: ReturnType<typeof orderOf>,
  watch: Watch,
): Promise<void> {
  const { offset, appended_at } = await producer.send(topicName(namespace, topic), message)
  if (message.value.includes(ORDER)) watch.placed(message.partition, offset, appended_at)
}

const ORDER = '"order.placed"'

// ── What came of it ─────────────────────────────────────────────────────────────────────────────────────────────────

interface Span {
  from: number
  to: number
}

interface WatchedOrder {
  partition: number
  offset: number
  placed_at: number
  decision: { offset: number; at: number } | undefined
  echoed_at: number | undefined
}

interface Watch {
  placed(partition: number, offset: number, appended_at: number): void
  /** orders without a decision, or without an echo */
  missing(): number
  /** those that were placed in a span; one without a decision has none */
  orders(span: Span): WatchedOrder[]
  close(): Promise<void>
}

async function openWatch(ground: Ground): Promise<Watch> {
  const placed_at = new Map<string, number>()
  const decided = new Map<string, { offset: number; at: number }>()
  const echoed_at = new Map<string, number>()
  const decisions = topicName(ground.namespace, 'decisions')
  const note = ({ topic, partition, messages }: LogBatch) => {
    for (const { key, value, offset, appended_at } of messages) {
      if (topic !== decisions) {
        echoed_at.set(String(key), appended_at)
        continue
      }
      const record = JSON.parse(String(value)) as DecisionsRecord
      if (record.kind === 'decided') decided.set(`${partition}:${record.source_offset}`, { offset, at: appended_at })
    }
  }
  const reader = await openReader({
    kafka: benchKafka(ground),
    group_id: `${ground.namespace}.watch`,
    topics: [decisions, topicName(ground.namespace, ECHO_TOPIC)],
    start: async () => 'latest',
    handle: async batch => void note(batch),
    // When it hears of them matters to nobody: the broker's times count.
    fetch_bytes_min: 256 * 1024,
    fault: error => {
      throw error
    },
  })
  await until('the watch', 60, async () => reader.ready())
  return {
    placed: (partition, offset, appended_at) => void placed_at.set(`${partition}:${offset}`, appended_at),
    missing: () => [...placed_at.keys()].filter(key => !decided.has(key)).length,
    orders: ({ from, to }) =>
      [...placed_at].flatMap(([key, at]) => {
        if (at < from || at >= to) return []
        const [partition = 0, offset = 0] = key.split(':').map(Number)
        const decision = decided.get(key)
        return [{ partition, offset, placed_at: at, decision, echoed_at: echoed_at.get(key) }]
      }),
    close: () => reader.close(),
  }
}

function figuresOf(watch: Watch, timeline: Timeline, span: Span) {
  const orders = watch.orders(span)
  const decided = orders.flatMap(({ decision, ...order }) =>
    decision ? [{ ...order, decision_offset: decision.offset, decided_at: decision.at }] : [],
  )
  const echoed = orders.flatMap(({ placed_at, echoed_at }) => (echoed_at === undefined ? [] : [echoed_at - placed_at]))
  const [ours, bare] = [quantiles(decided.map(order => order.decided_at - order.placed_at)), quantiles(echoed)]
  const waits = decided.flatMap(order => timeline.waitsOf(order) ?? [])
  const slices = timeline.worked('slice', span)
  return {
    orders: orders.length,
    decision: ours,
    echo: bare,
    p99_ratio: Number((ours.p99_ms / bare.p99_ms).toFixed(2)),
    followed: waits.length,
    waits: waitsTable(waits),
    checkpoint_slices: { count: slices.length, ...quantiles(slices) },
  }
}

/** The engine, with what it tells of its timeline written into a folder. */
function startWatched(stage: Stage, ground: Ground, dir: string): Promise<Running> {
  mkdirSync(dir)
  const preload = new URL('timeline_probe.ts', import.meta.url)
  preload.searchParams.set('dir', dir)
  return startProcess(stage, ground, { name: 'engine', script: 'engine/main.ts', preload })
}

async function startEcho({ namespace, urls }: Ground): Promise<{ stop(): Promise<void> }> {
  const part: Part = {
    kind: 'echo',
    brokers: urls.kafka_brokers.split(','),
    from: topicName(namespace, 'operations'),
    to: topicName(namespace, ECHO_TOPIC),
    only: ORDER,
  }
  const args = ['--disable-warning=TimeoutNegativeWarning', PART_SCRIPT, JSON.stringify(part)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child.stderr, 'data')
  return {
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
