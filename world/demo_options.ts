import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { numberOf, wholeOf } from './command_line.ts'
import type { TownChoice } from './towns.ts'

export const DEMO_HELP = `npm run demo -- [--stores FILE | --day DIR | --replay FILE] [--from HH:MM] [--speed N] [--seed N] [--rate N] [--couriers N] [--for SECONDS]
             [--calm] [--data DIR] [--json] [--explain] [--help]

A Friday evening in Chicago, from half past six on: ten warehouses, 180 couriers, about 9 orders a minute, ten times as fast as real.
Starts the four servers with fresh data, Waggle's services, and the city; prints the address of the page; ctrl-C ends all of it.

  --explain      says in ten lines what there is to be seen, and ends
  --speed N      city seconds in a second (default 10, at most 60). Couriers report once a second of yours, whatever the speed: at 10
                 that is every ten of theirs
  --seed N       another evening: other people, orders and mishaps (default 1)
  --rate N       orders a city minute (default 9)
  --couriers N   on their shift (default 180)
  --for SECONDS  stop the city so long after the address was printed, or when its day is over if that comes first; wait until
                 everything has followed (at most 30 s), print the accounts and end: with 0 when they balance, else with 1
  --calm         nothing is put on: else milk runs out, a light goes out, a wheel breaks, a stadium empties and more, each called
                 out on the map, from 15 s after the address was printed on and again every five minutes in another order. In a recorded
                 day and in a replay nothing is put on anyway
  --data DIR     where the servers keep their data, which is wiped first, and the logs (default: .waggle); two demos need two
  --json         the accounts as one JSON line on standard output; everything else goes to standard error

Other people's days, in place of the evening; they say what --rate and --couriers would, so these are refused:

  --stores FILE  the stores, doors, roads, pickers and couriers of FILE, in the format of ODDP (github PeterDieter/ODDP): orders come
                 from its doors as often as is published with it, ways between a store and a door take its seconds, picking and the
                 door its means. It tells no hour and no goods: stores open at eight, Chicago time, with the evening's goods and mishaps
  --day DIR      a recorded day in the format of the Meal Delivery Routing Problem (github grubhub/mdrplib): orders.txt, couriers.txt,
                 restaurants.txt, instance_parameters.txt. Each restaurant is a warehouse and packs each of its orders at the recorded
                 time; couriers come and go by their shifts and ride straight at the day's speed. Its metres are laid around Chicago's
                 Loop, lake or not. Its first minute is midnight. Nothing is drawn, so --seed is refused
  --replay FILE  what npm run record has written: orders, cancels, stock, pauses and shifts come in again as they did then, on the same
                 weekday at the same hour, under the same external ids, so that two replays can be laid side by side. Waggle decides
                 anew; couriers ride what it gives them, at the speed of the zone's policy; bags take as long as they took, the same
                 lines come up short and the same doors stay shut
  --from HH:MM   of --stores and --day: when to begin (default: with the busiest hour). The three quarters of an hour before it are
                 played quickly first, so that a day begins with couriers on the road; what was before that is not. When the day is
                 over the demo says so, and stands until ctrl-C

WAGGLE_SERVERS=external with the addresses of your own servers uses a namespace and a database of their own on them.
`

export interface DemoOptions {
  /** business s a wall second */
  speed: number
  seed: number
  town: TownChoice
  /** wall s after the address was printed; undefined: until ctrl-C */
  for_s: number | undefined
  /** undefined: below .waggle in the project */
  data_dir: string | undefined
  /** no scenes */
  calm: boolean
  json: boolean
  explain: boolean
  help: boolean
}

const SEED_DEFAULT = '1'
const RATE_DEFAULT = '9'
const COURIERS_DEFAULT = '180'

/** @throws Error that names the option that is wrong, or two that exclude each other */
export function readDemoOptions(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      stores: { type: 'string' },
      day: { type: 'string' },
      replay: { type: 'string' },
      from: { type: 'string' },
      speed: { type: 'string', default: '10' },
      seed: { type: 'string' },
      rate: { type: 'string' },
      couriers: { type: 'string' },
      for: { type: 'string' },
      data: { type: 'string' },
      calm: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      explain: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  refuseTogether(values)
  return {
    speed: numberOf('speed', values.speed, 1, 60),
    seed: wholeOf('seed', values.seed ?? SEED_DEFAULT, 0, 2 ** 31),
    town: townChoice(values),
    for_s: values.for === undefined ? undefined : numberOf('for', values.for, 1, 86_400),
    data_dir: values.data === undefined ? undefined : resolve(values.data),
    calm: values.calm,
    json: values.json,
    explain: values.explain,
    help: values.help,
  }
}

type Values = Partial<Record<'stores' | 'day' | 'replay' | 'from' | 'seed' | 'rate' | 'couriers', string>>

/** What is chosen → what it says already, and why. */
const EXCLUDED: readonly [keyof Values, readonly (keyof Values)[], string][] = [
  ['replay', ['stores', 'day', 'from', 'rate', 'couriers'], 'the recording says what happens and when'],
  ['stores', ['day', 'rate', 'couriers'], 'the file says which orders and couriers there are'],
  [
    'day',
    ['seed', 'rate', 'couriers'],
    'the recorded day says which orders and couriers there are, and nothing is drawn',
  ],
]

function refuseTogether(values: Values): void {
  for (const [one, others, why] of EXCLUDED) {
    const other = others.find(name => values[name] !== undefined)
    if (values[one] !== undefined && other !== undefined)
      throw new Error(`--${one} and --${other} exclude each other: ${why}`)
  }
  if (values.from !== undefined && values.stores === undefined && values.day === undefined) {
    throw new Error('--from goes with --stores or --day: the evening begins at half past six')
  }
}

function townChoice({ stores, day, replay, from, rate, couriers }: Values): TownChoice {
  const from_minute = from === undefined ? undefined : minuteOf(from)
  if (stores !== undefined) return { kind: 'stores', path: resolve(stores), from_minute }
  if (replay !== undefined) return { kind: 'replay', path: resolve(replay) }
  if (day !== undefined) return { kind: 'day', path: resolve(day), from_minute }
  return {
    kind: 'evening',
    orders_per_min: numberOf('rate', rate ?? RATE_DEFAULT, 0.1, 600),
    couriers: wholeOf('couriers', couriers ?? COURIERS_DEFAULT, 1, 2_000),
  }
}

/** @returns the minute of the day */
function minuteOf(text: string): number {
  const [, hour, minute] = /^(\d{1,2}):([0-5]\d)$/.exec(text) ?? []
  if (hour === undefined || Number(hour) > 23) throw new Error(`--from is a time of day such as 18:30, not "${text}"`)
  return Number(hour) * 60 + Number(minute)
}
