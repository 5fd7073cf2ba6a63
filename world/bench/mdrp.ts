/** `npm run bench:mdrp`: the production solver plays recorded days under a simulated clock. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { solve } from '../../dispatch/solver/solve.ts'
import { preparationMeans, readDay } from './mdrp/day.ts'
import { type DayFigures, figuresOf, meanOf } from './mdrp/figures.ts'
import { HELP, type MdrpOptions, readOptions } from './mdrp/options.ts'
import { playDay } from './mdrp/play.ts'

function main(options: MdrpOptions): void {
  if (options.help) {
    process.stdout.write(HELP)
    return
  }
  mkdirSync(options.out_dir, { recursive: true })
  const names = readdirSync(options.instances_dir)
    .filter(name => options.only.test(name) && existsSync(join(options.instances_dir, name, 'orders.txt')))
    .sort()
  if (names.length === 0) throw new Error(`no day under ${options.instances_dir}: each is a folder with an orders.txt`)
  const all: DayFigures[] = []
  for (const [at, name] of names.entries()) {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${name} (${at + 1} of ${names.length})\n`)
    const figures = playOne(options, name)
    all.push(figures)
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
  process.stdout.write(`${JSON.stringify(meanOf(all))}\n`)
}

function playOne({ instances_dir, out_dir, prep_known, without }: MdrpOptions, name: string): DayFigures {
  const day = readDay(join(instances_dir, name))
  const means = prep_known === 'mean' ? preparationMeans(join(instances_dir, name), day) : undefined
  const began = performance.now()
  const played = playDay(
    day,
    { without, ...(means && { preparation_means: means }) },
    {
      solve,
      wall_ms: () => performance.now(),
    },
  )
  writeFileSync(join(out_dir, `${name}.jsonl`), played.decisions.map(one => `${JSON.stringify(one)}\n`).join(''))
  return figuresOf(day, played, (performance.now() - began) / 1_000)
}

main(readOptions(process.argv.slice(2)))
