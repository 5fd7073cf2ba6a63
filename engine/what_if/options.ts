import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Policy } from '../../ingest/events/network.ts'
import { Misuse, reasonOf } from '../command.ts'
import { MOMENT_FORMATS, readMoment } from '../past/moment.ts'
import { readPolicy } from './policy.ts'

export const HELP = `npm run what-if -- --from MOMENT --to MOMENT --policy FILE [--zone ID]

The same log under another policy: from the state at the first moment on, everything is decided anew until the second, once
under the policy there was and once under the other one, and both are laid side by side with what was really decided.

  --policy FILE   JSON with what is different, such as {"promise_s_max": 1500}; written over the policy of each zone
  --from, --to    ${MOMENT_FORMATS}.
                  Times are of the business clock and, without a zone of their own, as the clocks at the zone say
  --zone ID       only this zone (default: all of them, one after the other)
  --show N        orders to name that come to something else (default 10)
  --json          one JSON object a zone and line, with all of those orders

What is assumed of people: they order, count and pause as they did. Picking follows its order: where it goes elsewhere, it is
picked there at the same times; where it is granted and really was not, it is picked and packed when it was to be ready; where it
is refused and really was not, its picking does not happen. Counts are taken as they were, and so pull a shelf back to what really
lay there. Offers to other zones are counted, not followed there.
Where the servers are: WAGGLE_KAFKA_BROKERS, WAGGLE_POSTGRES_URL, WAGGLE_NAMESPACE, as for the services.
`

export interface Options {
  /** as typed; they are read once the time zone is known */
  from: string
  to: string
  policy: Partial<Policy>
  zone_id: string | undefined
  show: number
  json: boolean
}

/** null: help is wanted. @throws Error that names what is wrong */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      policy: { type: 'string' },
      zone: { type: 'string' },
      show: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { from, to, policy, zone: zone_id, json } = values
  if (from === undefined || to === undefined) throw new Misuse('--from and --to are needed')
  if (policy === undefined) throw new Misuse('--policy FILE is needed')
  const kinds = [from, to].map(text => readMoment(text, 0, 'UTC').kind)
  if (kinds[0] === 'end') throw new Misuse('--from now leaves nothing to look at')
  if (zone_id === undefined && kinds.includes('offset'))
    throw new Misuse('an offset is of one partition: say --zone, too')
  const show = Number(values.show)
  if (!Number.isInteger(show) || show < 0) throw new Misuse(`--show "${values.show}": a whole number is wanted`)
  return { from, to, policy: readPolicy(readFile(policy), policy), zone_id, show, json }
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Misuse(`--policy: ${reasonOf(error)}`)
  }
}
