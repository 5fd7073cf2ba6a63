import { parseArgs } from 'node:util'
import { Misuse } from '../command.ts'
import { MOMENT_FORMATS, readMoment } from '../past/moment.ts'

export const HELP = `npm run -s record -- --from MOMENT --to MOMENT [--zone ID] > FILE

Writes what came in from outside between two moments as NDJSON of our own events, which stands alone: npm run demo -- --replay FILE
plays it against fresh servers. (-s keeps npm's own two lines out of FILE; the demo passes over them, too.)

  --from, --to   ${MOMENT_FORMATS}.
                 Times are of the business clock and, without a zone of their own, as the clocks at the zone say. Not an offset
  --zone ID      which zone (default: the only one there is)

First the network, the shelves and the couriers as they were at --from: shelves as counts, with what was promised to earlier orders taken
off, for those orders are not recorded; couriers on shift where they were last seen. Then, in order: orders placed and cancels asked; counts,
deliveries and other changes of stock; pauses; shifts that begin and end; and of the orders placed in that time how long picking took,
which lines came up short and at which doors nobody opened. What Waggle decided is not recorded, nor are courier's positions and what they said of
trips, for that followed from its decisions: in a replay the couriers ride what they are given then. What else is left out is
told on standard error, by kind.
Where the servers are: WAGGLE_KAFKA_BROKERS, WAGGLE_POSTGRES_URL, WAGGLE_NAMESPACE, as for the services.
`

export interface Options {
  /** as typed; they are read once the time zone is known */
  from: string
  to: string
  zone_id: string | undefined
}

/** null: help is wanted. @throws Error that names what is wrong */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      zone: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { from, to, zone: zone_id } = values
  if (from === undefined || to === undefined) throw new Misuse('--from and --to are needed')
  const kinds = [from, to].map(text => readMoment(text, 0, 'UTC').kind)
  if (kinds.includes('offset')) throw new Misuse('a time is wanted, not an offset: couriers lie in other partitions')
  if (kinds[0] === 'end') throw new Misuse('--from now leaves nothing to record')
  return { from, to, zone_id }
}
