import { setTimeout as delay } from 'node:timers/promises'
import { draws } from '../city/random.ts'
import { messageOf } from '../servers/server.ts'
import { type Checked, checkAll } from './check.ts'
import { inflict } from './inflict.ts'
import { type Load, openLoad } from './load.ts'
import { type Fault, planOf } from './plan.ts'
import { memoryOf, openStage, PROCESSES, SERVERS, type Stage } from './stage.ts'

/** A run: load, faults one after the other (some two at once), then everything heals, and the accounts are taken. */
export interface RunOptions {
  seed: number
  minutes: number
  orders_per_s: number
  zones: number
  /** goes on beyond the minutes until so many have come */
  faults_min?: number
  /** which faults; undefined: all kinds */
  kinds?: readonly string[]
  data_dir: string
  log: (line: string) => void
}

export interface Report extends Checked {
  seed: number
  minutes: number
  faults: Record<string, number>
  cuts: Record<string, number>
  asked: number
  acknowledged: number
  retries: number
  held_back: number
  /** s from the lifting of a fault until everything was ready and orders were decided again, by kind */
  recovery_s: Record<string, { p50: number; max: number }>
  memory_mb: Record<string, { rss_mb: number; rss_mb_max: number } | undefined>
  /** all zeros */
  ok: boolean
}

/** What is not well again after this is stuck: far above what is usual, for a machine that is busy otherwise. */
const RECOVERY_MS_MAX = 180_000
/** Who is not well by then gets less to do: a machine that is busy otherwise would never catch up. */
const EASE_AFTER_MS = 20_000
const WARM_UP_MS = 5_000
const LOOK_EVERY_MS = 200
const DRAIN_MS_MAX = 90_000

export async function runFaults(options: RunOptions): Promise<Report> {
  const { seed, minutes, orders_per_s, zones, log } = options
  await using stage = await openStage(options)
  log(`the servers and services are ready; ${orders_per_s} orders/s begin`)
  const load = await openLoad({ stage, seed, orders_per_s, zones })
  const until = performance.now() + minutes * 60_000
  const done = await breakThings(options, stage, load, until)
  log(`no more faults; the load ends (${load.open()} still under way)`)
  const { unanswered } = await load.end(DRAIN_MS_MAX)
  const memory_mb = memoryOfAll(stage)
  const checked = await checkAll({ stage, record: load.record, log })
  checked.stuck += done.stuck.length + unanswered
  checked.findings.push(...done.stuck, ...(unanswered > 0 ? [`${unanswered} requests have no answer`] : []))
  const { record } = load
  const sum = checked.lost + checked.doubled + checked.granted_without_cover + checked.stuck + checked.differing
  return {
    ...{ seed, minutes, faults: counted(done.kinds) },
    cuts: Object.fromEntries(SERVERS.map(name => [name, stage.proxies[name].cuts()])),
    ...{ asked: record.asked, acknowledged: record.orders.length + record.events.length },
    ...{ retries: load.retries(), held_back: record.held_back },
    ...checked,
    recovery_s: recoveries(done.recovered),
    memory_mb,
    ok: sum === 0 && record.refused === 0,
  }
}

interface Done {
  kinds: string[]
  recovered: { kind: string; ms: number }[]
  stuck: string[]
}

async function breakThings(options: RunOptions, stage: Stage, load: Load, until: number): Promise<Done> {
  const done: Done = { kinds: [], recovered: [], stuck: [] }
  const plan = planOf(options.seed, options.kinds)
  await delay(WARM_UP_MS)
  let next = plan.next().value
  while (performance.now() < until || done.kinds.length < (options.faults_min ?? 0)) {
    const group = [next]
    next = plan.next().value
    if (next.together && !sameTarget(group[0] as Fault, next)) {
      group.push(next)
      next = plan.next().value
    }
    await delay(group[0]?.pause_ms ?? 0)
    await breakAndMend(options, stage, load, group, done)
  }
  return done
}

/** Two faults of one server would start it twice. */
function sameTarget(one: Fault, other: Fault): boolean {
  return one.kind.split('.')[0] === other.kind.split('.')[0]
}

async function breakAndMend(
  { seed, log }: RunOptions,
  stage: Stage,
  load: Load,
  group: readonly Fault[],
  done: Done,
): Promise<void> {
  const names = group.map(({ kind, for_ms }) => (for_ms > 0 ? `${kind} ${(for_ms / 1_000).toFixed(1)} s` : kind))
  const number = done.kinds.length
  const apart_ms = draws(seed, 'apart', number).between(0, 2_000)
  const results = await Promise.allSettled(
    group.map(async (fault, place) => {
      await delay(place * apart_ms)
      done.kinds.push(fault.kind)
      await inflict(stage, fault, draws(seed, 'cuts', number + place))
    }),
  )
  for (const result of results) {
    if (result.status === 'rejected') done.stuck.push(`${names.join(' and ')}: ${messageOf(result.reason)}`)
  }
  const lifted_at = performance.now()
  const troubles = await untilWell(stage, load, lifted_at)
  const ms = performance.now() - lifted_at
  if (troubles.length > 0) done.stuck.push(`three minutes after ${names.join(' and ')}: ${troubles.join('; ')}`)
  // Of two at once nobody could say whose it is.
  if (group.length === 1 && group[0]) done.recovered.push({ kind: group[0].kind, ms })
  const counts = `${load.record.orders.length} orders and ${load.record.events.length} events acknowledged`
  log(`${names.join(' + ')}: well after ${(ms / 1_000).toFixed(1)} s; ${counts}, ${load.open()} under way`)
  for (const trouble of troubles) log(`  NOT well: ${trouble}`)
}

/** Ready, and an order that was sent after the fault was lifted is decided. @returns what is still wrong when the time is up */
async function untilWell(stage: Stage, load: Load, lifted_at: number): Promise<string[]> {
  try {
    for (;;) {
      const troubles = await stage.troubles()
      if (load.decided_at() < lifted_at) troubles.push('no order sent since then is decided')
      const waited_ms = performance.now() - lifted_at
      if (troubles.length === 0 || waited_ms > RECOVERY_MS_MAX) return troubles
      if (waited_ms > EASE_AFTER_MS) load.ease(true)
      await delay(LOOK_EVERY_MS)
    }
  } finally {
    load.ease(false)
  }
}

function counted(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of [...kinds].sort()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

function recoveries(recovered: Done['recovered']): Report['recovery_s'] {
  const by_kind = new Map<string, number[]>()
  for (const { kind, ms } of recovered) by_kind.set(kind, [...(by_kind.get(kind) ?? []), ms / 1_000])
  const rounded = (seconds: number | undefined): number => Math.round((seconds ?? 0) * 10) / 10
  const entries = [...by_kind].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([kind, seconds]) => {
      const sorted = seconds.sort((a, b) => a - b)
      return [kind, { p50: rounded(sorted[(sorted.length - 1) >> 1]), max: rounded(sorted.at(-1)) }]
    }),
  )
}

function memoryOfAll(stage: Stage): Report['memory_mb'] {
  const services = PROCESSES.map(name => [name, memoryOf(stage.pid(name))] as const)
  const servers = SERVERS.map(name => [name, memoryOf(stage.servers[name].pid())] as const)
  return Object.fromEntries([...services, ...servers, ['this', memoryOf(process.pid)]])
}
