/** `npm run test:mutants`: deliberate bugs, each of which some test must catch. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeDataDir, runCommand, someOf } from '../command_line.ts'
import { startServers } from '../servers/start.ts'
import { MUTANTS, type Mutant } from './table.ts'
import { copyProject, run, runMutant } from './trial.ts'

const HELP = `npm run test:mutants -- [--only NAME[,NAME]] [--list] [--help]

Puts one deliberate bug at a time into a copy of the project, runs the test file that must catch it, and prints which test did. First every
such file must pass without a bug. Ends with 1 if a mutant survives, or no longer fits the code.

WAGGLE_TEST_SERVERS as for npm test: use these servers instead of starting some.
`

const say = (line: string) => process.stderr.write(`${line}\n`)

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  })
  const names = MUTANTS.map(({ name }) => name)
  return { help: values.help, list: values.list, only: someOf('mutant', values.only ?? names.join(','), names) }
}

async function work({ list, only }: ReturnType<typeof read>): Promise<number> {
  const mutants = MUTANTS.filter(({ name }) => only.includes(name))
  if (list) {
    process.stdout.write(mutants.map(({ name, says }) => `${name.padEnd(32)} ${says}\n`).join(''))
    return 0
  }
  await using stack = new AsyncDisposableStack()
  const dir = makeDataDir('mutants')
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  const copy = copyProject(dir)
  if (mutants.some(({ project }) => project === 'servers') && !process.env.WAGGLE_TEST_SERVERS) {
    const servers = stack.use(await startServers({ data_dir: join(dir, 'servers'), disposable: true, log: say }))
    process.env.WAGGLE_TEST_SERVERS = JSON.stringify(servers.urls)
  }
  const survived = await tryAll(copy, mutants)
  process.stdout.write(`${mutants.length - survived} caught, ${survived} survived\n`)
  return survived > 0 ? 1 : 0
}

async function tryAll(copy: string, mutants: readonly Mutant[]): Promise<number> {
  for (const key of new Set(mutants.map(({ project, test }) => `${project} ${test}`))) {
    const [project = '', test = ''] = key.split(' ')
    const { passed, failed, seconds } = await run(copy, { project, test })
    if (!passed) throw new Error(`${test} fails without any mutant (${failed[0]}): nothing can be learnt from it`)
    say(`${test} passes as it is (${seconds} s)`)
  }
  let survived = 0
  for (const mutant of mutants) {
    const { passed, failed, seconds } = await runMutant(copy, mutant)
    if (passed) survived += 1
    const how = passed ? 'SURVIVED' : (failed[0] ?? 'the file does not run')
    process.stdout.write(`${mutant.name.padEnd(32)} ${mutant.test} › ${how} (${seconds} s)\n`)
  }
  return survived
}

await runCommand({ name: 'test:mutants', help: HELP, read, work })
