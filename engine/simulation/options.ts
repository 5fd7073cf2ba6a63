import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export const HELP = `npm run test:simulation -- [--seed N] [--seeds K] [--events N] [--hours H] [--minutes M] [--workers W] [--help]

  --seed N      the first seed (1)
  --seeds K     how many, one after the other (8)
  --events N    events of the outside world a seed (10000)
  --hours H     a seed ends after so many hours of simulated business time, too (no limit)
  --minutes M   begin no further seed after so many minutes of wall time (no limit)
  --workers W   processes that share the seeds (one a core)

Checks I1, I2, I3, I5 and I6 of the design after every step. Progress on stderr, one JSON object on stdout.
A seed that fails fails again, at the same step: the command is printed. Exit code 1: an invariant was violated.`

export interface SimulationOptions {
  seed: number
  seeds: number
  events: number
  hours: number | null
  minutes: number | null
  workers: number
}

const NAMES = ['seed', 'seeds', 'events', 'hours', 'minutes', 'workers'] as const

export function readOptions(args: readonly string[]): SimulationOptions | 'help' | { error: string } {
  const text = { type: 'string' } as const
  let values: Partial<Record<(typeof NAMES)[number], string>> & { help?: boolean }
  try {
    const options = { seed: text, seeds: text, events: text, hours: text, minutes: text, workers: text }
    values = parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } }).values
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
  if (values.help) return 'help'
  const wrong = NAMES.find(name => values[name] !== undefined && !(Number(values[name]) > 0))
  if (wrong) return { error: `--${wrong} takes a number above 0, not ${values[wrong]}` }
  return {
    seed: Number(values.seed ?? 1),
    seeds: Number(values.seeds ?? 8),
    events: Number(values.events ?? 10_000),
    hours: values.hours === undefined ? null : Number(values.hours),
    minutes: values.minutes === undefined ? null : Number(values.minutes),
    workers: Number(values.workers ?? availableParallelism()),
  }
}
