/** `npm run bench:mdrp`: the production solver plays recorded days under a simulated clock. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { printLine, runCommand, tellTime } from '../command_line.ts'
import type { DayToPlay } from './mdrp/day_worker.ts'
import { type DayFigures, meanOf } from './mdrp/figures.ts'
import { HELP, type MdrpOptions, readOptions } from './mdrp/options.ts'

async function work({ instances_dir, out_dir, only, threads, ...how }: MdrpOptions): Promise<number> {
  const names = namesOf(instances_dir, only)
  mkdirSync(out_dir, { recursive: true })
  const pool = new Piscina<DayToPlay, DayFigures>({
    filename: new URL('./mdrp/day_worker.ts', import.meta.url).href,
    maxThreads: Math.min(threads, names.length),
  })
  // The longest first, so that at the end no thread is left with one alone.
  const running = new Map<string, Promise<DayFigures>>()
  for (const name of names.toSorted((a, b) => sizeOf(instances_dir, b) - sizeOf(instances_dir, a))) {
    running.set(name, pool.run({ dir: join(instances_dir, name), out_dir, ...how }))
  }
  await tellProgress(running)
  const all = await Promise.all(names.flatMap(name => running.get(name) ?? []))
  await pool.destroy()
  for (const figures of all) printLine(figures)
  printLine(meanOf(all))
  return 0
}

/** @throws Error where there is nothing to play */
function namesOf(instances_dir: string, only: RegExp): string[] {
  if (!existsSync(instances_dir)) throw new Error(`there is no folder ${instances_dir}`)
  const days = readdirSync(instances_dir).filter(name => existsSync(join(instances_dir, name, 'orders.txt')))
  const names = days.filter(name => only.test(name)).sort()
  if (days.length === 0) throw new Error(`no day under ${instances_dir}: each is a folder with an orders.txt`)
  if (names.length === 0) throw new Error(`none of the ${days.length} days matches ${only.source}`)
  return names
}

const sizeOf = (dir: string, name: string): number => statSync(join(dir, name, 'orders.txt')).size

async function tellProgress(running: ReadonlyMap<string, Promise<DayFigures>>): Promise<void> {
  let done = 0
  const each = [...running].map(async ([name, day]) => {
    const { seconds } = await day
    tellTime(`${name} in ${Math.round(seconds)} s (${++done} of ${running.size})`)
  })
  await Promise.all(each)
}

await runCommand({ name: 'bench:mdrp', help: HELP, read: readOptions, work })
