/** `npm run bench:solver`: how long one tick of courier assignment takes, and how that grows. */
import { setImmediate as breathe } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { checkPlan } from '../../dispatch/solver/check.ts'
import { BUNDLE_MAX, roundsFor, TRIPS_MAX } from '../../dispatch/solver/limits.ts'
import { WEIGHTS } from '../../dispatch/solver/objective.ts'
import type { CourierSnapshot, LastTrip, OpenFulfilment, SolverProblem } from '../../dispatch/solver/port.ts'
import { seededDraws } from '../../dispatch/solver/random.ts'
import { solve } from '../../dispatch/solver/solve.ts'
import { greatCircle } from '../../dispatch/travel.ts'
import type { CourierId, FulfilmentId, OrderId, Point, WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import { printLine, runCommand, tellTime, wholeOf } from '../command_line.ts'

const HELP = `npm run bench:solver -- [--sizes N,N] [--ticks N] [--stop-ms MS] [--help]

Ticks of the production solver, on one core, over made-up zones of N open orders and N couriers, one warehouse for ten orders. From tick to
tick one order in twenty is new and the last plan is where the search begins, as in production. One JSON line a size on stdout.

  --sizes N,N    default 100,500,1000,2000,5000
  --ticks N      a size, default 30
  --stop-ms MS   the search is ended after it, as production does; default none: all rounds are done
`

interface Town {
  orders: OpenFulfilment[]
  couriers: CourierSnapshot[]
  warehouses: { warehouse_id: WarehouseId; pickup: Point }[]
}

const draw = seededDraws(1)
const between = (from: number, to: number): number => from + (to - from) * draw()
/** Twenty kilometres across. */
const somewhere = (): Point => ({ lat: between(41.8, 41.98), lng: between(-87.8, -87.56) })

function townOf(size: number): Town {
  const warehouses = Array.from({ length: Math.max(1, Math.round(size / 10)) }, (_, at) => ({
    warehouse_id: `w${at}` as WarehouseId,
    pickup: somewhere(),
  }))
  return {
    warehouses,
    orders: Array.from({ length: size }, (_, at) => orderOf(warehouses, `f${at}`)),
    couriers: Array.from({ length: size }, (_, at) => ({
      courier_id: `c${at}` as CourierId,
      place: somewhere(),
      free_s: draw() < 0.5 ? 0 : Math.round(between(0, 1_200)),
      capacity: BUNDLE_MAX,
      has: [],
      breaks: [],
      committed: [],
    })),
  }
}

/** At most some five kilometres from its warehouse. */
function orderOf(warehouses: Town['warehouses'], id: string): OpenFulfilment {
  const warehouse = warehouses[Math.floor(draw() * warehouses.length)]
  if (!warehouse) throw new Error('there is no warehouse')
  const { lat, lng } = warehouse.pickup
  return {
    ...warehouse,
    fulfilment_id: id as FulfilmentId,
    order_id: id as OrderId,
    dropoff: { lat: lat + between(-0.03, 0.03), lng: lng + between(-0.04, 0.04) },
    placed_s: Math.round(between(-900, 0)),
    ready_s: Math.round(between(-300, 1_200)),
    load: 1,
    requires: [],
  }
}

function problemOf({ orders, couriers, warehouses }: Town, seed: number, last: readonly LastTrip[]): SolverProblem {
  return {
    zone_id: 'z' as ZoneId,
    now: 0,
    seed,
    iterations_max: roundsFor(orders.length),
    fulfilments: orders,
    couriers,
    demand: warehouses.map(one => ({ ...one, orders_per_h: 20 })),
    service: { before_pickup_s: 60, after_pickup_s: 30, before_door_s: 60, after_door_s: 30 },
    bundle_max: BUNDLE_MAX,
    trips_max: TRIPS_MAX,
    travel: greatCircle({ road_factor: 1.35, speed_mps: 5.5 }),
    weights: WEIGHTS,
    last,
  }
}

async function measure(size: number, ticks: number, stop_ms: number) {
  const town = townOf(size)
  const times: number[] = []
  let last: readonly LastTrip[] = []
  let [rounds, cut, first_ms] = [0, 0, 0]
  for (let tick = 0; tick < ticks; tick++) {
    for (const [at, order] of town.orders.entries()) {
      if (tick > 0 && draw() < 0.05) town.orders[at] = orderOf(town.warehouses, order.fulfilment_id)
    }
    const problem = problemOf(town, tick, last)
    await breathe() // for ctrl-C
    const began = performance.now()
    const plan = solve(problem, () => performance.now() - began > stop_ms)
    const took = performance.now() - began
    if (tick === 0) first_ms = took
    else times.push(took)
    const faults = checkPlan(problem, plan)
    if (faults.length > 0) throw new Error(`a plan was refused: ${faults[0]}`)
    last = plan.trips
    rounds += plan.iterations / ticks
    cut += plan.stopped_by_wall_clock ? 1 : 0
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 10) / 10
  return {
    ...{ orders: size, couriers: size, ticks, tick_ms_median: at(0.5), tick_ms_p99: at(0.99) },
    ...{ first_tick_ms: Math.round(first_ms), rounds: Math.round(rounds), ended_by_clock: cut },
  }
}

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      sizes: { type: 'string', default: '100,500,1000,2000,5000' },
      ticks: { type: 'string', default: '30' },
      'stop-ms': { type: 'string' },
    },
  })
  const stop_ms = values['stop-ms']
  return {
    help: values.help,
    sizes: values.sizes.split(',').map(size => wholeOf('sizes', size, 1, 100_000)),
    ticks: wholeOf('ticks', values.ticks, 2, 10_000),
    stop_ms: stop_ms === undefined ? Number.POSITIVE_INFINITY : wholeOf('stop-ms', stop_ms, 1, 60_000),
  }
}

async function work({ sizes, ticks, stop_ms }: ReturnType<typeof read>): Promise<number> {
  for (const size of sizes) {
    tellTime(`${size} orders and couriers`)
    printLine(await measure(size, ticks, stop_ms))
  }
  return 0
}

await runCommand({ name: 'bench:solver', help: HELP, read, work })
