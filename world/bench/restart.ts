/** `npm run bench:restart`: how soon the engine is live again after it was killed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../servers/server.ts'
import {
  fill,
  freshGround,
  type Ground,
  openStage,
  query,
  type Running,
  type Stage,
  startProcess,
  until,
} from './stage.ts'
import { type BenchMessage, type BenchZone, benchZones, opening, orderOf } from './traffic.ts'

const HELP = `npm run bench:restart -- [--events N] [--load EVENTS] [--help]

Kills the engine's real process with SIGKILL and starts it again at once, twice; one JSON line each:

  --events N     folded and published since the last checkpoint, default 1000000: all of them are adopted and folded again
  --load EVENTS  orders just before the kill, with checkpoints as usual; default 15000: 30 s of 500 a second

seconds_until_live runs from the kill until every partition is folded to its end. Its phases: owner = the process starts, Kafka's session of
the killed one ends (6 s), epochs, markers, checkpoints; adopt = what was decided is read; refold = the rest.
`

const TIMEOUT_S = 1_800
const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      events: { type: 'string', default: '1000000' },
      load: { type: 'string', default: '15000' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  await using stage = await openStage(say)
  for (const [name, checkpoint] of [
    ['events', false],
    ['load', true],
  ] as const) {
    const count = Number(values[name])
    if (!Number.isSafeInteger(count) || count < 1) throw new Error(`--${name} is a whole number, not ${values[name]}`)
    process.stdout.write(`${JSON.stringify(await measure(stage, `restart_${name}`, count, checkpoint))}\n`)
  }
}

async function measure(stage: Stage, name: string, count: number, checkpoint: boolean) {
  const ground = await freshGround(stage, name)
  const zones = benchZones()
  for (const zone of zones) {
    const messages = opening(zone)
    await fill(stage, ground, messages.length, n => messages[n] as BenchMessage)
  }
  const first = await startProcess(stage, ground, { name: 'first', script: 'engine/main.ts' })
  await until('the opening to be folded', TIMEOUT_S, () => isLive(first))
  say(`${name}: ${count} orders`)
  await fill(stage, ground, count, n => orderOf(zones[n % zones.length] as BenchZone))
  await until('all orders to be folded', TIMEOUT_S, () => isLive(first))
  const killed_at = Date.now()
  process.kill(first.pid, 'SIGKILL')
  // As if none had been written since the beginning.
  if (!checkpoint) await query(ground, 'DELETE FROM checkpoint_cuts')
  const second = await startProcess(stage, ground, { name: 'second', script: 'engine/main.ts' })
  await until('the engine to be live again', TIMEOUT_S, () => isLive(second))
  const live_at = Date.now()
  const owner_at = lastOf(stage, ground, 'took a partition over')
  const adopted_at = lastOf(stage, ground, 'adopted what was decided')
  await second.stop()
  return {
    case: name,
    events: count,
    seconds_until_live: seconds(live_at - killed_at),
    owner_s: seconds(owner_at - killed_at),
    adopt_s: seconds(adopted_at - owner_at),
    refold_s: seconds(live_at - adopted_at),
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10

async function isLive(engine: Running): Promise<boolean> {
  return (await engine.isReady()) && (await engine.metric('waggle_engine_lag_messages')) === 0
}

/** When the second engine last said so, wall ms. */
function lastOf({ dir }: Stage, { namespace }: Ground, message: string): number {
  const lines = readFileSync(join(dir, `${namespace}-second.log`), 'utf8').split('\n')
  const last = lines.findLast(line => line.includes(message))
  if (!last) throw new Error(`the engine never said "${message}"`)
  const { time } = JSON.parse(last) as { time: string }
  return Date.parse(time)
}

await main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
})
