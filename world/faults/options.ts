import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { numberOf, someOf, wholeOf } from '../command_line.ts'
import { KINDS } from './plan.ts'

export const FAULTS_HELP = `npm run test:faults -- [--minutes N] [--seed N] [--rate N] [--zones N] [--only KIND,…] [--data DIR] [--keep] [--help]

The real services and servers, with data of their own, under a steady load, while they are killed, stopped and cut off from each
other. Then everything heals, and the log is held against what was acknowledged, Redis, Postgres, ClickHouse and a fold from its
first record. Progress goes to standard error, one JSON line to standard output; ends with 1 if anything is lost, doubled, granted
without cover, stuck or different.

  --minutes N   of faults (default 10); healing and checking come on top, some minutes at the most
  --seed N      the plan of faults and the load follow from it (default 1); what comes of them is not the same twice
  --rate N      orders a second (default 60), with some three other events each
  --zones N     cities, one a partition (default 8)
  --only KIND,… these faults alone
  --data DIR    where the servers keep their data, which is wiped first (default: a new temporary folder)
  --keep        leave the data; it is left anyway when something was found

Faults: ${KINDS.join(', ')}
`

export interface FaultsOptions {
  minutes: number
  seed: number
  orders_per_s: number
  zones: number
  kinds: readonly string[] | undefined
  data_dir: string | undefined
  keep: boolean
  help: boolean
}

/** @throws Error that names the option that is wrong */
export function readFaultsOptions(args: string[]): FaultsOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '60' },
      zones: { type: 'string', default: '8' },
      only: { type: 'string' },
      data: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    minutes: numberOf('minutes', values.minutes, 0.2, 600),
    seed: wholeOf('seed', values.seed, 0, 2 ** 31),
    orders_per_s: numberOf('rate', values.rate, 1, 1_000),
    zones: wholeOf('zones', values.zones, 1, 64),
    kinds: values.only === undefined ? undefined : someOf('fault', values.only, KINDS),
    data_dir: values.data === undefined ? undefined : resolve(values.data),
    keep: values.keep,
    help: values.help,
  }
}
