import type { Point } from '../../ingest/events/envelope.ts'
import type { Breakdown } from './breakdowns.ts'
import { isServed, metresBetween } from './chicago.ts'
import type { CityClock } from './clock.ts'
import type { CourierSeen } from './couriers.ts'
import { type Crowd, crowdAround } from './crowds.ts'
import { type Doors, draft } from './doors.ts'
import type { Place, PlannedOrder, Town } from './town.ts'

/** What can be made to go wrong out there, by the evening's scenes and by whoever looks on. Waggle has to find out by itself. */

export interface Trouble {
  /** @returns or why it can not be: unknown_courier (nobody on shift is called so), broken_down */
  breakDown(courier_id: string): Promise<Breakdown | Impossible>
  /** A crowd orders around there. @returns or why it can not be: not_served, crowded (one at a time), nobody_there */
  surge(point: Point): Surge | Impossible
  possible(): Possible
}

export interface Impossible {
  impossible: 'unknown_courier' | 'broken_down' | 'not_served' | 'crowded' | 'nobody_there'
  detail: string
}

export interface Surge {
  orders: number
  cells: string[]
  /** those nearest, which say that they are busy */
  warehouse_ids: string[]
  /** business ms: the last of them has ordered */
  until: number
  /** business ms: nobody says any more that they are busy */
  calm_at: number
  /** Resolves when all have ordered, with what Waggle has acknowledged. */
  ordered: Promise<string[]>
}

export interface Possible {
  /** business ms */
  time_ms: number
  /** on shift and on their wheels */
  courier_ids: string[]
  /** null: now; else why not */
  surge: Impossible | null
}

export interface TroubleOptions {
  seed: number
  town: Pick<Town, 'places' | 'cells' | 'outOfTurn'>
  clock: CityClock
  doors: Pick<Doors, 'sendEvents'>
  spawn: (work: Promise<void>) => void
  couriers: { breakDown(courier_id: string, repair_s: number): Promise<Breakdown> | undefined; seen(): CourierSeen[] }
  /** @returns the order's id; undefined: Waggle refused to take it */
  order(plan: Omit<PlannedOrder, 'due_ms'>): Promise<string | undefined>
}

/** business s */
const REPAIR_S = 480
/** So long a crowd orders, four times as much as the whole town else does. */
const CROWD_S = 150
const CROWD_FACTOR = 4
/** Those nearest say that they are busy: so much longer until a bag is packed, and so long after the crowd has ordered. */
const BUSY_WAREHOUSES = 4
const BUSY_EXTRA_S = 720
const BUSY_AFTER_S = 240

export function openTrouble(options: TroubleOptions): Trouble {
  const { couriers, town, clock } = options
  let crowds = 0
  let crowded_until = 0
  const noSurge = (): Impossible | undefined => {
    if (!town.outOfTurn)
      return { impossible: 'nobody_there', detail: 'here a recorded day is played: nobody orders more' }
    if (clock.now() >= crowded_until) return undefined
    return { impossible: 'crowded', detail: 'a crowd is being served already: wait until it has its orders' }
  }
  return {
    async breakDown(courier_id) {
      const broken = couriers.breakDown(courier_id, REPAIR_S)
      if (broken) return broken
      if (couriers.seen().some(one => one.courier_id === courier_id)) {
        return { impossible: 'broken_down', detail: `${courier_id} is mending a wheel already` }
      }
      return { impossible: 'unknown_courier', detail: `nobody on shift is called ${courier_id}` }
    },
    surge(point) {
      const against = noSurge() ?? notServed(town, point)
      if (against) return against
      crowds++
      const surge = gather(options, point, `crowd${crowds}`)
      crowded_until = surge.calm_at
      return surge
    },
    possible: () => ({
      time_ms: clock.now(),
      courier_ids: couriers.seen().flatMap(({ courier_id, broken }) => (broken ? [] : courier_id)),
      surge: noSurge() ?? null,
    }),
  }
}

function notServed({ cells }: Pick<Town, 'cells'>, point: Point): Impossible | undefined {
  if (isServed(point, new Set(cells))) return undefined
  return { impossible: 'not_served', detail: 'no warehouse serves this place' }
}

// ── The crowd ───────────────────────────────────────────────────────────────────────────────────────────────────────

function gather(options: TroubleOptions, point: Point, name: string): Surge {
  const { seed, town, clock, spawn } = options
  const near = nearest(town.places, point).slice(0, BUSY_WAREHOUSES)
  const per_min = CROWD_FACTOR * (town.outOfTurn?.orders_per_min ?? 0)
  const people = Math.max(1, Math.round((per_min * CROWD_S) / 60))
  const crowd = crowdAround(point, { seed, name, towards: near[0]?.point ?? point, people, span_s: CROWD_S })
  const until = Math.round(clock.now() + CROWD_S * 1_000)
  const calm_at = until + BUSY_AFTER_S * 1_000
  spawn(beBusy(options, near, calm_at))
  const { promise: ordered, resolve } = Promise.withResolvers<string[]>()
  spawn(orderAll(options, crowd).then(resolve))
  const warehouse_ids = near.map(place => place.warehouse_id)
  return { orders: people, cells: crowd.cells, warehouse_ids, until, calm_at, ordered }
}

export const nearest = (places: readonly Place[], point: Point): Place[] =>
  places.toSorted((a, b) => metresBetween(a.point, point) - metresBetween(b.point, point))

async function orderAll({ town, clock, order }: TroubleOptions, { people }: Crowd): Promise<string[]> {
  const began = clock.now()
  const placed = people.map(async ({ name, point, after_s }) => {
    await clock.until(began + after_s * 1_000)
    return town.outOfTurn && order(town.outOfTurn.order(name, point))
  })
  return (await Promise.all(placed)).filter(id => id !== undefined)
}

/** As a manager does who sees the crowd come: promises from there get longer, until it is over. */
async function beBusy({ doors, clock }: TroubleOptions, places: readonly Place[], until: number): Promise<void> {
  const say = (mode: object) =>
    doors.sendEvents(
      places.map(({ warehouse_id }) =>
        draft('warehouse.mode', { warehouse_id, ...mode }, clock.now(), `warehouse:${warehouse_id}`),
      ),
    )
  await say({ mode: 'busy', busy_extra_s: BUSY_EXTRA_S })
  await clock.until(until)
  await say({ mode: 'normal' })
}
