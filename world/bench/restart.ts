/** `npm run bench:restart`: how soon the engine is live again after it was killed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { printLine, runCommand, tellTime, wholeOf } from '../command_line.ts'
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

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      events: { type: 'string', default: '1000000' },
      load: { type: 'string', default: '15000' },
    },
  })
  return {
    help: values.help,
    events: wholeOf('events', values.events, 1, 20_000_000),
    load: wholeOf('load', values.load, 1, 20_000_000),
  }
}

async function work({ events, load }: ReturnType<typeof read>): Promise<number> {
  await using stage = await openStage(tellTime)
  printLine(await measure(stage, 'restart_events', events, false))
  printLine(await measure(stage, 'restart_load', load, true))
  return 0
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
  tellTime(`${name}: ${count} orders`)
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

await runCommand({ name: 'bench:restart', help: HELP, read, work })
