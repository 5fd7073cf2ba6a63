import type { CourierView } from '../../engine/contract.ts'
import type { Log } from '../../ingest/io/log.ts'
import type { ZoneRow } from '../../ingest/io/network.ts'
import { commit, type Desk } from '../desk.ts'
import { type EtaToldRow, learnArrivals, type ReadErrors, rememberTold } from '../io/etas.ts'
import type { WaitingOrder } from '../io/open_work.ts'
import { lockTrips, updateTrip } from '../io/trips.ts'
import type { Metrics } from '../metrics.ts'
import type { TripRow } from '../rows.ts'
import { greatCircle } from '../travel.ts'
import { type Act, stepTrip } from '../trip.ts'
import { tripEvent, tripHead } from '../trip_events.ts'
import { isInside } from './bounds.ts'
import { type LearnedTimes, readyGuess } from './preparation.ts'
import { isNews, retime } from './retime.ts'

/** The arrivals of every open trip, told anew as they change, and how well they were told before. */

export const ETAS = 'dispatch:etas'

/** Neither keeps couriers from being assigned: what fails is told once, and tried again with the next round. */
export interface Etas {
  /** One zone of a round: its trips are timed anew. */
  follow(zone: ZoneRow, seen: SeenTrips): Promise<void>
  /** What has come since is learnt from. */
  learn(): Promise<void>
}

interface EtasOptions {
  desk: Desk
  metrics: Pick<Metrics, 'etas' | 'retimed' | 'etas_failed'>
  log: Log
}

export interface SeenTrips {
  /** business time, ms */
  now: number
  trips: readonly TripRow[]
  orders: readonly WaitingOrder[]
  fleet: readonly CourierView[]
  learned: (warehouse_id: string) => LearnedTimes
  errors: ReadErrors
  /** a courier not heard of for longer is nowhere, s of business time */
  seen_s_max: number
}

const KEYS_MAX = 50_000
/** of business time: what is learnt a little later is learnt as well */
const LEARN_EVERY_MS = 10_000

export function openEtas({ desk, metrics, log }: EtasOptions): Etas {
  /** what is known to be written: only to save the asking */
  const written = new Set<string>()
  let learnt_at = 0
  let failures = 0

  async function follow(zone: ZoneRow, seen: SeenTrips): Promise<void> {
    const { changed, told } = timed(zone, seen)
    if (written.size > KEYS_MAX) written.clear()
    const fresh = told.filter(row => !written.has(keyOf(row)))
    await rememberTold(desk.pool, fresh)
    for (const row of fresh) written.add(keyOf(row))
    metrics.retimed.inc(await tell(desk, zone, changed))
  }

  async function learn(): Promise<void> {
    if (desk.now() < learnt_at + LEARN_EVERY_MS) return
    learnt_at = desk.now()
    for (const arrival of await learnArrivals(desk.pool)) {
      metrics.etas.inc({ phase: arrival.phase, inside: isInside(arrival, arrival.actual_at) ? 'yes' : 'no' })
    }
  }

  async function tried(work: Promise<void>): Promise<void> {
    try {
      await work
      if (failures > 0) log.warn({ failures }, 'arrivals are told again')
      failures = 0
    } catch (error) {
      failures += 1
      metrics.etas_failed.inc()
      if (failures === 1) log.warn({ err: error }, 'arrivals can not be told now; trying again each tick')
    }
  }

  return { follow: (zone, seen) => tried(follow(zone, seen)), learn: () => tried(learn()) }
}

const keyOf = ({ order_id, phase, trip_id }: EtaToldRow): string => `${trip_id}/${order_id}/${phase}`

interface Timed {
  /** trips with other times than they were told */
  changed: TripRow[]
  told: EtaToldRow[]
}

function timed({ tenant_id, zone_id, policy }: ZoneRow, seen: SeenTrips): Timed {
  const { now, learned } = seen
  const heard_since = now - seen.seen_s_max * 1_000
  const couriers = new Map(
    seen.fleet
      .filter(one => one.tenant_id === tenant_id && one.seen_at >= heard_since)
      .map(one => [one.courier_id, one]),
  )
  const ready = new Map(seen.orders.map(order => [order.order_id, readyGuess(order, learned, now).ready_at]))
  const retiming = {
    ...{ now, travel: greatCircle(policy), handover_s: policy.handover_s },
    readyAt: ({ order_id }: { order_id: WaitingOrder['order_id'] }) => ready.get(order_id),
    errors: (phase: EtaToldRow['phase']) => seen.errors(tenant_id, zone_id, phase),
  }
  const result: Timed = { changed: [], told: [] }
  for (const trip of seen.trips) {
    const courier = couriers.get(trip.courier_id)
    if (trip.zone_id !== zone_id || trip.tenant_id !== tenant_id || trip.state === 'planned' || !courier) continue
    const { stops, told } = retime(trip, courier, retiming)
    if (isNews(trip.stops, stops)) result.changed.push({ ...trip, stops })
    result.told.push(...told.map(one => ({ ...one, tenant_id, zone_id, trip_id: trip.trip_id })))
  }
  return result
}

/** All in one transaction; what has changed since it was read is told in a later round. @returns how many */
async function tell(desk: Desk, { tenant_id }: ZoneRow, changed: readonly TripRow[]): Promise<number> {
  const [first] = changed
  if (!first) return 0
  const act: Act = { tenant_id, actor: ETAS, correlation_id: first.trip_id, now: desk.now() }
  const stops_of = new Map(changed.map(trip => [trip.trip_id, trip]))
  return commit(desk, act, async (client, change) => {
    const locked = await lockTrips(client, tenant_id, { trip_ids: [...stops_of.keys()], courier_id: null })
    for (const trip of locked) {
      const seen = stops_of.get(trip.trip_id)
      const after = seen?.version === trip.version ? stepTrip(trip, 'changed', act, { stops: seen.stops }) : undefined
      if (!after) continue
      await updateTrip(client, after)
      change.trips.push(after)
      change.events.push(tripEvent(after, 'trip.retimed', { ...tripHead(after), stops: after.stops }))
    }
    return change.trips.length
  })
}
