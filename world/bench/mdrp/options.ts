import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { WEIGHTS, type Weights } from '../../../dispatch/solver/objective.ts'
import { numberOf, someOf, wholeOf } from '../../command_line.ts'

/** What can be chosen for `npm run bench:mdrp`. */

export const PARTS = ['bundles', 'trips', 'search', 'excess', 'travel', 'end_place', 'scarcity', 'cover'] as const
export type Part = (typeof PARTS)[number]

export interface MdrpOptions {
  help: boolean
  instances_dir: string
  out_dir: string
  prep_known: 'exact' | 'mean'
  without: readonly Part[]
  only: RegExp
  /** otherwise than the usual */
  weights: Partial<Weights>
  threads: number
}

export const HELP = `npm run bench:mdrp -- --instances DIR --out DIR [--prep-known exact|mean] [--without A,B] [--weights NAME=N,NAME=N] [--only REGEX] [--threads N] [--help]

Plays every day of the Meal Delivery Routing Problem under DIR through the production solver, minute after minute under a simulated clock,
and writes its decisions to <instance>.jsonl. One JSON line a day on stdout and one for their mean; progress on stderr.

  --instances DIR  one folder a day: orders.txt, couriers.txt, restaurants.txt, instance_parameters.txt
  --out DIR        where the decisions go; made if it is missing
  --prep-known W   exact (default): an order's ready time is known from its placing on
                   mean: only its restaurant's mean preparation time is, until the order is ready. The means are read from
                   preparation.txt of the day (restaurant, minutes; with a header), else taken from all orders of the day
  --without A,B    switches parts off: ${PARTS.join(', ')}
  --weights W=N,…  weights of the objective otherwise than the usual: ${Object.keys(WEIGHTS).join(', ')}
  --only REGEX     days whose name matches
  --threads N      days at once, default one a core; what comes of a day does not depend on it

Known at minute t: orders placed by t, all shifts, all restaurants. An undelivered order counts as 240 minutes in click_to_door_240_min
and in the excess, which is click-to-door less the order's own floor (picked up the moment it is ready, and straight to the door).
`

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: string[]): MdrpOptions {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      instances: { type: 'string' },
      out: { type: 'string' },
      'prep-known': { type: 'string', default: 'exact' },
      without: { type: 'string' },
      only: { type: 'string', default: '' },
      weights: { type: 'string', default: '' },
      threads: { type: 'string', default: String(availableParallelism()) },
    },
  })
  if (!values.help && (values.instances === undefined || values.out === undefined)) {
    throw new Error('--instances DIR and --out DIR are needed')
  }
  const prep_known = values['prep-known']
  if (prep_known !== 'exact' && prep_known !== 'mean') {
    throw new Error(`--prep-known is exact or mean, not ${prep_known}`)
  }
  return {
    help: values.help,
    instances_dir: resolve(values.instances ?? '.'),
    out_dir: resolve(values.out ?? '.'),
    prep_known,
    without: values.without === undefined ? [] : someOf('part', values.without, PARTS),
    only: new RegExp(values.only),
    weights: weightsOf(values.weights),
    threads: wholeOf('threads', values.threads, 1, 64),
  }
}

function weightsOf(text: string): Partial<Weights> {
  const given = text.split(',').filter(one => one !== '')
  return Object.fromEntries(
    given.map(one => {
      const [name = '', value = ''] = one.split('=')
      someOf('weight', name, Object.keys(WEIGHTS))
      return [name, numberOf(`weights ${name}`, value, 0, 100_000)]
    }),
  )
}
