import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { numberOf, wholeOf } from './command_line.ts'

export const DEMO_HELP = `npm run demo -- [--speed N] [--seed N] [--rate N] [--couriers N] [--for SECONDS] [--data DIR] [--json] [--help]

A Friday evening in Chicago, from half past six on: ten warehouses, 180 couriers, about 9 orders a minute, ten times as fast as real.
Starts the four servers with fresh data, Waggle's services, and the city; prints the address of the page; ctrl-C ends all of it.

  --speed N      city seconds in a second (default 10, at most 60). Couriers report once a second of yours, whatever the speed: at 10
                 that is every ten of theirs
  --seed N       another evening: other people, orders and mishaps (default 1)
  --rate N       orders a city minute (default 9)
  --couriers N   on their shift (default 180)
  --for SECONDS  stop the city so long after the address was printed, wait until everything has followed (at most 30 s), print the
                 accounts and end: with 0 when they balance, else with 1
  --data DIR     where the servers keep their data, which is wiped first, and the logs (default: .waggle); two demos need two
  --json         the accounts as one JSON line on standard output; everything else goes to standard error

WAGGLE_SERVERS=external with the addresses of your own servers uses a namespace and a database of their own on them.
`

export interface DemoOptions {
  /** business s a wall second */
  speed: number
  seed: number
  orders_per_min: number
  couriers: number
  /** wall s after the address was printed; undefined: until ctrl-C */
  for_s: number | undefined
  /** undefined: below .waggle in the project */
  data_dir: string | undefined
  json: boolean
  help: boolean
}

/** @throws Error that names the option that is wrong */
export function readDemoOptions(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      speed: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '9' },
      couriers: { type: 'string', default: '180' },
      for: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    speed: numberOf('speed', values.speed, 1, 60),
    seed: wholeOf('seed', values.seed, 0, 2 ** 31),
    orders_per_min: numberOf('rate', values.rate, 0.1, 600),
    couriers: wholeOf('couriers', values.couriers, 1, 2_000),
    for_s: values.for === undefined ? undefined : numberOf('for', values.for, 1, 86_400),
    data_dir: values.data === undefined ? undefined : resolve(values.data),
    json: values.json,
    help: values.help,
  }
}
