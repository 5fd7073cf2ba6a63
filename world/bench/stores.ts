/** `npm run bench:stores`: the choice of store and courier together, beside the nearest store with the same courier solver. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { printLine, runCommand, tellTime, wholeOf } from '../command_line.ts'
import { readStores } from '../days/stores.ts'
import { drawOrders, playStores, type Rule } from './stores/play.ts'

const HELP = `npm run bench:stores -- --stores FILE [--seeds N] [--help]

Plays days of the stores in FILE (ODDP's format: stores, clients, seconds between them) twice with couriers tied to their store and twice with
floating ones: each order to the nearest store, and to the store with which the whole plan becomes cheapest. The same solver, and the same draws
for each order. Nothing is rejected; a day ends when all is delivered. One JSON line a day on stdout, and one for the mean of each kind of courier.

  --stores FILE
  --seeds N      days, default 3

late_min: minutes over 30 from placing to the door, summed over all orders. ratio: together / nearest.
`

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      stores: { type: 'string' },
      seeds: { type: 'string', default: '3' },
    },
  })
  if (!values.help && values.stores === undefined) throw new Error('--stores FILE is needed')
  return {
    help: values.help,
    stores: resolve(values.stores ?? '.'),
    seeds: wholeOf('seeds', values.seeds, 1, 1_000),
  }
}

async function work({ stores, seeds }: ReturnType<typeof read>): Promise<number> {
  if (!existsSync(stores)) throw new Error(`there is no file ${stores}`)
  const town = readStores(stores)
  for (const floating of [false, true]) {
    const couriers = floating ? 'floating' : 'tied'
    const sums = { nearest: 0, together: 0 }
    for (let seed = 1; seed <= seeds; seed++) {
      const orders = drawOrders(town, seed)
      const play = async (rule: Rule) => {
        const played = await playStores(town, orders, { rule, floating }, async (hour, open) => {
          tellTime(`${couriers}, day ${seed} of ${seeds}, ${rule}: hour ${hour}, ${open} open`)
          await breathe() // for ctrl-C
        })
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
