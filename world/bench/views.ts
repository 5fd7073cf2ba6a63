/** `npm run bench:views`: how soon Redis equals the fold again after it was emptied. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { viewKeys } from '../../engine/contract.ts'
import { topicName } from '../../ingest/contract.ts'
import type { DecisionsRecord } from '../../ingest/events/decisions.ts'
import { openProducer } from '../../ingest/io/producer.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { printLine, runCommand, tellTime, wholeOf } from '../command_line.ts'
import { openMeter, usageOf } from './machine.ts'
import { digestOf, type OwnFold, openOwnFold } from './own_fold.ts'
import {
  benchKafka,
  endsOf,
  fill,
  freshGround,
  type Ground,
  openStage,
  type Running,
  type Stage,
  startProcess,
  until,
} from './stage.ts'
import { type BenchMessage, type BenchZone, benchZones, opening, orderOf, PARTITIONS } from './traffic.ts'

const SIZES = '10x5000,500x5000'
const HELP = `npm run bench:views -- [--sizes ${SIZES}] [--moments 3] [--help]

For each size WAREHOUSESxSKUS (warehouses in all, over ${PARTITIONS} zones): fills the log, lets the engine's real process fold it, and empties
Redis at some moments while 50 orders a second come in. One JSON line a size: the seconds until every view stands again, whether Redis then
equals a fold of the log of our own (digest against digest), the slowest decision meanwhile, and what the writing cost in CPU beside a bare
HSET pipeline of the same bytes in the same run (\`ratio\`, both with Redis included).
`

const ORDERS_A_SECOND = 50
const LOAD_S = 10
const EMPTIED_AFTER_S = 3
const FOLD_TIMEOUT_S = 1_800

interface Size {
  warehouses: number
  skus: number
}

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      sizes: { type: 'string', default: SIZES },
      moments: { type: 'string', default: '3' },
    },
  })
  return {
    help: values.help,
    moments: wholeOf('moments', values.moments, 1, 1_000),
    sizes: values.sizes.split(',').map(sizeOf),
  }
}

async function work({ moments, sizes }: ReturnType<typeof read>): Promise<number> {
  if (process.platform !== 'linux') throw new Error('the bench reads CPU and memory from /proc: it needs Linux')
  await using stage = await openStage(tellTime)
  for (const size of sizes) printLine(await measureSize(stage, size, moments))
  return 0
}

function sizeOf(text: string): Size {
  const [, warehouses, skus] = /^(\d{1,4})x(\d{1,5})$/.exec(text.trim()) ?? []
  if (!warehouses || !skus) throw new Error(`--sizes is a list of WAREHOUSESxSKUS such as ${SIZES}, not ${text}`)
  return { warehouses: Number(warehouses), skus: Number(skus) }
}

async function measureSize(stage: Stage, size: Size, moments: number) {
  tellTime(`${size.warehouses} warehouses of ${size.skus} SKUs`)
  const ground = await freshGround(stage, `views_${size.warehouses}x${size.skus}`)
  const zones = zonesOf(size)
  for (const zone of zones) {
    const messages = opening(zone, size.skus)
    await fill(stage, ground, messages.length, n => messages[n] as BenchMessage)
  }
  const fold = openOwnFold(ground)
  await fold.catchUp()
  const engine = await startProcess(stage, ground, { name: 'engine', script: 'engine/main.ts' })
  const redis = new Redis(ground.urls.redis_url)
  try {
    await until('the first views', FOLD_TIMEOUT_S, () => standing(redis, ground, zones))
    const bare = await bareCost(stage, redis, fold)
    const emptied = []
    for (let moment = 1; moment <= moments; moment += 1) {
      tellTime(`  emptied, moment ${moment} of ${moments}`)
      emptied.push(await moveThrough(stage, { ground, zones, fold, redis, engine }))
    }
    const cpu_s = emptied.reduce((sum, one) => sum + one.cpu_s, 0) / moments
    const { rss_bytes } = usageOf(engine.pid)
    return {
      case: 'views',
      ...size,
      fields: size.warehouses * size.skus,
      seconds_until_whole: emptied.map(({ seconds }) => seconds),
      equal: emptied.map(({ equal }) => equal),
      decision_ms: emptied.map(({ decision_ms }) => decision_ms),
      cpu_s,
      bare_hset: bare,
      ratio: Number((bare.cpu_s / cpu_s).toFixed(3)),
      engine_rss_mb: Math.round(rss_bytes / 1_048_576),
    }
  } finally {
    redis.disconnect()
    await engine.stop()
  }
}

/** The warehouses are dealt out over the zones. */
function zonesOf({ warehouses }: Size): BenchZone[] {
  const zones = benchZones(Math.ceil(warehouses / PARTITIONS))
  let left = warehouses
  for (const [place, zone] of zones.entries()) {
    const share = Math.ceil(left / (PARTITIONS - place))
    zone.warehouses.splice(share)
    left -= share
  }
  return zones
}

const idsOf = (zones: readonly BenchZone[]): string[] =>
  zones.flatMap(({ warehouses }) => warehouses.map(({ warehouse_id }) => warehouse_id))

async function standing(redis: Redis, { namespace }: Ground, zones: readonly BenchZone[]): Promise<boolean> {
  const keys = idsOf(zones).map(id => viewKeys.warehouse(namespace, id).fence)
  return (await redis.exists(...keys)) === keys.length
}

async function equalsFold(redis: Redis, { namespace }: Ground, fold: OwnFold): Promise<boolean> {
  for (const [warehouse_id, levels] of fold.stock()) {
    const there = await redis.hgetall(viewKeys.warehouse(namespace, warehouse_id).stock)
    if (digestOf(Object.entries(there)) !== digestOf(levels)) return false
  }
  return true
}

interface Scene {
  ground: Ground
  zones: readonly BenchZone[]
  fold: OwnFold
  redis: Redis
  engine: Running
}

/** Orders come in, Redis is emptied among them; when they have ended it is compared with the fold. */
async function moveThrough(stage: Stage, { ground, zones, fold, redis, engine }: Scene) {
  const from = { operations: await endsOf(ground, 'operations'), decisions: await endsOf(ground, 'decisions') }
  const ordering = placeOrders(ground, zones)
  await delay(1_000 * EMPTIED_AFTER_S)
  const meter = openMeter({ engine: engine.pid, redis: stage.pids().redis ?? 0 })
  await redis.flushall()
  const emptied_at = performance.now()
  await until('all views', FOLD_TIMEOUT_S, () => standing(redis, ground, zones))
  const seconds = Number(((performance.now() - emptied_at) / 1_000).toFixed(2))
  const { cpu_s } = meter.read()
  meter.stop()
  await ordering
  await fold.catchUp()
  let equal = true
  await until('Redis to equal the fold', 30, () => equalsFold(redis, ground, fold)).catch(() => {
    equal = false
  })
  const all_cpu_s = Object.values(cpu_s).reduce((sum, one) => sum + one, 0)
  return { seconds, equal, cpu_s: all_cpu_s, decision_ms: await decisionTimes(ground, from) }
}

async function placeOrders(ground: Ground, zones: readonly BenchZone[]): Promise<void> {
  const producer = await openProducer(benchKafka(ground), { buffer_bytes_max: 16 * 1024 * 1024 })
  const sends: Promise<unknown>[] = []
  for (let sent = 0; sent < LOAD_S * ORDERS_A_SECOND; sent += 1) {
    const { topic, ...message } = orderOf(zones[sent % zones.length] as BenchZone)
    sends.push(producer.send(topicName(ground.namespace, topic), message))
    await delay(1_000 / ORDERS_A_SECOND)
  }
  await Promise.all(sends)
  await producer.close()
}

type Ends = { operations: readonly number[]; decisions: readonly number[] }

/** From an order's append to its decision's, by the broker's clock, ms. */
async function decisionTimes(ground: Ground, from: Ends): Promise<{ p50: number; p99: number; max: number }> {
  const placed = new Map<string, number>()
  await readSince(ground, 'operations', from.operations, (at, appended_at) => placed.set(at, appended_at))
  const times: number[] = []
  await readSince(ground, 'decisions', from.decisions, (_at, appended_at, value, partition) => {
    const record = JSON.parse(value) as DecisionsRecord
    const asked = record.kind === 'decided' ? placed.get(`${partition}/${record.source_offset}`) : undefined
    if (asked !== undefined) times.push(appended_at - asked)
  })
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function readSince(
  ground: Ground,
  name: 'operations' | 'decisions',
  from: readonly number[],
  each: (at: string, appended_at: number, value: string, partition: number) => void,
): Promise<void> {
  const topic = topicName(ground.namespace, name)
  const ends = await endsOf(ground, name)
  const ranges = ends.map((to, partition) => ({ topic, partition, from: from[partition] ?? 0, to }))
  await using log = await openRanges(benchKafka(ground), ground.namespace, ranges)
  for (const { partition } of ranges) {
    for await (const messages of log.read(topic, partition)) {
      for (const { offset, appended_at, value } of messages) {
        each(`${partition}/${offset}`, appended_at, String(value), partition)
      }
    }
  }
}

const FIELDS_A_COMMAND = 1_000

/** The same bytes by HSET and nothing else, from this process. */
async function bareCost(stage: Stage, redis: Redis, fold: OwnFold): Promise<{ seconds: number; cpu_s: number }> {
  const stock = [...fold.stock()].map(([id, levels]) => [`bare:${id}`, [...levels].flat()] as const)
  const pid = stage.pids().redis ?? 0
  const began = performance.now()
  const redis_before = usageOf(pid).cpu_s
  const own_before = process.cpuUsage()
  for (const [key, fields] of stock) {
    const pipeline = redis.pipeline()
    for (let at = 0; at < fields.length; at += 2 * FIELDS_A_COMMAND) {
      pipeline.hset(key, ...fields.slice(at, at + 2 * FIELDS_A_COMMAND))
    }
    await pipeline.exec()
  }
  const { user, system } = process.cpuUsage(own_before)
  const cpu_s = (user + system) / 1_000_000 + usageOf(pid).cpu_s - redis_before
  return { seconds: Number(((performance.now() - began) / 1_000).toFixed(2)), cpu_s: Number(cpu_s.toFixed(2)) }
}

await runCommand({ name: 'bench:views', help: HELP, read, work })
