import type { Requirement } from '../../ingest/events/envelope.ts'
import type { Policy } from '../../ingest/events/network.ts'
import { CATALOGUE, shelfAtStart, shelfTarget } from './catalogue.ts'
import {
  fridayEvening,
  isLand,
  type Neighbourhood,
  PLACES,
  STADIUMS,
  shifted,
  TIME_ZONE,
  WARM_UP_MIN,
  ZONE_ID,
  ZONE_NAME,
  zoneCells,
} from './chicago.ts'
import { gapMs, orderOutOfTurn, plannedOrder } from './customers.ts'
import { type Draws, draws, weightedIndex } from './random.ts'
import type { Catalogue, Crew, Place, Rider, RideTerms, Town } from './town.ts'
import { planWay } from './ways.ts'

/** The default town: a made-up Friday evening in Chicago, with all that goes wrong on one. */

export interface EveningOptions {
  seed: number
  /** goes before the number in every external_id */
  run: string
  orders_per_min: number
  couriers: number
}

/** Half of the couriers take bags from wherever there are some. */
const TIED_SHARE = 0.5
/** As usual but for the longest promise: who cannot be served within 35 min is told so at once. */
const POLICY: Policy = {
  ...{ promise_s_max: 35 * 60, road_factor: 1.35, speed_mps: 5.5 },
  ...{ courier_wait_s: 240, handover_s: 120, promise_buffer_s: 180, candidates_max: 5 },
}
const DECLINED_SHARE = 0.04
const NOBODY_HOME_SHARE = 0.012
const SHORT_SHARE = 0.007

export function chicagoEvening(options: EveningOptions): Town {
  const { seed, run, orders_per_min } = options
  const weights = new Map(PLACES.map(place => [place.warehouse_id, place.weight]))
  return {
    zone_id: ZONE_ID,
    name: ZONE_NAME,
    time_zone: TIME_ZONE,
    cells: zoneCells(),
    policy: POLICY,
    places: PLACES,
    catalogue: eveningCatalogue(seed, weights),
    begins: fridayEvening,
    warm_up_min: WARM_UP_MIN,
    order: (number, after_ms) => ({
      due_ms: after_ms + gapMs(seed, number, orders_per_min, after_ms / 60_000),
      ...plannedOrder(seed, number, run),
    }),
    crew: eveningCrew(seed, PLACES[0] as Neighbourhood),
    fleet: hire(options),
    ride: EVENING_RIDE,
    occasions: { sold_out: { warehouse_id: 'loop', sku: 'whole-milk' }, crowds: STADIUMS },
    outOfTurn: { orders_per_min, order: (name, point, sku) => orderOutOfTurn(seed, run, name, point, sku) },
  }
}

export const EVENING_RIDE: RideTerms = {
  way: planWay,
  enter_s: 0,
  counter_s: draw => draw.between(15, 40),
  door_s: draw => draw.between(25, 100),
  leave_s: 0,
  declined_share: DECLINED_SHARE,
  nobody_home_share: NOBODY_HOME_SHARE,
}

/** @param weights warehouse_id → its share of the customers, 1 in the mean */
export const eveningCatalogue = (seed: number, weights: ReadonlyMap<string, number>): Catalogue => ({
  items: CATALOGUE,
  shelf({ warehouse_id }, item) {
    const target = shelfTarget(seed, warehouse_id, item, weights.get(warehouse_id) ?? 1)
    return { target, there: shelfAtStart(seed, warehouse_id, item, target) }
  },
})

export function eveningCrew(
  seed: number,
  { pick_s_per_line, pack_s }: Pick<Place, 'pick_s_per_line' | 'pack_s'>,
): Crew {
  return {
    begin_s: draw => draw.between(4, 12),
    line_s: draw => 8 + draw.exponential(pick_s_per_line - 6),
    pack_s: draw => pack_s * draw.between(0.6, 1.5),
    missing: ({ luck }, line) => missingByChance(seed, luck, line),
    restless: true,
  }
}

/** The same line comes up short in every run of a seed. */
export function missingByChance(seed: number, luck: string, line: { line_id: string; quantity: number }): number {
  const draw = draws(seed, 'short', luck, line.line_id)
  return draw.chance(SHORT_SHARE) ? Math.max(1, Math.round(line.quantity * draw.between(0.4, 1))) : 0
}

/** The same people for the same seed: who lives where, rides what and how fast. */
function hire({ seed, couriers }: EveningOptions): Rider[] {
  const homeIndex = weightedIndex(PLACES.map(one => one.weight))
  return Array.from({ length: couriers }, (_, i) => {
    const courier_id = `c${String(i + 1).padStart(3, '0')}`
    const draw = draws(seed, 'courier', courier_id)
    const home = PLACES[homeIndex(draw.uniform())] as Neighbourhood
    const vehicle = draw.chance(0.7) ? ('bicycle' as const) : ('scooter' as const)
    const speed_mps = vehicle === 'bicycle' ? draw.between(4.6, 6.4) : draw.between(6, 8.2)
    const has: Requirement[] = draw.chance(0.9) ? ['cold', 'id_check'] : ['cold']
    const start = somewhereNear(home, draw, 700)
    const tied = draw.chance(TIED_SHARE)
    const capacity = vehicle === 'bicycle' ? 2 : 3
    const on_ms = Number.NEGATIVE_INFINITY
    return { courier_id, home, vehicle, speed_mps, has, start, tied, capacity, on_ms, off_ms: undefined }
  })
}

function somewhereNear({ point }: Neighbourhood, draw: Draws, spread_m: number) {
  const place = shifted(point, draw.normal(0, spread_m), draw.normal(0, spread_m))
  return isLand(place) ? place : point
}
