import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { wholeOf } from '../command_line.ts'

export const RACES_HELP = `npm run test:races -- [--rounds N] [--clients N] [--kills N] [--seed N] [--data DIR] [--help]

Clients who race to reassign one order, on the real dispatch and real servers of its own. In every round all of them name the
version that they saw, each another courier: one must get 200, and all others 409 with who won. Then rounds in which dispatch is
ended with kill -9 while they ask: at most one gets 200, there is one effect and one audit row, and every client, whatever it
heard before, learns its outcome by asking again with its Idempotency-Key. Progress goes to standard error, one JSON line to
standard output; ends with 1 if anything was otherwise.

  --rounds N    without kills (default 1000)
  --clients N   (default 50)
  --kills N     rounds with a kill (default 100; some 4 s each, since the service has to come back)
  --seed N      when it is killed (default 1)
  --data DIR    where the servers keep their data, which is wiped first (default: a new temporary folder)
`

export interface RacesOptions {
  rounds: number
  clients: number
  kills: number
  seed: number
  data_dir: string | undefined
  help: boolean
}

/** @throws Error that names the option that is wrong */
export function readRacesOptions(args: string[]): RacesOptions {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '1000' },
      clients: { type: 'string', default: '50' },
      kills: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      data: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    rounds: wholeOf('rounds', values.rounds, 0, 1_000_000),
    clients: wholeOf('clients', values.clients, 2, 500),
    kills: wholeOf('kills', values.kills, 0, 100_000),
    seed: wholeOf('seed', values.seed, 0, 2 ** 31),
    data_dir: values.data === undefined ? undefined : resolve(values.data),
    help: values.help,
  }
}
