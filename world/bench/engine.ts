/** `npm run bench:engine`: how fast the engine is, beside the bare parts that it is made of. See options.ts. */
import { printLine, runCommand, tellTime } from '../command_line.ts'
import { foldingCase, type Line } from './folding.ts'
import { latencyCase } from './latency.ts'
import { loadingCase } from './loading.ts'
import { type BenchOptions, type CaseName, HELP, readOptions } from './options.ts'
import { openStage, type Stage } from './stage.ts'
import { everythingCase } from './together.ts'
import { twoCase } from './two.ts'

async function work(options: BenchOptions): Promise<number> {
  if (process.platform !== 'linux') throw new Error('the bench reads CPU and memory from /proc: it needs Linux')
  await using stage = await openStage(tellTime)
  for (const name of options.cases) {
    tellTime(`${name}: ${options.events} events`)
    printLine(await runCase(stage, options, name))
  }
  return 0
}

function runCase(stage: Stage, options: BenchOptions, name: CaseName): Promise<Line> {
  switch (name) {
    case 'orders':
    case 'adjustments':
    case 'positions':
      return foldingCase(stage, options, name)
    case 'loader':
      return loadingCase(stage, options)
    case 'everything':
      return everythingCase(stage, options)
    case 'latency':
      return latencyCase(stage, options)
    case 'two':
      return twoCase(stage, options)
  }
}

await runCommand({ name: 'bench:engine', help: HELP, read: readOptions, work })
