import { type ChildProcess, fork } from 'node:child_process'
import type { Episode } from './episode.ts'
import type { SimulationOptions } from './options.ts'

/** Deals the seeds to processes and sums up what they found. */
export interface Summary {
  seeds: number
  first_seed: number
  events_a_seed: number
  /** that landed in the simulated logs */
  events: number
  /** by owners, their successors and those who had lost their partition; the reference folds each event once more */
  folded: number
  simulated_hours: number
  wall_s: number
  events_per_s: number
  faults_per_s: number
  /** simulated ms from the last fault until all was equal */
  healed_ms_max: number
  faults: Record<string, number>
  counts: Record<string, number>
  violations: { seed: number; violation: string; processes: string[]; again: string }[]
}

/** What a process sends: one seed, done. Maps do not survive the way. */
export type EpisodeMessage = Omit<Episode, 'faults' | 'counts'> & {
  faults: [string, number][]
  counts: [string, number][]
}

const TELL_EVERY_MS = 10_000

export async function runSeeds(options: SimulationOptions, tell: (text: string) => void): Promise<Summary> {
  const started = performance.now()
  const sums = { seeds: 0, events: 0, folded: 0, simulated_s: 0, healed_ms_max: 0, fault_count: 0 }
  const faults = new Map<string, number>()
  const counts = new Map<string, number>()
  const violations: Summary['violations'] = []
  let dealt = 0
  const wall_s = () => (performance.now() - started) / 1_000
  const next = (): number | null => {
    if (dealt >= options.seeds || (options.minutes !== null && wall_s() > options.minutes * 60)) return null
    dealt += 1
    return options.seed + dealt - 1
  }
  const again = (seed: number) =>
    `npm run test:simulation -- --seed ${seed} --seeds 1 --events ${options.events}` +
    (options.hours === null ? '' : ` --hours ${options.hours}`)

  function take(episode: EpisodeMessage): void {
    sums.seeds += 1
    sums.events += episode.events
    sums.folded += episode.folded
    sums.simulated_s += episode.simulated_s
    sums.healed_ms_max = Math.max(sums.healed_ms_max, episode.healed_ms)
    for (const [name, count] of episode.faults) faults.set(name, (faults.get(name) ?? 0) + count)
    for (const [name, count] of episode.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    if (episode.violation === null) return
    const { seed, violation, processes } = episode
    violations.push({ seed, violation, processes, again: again(seed) })
    tell(`seed ${seed}: ${violation}\n  again: ${again(seed)}`)
  }

  const telling = setInterval(() => {
    const rate = Math.round(sums.events / wall_s())
    tell(`${Math.round(wall_s())} s: ${sums.seeds} of ${options.seeds} seeds, ${sums.events} events, ${rate} a second`)
  }, TELL_EVERY_MS)
  const workers = Array.from({ length: Math.min(options.workers, options.seeds) }, () => runWorker(options, next, take))
  await Promise.all(workers).finally(() => clearInterval(telling))
  const fault_count = [...faults.values()].reduce((sum, count) => sum + count, 0)
  return {
    seeds: sums.seeds,
    first_seed: options.seed,
    events_a_seed: options.events,
    events: sums.events,
    folded: sums.folded,
    simulated_hours: Math.round(sums.simulated_s / 3_600),
    wall_s: Math.round(wall_s()),
    events_per_s: Math.round(sums.events / wall_s()),
    faults_per_s: Math.round(fault_count / wall_s()),
    healed_ms_max: sums.healed_ms_max,
    faults: sorted(faults),
    counts: sorted(counts),
    violations,
  }
}

const sorted = (map: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)))

/** One process, one seed at a time, until there are no more. A process that dies is itself a violation. */
function runWorker(
  options: SimulationOptions,
  next: () => number | null,
  take: (episode: EpisodeMessage) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const child: ChildProcess = fork(new URL('./seed_worker.ts', import.meta.url), {
    // Not those of this process: what world/setup.mjs loads for it lets the channel keep nobody alive.
    execArgv: [],
    stdio: ['ignore', 'ignore', 2, 'ipc'],
  })
  let seed: number | null = null
  const go = () => {
    seed = next()
    if (seed === null) child.disconnect()
    else child.send({ seed, events: options.events, hours: options.hours })
  }
  child.on('message', (episode: EpisodeMessage) => {
    take(episode)
    go()
  })
  child.once('exit', code => {
    if (seed !== null) take(died(seed, code))
    resolve()
  })
  go()
  return promise
}

const died = (seed: number, code: number | null): EpisodeMessage => ({
  seed,
  events: 0,
  folded: 0,
  simulated_s: 0,
  steps: 0,
  healed_ms: 0,
  faults: [],
  counts: [],
  violation: `the process of the simulation ended with ${code}`,
  processes: [],
})
