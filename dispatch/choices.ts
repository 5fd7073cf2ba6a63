import type { CourierView } from '../engine/contract.ts'
import type { Point } from '../ingest/events/envelope.ts'
import { distanceMeters } from '../ingest/events/geo.ts'
import type { CourierChoice, OrderView, TravelTimes } from './contract.ts'

/** Whom a dispatcher may choose for an order, nearest to its warehouse first. */

const CHOICES_MAX = 20

export interface Nearby {
  from: Point
  fleet: readonly CourierView[]
  /** couriers with an active trip */
  busy: ReadonlySet<string>
  /** couriers who declined the order a while ago */
  declined: ReadonlySet<string>
  travel: TravelTimes
}

export function courierChoices(order: OrderView, nearby: Nearby): CourierChoice[] {
  return nearby.fleet
    .filter(courier => courier.state !== 'off' && courier.zone_id === order.zone_id)
    .map(courier => choiceOf(order, courier, nearby))
    .sort((a, b) => a.distance_m - b.distance_m || (a.courier_id < b.courier_id ? -1 : 1))
    .slice(0, CHOICES_MAX)
}

function choiceOf(order: OrderView, courier: CourierView, { from, busy, declined, travel }: Nearby): CourierChoice {
  const { courier_id, point, state, has } = courier
  const why_not = busy.has(courier_id)
    ? 'on_trip'
    : state === 'break'
      ? 'on_break'
      : !order.requires.every(need => has.includes(need))
        ? 'requirement'
        : declined.has(courier_id)
          ? 'declined'
          : undefined
  return {
    courier_id,
    distance_m: Math.round(distanceMeters(point, from)),
    eta_s: travel(point, from),
    free: why_not === undefined,
    ...(why_not && { why_not }),
  }
}
