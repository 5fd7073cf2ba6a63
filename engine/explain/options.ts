import { parseArgs } from 'node:util'
import { Misuse } from '../command.ts'
import { MOMENT_FORMATS, readMoment } from '../past/moment.ts'

export const HELP = `npm run explain -- --order ID                                  an order's life, step by step
npm run explain -- --warehouse ID --sku SKU [--at MOMENT]      what was there at a moment, and what led there

  --order ID       what was asked for, which warehouses were looked at and why not, what happened and was decided, with times;
                   what is reserved
  --warehouse ID   with --sku: on hand, reserved (for which orders and holds), kept back, available; and the last movements
  --sku SKU
  --at MOMENT      the state then (default: now): ${MOMENT_FORMATS}.
                   Times are of the business clock and, without a zone of their own, as the clocks at the zone say
  --zone ID        where to look, which saves a search through the whole log
  --last N         movements to show (default 20)
  --from log|checkpoint   where the fold begins: the log shows all movements, a checkpoint is there sooner
                   (default: the log while that is below a million records, else the newest checkpoint that is old enough)
  --json           one JSON object

It is folded from Kafka, and what is shown as decided is what was really published; nothing is decided anew.
Where the servers are: WAGGLE_KAFKA_BROKERS, WAGGLE_POSTGRES_URL, WAGGLE_NAMESPACE, as for the services.
`

export interface Options {
  subject: { kind: 'order'; order_id: string } | { kind: 'stock'; warehouse_id: string; sku: string }
  /** as typed; it is read once the time zone is known */
  at: string
  zone_id: string | undefined
  last: number
  from: 'log' | 'checkpoint' | undefined
  json: boolean
}

/** null: help is wanted. @throws Error that names what is wrong */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      order: { type: 'string' },
      warehouse: { type: 'string' },
      sku: { type: 'string' },
      at: { type: 'string', default: 'now' },
      zone: { type: 'string' },
      last: { type: 'string', default: '20' },
      from: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { at, zone: zone_id, from, json } = values
  readMoment(at, 0, 'UTC') // what is no moment is told before anything is read
  if (from !== undefined && from !== 'log' && from !== 'checkpoint')
    throw new Misuse(`--from "${from}": log or checkpoint`)
  const last = Number(values.last)
  if (!Number.isInteger(last) || last < 0 || last > 100_000)
    throw new Misuse(`--last "${values.last}": a whole number up to 100000 is wanted`)
  return { subject: subjectOf(values), at, zone_id, last, from, json }
}

function subjectOf({
  order,
  warehouse,
  sku,
}: {
  order?: string
  warehouse?: string
  sku?: string
}): Options['subject'] {
  if (order !== undefined) {
    if (warehouse !== undefined || sku !== undefined) throw new Misuse('--order, or --warehouse and --sku, not both')
    if (order === '') throw new Misuse('--order needs the id of an order')
    return { kind: 'order', order_id: order }
  }
  if (warehouse === undefined && sku === undefined) throw new Misuse('say --order ID, or --warehouse ID --sku SKU')
  if (!warehouse || !sku) throw new Misuse('--warehouse and --sku go together')
  return { kind: 'stock', warehouse_id: warehouse, sku }
}
