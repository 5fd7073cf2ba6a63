import type { CourierView } from '../../engine/contract.ts'
import type { Log } from '../../ingest/io/log.ts'
import { takeAway } from '../couriers/take_away.ts'
import type { Desk } from '../desk.ts'
import { forgetCommands } from '../io/commands.ts'
import { forgetTold } from '../io/etas.ts'
import { openTrips } from '../io/trips.ts'
import type { AssignmentRow } from '../io/zone_settings.ts'
import type { Metrics } from '../metrics.ts'
import type { TripRow } from '../rows.ts'
import { type Beat, startBeat } from './beat.ts'

/**
 * Nobody who vanishes keeps an order: couriers with a trip that are not heard of for too long lose what they have not picked
 * up, where the zone is assigned by itself. What is pinned, picked up, or in a zone that people dispatch is only shown to
 * them (the queue's courier_unreachable).
 */

export const WATCH = 'dispatch:watch'

export interface Watching {
  desk: Desk
  /** rejects while Redis is away */
  fleet(): Promise<CourierView[]>
  assignments(): Promise<ReadonlyMap<string, AssignmentRow>>
  metrics: Metrics
  log: Log
  /** s of business time */
  silent_s_max: number
}

/** courier → business ms of the last word; kept for who leaves the live fleet. */
export type Heard = Map<string, number>

const keyOf = ({ tenant_id, courier_id }: { tenant_id: string; courier_id: string }): string =>
  `${tenant_id}/${courier_id}`

/** When so many are silent at once it is our ear, not them: the engine, Redis or the couriers' network. */
const SILENT_SHARE_MAX = 0.5
const SILENT_MIN = 3

/** One look. @returns the trips of silent couriers; undefined: too many at once to believe it */
export function silentTrips(
  trips: readonly TripRow[],
  fleet: readonly CourierView[],
  heard: Heard,
  { now, silent_s_max }: { now: number; silent_s_max: number },
): TripRow[] | undefined {
  const seen = new Map(fleet.map(one => [keyOf(one), one.seen_at]))
  const couriers = new Set(trips.map(keyOf))
  for (const key of heard.keys()) if (!couriers.has(key)) heard.delete(key)
  for (const key of couriers) heard.set(key, Math.max(seen.get(key) ?? 0, heard.get(key) ?? (seen.has(key) ? 0 : now)))
  const silent = new Set([...couriers].filter(key => now - (heard.get(key) ?? now) > silent_s_max * 1_000))
  if (silent.size >= SILENT_MIN && silent.size > couriers.size * SILENT_SHARE_MAX) return undefined
  return trips.filter(trip => silent.has(keyOf(trip)))
}

async function lookOnce(watching: Watching, heard: Heard): Promise<void> {
  const { desk, silent_s_max, metrics } = watching
  const [fleet, assignments, trips] = await Promise.all([
    watching.fleet(),
    watching.assignments(),
    openTrips(desk.pool),
  ])
  const now = desk.now()
  const silent = silentTrips(trips, fleet, heard, { now, silent_s_max })
  metrics.deaf.set(silent === undefined ? 1 : 0)
  metrics.silent_trips.set(silent?.length ?? 0)
  for (const trip of silent ?? []) {
    const mode = assignments.get(trip.zone_id)?.mode ?? 'on'
    if (trip.pinned || trip.state === 'under_way' || mode !== 'on') continue
    const act = { tenant_id: trip.tenant_id, actor: WATCH, correlation_id: trip.trip_id, now }
    if (await takeAway(desk, act, trip, 'courier_unreachable')) metrics.taken_away.inc()
  }
}

const EVERY_MS = 1_000
/** Looks between two times that what is old is forgotten. */
const FORGET_EVERY = 600

/** Each second of wall time, one look after the other. */
export function startWatch(watching: Watching): Beat {
  const heard: Heard = new Map()
  let looks = 0
  return startBeat({
    log: watching.log,
    told: {
      failing: 'couriers can not be looked after now; trying again',
      again: 'couriers are looked after again',
    },
    every_ms: () => EVERY_MS,
    async work() {
      await lookOnce(watching, heard)
      if (looks % FORGET_EVERY === 0) await forget(watching.desk)
      looks += 1
    },
  })
}

const TOLD_KEPT_MS = 7 * 86_400_000

async function forget({ pool, now }: Desk): Promise<void> {
  await forgetCommands(pool)
  await forgetTold(pool, now() - TOLD_KEPT_MS)
}
