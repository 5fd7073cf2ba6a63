import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { TOPICS, type Topic } from '../../ingest/contract.ts'
import { difference, eachPerMillion, foldedOf, type Line, openZones, startEngine, sum, zoneAt } from './folding.ts'
import { recordsOf, startLoader } from './loading.ts'
import { openMeter, threadsOf } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { costsOf } from './profile.ts'
import { endsOf, fill, freshGround, type Stage, until } from './stage.ts'
import { adjustmentOf, benchZones, mixOf, orderOf, positionOf } from './traffic.ts'

/** Everything at once: the engine folds orders, stock and positions while the loader loads all that is there and comes. */

const TIMEOUT_S = 3_600
const PROFILE_ROWS = 15
const ORDERS_SHARE = 50
const MIX = mixOf([
  [ORDERS_SHARE, orderOf],
  [25, adjustmentOf],
  [25, positionOf],
])

export async function everythingCase(stage: Stage, options: BenchOptions): Promise<Line> {
  const ground = await freshGround(stage, 'everything')
  const zones = benchZones()
  await openZones(stage, ground, zones)
  await fill(stage, ground, options.events, n => MIX(zoneAt(zones, n)))
  stage.say('  the engine and the loader')
  const profiles = mkdtempSync(join(stage.dir, 'profile-'))
  const [engine, loader] = await Promise.all([
    startEngine(stage, ground, join(profiles, 'engine')),
    startLoader(stage, ground, join(profiles, 'loader')),
  ])
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1_000
  const meter = openMeter({ engine: engine.pid, loader: loader.pid, ...stage.pids() })
  const before = { engine: threadsOf(engine.pid), loader: threadsOf(loader.pid) }
  await until('folding everything', TIMEOUT_S, async () => (await foldedOf(engine)) >= options.events)
  const folded_s = seconds()
  const decided = await engine.metric('waggle_engine_decisions_total', 'order.routed')
  const { cpu_s, rss_mb_max } = meter.read()
  const threads = {
    engine: difference(threadsOf(engine.pid), before.engine),
    loader: difference(threadsOf(loader.pid), before.loader),
  }
  await engine.stop()
  const ends = await Promise.all((Object.keys(TOPICS) as Topic[]).map(topic => endsOf(ground, topic)))
  await until('loading everything', TIMEOUT_S, async () => (await recordsOf(loader)) >= sum(ends.flat()))
  const loaded_s = seconds()
  meter.stop()
  await loader.stop()
  const line: Line = {
    case: 'everything',
    events: options.events,
    events_per_s: Math.round(options.events / folded_s),
    orders_per_s: Math.round(decided / folded_s),
    cpu_s_per_million: eachPerMillion(cpu_s, options.events),
    rss_mb_max,
    loader_behind_s: Number((loaded_s - folded_s).toFixed(1)),
    limit: limitOf(cpu_s, threads, folded_s),
    profile: { engine: top(join(profiles, 'engine')), loader: top(join(profiles, 'loader')) },
  }
  rmSync(profiles, { recursive: true })
  return line
}

const top = (dir: string) => costsOf(dir).slice(0, PROFILE_ROWS)

/** Whoever is busiest: the machine as a whole, or one thread that never rests. Shares of 1 of what there is. */
function limitOf(cpu_s: Record<string, number>, threads: Record<string, Record<string, number>>, seconds: number) {
  const shares = Object.entries(threads).flatMap(([process, each]) =>
    Object.entries(each).map(([thread, one]) => [`${process}/${thread}`, one / seconds] as const),
  )
  const busiest = shares.toSorted(([, a], [, b]) => b - a).slice(0, 4)
  const machine = sum(Object.values(cpu_s)) / seconds / availableParallelism()
  const rounded = (share: number) => Number(share.toFixed(2))
  return {
    our_share_of_all_cores: rounded(machine),
    largest_process: Object.entries(cpu_s).toSorted(([, a], [, b]) => b - a)[0]?.[0],
    busiest_threads: Object.fromEntries(busiest.map(([name, share]) => [name, rounded(share)])),
  }
}
