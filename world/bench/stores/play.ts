import { roundsFor } from '../../../dispatch/solver/limits.ts'
import type { SolverPlan } from '../../../dispatch/solver/port.ts'
import { solve } from '../../../dispatch/solver/solve.ts'
import type { Stores } from '../../days/stores.ts'
import { byDistance, type Day, type Delivered, type Open, openDay, type Rule } from './day.ts'
import { problemAt, storeOf } from './known.ts'
import type { StoreOrder } from './orders.ts'
import { beginPicking } from './picking.ts'
import { finishRide, leaveFor, moveTo } from './riding.ts'

/**
 * A day of ten stores: orders come, a store picks each (a few pickers), a courier brings it. Who brings it is the solver's, the
 * same for both rules; they differ in the store:
 *
 *   nearest   the one nearest to the door, for good; it picks first come first served
 *   together  whichever the solver's plan has it from, and that may change with every plan until a picker or a courier has
 *             begun. Picking begins when the plan's courier is near enough, so that where nobody is, the store stays open
 */

/** Of 30 s, couriers would stand at a door for a sixtieth of the peak: both rules have a sixth more minutes late then. */
const TICK_S = 10
/** Hundreds wait at the peak, on ten stores only: more rounds change little. */
const ROUNDS_MAX = 60
/** So many of the oldest orders for each courier are planned, an hour's work and more: what comes later is planned later. */
const PLANNED_A_COURIER = 4
/** Picking begins so many mean pickings before the courier is expected: only one in thirty takes longer than that. */
const PICKINGS_AHEAD = 10 / 3

/** @param onHour told each hour of the day how many orders wait; may take its time */
export async function playStores(
  town: Stores,
  orders: readonly StoreOrder[],
  { rule, floating }: { rule: Rule; floating: boolean },
  onHour: (hour: number, open: number) => Promise<void>,
): Promise<Delivered[]> {
  const day = openDay(town, rule, floating)
  let next = 0
  for (let t = 0; next < orders.length || day.open.size > 0; t += TICK_S) {
    if (t % 3_600 === 0) await onHour(t / 3_600, day.open.size)
    for (let order = orders[next]; order && order.placed_s <= t; order = orders[++next]) place(day, order)
    const planned = plannedOf(day)
    const plan = solve(problemAt(day, planned, t, Math.min(ROUNDS_MAX, roundsFor(planned.length))))
    day.last = plan.trips
    if (rule === 'together') chooseStores(day, planned, plan, t)
    leave(day, plan, t)
    beginPicking(day, t, t + TICK_S, open => {
      if (open.ride && open.picking) finishRide(day, open.ride, open.picking)
    })
  }
  return day.delivered
}

function place(day: Day, order: StoreOrder): void {
  const nearest = byDistance(day.town, order.client)[0] ?? 0
  day.recent.push({ placed_s: order.placed_s, nearest })
  const queued_s = day.rule === 'nearest' ? order.placed_s : Number.POSITIVE_INFINITY
  day.open.set(order.id, { order, nearest, store: nearest, queued_s })
}

/** The oldest that no courier has left for; of each store, where stores stand and couriers are tied to theirs. */
function plannedOf({ rule, town, open, floating, couriers }: Day): Open[] {
  const all = [...open.values()].filter(one => one.ride === undefined)
  if (floating || rule === 'together') return all.slice(0, PLANNED_A_COURIER * couriers.length)
  const by_store = Map.groupBy(all, one => one.store)
  return [...by_store].flatMap(([store, own]) => own.slice(0, PLANNED_A_COURIER * (town.stores[store]?.couriers ?? 0)))
}

/** As the plan has it: from where, and whether it is time to pick. */
function chooseStores({ open, town }: Day, planned: readonly Open[], plan: SolverPlan, t: number): void {
  for (const one of planned) if (!one.picking) one.queued_s = Number.POSITIVE_INFINITY
  for (const { fulfilment_ids, warehouse_id, pickup_s } of plan.trips) {
    const one = open.get(fulfilment_ids[0] ?? '')
    if (!one || one.picking) continue
    one.store = storeOf(warehouse_id)
    const begin_s = t + pickup_s - PICKINGS_AHEAD * town.picking_s_mean
    if (begin_s <= t) one.queued_s = begin_s
  }
}

/** Whoever is free and must leave before the next plan does so; and whoever is idle goes where orders are expected. */
function leave(day: Day, plan: SolverPlan, t: number): void {
  const couriers = new Map(day.couriers.map(one => [one.id, one]))
  const begun = new Set<string>()
  for (const trip of plan.trips) {
    const courier = couriers.get(trip.courier_id)
    const open = day.open.get(trip.fulfilment_ids[0] ?? '')
    if (!courier || !open || begun.has(courier.id) || courier.free_s > t) continue
    begun.add(courier.id)
    if (trip.depart_s < TICK_S) leaveFor(day, courier, open, t)
  }
  for (const { courier_id, warehouse_id } of plan.moves) {
    const courier = couriers.get(courier_id)
    if (courier && courier.free_s <= t) moveTo(day, courier, storeOf(warehouse_id), t)
  }
}
