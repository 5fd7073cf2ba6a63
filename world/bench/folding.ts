import { join } from 'node:path'
import { openMeter, threadsOf } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { bareConsume, bareProduce, type PartCost, perMillion } from './parts.ts'
import { costsOf, type ProfileRow } from './profile.ts'
import { fill, freshGround, type Ground, query, type Running, type Stage, startProcess, until } from './stage.ts'
import { adjustmentOf, type BenchMessage, type BenchZone, benchZones, opening, orderOf, positionOf } from './traffic.ts'

/** The cases in which the engine folds a log that lies there already, as fast as it can. */

export const FOLDING = {
  orders: { topic: 'operations', event: orderOf, with_decisions: true },
  adjustments: { topic: 'operations', event: adjustmentOf, with_decisions: false },
  positions: { topic: 'couriers', event: positionOf, with_decisions: false },
} as const

export interface Line {
  case: string
  events: number
  events_per_s: number
  cpu_s_per_million: Record<string, number>
  rss_mb_max: Record<string, number>
  [figure: string]: unknown
}

export interface Cost {
  seconds: number
  cpu_s: Record<string, number>
  threads: Record<string, number>
  rss_mb_max: Record<string, number>
}

const FOLD_TIMEOUT_S = 3_600

export async function foldingCase(stage: Stage, options: BenchOptions, name: keyof typeof FOLDING): Promise<Line> {
  const { topic, event, with_decisions } = FOLDING[name]
  const ground = await freshGround(stage, name)
  const zones = benchZones()
  await openZones(stage, ground, zones)
  await fill(stage, ground, options.events, n => event(zoneAt(zones, n)))
  stage.say('  the bare parts: eachBatch with JSON.parse')
  const before = await bareConsume(stage, ground, [topic])
  stage.say('  the engine')
  const profile_dir = options.profile_dir && join(options.profile_dir, name)
  const cost = await folded(stage, ground, { topic, events: options.events, profile_dir })
  stage.say('  the bare parts: eachBatch with JSON.parse, once more')
  const consume = meanOf(before, await bareConsume(stage, ground, [topic]))
  const parts: Record<string, PartCost> = { consume }
  if (with_decisions) {
    stage.say('  the bare parts: a producer of messages as large as the decisions')
    const decisions = await bareConsume(stage, ground, ['decisions'])
    const bytes = Math.round(decisions.bytes / decisions.messages)
    parts.produce = await bareProduce(stage, ground, options.events, bytes)
  }
  return lineOf(name, options.events, cost, parts, profile_dir)
}

/** Before and after the engine: a machine that is shared may do a third less work in a CPU second than a minute ago. */
function meanOf(before: PartCost, after: PartCost): PartCost {
  return { ...before, all_cpu_s: (before.all_cpu_s + after.all_cpu_s) / 2 }
}

export const zoneAt = (zones: readonly BenchZone[], n: number): BenchZone => {
  const zone = zones[n % zones.length]
  if (!zone) throw new Error('there are no zones')
  return zone
}

/** Network, counts and shifts are folded before anything is measured, and lie in the checkpoint of a clean stop. */
export async function openZones(stage: Stage, ground: Ground, zones: readonly BenchZone[]): Promise<void> {
  const messages = zones.flatMap(zone => opening(zone))
  await fill(stage, ground, messages.length, n => messages[n] as BenchMessage)
  const engine = await startEngine(stage, ground)
  await until('folding the opening', 120, async () => (await foldedOf(engine)) >= messages.length)
  await engine.stop()
}

export const startEngine = (stage: Stage, ground: Ground, profile_dir?: string, name = 'engine'): Promise<Running> =>
  startProcess(stage, ground, { name, script: 'engine/main.ts', profile_dir })

export const foldedOf = async (engine: Running, ...labels: string[]): Promise<number> =>
  engine.metric('waggle_engine_events_total', ...labels)

interface FoldWork {
  topic: string
  events: number
  profile_dir?: string | undefined
}

/** From when it listens until everything is folded, acknowledged and in Redis. */
export async function folded(stage: Stage, ground: Ground, { events, profile_dir }: FoldWork): Promise<Cost> {
  const engine = await startEngine(stage, ground, profile_dir)
  const meter = openMeter({ engine: engine.pid, ...stage.pids() })
  const threads_before = threadsOf(engine.pid)
  try {
    await until('folding everything', FOLD_TIMEOUT_S, async () => (await foldedOf(engine)) >= events)
    await until('the views', 300, () => engine.isReady())
    const now = Date.now()
    const { cpu_s, rss_mb_max } = meter.read()
    const threads = difference(threadsOf(engine.pid), threads_before)
    // The first takeover begins the work; its time is the same machine's clock.
    const [first] = await query<{ ms: string }>(
      ground,
      'SELECT (extract(epoch from min(raised_at)) * 1000)::bigint AS ms FROM partition_owners',
    )
    return { seconds: (now - Number(first?.ms)) / 1_000, cpu_s, threads, rss_mb_max }
  } finally {
    meter.stop()
    await engine.stop()
  }
}

export function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, cpu_s]) => [name, cpu_s - (before[name] ?? 0)]))
}

export function lineOf(
  name: string,
  events: number,
  { seconds, cpu_s, threads, rss_mb_max }: Cost,
  parts: Record<string, PartCost>,
  profile_dir?: string,
): Line {
  const ours = sum(Object.values(cpu_s))
  const bare = sum(Object.values(parts).map(part => part.all_cpu_s))
  const profile: ProfileRow[] | undefined = profile_dir ? costsOf(profile_dir) : undefined
  return {
    case: name,
    events,
    events_per_s: Math.round(events / seconds),
    cpu_s_per_million: eachPerMillion(cpu_s, events),
    engine_threads: eachPerMillion(threads, events),
    parts_cpu_s_per_million: Object.fromEntries(
      Object.entries(parts).map(([part, { all_cpu_s }]) => [part, perMillion(all_cpu_s, events)]),
    ),
    ratio: Number((bare / ours).toFixed(3)),
    rss_mb_max,
    ...(parts.produce ? { decision_bytes: Math.round(parts.produce.bytes / parts.produce.messages) } : {}),
    ...(profile ? { profile } : {}),
  }
}

export const eachPerMillion = (cpu_s: Record<string, number>, events: number): Record<string, number> =>
  Object.fromEntries(Object.entries(cpu_s).map(([name, one]) => [name, perMillion(one, events)]))

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
