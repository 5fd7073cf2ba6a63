/** `npm run bench:stores`: the choice of store and courier together, beside the nearest store with the same courier solver. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { numberOf, printLine, runCommand, tellTime, wholeOf } from '../command_line.ts'
import { readStores } from '../days/stores.ts'
import type { Rule } from './stores/day.ts'
import { figuresOf, hoursOf } from './stores/figures.ts'
import { drawOrders, varied } from './stores/orders.ts'
import { playStores } from './stores/play.ts'

const HELP = `npm run bench:stores -- --stores FILE [--seeds N] [--from-seed N] [--demand F] [--couriers F] [--jitter F] [--hours] [--help]

Plays days of the stores in FILE (ODDP's format: stores, clients, seconds between them) twice with couriers tied to their store and twice with
floating ones: each order to the nearest store, and to the store from which the plan of all couriers has it. The same solver, and the same draws
for each order. Nothing is rejected; a day ends when all is delivered. One JSON line a day on stdout, and one for the mean of each kind of courier.

  --stores FILE
  --seeds N      days, default 3
  --from-seed N  the first day's, default 1
  --demand F     so many times the published orders, default 1
  --couriers F   so many times the file's couriers at each store, default 1
  --jitter F     each way up to this share longer or shorter, by chance, default 0
  --hours        also what orders waited for, by the hour in which they were placed, in minutes of a mean order: until picked from, picking,
                 for a courier, road (of it: detour, what the nearest store would save), door

late_min: minutes over 30 from placing to the door, summed over all orders. ratio: together / nearest.
`

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      stores: { type: 'string' },
      seeds: { type: 'string', default: '3' },
      'from-seed': { type: 'string', default: '1' },
      demand: { type: 'string', default: '1' },
      couriers: { type: 'string', default: '1' },
      jitter: { type: 'string', default: '0' },
      hours: { type: 'boolean', default: false },
    },
  })
  if (!values.help && values.stores === undefined) throw new Error('--stores FILE is needed')
  return {
    help: values.help,
    stores: resolve(values.stores ?? '.'),
    seeds: wholeOf('seeds', values.seeds, 1, 1_000),
    from_seed: wholeOf('from-seed', values['from-seed'], 1, 1_000_000),
    demand: numberOf('demand', values.demand, 0.01, 100),
    couriers: numberOf('couriers', values.couriers, 0.1, 100),
    jitter: numberOf('jitter', values.jitter, 0, 0.9),
    hours: values.hours,
  }
}

async function work(options: ReturnType<typeof read>): Promise<number> {
  const { stores, seeds, from_seed, demand, hours } = options
  if (!existsSync(stores)) throw new Error(`there is no file ${stores}`)
  const from_file = readStores(stores)
  for (const floating of [false, true]) {
    const couriers = floating ? 'floating' : 'tied'
    const sums = { nearest: 0, together: 0 }
    for (let seed = from_seed; seed < from_seed + seeds; seed++) {
      const town = varied(from_file, options, seed)
      const orders = drawOrders(town, seed, demand)
      const play = async (rule: Rule) => {
        const delivered = await playStores(town, orders, { rule, floating }, async (hour, open) => {
          tellTime(`${couriers}, day ${seed}, ${rule}: hour ${hour}, ${open} open`)
          await breathe() // for ctrl-C
        })
        if (hours) for (const hour of hoursOf(town, delivered)) printLine({ couriers, seed, rule, ...hour })
        const played = figuresOf(delivered)
        sums[rule] += played.late_min
        return played
      }
      const nearest = await play('nearest')
      const together = await play('together')
      printLine({ couriers, seed, nearest, together, ratio: ratioOf(together.late_min, nearest.late_min) })
    }
    printLine({ couriers, seed: 'mean', ratio: ratioOf(sums.together, sums.nearest) })
  }
  return 0
}

const ratioOf = (part: number, whole: number): number => Math.round((1_000 * part) / whole) / 1_000

await runCommand({ name: 'bench:stores', help: HELP, read, work })
