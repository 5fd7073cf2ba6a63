import { FAILPOINTS as ENGINE_FAILPOINTS } from '../../engine/failpoints.ts'
import { type Draws, draws } from '../city/random.ts'
import type { ServerName } from '../servers/server.ts'
import { CUTS, type Cut } from './proxy.ts'
import type { ProcessName } from './stage.ts'

/**
 * What is broken, in which order and for how long: drawn from the seed alone. What comes of it is not the same twice; which
 * request is under way at that moment is up to the machine.
 *
 * Kinds are dealt like cards, all of them before any comes again.
 */
export type Action =
  /** SIGKILL; it is started again by itself */
  | { do: 'kill'; processes: readonly ProcessName[] }
  /** SIGSTOP for `for_ms`, then SIGCONT */
  | { do: 'stop'; process: ProcessName }
  /** killed, and then once more by itself at a named moment */
  | { do: 'failpoint'; process: ProcessName; variable: string; failpoint: string }
  /** SIGKILL, down for `for_ms` */
  | { do: 'kill_server'; server: ServerName }
  | { do: 'stop_server'; server: ServerName }
  /** Redis comes back with what it held at the time of the kill, or `for_ms` before it, or is emptied while it runs */
  | { do: 'redis'; how: 'kept' | 'behind' | 'flushed' }
  /** connections are cut for `for_ms`, and at least one */
  | { do: 'cut'; server: ServerName; how: Cut; chance: number }
  | { do: 'stall' | 'refuse'; server: ServerName }

export interface Fault {
  /** such as `kafka.half_reply` */
  kind: string
  action: Action
  for_ms: number
  /** wait before it, ms after everything was well again */
  pause_ms: number
  /** begins while the one before it is still on */
  together: boolean
}

const LOADER_FAILPOINTS = ['after_record', 'after_insert', 'after_done'] as const
type Make = (draw: Draws) => [action: Action, for_ms: number]

const engine = (draw: Draws): ProcessName => draw.pick(['engine_1', 'engine_2'] as const)
const nth = (draw: Draws, mean: number): number => 1 + Math.floor(draw.exponential(mean))

const PROCESS_FAULTS: Record<string, Make> = {
  'engine.kill': draw => [{ do: 'kill', processes: [engine(draw)] }, 0],
  'engine.kill_both': () => [{ do: 'kill', processes: ['engine_1', 'engine_2'] }, 0],
  // Beyond the session of 6 s: the other one takes over, and this one wakes up as an owner of the past.
  'engine.stop': draw => [{ do: 'stop', process: engine(draw) }, draw.whole(12_000, 16_000)],
  'engine.stop_briefly': draw => [{ do: 'stop', process: engine(draw) }, draw.whole(500, 6_000)],
  'engine.failpoint': draw => {
    const point = draw.pick(ENGINE_FAILPOINTS)
    // A takeover has one marker a partition and some checkpoints, a second has tens of batches.
    const failpoint = `${point}:${nth(draw, /marker|checkpoint/.test(point) ? 1 : 15)}`
    return [{ do: 'failpoint', process: engine(draw), variable: 'WAGGLE_ENGINE_FAILPOINT', failpoint }, 0]
  },
  'loader.kill': () => [{ do: 'kill', processes: ['loader'] }, 0],
  'loader.stop': draw => [{ do: 'stop', process: 'loader' }, draw.whole(12_000, 16_000)],
  'loader.failpoint': draw => [
    {
      do: 'failpoint',
      process: 'loader',
      variable: 'WAGGLE_LOADER_FAILPOINT',
      failpoint: `${draw.pick(LOADER_FAILPOINTS)}:${nth(draw, 2)}`,
    },
    0,
  ],
  'ingest.kill': () => [{ do: 'kill', processes: ['ingest'] }, 0],
  'dispatch.kill': () => [{ do: 'kill', processes: ['dispatch'] }, 0],
  'dispatch.stop': draw => [{ do: 'stop', process: 'dispatch' }, draw.whole(7_000, 10_000)],
}

const SERVER_FAULTS: Record<string, Make> = {
  'kafka.kill': draw => [{ do: 'kill_server', server: 'kafka' }, draw.whole(0, 3_000)],
  'kafka.stop': draw => [{ do: 'stop_server', server: 'kafka' }, draw.whole(1_000, 6_000)],
  'postgres.kill': draw => [{ do: 'kill_server', server: 'postgres' }, draw.whole(0, 3_000)],
  'clickhouse.kill': draw => [{ do: 'kill_server', server: 'clickhouse' }, draw.whole(0, 3_000)],
  'clickhouse.stop': draw => [{ do: 'stop_server', server: 'clickhouse' }, draw.whole(1_000, 8_000)],
  'redis.emptied': draw => [{ do: 'kill_server', server: 'redis' }, draw.whole(0, 3_000)],
  'redis.stop': draw => [{ do: 'stop_server', server: 'redis' }, draw.whole(1_000, 6_000)],
  'redis.kept': () => [{ do: 'redis', how: 'kept' }, 0],
  'redis.behind': draw => [{ do: 'redis', how: 'behind' }, draw.whole(1_000, 4_000)],
  'redis.flushed': () => [{ do: 'redis', how: 'flushed' }, 0],
}

/** Some get through now and then, or nobody does: then not even the first answer of a connection. */
const CHANCES = [0.05, 0.3, 1] as const

function proxyFaults(): Record<string, Make> {
  const faults: Record<string, Make> = {}
  for (const server of ['kafka', 'redis', 'postgres', 'clickhouse'] as const) {
    for (const how of CUTS) {
      faults[`${server}.${how}`] = draw => [
        { do: 'cut', server, how, chance: draw.pick(CHANCES) },
        draw.whole(500, 4_000),
      ]
    }
    faults[`${server}.stall`] = draw => [{ do: 'stall', server }, draw.whole(1_000, 8_000)]
    faults[`${server}.refuse`] = draw => [{ do: 'refuse', server }, draw.whole(500, 5_000)]
  }
  return faults
}

const MAKERS: Record<string, Make> = {
  ...PROCESS_FAULTS,
  ...SERVER_FAULTS,
  ...proxyFaults(),
}
export const KINDS: readonly string[] = Object.keys(MAKERS)

const TOGETHER_SHARE = 0.2

/** An endless plan. @param kinds which to deal; @throws Error for one that there is not */
export function* planOf(seed: number, kinds: readonly string[] = KINDS): Generator<Fault, never> {
  const unknown = kinds.find(kind => !(kind in MAKERS))
  if (unknown !== undefined || kinds.length === 0)
    throw new Error(`there is no fault ${unknown}: choose of ${KINDS.join(', ')}`)
  for (let deal = 0; ; deal++) {
    for (const [place, kind] of shuffled(kinds, draws(seed, 'deal', deal)).entries()) {
      const draw = draws(seed, 'fault', deal, place)
      const [action, for_ms] = (MAKERS[kind] as Make)(draw)
      const together = place > 0 && draw.chance(TOGETHER_SHARE)
      yield { kind, action, for_ms, pause_ms: draw.whole(200, 4_000), together }
    }
  }
}

function shuffled<T>(list: readonly T[], draw: Draws): T[] {
  const cards = [...list]
  for (let last = cards.length - 1; last > 0; last--) {
    const other = draw.whole(0, last)
    const moved = cards[last] as T
    cards[last] = cards[other] as T
    cards[other] = moved
  }
  return cards
}
