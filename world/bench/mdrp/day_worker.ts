import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { solve } from '../../../dispatch/solver/solve.ts'
import { preparationMeans, readDay } from '../../days/day.ts'
import { type DayFigures, figuresOf } from './figures.ts'
import type { MdrpOptions } from './options.ts'
import { playDay } from './play.ts'

export interface DayToPlay extends Pick<MdrpOptions, 'out_dir' | 'prep_known' | 'without' | 'weights'> {
  dir: string
}

/** Plays one day and writes its decisions: the whole protocol of a thread of `bench:mdrp`. */
export default ({ dir, out_dir, prep_known, without, weights }: DayToPlay): DayFigures => {
  const day = readDay(dir)
  const means = prep_known === 'mean' ? preparationMeans(dir, day) : undefined
  const began = performance.now()
  const played = playDay(
    day,
    { without, weights, ...(means && { preparation_means: means }) },
    { solve, wall_ms: () => performance.now() },
  )
  const lines = played.decisions.map(one => `${JSON.stringify(one)}\n`)
  writeFileSync(join(out_dir, `${basename(dir)}.jsonl`), lines.join(''))
  return figuresOf(day, played, (performance.now() - began) / 1_000)
}
