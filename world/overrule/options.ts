import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { numberOf, wholeOf } from '../command_line.ts'

export const OVERRULE_HELP = `npm run test:overrule -- [--minutes N] [--speed N] [--seed N] [--rate N] [--couriers N] [--calm] [--data DIR] [--help]

An evening of the demo city, on real services and servers of its own, with a dispatcher who overrules at random: assigns, reassigns,
takes back, pins, unpins, undoes, moves several, sends many at once, and takes the zone's wheel and gives it back. Afterwards the log
is read from its first record: no pinned order was moved by Waggle, no courier was on two trips, no order either, the checker refused
no plan, every change that was answered is in the audit once, the book's tables tell the same, and all accounts balance. Progress goes to standard error, one JSON line
to standard output; ends with 1 if anything was otherwise.

  --minutes N   wall time of the evening (default 10)
  --speed N     city seconds in a second (default 20: ten minutes are more than three hours)
  --seed N      of the city and of the dispatcher (default 1)
  --rate N      orders a city minute (default 9)
  --couriers N  on their shift (default 120)
  --calm        the dispatcher only looks on: what the evening is when nobody overrules
  --data DIR    where the servers keep their data, which is wiped first (default: a new temporary folder)
`

export interface OverruleOptions {
  minutes: number
  speed: number
  seed: number
  orders_per_min: number
  couriers: number
  calm: boolean
  data_dir: string | undefined
  help: boolean
}

/** @throws Error that names the option that is wrong */
export function readOverruleOptions(args: string[]): OverruleOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      speed: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '9' },
      couriers: { type: 'string', default: '120' },
      calm: { type: 'boolean', default: false },
      data: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    minutes: numberOf('minutes', values.minutes, 0.1, 600),
    speed: numberOf('speed', values.speed, 1, 60),
    seed: wholeOf('seed', values.seed, 0, 2 ** 31),
    orders_per_min: numberOf('rate', values.rate, 0.1, 600),
    couriers: wholeOf('couriers', values.couriers, 1, 2_000),
    calm: values.calm,
    data_dir: values.data === undefined ? undefined : resolve(values.data),
    help: values.help,
  }
}
