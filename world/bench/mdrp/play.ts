import type { PlannedTrip, SolverPlan, SolverProblem } from '../../../dispatch/solver/port.ts'
import type { Day, DayOrder } from '../../days/day.ts'
import {
  type CourierState,
  learnOrders,
  learnReady,
  openScene,
  type PlaySettings,
  placeOf,
  problemAt,
  readyAt,
  type Scene,
  type Sent,
} from './scene.ts'

/**
 * A day under a simulated clock, minute after minute: what is known goes to the solver, and of its plan only that is done
 * which can't wait. A courier is sent when it must leave to be in time, and its bundle is changed at the last moment.
 *
 *   t:  orders placed by t are known ─► problem ─► plan ─► who must leave now leaves; bundles about to be picked up are settled
 */

export type Decision =
  | { t: number; courier: string; orders: readonly string[] }
  | { t: number; courier: string; update: readonly string[] }
  | { t: number; courier: string; move: string }

export interface Delivery {
  order: DayOrder
  courier: string
  pickup: number
  dropoff: number
  bundle: number
}

export interface Played {
  decisions: Decision[]
  deliveries: Delivery[]
  /** ms of wall time of each tick with open orders */
  solve_ms: number[]
  open_max: number
}

export interface PlayEffects {
  solve(problem: SolverProblem): SolverPlan
  /** ms; only to measure */
  wall_ms(): number
}

export function playDay(day: Day, settings: PlaySettings, effects: PlayEffects): Played {
  const scene = openScene(day, settings)
  const played: Played = { decisions: [], deliveries: [], solve_ms: [], open_max: 0 }
  const by_minute = Map.groupBy(day.orders, order => order.placed)
  const by_ready = Map.groupBy(day.orders, order => order.ready)
  const start = Math.min(...day.couriers.map(one => one.on), ...by_minute.keys())
  const end = Math.max(...day.couriers.map(one => one.off), ...by_minute.keys())
  for (let t = start; t <= end; t++) {
    learnOrders(scene, by_minute.get(t) ?? [])
    learnReady(scene, by_ready.get(t) ?? [], t)
    for (const state of scene.couriers.values()) leaveRestaurant(scene, played, state, t)
    const problem = problemAt(scene, t)
    const before = effects.wall_ms()
    const plan = effects.solve(problem)
    if (scene.open.size > 0) played.solve_ms.push(effects.wall_ms() - before)
    played.open_max = Math.max(played.open_max, scene.open.size)
    scene.last = plan.trips
    act(scene, played, plan, t)
  }
  for (const state of scene.couriers.values()) leaveRestaurant(scene, played, state, Number.POSITIVE_INFINITY)
  return played
}

/** In hand when the last of them is ready, and the courier has been there for half the service. */
const pickupOf = (scene: Scene, sent: Sent, ids: readonly string[]): number =>
  Math.max(sent.arrival + scene.day.pickup_service_min / 2, ...ids.map(id => scene.open.get(id)?.ready ?? 0))

/** Whoever had everything in hand before now is on the road, and out of reach until the last door. */
function leaveRestaurant(scene: Scene, played: Played, state: CourierState, t: number): void {
  const { sent, courier } = state
  if (!sent) return
  const pickup = pickupOf(scene, sent, sent.told)
  if (pickup >= t) return
  const { dropoff_service_min, pickup_service_min } = scene.day
  let free = pickup + pickup_service_min / 2
  let at = placeOf(scene, sent.restaurant)
  for (const id of sent.told) {
    const order = scene.open.get(id)
    if (!order) throw new Error(`${courier.id} carries ${id}, which is not open, at ${t}`)
    const dropoff = free + scene.travel(at, order) + dropoff_service_min / 2
    played.deliveries.push({ order, courier: courier.id, pickup, dropoff, bundle: sent.told.length })
    free = dropoff + dropoff_service_min / 2
    at = order
    scene.open.delete(id)
  }
  state.at = at
  state.free = free
  state.delivered += sent.told.length
  delete state.sent
}

// ── Done at t ───────────────────────────────────────────────────────────────────────────────────────────────────────

function act(scene: Scene, played: Played, plan: SolverPlan, t: number): void {
  const first = new Map<string, PlannedTrip>()
  for (const trip of plan.trips) if (!first.has(trip.courier_id)) first.set(trip.courier_id, trip)
  for (const state of scene.couriers.values()) {
    const trip = first.get(state.courier.id)
    if (state.sent) settle(scene, played, state.sent, trip, state.courier.id, t)
    else if (trip && trip.depart_s <= 0 && state.free <= t) {
      if (maySend(scene, state, trip.fulfilment_ids, t)) send(scene, played, state, trip, t)
      else move(scene, played, state, trip.warehouse_id, t)
    }
  }
  for (const { courier_id, warehouse_id } of plan.moves) {
    const state = scene.couriers.get(courier_id)
    if (state && !state.sent && state.free <= t) move(scene, played, state, warehouse_id, t)
  }
}

function move(scene: Scene, played: Played, state: CourierState, restaurant: string, t: number): void {
  const to = placeOf(scene, restaurant)
  const minutes = scene.travel(state.at, to)
  if (minutes === 0) return
  played.decisions.push({ t, courier: state.courier.id, move: restaurant })
  state.free = t + minutes
  state.at = to
}

function send(scene: Scene, played: Played, state: CourierState, trip: PlannedTrip, t: number): void {
  const orders = trip.fulfilment_ids
  played.decisions.push({ t, courier: state.courier.id, orders })
  const arrival = t + scene.travel(state.at, placeOf(scene, trip.warehouse_id))
  state.sent = { start: t, arrival, restaurant: trip.warehouse_id, told: orders, wanted: orders }
}

/** A changed bundle is told as late as possible: when either the old or the new one would be picked up. */
function settle(
  scene: Scene,
  played: Played,
  sent: Sent,
  trip: PlannedTrip | undefined,
  courier: string,
  t: number,
): void {
  if (!trip) throw new Error(`the plan forgets the open trip of ${courier} at ${t}`)
  sent.wanted = trip.fulfilment_ids
  if (t < sent.arrival || sameOrders(sent.told, sent.wanted)) return
  const latest = Math.min(pickupOf(scene, sent, sent.told), pickupOf(scene, sent, sent.wanted))
  if (t < latest) return
  played.decisions.push({ t, courier, update: sent.wanted })
  sent.told = sent.wanted
}

const sameOrders = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id, at) => id === b[at])

/**
 * An order that is not ready yet may take long, and a pickup after the shift breaks the rules: whoever has less time left
 * than nearly any preparation takes goes and stands by instead.
 */
function maySend(scene: Scene, { courier }: CourierState, ids: readonly string[], t: number): boolean {
  return ids.every(id => {
    const order = scene.open.get(id)
    if (!order) throw new Error(`${id} is not open at ${t}`)
    const { ready_s, ready_latest_s = ready_s } = readyAt(scene, order, t)
    return ready_latest_s <= (courier.off - t) * 60
  })
}
