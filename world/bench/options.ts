import { parseArgs } from 'node:util'
import { someOf, wholeOf } from '../command_line.ts'

/** What can be chosen for `npm run bench:engine`. */

export const CASES = ['orders', 'adjustments', 'positions', 'loader', 'everything', 'latency', 'two'] as const
export type CaseName = (typeof CASES)[number]

export interface BenchOptions {
  help: boolean
  events: number
  cases: readonly CaseName[]
  /** where CPU profiles of the engine's process go */
  profile_dir: string | undefined
  /** of the latency case */
  warm_up_s: number
  measure_s: number
}

export const HELP = `npm run bench:engine -- [--events N] [--cases A,B] [--profile DIR] [--warm-up S] [--measure S] [--help]

Starts Kafka, Redis, PostgreSQL and ClickHouse of its own, writes a log of 8 partitions and zones with ten warehouses each, and lets the
engine's real process fold it. One JSON line a case on stdout, progress on stderr. CPU is read from /proc, so this needs Linux.

  --events N     events a case, default 1000000
  --cases A,B    of: ${CASES.join(', ')}; default all
                   orders       two lines each: routed, reserved, decided, views written
                   adjustments  of stock
                   positions    of couriers
                   loader       rows of all kinds into ClickHouse
                   everything   orders, stock and positions at once, with the loader
                   latency      order in Kafka to decision in Kafka at 500 orders and 2,000 other events a second, beside a bare
                                consume-and-produce echo; then the same while ClickHouse and Redis are down for 30 s; what the
                                orders waited for, and how long checkpoints' slices took the worker
                   two          orders with two engine processes: correct, and CPU an event
  --profile DIR  a .cpuprofile of every thread of the engine, and the table of what took its time in the line
  --warm-up S    before latencies count, default 60
  --measure S    how long latencies count, default 60

ratio = the CPU seconds a million events of the bare parts, servers included, through ours, servers included. The parts are measured in the
same run on the same events: kafkajs eachBatch with JSON.parse; for orders also a bare kafkajs producer that sends messages of the decision's
size; for rows also the bare Arrow insert.
`

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      events: { type: 'string', default: '1000000' },
      cases: { type: 'string', default: CASES.join(',') },
      profile: { type: 'string' },
      'warm-up': { type: 'string', default: '60' },
      measure: { type: 'string', default: '60' },
    },
  })
  return {
    help: values.help,
    events: wholeOf('events', values.events, 1_000, 20_000_000),
    cases: someOf('case', values.cases, CASES),
    profile_dir: values.profile,
    warm_up_s: wholeOf('warm-up', values['warm-up'], 1, 3_600),
    measure_s: wholeOf('measure', values.measure, 5, 3_600),
  }
}
