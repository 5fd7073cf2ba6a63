import type { CourierView } from '../../engine/contract.ts'
import type { Stop } from '../../ingest/events/deliveries.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { TravelTimes } from '../contract.ts'
import type { TripRow } from '../rows.ts'
import { boundsOf, type EtaErrors, type EtaPhase, type EtaTold } from './bounds.ts'
import { timeStops } from './timing.ts'

/** When couriers will be where, as of now: who departs late, waits for a bag or rides slowly is seen at once. Pure. */

export interface Retiming {
  /** business ms */
  now: number
  travel: TravelTimes
  handover_s: number
  /** business ms; undefined: not known, so at any moment. The stop's own time would not do: it was corrected already */
  readyAt: (stop: Stop) => number | undefined
  errors: (phase: EtaPhase) => EtaErrors
}

export interface Retimed {
  stops: Stop[]
  /** of each order and phase once: what is fetched at two warehouses is fetched at the later one */
  told: (EtaTold & { order_id: string; phase: EtaPhase })[]
}

/** @param courier the one whose trip it is, as last heard of. A trip that comes after another is timed by that one's end */
export function retime(
  trip: Pick<TripRow, 'stops'>,
  courier: { point: Point } | Pick<CourierView, 'point'>,
  { now, travel, handover_s, readyAt, errors }: Retiming,
): Retimed {
  const course = { place: courier.point, depart: now, travel, handover_s }
  const timed = timeStops(trip.stops, { ...course, readyAt: stop => readyAt(stop) ?? now })
  const told = new Map<string, Retimed['told'][number]>()
  const stops = timed.map(stop => {
    if (stop.done_at !== undefined) return stop
    const phase = phaseOf(stop, timed)
    const bounds = boundsOf(stop.eta, now, errors(phase))
    told.set(`${stop.order_id} ${phase}`, { ...bounds, order_id: stop.order_id, phase })
    return { ...stop, eta: bounds.eta, eta_from: bounds.eta_from, eta_to: bounds.eta_to }
  })
  return { stops, told: [...told.values()] }
}

function phaseOf({ kind, order_id }: Stop, stops: readonly Stop[]): EtaPhase {
  if (kind === 'pickup') return 'pickup'
  const ahead = stops.some(one => one.kind === 'pickup' && one.order_id === order_id && one.done_at === undefined)
  return ahead ? 'door_ahead' : 'door_leaving'
}

/** Nobody plans by half a minute, and every word costs somebody's attention. */
const NEWS_MS = 60_000
const BOUNDS_NEWS_MS = 120_000

/** Whether the times are others than those that were told. */
export const isNews = (before: readonly Stop[], after: readonly Stop[]): boolean =>
  after.some((stop, at) => {
    const told = before[at]
    if (stop.done_at !== undefined || !told) return false
    return (
      differs(told.eta, stop.eta, NEWS_MS) ||
      differs(told.eta_from, stop.eta_from, BOUNDS_NEWS_MS) ||
      differs(told.eta_to, stop.eta_to, BOUNDS_NEWS_MS)
    )
  })

const differs = (told: number | undefined, now: number | undefined, by_ms: number): boolean =>
  told === undefined || Math.abs(told - (now ?? told)) > by_ms
