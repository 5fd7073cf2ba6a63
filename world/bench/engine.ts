/** `npm run bench:engine`: how fast the engine is, beside the bare parts that it is made of. See options.ts. */
import { messageOf } from '../servers/server.ts'
import { foldingCase, type Line } from './folding.ts'
import { latencyCase } from './latency.ts'
import { loadingCase } from './loading.ts'
import { type BenchOptions, type CaseName, HELP, readOptions } from './options.ts'
import { openStage, type Stage } from './stage.ts'
import { everythingCase } from './together.ts'
import { twoCase } from './two.ts'

const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (process.platform !== 'linux') throw new Error('the bench reads CPU and memory from /proc: it needs Linux')
  await using stage = await openStage(say)
  for (const name of options.cases) {
    say(`${name}: ${options.events} events`)
    process.stdout.write(`${JSON.stringify(await runCase(stage, options, name))}\n`)
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
// A case that failed may have left a reader or a timer behind.
process.exit(
  await main().catch(error => {
    process.stderr.write(`${messageOf(error)}\n`)
    return 1
  }),
)
