import { TRIPS_MAX } from '../../../dispatch/solver/limits.ts'
import { WEIGHTS } from '../../../dispatch/solver/objective.ts'
import type {
  CourierSnapshot,
  ExpectedDemand,
  OpenFulfilment,
  OtherPickup,
  SolverProblem,
} from '../../../dispatch/solver/port.ts'
import type { CourierId, FulfilmentId, OrderId, WarehouseId, ZoneId } from '../../../ingest/events/envelope.ts'
import { byDistance, type Courier, type Day, type Open, pointOf, secondsBetween } from './day.ts'
import { estimateReady, readyAbout } from './picking.ts'
import { freeAbout } from './riding.ts'

/** The solver's problem of a moment: what is known then, and nothing of what is drawn for later. */

export const PROMISE_S = 1_800
/** The nearest, and the next: with more the search finds less in its rounds, and a third is seldom near enough. */
const STORES_TRIED = 2

export function problemAt(day: Day, open: readonly Open[], t: number, iterations_max: number): SolverProblem {
  const queuedReady = estimateReady(day, t)
  return {
    zone_id: 'stores' as ZoneId,
    now: t * 1_000,
    seed: t,
    iterations_max,
    fulfilments: open.map(one => fulfilmentAt(day, one, t, queuedReady)),
    couriers: day.couriers.map(one => snapshotAt(day, one, t, queuedReady)),
    demand: demandAt(day, t),
    service: { before_pickup_s: 0, after_pickup_s: 0, before_door_s: day.town.door_s_mean, after_door_s: 0 },
    bundle_max: 1,
    trips_max: TRIPS_MAX,
    travel: secondsBetween(day),
    weights: WEIGHTS,
    last: day.last,
  }
}

type QueuedReady = (open: Open, store: number) => number

function fulfilmentAt(day: Day, open: Open, t: number, queuedReady: QueuedReady): OpenFulfilment {
  const { town } = day
  const { order, store, picking } = open
  const mean_s = town.picking_s_mean
  const known = {
    fulfilment_id: order.id as FulfilmentId,
    order_id: order.id as OrderId,
    dropoff: town.clients[order.client] ?? pointOf(day, store),
    placed_s: order.placed_s - t,
    promise_s: order.placed_s + PROMISE_S - t,
    load: 1,
    requires: [],
  }
  if (picking) {
    const pickup = { warehouse_id: warehouseOf(store), pickup: pointOf(day, store) }
    const ready_s = Math.round(readyAbout(day, picking, t)) - t
    if (picking.ready_s <= t) return { ...known, ...pickup, ready_s }
    const from_s = Math.max(t, Math.min(picking.begins_s, t) + (1 - LIKELY) * mean_s)
    return { ...known, ...pickup, ready_s, ready_from_s: Math.round(from_s) - t }
  }
  const from = (at: number): OtherPickup => {
    const ready_s = queuedReady(open, at) - t
    const ready_from_s = Math.round(ready_s - LIKELY * mean_s)
    return { warehouse_id: warehouseOf(at), pickup: pointOf(day, at), ready_s: Math.round(ready_s), ready_from_s }
  }
  if (day.rule === 'nearest') return { ...known, ...from(store) }
  const [nearest = store, ...others] = byDistance(town, order.client).slice(0, STORES_TRIED)
  const ready_at_best_s = Math.round(order.placed_s + mean_s) - t
  return { ...known, ...from(nearest), ready_at_best_s, elsewhere: others.map(from) }
}

/** Few pickings take less than a fifth of the mean. */
const LIKELY = 0.8

const warehouseOf = (store: number): WarehouseId => `s${store}` as WarehouseId
export const storeOf = (warehouse_id: WarehouseId): number => Number(warehouse_id.slice(1))

function snapshotAt(day: Day, courier: Courier, t: number, queuedReady: QueuedReady): CourierSnapshot {
  const { id, home, place } = courier
  return {
    courier_id: id as CourierId,
    place,
    free_s: Math.max(0, freeAbout(day, courier, t, queuedReady) - t),
    capacity: 1,
    has: [],
    ...(!day.floating && { home_warehouse_id: warehouseOf(home) }),
    breaks: [],
    committed: [],
  }
}

function demandAt(day: Day, t: number): ExpectedDemand[] {
  day.recent = day.recent.filter(one => one.placed_s > t - 3_600)
  return day.town.stores.map(({ point }, at) => ({
    warehouse_id: warehouseOf(at),
    pickup: point,
    orders_per_h: day.recent.filter(one => one.nearest === at).length,
  }))
}
