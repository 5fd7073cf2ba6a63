/** `npm test`: everything that must always be true, stage by stage. Ends with the line `N passed, N failed`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PROJECT_DIR } from './servers/config.ts'
import { messageOf } from './servers/server.ts'
import { removeData, type Servers, startServers } from './servers/start.ts'
import { CHROMIUM, provide } from './servers/system.ts'
import { leftovers } from './test_leftovers.ts'
import { buildWeb } from './web_build.ts'

const HELP = `npm test -- [--only STAGE[,STAGE]] [--help]

Stages, in their order:
  types     tsc --noEmit
  lint      biome check .
  unit      *.test.ts
  servers   *.servers.test.ts, with the real Kafka, Redis, PostgreSQL and ClickHouse
  browser   *.browser.test.ts, with the servers, the built page and a real Chromium

WAGGLE_TEST_SERVERS, as JSON with kafka_brokers, redis_url, postgres_url and clickhouse_url: use these instead of starting some.
`

interface Count {
  passed: number
  failed: number
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  numTotalTests: number
  numPassedTests: number
  testResults: {
    name: string
    message: string
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[]
  }[]
}

const STAGES = ['types', 'lint', 'unit', 'servers', 'browser'] as const
type Stage = (typeof STAGES)[number]

/** A worker in an endless loop never reports; vitest then waits for ever. */
const STAGE_TIMEOUT_MS = 15 * 60_000
const LIFELINE = new URL('lifeline.mjs', import.meta.url).href
const bin = (path: string): string => join(PROJECT_DIR, 'node_modules', path)
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Everything this run writes goes here, its children's temporary files too. */
const run_dir = mkdtempSync(join(tmpdir(), 'waggle-test-'))
chmodSync(run_dir, 0o711) // PostgreSQL's own user must pass through to its data
process.env.TMPDIR = run_dir
process.env.WAGGLE_TEST_RUN = randomUUID() // the mark of what we start
const data_dir = join(run_dir, 'servers')

/** Of every test that did not pass: told again at the end, where the last lines of a long log are read first. */
const failures: string[] = []

let current: ChildProcess | undefined
let interrupted = false
let servers: Servers | undefined

async function main(): Promise<Count> {
  const total: Count = { passed: 0, failed: 0 }
  for (const stage of chosenStages()) {
    if (interrupted) break
    console.log(`\n=== ${stage}`)
    const started = performance.now()
    const count = await runStage(stage).catch(error => {
      console.error(messageOf(error))
      return { passed: 0, failed: 1 }
    })
    console.log(`--- ${stage}: ${count.passed} passed, ${count.failed} failed, ${seconds(started)}`)
    total.passed += count.passed
    total.failed += count.failed
  }
  return total
}

function chosenStages(): readonly Stage[] {
  const { values } = parseArgs({ options: { only: { type: 'string' } } })
  const only = values.only?.split(',')
  const unknown = only?.find(name => !STAGES.some(stage => stage === name))
  if (unknown !== undefined) throw new Error(`there is no stage ${unknown}: choose of ${STAGES.join(', ')}`)
  return STAGES.filter(stage => only?.includes(stage) ?? true)
}

async function runStage(stage: Stage): Promise<Count> {
  if (stage === 'types') return command(bin('typescript/bin/tsc'), ['--noEmit'])
  if (stage === 'lint') return command(bin('@biomejs/biome/bin/biome'), ['check', '--error-on-warnings', '.'])
  if (stage === 'unit') return vitest('unit')
  if (stage === 'browser') {
    const [chromium] = await provide([CHROMIUM], console.log)
    process.env.WAGGLE_CHROMIUM = chromium
    await buildWeb(console.log)
  }
  await provideServers()
  return vitest(stage)
}

/** Once, for all stages that need them. */
async function provideServers(): Promise<void> {
  if (process.env.WAGGLE_TEST_SERVERS) return
  servers = await startServers({ data_dir, disposable: true, log: console.log })
  process.env.WAGGLE_TEST_SERVERS = JSON.stringify(servers.urls)
}

async function command(script: string, args: string[]): Promise<Count> {
  const code = await runNode(script, args)
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** A test that was skipped counts as failed: nothing here may quietly be left out. */
async function vitest(project: string): Promise<Count> {
  const report = join(run_dir, `${project}.json`)
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await runNode(bin('vitest/vitest.mjs'), args)
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numTotalTests, numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  failures.push(...testResults.flatMap(failuresOf))
  const failed = numTotalTests - numPassedTests
  return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed }
}

function failuresOf({ name, message, assertionResults }: Report['testResults'][number]): string[] {
  const file = relative(PROJECT_DIR, name)
  const failed = assertionResults.filter(({ status }) => status !== 'passed')
  if (failed.length === 0 && message !== '') return [`${file}: ${message}`] // it could not even be loaded
  return failed.map(test => `${file}: ${test.fullName} (${test.status})\n${test.failureMessages.join('\n')}`)
}

/** Runs a script on this Node and gives its exit code. It ends with us, even when we are killed outright. */
function runNode(script: string, args: string[]): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', '--import', LIFELINE, script, ...args],
    {
      cwd: PROJECT_DIR,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  )
  current = child
  const late = setTimeout(() => {
    console.error(`it did not end within ${STAGE_TIMEOUT_MS / 60_000} minutes: is there a loop without an end?`)
    child.kill('SIGKILL')
  }, STAGE_TIMEOUT_MS)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => {
      clearTimeout(late)
      resolve(code ?? 1)
    })
  })
}

/** Stops the servers, then looks for what is left of this run: a process left behind is a failure. */
async function cleanUp(): Promise<number> {
  const pids = Object.values(servers?.each ?? {}).map(server => server.pid())
  await servers?.[Symbol.asyncDispose]()
  let left = leftovers(process.env.WAGGLE_TEST_RUN ?? '', pids)
  for (let tries = 0; tries < 50 && left.length > 0; tries++) {
    await delay(100)
    left = leftovers(process.env.WAGGLE_TEST_RUN ?? '', pids)
  }
  for (const { pid, command_line } of left) {
    console.error(`left behind: process ${pid}, ${command_line}`)
    process.kill(pid, 'SIGKILL')
  }
  await removeData(data_dir)
  rmSync(run_dir, { recursive: true, force: true, maxRetries: 5 })
  return left.length
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true
    current?.kill('SIGTERM')
  })
}

if (process.argv.includes('--help')) {
  rmSync(run_dir, { recursive: true, force: true })
  process.stdout.write(HELP)
  process.exit(0)
}
const started = performance.now()
const total = await main().catch(error => {
  console.error(messageOf(error))
  return { passed: 0, failed: 1 }
})
total.failed += await cleanUp()
if (interrupted) console.error('\ninterrupted: not everything was tried')
for (const failure of failures) console.error(`\nfailed: ${failure}`)
console.log(`\n${seconds(started)} in all`)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed > 0 || interrupted ? 1 : 0)
