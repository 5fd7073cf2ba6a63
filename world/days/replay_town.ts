import type { RecordedEvent } from '../../engine/record/format.ts'
import type { LineId } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY, type Policy } from '../../ingest/events/network.ts'
import { CATALOGUE, type Item } from '../city/catalogue.ts'
import { isLand, metresBetween } from '../city/chicago.ts'
import { nextLocalTime, weekdayOf } from '../city/hour.ts'
import type { Catalogue, Crew, Place, PlannedOrder, Rider, RideTerms, Town } from '../city/town.ts'
import { planWay, straightWay } from '../city/ways.ts'
import type { Recording } from './recording.ts'
import { isStanding, scriptOf } from './replay_script.ts'

/**
 * A recording as a town: what came in from outside then comes in again at the same distance from the beginning. Couriers ride what
 * they are given now, at the speed that the zone's policy plans with; bags take as long as they took.
 */
export function replayTown({ head, events }: Recording): Town {
  const { zone, from } = head
  const places = placesOf(events)
  const policy = of(events, 'policy.changed').at(-1)?.data.policy ?? DEFAULT_POLICY
  const orders = ordersOf(events, from)
  return {
    zone_id: zone.zone_id,
    name: zone.name,
    time_zone: zone.time_zone,
    cells: zone.cells,
    policy,
    places,
    catalogue: catalogueOf(events, from),
    begins: wall_ms => sameHour(from, zone.time_zone, wall_ms),
    warm_up_min: 0,
    order: number => orders[number - 1],
    crew: crewOf(events),
    fleet: fleetOf(events, from, places, policy),
    ride: rideTerms(events, policy, places),
    script: scriptOf(events, from),
  }
}

type OfType<Type extends RecordedEvent['type']> = Extract<RecordedEvent, { type: Type }>

const of = <Type extends RecordedEvent['type']>(events: readonly RecordedEvent[], type: Type): OfType<Type>[] =>
  events.filter((one): one is OfType<Type> => one.type === type)

const MINUTE_MS = 60_000
const DAY_MIN = 1_440

/** The next time after `wall_ms` that is the same of the week there, to the ms: opening hours are of the week. */
function sameHour(from: number, time_zone: string, wall_ms: number): number {
  const into_minute_ms = from % MINUTE_MS
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, hour: 'numeric', minute: 'numeric' })
  const [hour = 0, minute = 0] = clock.format(from).split(':').map(Number)
  const minute_of_day = (hour * 60 + minute) % DAY_MIN
  return nextLocalTime(wall_ms, { time_zone, minute_of_day, weekday: weekdayOf(from, time_zone) }) + into_minute_ms
}

// ── The network and the shelves at the beginning ────────────────────────────────────────────────────────────────────

function placesOf(events: readonly RecordedEvent[]): Place[] {
  const travel = Map.groupBy(of(events, 'travel.set'), one => one.data.warehouse_id)
  const latest = new Map(of(events, 'warehouse.upserted').map(({ data }) => [data.warehouse_id, data]))
  return [...latest.values()].map(
    ({ warehouse_id, name, point, radius_m, pickers, pick_s_per_line, pack_s, opening }) => {
      const parts = travel.get(warehouse_id)?.map(one => one.data) ?? []
      const table = { cells: parts.flatMap(part => part.cells), seconds: parts.flatMap(part => part.seconds) }
      return {
        ...{ warehouse_id, name, point, radius_m, pickers, pick_s_per_line, pack_s },
        ...(opening && { opening }),
        ...(parts.length > 0 && { travel: table }),
      }
    },
  )
}

/** The counts of the first moment are the shelves; later ones are said when they were. */
function catalogueOf(events: readonly RecordedEvent[], from: number): Catalogue {
  const counted = of(events, 'stock.counted').filter(one => isStanding(one, from))
  const there = new Map(counted.map(({ data }) => [`${data.warehouse_id}/${data.sku}`, data.quantity]))
  const units = new Map(of(events, 'stock.counted').map(({ data }) => [data.sku, data.unit]))
  const known = new Map(CATALOGUE.map(item => [item.sku, item]))
  const items = [...units].map(
    ([sku, unit]): Item =>
      known.get(sku) ?? { sku, name: sku, unit, price_cents: 0, step: 1, share: 1 / units.size, requires: undefined },
  )
  return {
    items,
    shelf({ warehouse_id }, { sku }) {
      const quantity = there.get(`${warehouse_id}/${sku}`) ?? 0
      return { target: quantity, there: quantity }
    },
  }
}

// ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** order_id → the number that is kept: order ids are given anew. */
function externalIds(events: readonly RecordedEvent[]): Map<string, string> {
  return new Map(of(events, 'order.placed').map(({ data }) => [data.order_id, data.external_id ?? data.order_id]))
}

function ordersOf(events: readonly RecordedEvent[], from: number): PlannedOrder[] {
  const cancels = new Map(of(events, 'order.cancel_asked').map(one => [one.data.order_id, one]))
  return of(events, 'order.placed').map(({ occurred_at, data }) => {
    const { order_id, external_id, cell: _, deliver_between, lines, ...order } = data
    const asked = cancels.get(order_id)
    return {
      due_ms: occurred_at - from,
      customer_ref: data.customer_ref,
      order: {
        ...order,
        external_id: external_id ?? order_id,
        lines: lines.map(line => ({ ...line, line_id: line.line_id as LineId })),
      },
      cancel: asked && { after_s: (asked.occurred_at - occurred_at) / 1_000, reason: asked.data.reason },
      ...(deliver_between && { window: { from_ms: deliver_between.from - from, to_ms: deliver_between.to - from } }),
    }
  })
}

/** Whoever was not packed by the end takes as long as most did. */
function crewOf(events: readonly RecordedEvent[]): Crew {
  const ids = externalIds(events)
  const began = new Map(of(events, 'pick.started').map(one => [one.data.order_id, one.occurred_at]))
  const took_s = new Map<string, number>()
  for (const { data, occurred_at } of of(events, 'order.packed')) {
    const [external_id, since] = [ids.get(data.order_id), began.get(data.order_id)]
    if (external_id !== undefined && since !== undefined) took_s.set(external_id, (occurred_at - since) / 1_000)
  }
  const sorted = [...took_s.values()].sort((a, b) => a - b)
  const median_s = sorted[sorted.length >> 1] ?? 0
  const short = new Map(
    of(events, 'line.short').map(({ data }) => [`${ids.get(data.order_id)}/${data.line_id}`, data.quantity]),
  )
  return {
    begin_s: () => 0,
    line_s: () => 0,
    pack_s: (_, external_id) => took_s.get(external_id) ?? median_s,
    missing: ({ external_id }, { line_id }) => short.get(`${external_id}/${line_id}`) ?? 0,
    restless: false,
  }
}

// ── Couriers ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A second shift of the same courier is another rider's, who bears its number. */
function fleetOf(
  events: readonly RecordedEvent[],
  from: number,
  places: readonly Place[],
  { speed_mps }: Policy,
): Rider[] {
  const ended = Map.groupBy(of(events, 'shift.ended'), one => one.data.courier_id)
  const shifts = Map.groupBy(of(events, 'shift.started'), one => one.data.courier_id)
  return [...shifts].flatMap(([courier_id, all]) =>
    all.map(({ occurred_at, data }, at) => {
      const { point: start, vehicle, capacity, has, home_warehouse_id, ends_at } = data
      const home = places.find(one => one.warehouse_id === home_warehouse_id) ?? nearest(places, start)
      const end = ended.get(courier_id)?.find(one => one.occurred_at >= occurred_at)?.occurred_at ?? ends_at
      return {
        ...{
          courier_id: at === 0 ? courier_id : `${courier_id}.${at + 1}`,
          start,
          home,
          vehicle,
          capacity,
          has,
          speed_mps,
        },
        tied: home_warehouse_id !== undefined,
        on_ms: occurred_at - from,
        off_ms: end === undefined ? undefined : end - from,
      }
    }),
  )
}

function nearest(places: readonly Place[], point: Rider['start']): Place {
  const [first, ...others] = places
  if (first === undefined) throw new Error('the recording has no warehouse')
  const metres = (place: Place): number => metresBetween(place.point, point)
  return others.reduce((best, one) => (metres(one) < metres(best) ? one : best), first)
}

/** Hand-overs take what the policy plans with: a quarter of it at the counter, half at the door. */
function rideTerms(events: readonly RecordedEvent[], policy: Policy, places: readonly Place[]): RideTerms {
  const ids = externalIds(events)
  const closed = new Set(of(events, 'delivery.failed').map(({ data }) => ids.get(data.order_id)))
  const in_chicago = places.every(({ point }) => isLand(point))
  const streets = { origin: places[0]?.point ?? { lat: 0, lng: 0 }, isLand: () => true }
  return {
    way: (from, to, departs_at, speed_mps, draw) =>
      policy.road_factor > 1
        ? planWay(from, to, departs_at, speed_mps, draw, in_chicago ? undefined : streets)
        : straightWay(from, to, departs_at, speed_mps),
    enter_s: 0,
    counter_s: () => policy.handover_s / 4,
    door_s: () => policy.handover_s / 2,
    leave_s: policy.handover_s / 4,
    declined_share: 0,
    nobody_home_share: 0,
    isClosed: external_id => closed.has(external_id),
  }
}
