import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { DEAD_REASONS } from '../../ingest/events/dead_letters.ts'
import { Misuse } from '../command.ts'
import { letterId, topicOf, type Wanted } from './letters.ts'

export const HELP = `npm run dead-letters -- list                 the letters that died, with why and what became of them
npm run dead-letters -- show ID              one of them: its bytes (JSON laid out, else a hex dump), where from, why, when
npm run dead-letters -- redrive ID…|--all    sends the original bytes again to where they belong

An ID is topic/partition/offset of where the bytes came from, such as operations/3/1204.

  --reason R      only those that died of R: ${DEAD_REASONS.slice(0, 8).join(', ')},
                  ${DEAD_REASONS.slice(8).join(', ')}
  --topic T       only those that came from operations or couriers
  --since T       only those that died since then: 2026-01-02T18:00:00Z, or 90m, 12h, 7d ago
  --limit N       list and redrive --all: at most so many, oldest first (default 100 for list, no limit for redrive)
  --json          one JSON object a letter and line
  --raw           show: the bytes as they are, for a file that you correct and send with --edit
  --edit FILE     redrive of one ID: these bytes instead of the original ones
  --as NAME       who sends it again, for the record (default: your user name)
  --note TEXT     why, for the record
  --dry-run       redrive: say what would be sent where, and send nothing

A letter is sent again once, however often and by how many people that is asked. One that dies again is a new letter, which says
of which it is the redrive; send that one again. An event whose id is older than 50 minutes gets a new one (ids are told apart
for an hour), and its old one as causation_id. --all passes over too_late_to_tell unless --reason names it: nobody can tell
whether such an event was not applied before, so have a look first.

Where the servers are: WAGGLE_KAFKA_BROKERS, WAGGLE_POSTGRES_URL, WAGGLE_NAMESPACE, as for the services.
`

export type Command = 'list' | 'show' | 'redrive'

export interface Options {
  command: Command
  ids: string[]
  all: boolean
  wanted: Wanted
  limit: number
  json: boolean
  raw: boolean
  edit: string | undefined
  actor: string
  note: string | null
  dry_run: boolean
}

/** null: help is wanted. @throws Error that names what is wrong */
export function readOptions(args: string[], now: number): Options | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      reason: { type: 'string' },
      topic: { type: 'string' },
      since: { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'boolean', default: false },
      raw: { type: 'boolean', default: false },
      edit: { type: 'string' },
      as: { type: 'string' },
      note: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const [command, ...ids] = positionals
  if (command !== 'list' && command !== 'show' && command !== 'redrive')
    throw new Misuse(
      `${command === undefined ? 'say' : `"${command}" is not known:`} list, show ID, or redrive ID…|--all`,
    )
  const options: Options = {
    command,
    ids,
    all: values.all,
    wanted: wantedOf(values, now),
    limit: values.limit === undefined ? (command === 'list' ? 100 : Number.POSITIVE_INFINITY) : limitOf(values.limit),
    json: values.json,
    raw: values.raw,
    edit: values.edit,
    actor: `person:${values.as ?? userName()}`,
    note: values.note ?? null,
    dry_run: values['dry-run'],
  }
  checkIds(options)
  return options
}

function checkIds({ command, ids, all, edit, raw, json }: Options): void {
  if (command === 'list' && ids.length > 0) throw new Misuse('list takes no ID: use show ID')
  if (command === 'show' && ids.length !== 1) throw new Misuse('show takes one ID, as list prints it')
  if (command === 'redrive' && all === ids.length > 0) throw new Misuse('redrive takes IDs, or --all, and not both')
  if (edit !== undefined && (command !== 'redrive' || ids.length !== 1))
    throw new Misuse('--edit goes with redrive of one ID')
  if (raw && (command !== 'show' || json)) throw new Misuse('--raw goes with show, and without --json')
}

/** IDs with the namespace in front are understood, too. */
export function idsOf({ ids }: Options, namespace: string): string[] {
  return [...new Set(ids)].map(text => {
    const id = letterId(text, namespace)
    if (id === undefined) throw new Misuse(`"${text}" is no ID of a letter: they look like operations/3/1204, see list`)
    return id
  })
}

function wantedOf(values: { reason?: string; topic?: string; since?: string }, now: number): Wanted {
  const wanted: Wanted = {}
  if (values.reason !== undefined) {
    const reason = DEAD_REASONS.find(known => known === values.reason)
    if (!reason) throw new Misuse(`--reason "${values.reason}" is none of ${DEAD_REASONS.join(', ')}`)
    wanted.reason = reason
  }
  if (values.topic !== undefined) {
    const topic = topicOf(values.topic, '')
    if (!topic) throw new Misuse(`--topic "${values.topic}" is no topic: operations, couriers`)
    wanted.topic = topic
  }
  if (values.since !== undefined) wanted.since_ms = sinceOf(values.since, now)
  return wanted
}

const SPANS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function sinceOf(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count && unit) return now - Number(count) * SPANS[unit as keyof typeof SPANS]
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw new Misuse(`--since "${text}": 2026-01-02T18:00:00Z is understood, and 90m, 12h, 7d`)
  return time
}

function limitOf(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1) throw new Misuse(`--limit "${text}": a whole number from 1 is wanted`)
  return limit
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown' // a user without an entry, as in some containers
  }
}
