/** `npm run bench:stores`: the choice of store and courier together, beside the nearest store with the same courier solver. */
import { parseArgs } from 'node:util'
import { drawOrders, playStores } from './stores/play.ts'
import { readTown } from './stores/town.ts'

const HELP = `npm run bench:stores -- --stores FILE [--seeds N] [--help]

Plays days of the stores in FILE (ODDP's format: stores, clients, seconds between them) twice with couriers tied to their store and twice with
floating ones: each order to the nearest store, and to the store with which the whole plan becomes cheapest. The same solver, and the same draws
for each order. Nothing is rejected; a day ends when all is delivered. One JSON line a day on stdout, and one for the mean of each kind of courier.

  --seeds N  days, default 3

late_min: minutes over 30 from placing to the door, summed over all orders. ratio: together / nearest.
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    stores: { type: 'string' },
    seeds: { type: 'string', default: '3' },
  },
})
if (values.help) process.stdout.write(HELP)
else {
  if (values.stores === undefined) throw new Error('--stores FILE is needed; --help says more')
  const town = readTown(values.stores)
  const seeds = Number(values.seeds)
  if (!Number.isSafeInteger(seeds) || seeds < 1)
    throw new Error(`--seeds is a whole number from 1, not ${values.seeds}`)
  for (const floating of [false, true]) {
    const couriers = floating ? 'floating' : 'tied'
    let [nearest_min, together_min] = [0, 0]
    for (let seed = 1; seed <= seeds; seed++) {
      process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${couriers}, day ${seed} of ${seeds}\n`)
      const orders = drawOrders(town, seed)
      const nearest = playStores(town, orders, { rule: 'nearest', floating })
      const together = playStores(town, orders, { rule: 'together', floating })
      nearest_min += nearest.late_min
      together_min += together.late_min
      const ratio = Math.round((1_000 * together.late_min) / nearest.late_min) / 1_000
      process.stdout.write(`${JSON.stringify({ couriers, seed, nearest, together, ratio })}\n`)
    }
    const ratio = Math.round((1_000 * together_min) / nearest_min) / 1_000
    process.stdout.write(`${JSON.stringify({ couriers, seed: 'mean', ratio })}\n`)
  }
}
