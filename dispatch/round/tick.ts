import type { CourierView } from '../../engine/contract.ts'
import type { Point, WarehouseId } from '../../ingest/events/envelope.ts'
import type { Log } from '../../ingest/io/log.ts'
import type { Network, ZoneRow } from '../../ingest/io/network.ts'
import type { AssignmentMode, Suggestion } from '../contract.ts'
import type { Desk } from '../desk.ts'
import type { Etas } from '../etas/etas.ts'
import { setOutWith } from '../io/attempts.ts'
import { readErrors } from '../io/etas.ts'
import { type Learned, readLearned } from '../io/learned.ts'
import { readMoves } from '../io/moves.ts'
import { type OpenWork, openWork } from '../io/open_work.ts'
import { forgetDeclined } from '../io/trips.ts'
import type { AssignmentRow, WeightsRow } from '../io/zone_settings.ts'
import type { Metrics } from '../metrics.ts'
import type { MoveRow } from '../rows.ts'
import { checkPlan } from '../solver/check.ts'
import { solveGreedily } from '../solver/greedy.ts'
import { WEIGHTS, type Weights } from '../solver/objective.ts'
import type { ExpectedDemand, LastTrip, SolverPlan } from '../solver/port.ts'
import { greatCircle } from '../travel.ts'
import { type Beat, startBeat } from './beat.ts'
import { carryOut, type Planned } from './carry_out.ts'
import { advise } from './moves.ts'
import { withdrawOffer } from './offers.ts'
import { problemOf, type SolverInput } from './problem.ts'
import type { Suggestions } from './suggestions.ts'

/** One round of courier assignment: look, solve, check, offer. */

export interface Round {
  desk: Desk
  /** the live fleet; rejects while Redis is away */
  fleet(): Promise<CourierView[]>
  network(): Network
  /** zone → whether its plan is carried out, only shown, or not made; a zone without: carried out */
  assignments(): Promise<ReadonlyMap<string, AssignmentRow>>
  /** zone → weights that it has set otherwise than usual */
  weights(): Promise<ReadonlyMap<string, WeightsRow>>
  suggestions: Suggestions
  etas: Etas
  solve(input: SolverInput): Promise<SolverPlan>
  metrics: Metrics
  log: Log
  settings: RoundSettings
  /** the last plan's trips by zone, where the next search begins; losing them costs only time */
  last: Map<string, readonly LastTrip[]>
}

/** s of business time */
export interface RoundSettings {
  /** an offer that is not answered for so long goes to another courier */
  dispatch_offer_s: number
  /** orders that will be packed within this are looked at */
  dispatch_lookahead_s: number
  /** a trip is offered so long before its courier must leave; until then the plan may change */
  dispatch_commit_s: number
  /** couriers not heard of for longer are left out */
  dispatch_courier_seen_s: number
  /** couriers not heard of for longer have vanished */
  dispatch_unreachable_s: number
}

const FORGET_DECLINED_MS = 3_600_000

export async function runRound(round: Round): Promise<void> {
  const { desk, settings, metrics } = round
  const fleet = await round.fleet()
  const now = desk.now()
  await round.etas.learn()
  const [all, assignments, weights, learned, moves, errors] = await Promise.all([
    openWork(desk.pool, { now, ready_before: now + settings.dispatch_lookahead_s * 1_000 }),
    round.assignments(),
    round.weights(),
    readLearned(desk.pool),
    readMoves(desk.pool, null),
    readErrors(desk.pool),
  ])
  const work = await withdrawOld(round, all, now)
  const zones = [...round.network().zones.values()]
  const weigh = (zone: ZoneRow): Weights => ({ ...WEIGHTS, ...weights.get(zone.zone_id)?.weights })
  const worked = zones.some(zone => weigh(zone).fairness !== 0) ? await setOutWith(desk.pool, fleet) : undefined
  const waiting = new Map<string, number>()
  for (const zone of zones) {
    const plan = await planZone(round, zone, {
      ...{ work, fleet, now, learned, moves, worked },
      mode: assignments.get(zone.zone_id)?.mode ?? 'on',
      weights: weigh(zone),
    })
    await round.etas.follow(zone, {
      ...{ now, trips: work.trips, orders: work.orders, fleet, errors },
      learned: warehouse_id => learned.times(zone.tenant_id, warehouse_id),
      seen_s_max: settings.dispatch_courier_seen_s,
    })
    for (const { why } of plan?.waiting ?? []) waiting.set(why, (waiting.get(why) ?? 0) + 1)
  }
  metrics.waiting.reset()
  for (const [why, count] of waiting) metrics.waiting.set({ why }, count)
  if (work.declined.length > 0) await forgetDeclined(desk.pool, now - FORGET_DECLINED_MS)
}

/** @returns the work without those offers: their orders are planned anew in the next round */
async function withdrawOld({ desk, settings, metrics }: Round, work: OpenWork, now: number): Promise<OpenWork> {
  const before = now - settings.dispatch_offer_s * 1_000
  const old = work.trips.filter(trip => trip.state === 'offered' && !trip.pinned && trip.offered_at <= before)
  if (old.length === 0) return work
  for (const trip of old) if (await withdrawOffer(desk, trip)) metrics.offers.inc({ outcome: 'expired' })
  const gone = new Set(old.map(trip => trip.trip_id))
  return {
    ...work,
    trips: work.trips.filter(trip => !gone.has(trip.trip_id)),
    orders: work.orders.filter(order => order.trip_id === null || !gone.has(order.trip_id)),
  }
}

interface Look {
  work: OpenWork
  fleet: CourierView[]
  now: number
  mode: AssignmentMode
  weights: Weights
  moves: readonly MoveRow[]
  learned: Learned
  /** tenant_id/courier_id → orders on this shift; undefined: no zone weighs fairness */
  worked: ReadonlyMap<string, number> | undefined
}

async function planZone(round: Round, zone: ZoneRow, look: Look): Promise<SolverPlan | undefined> {
  const pointOf = pointsOf(round)
  const planned = look.mode === 'off' ? undefined : await solveZone(round, zone, look)
  if (planned && look.mode === 'suggest') {
    round.suggestions.put(zone.zone_id, look.now, suggestionsOf(planned.plan, planned.input))
  } else {
    // What was suggested a round ago may be impossible now: the last plan is shown, or nothing.
    round.suggestions.clear(zone.zone_id)
  }
  if (planned && look.mode === 'on') {
    await carryOut({ ...round, pointOf, tenant_id: zone.tenant_id }, planned)
    const standing = look.moves.filter(move => move.zone_id === zone.zone_id && move.tenant_id === zone.tenant_id)
    const asked = await advise(round.desk, { ...planned, tenant_id: zone.tenant_id, standing, pointOf })
    round.metrics.moves.inc(asked)
  }
  return planned?.plan
}

/** @returns undefined: there is nothing to plan, or no plan that keeps the rules */
async function solveZone(round: Round, zone: ZoneRow, look: Look): Promise<Planned | undefined> {
  const orders = look.work.orders.filter(order => order.zone_id === zone.zone_id && order.tenant_id === zone.tenant_id)
  if (orders.length === 0) return undefined
  const { input, changeable } = problemOf({
    zone_id: zone.zone_id,
    now: look.now,
    road: { road_factor: zone.policy.road_factor, speed_mps: zone.policy.speed_mps },
    orders,
    trips: look.work.trips.filter(trip => trip.tenant_id === zone.tenant_id),
    fleet: look.fleet.filter(courier => courier.tenant_id === zone.tenant_id),
    declined: declinedBy(look.work, zone.tenant_id),
    pointOf: pointsOf(round),
    seen_s_max: round.settings.dispatch_courier_seen_s,
    handover_s: zone.policy.handover_s,
    worked: look.worked && (courier_id => look.worked?.get(`${zone.tenant_id}/${courier_id}`) ?? 0),
    weights: look.weights,
    learned: warehouse_id => look.learned.times(zone.tenant_id, warehouse_id),
    demand: demandOf(round, zone, look),
    last: round.last.get(zone.zone_id) ?? [],
    may_change_trips: look.mode === 'on',
    lost_trips: look.mode === 'suggest' ? lostTrips(round, look) : new Set(),
  })
  const plan = checkedPlan(round, zone, input, await round.solve(input))
  round.last.set(zone.zone_id, plan?.trips ?? [])
  const { handover_s } = zone.policy
  return plan && { plan, input, changeable, orders, road: input.road, handover_s }
}

/** Trips whose couriers have vanished before they fetched anything: where people dispatch, somebody else is suggested. */
function lostTrips({ settings }: Round, { work, fleet, now }: Look): Set<string> {
  const heard_since = now - settings.dispatch_unreachable_s * 1_000
  const heard = fleet.filter(one => one.state !== 'off' && one.seen_at >= heard_since)
  const couriers = new Set(heard.map(one => `${one.tenant_id}/${one.courier_id}`))
  const lost = work.trips.filter(trip => !couriers.has(`${trip.tenant_id}/${trip.courier_id}`))
  return new Set(lost.filter(trip => trip.state !== 'under_way').map(trip => trip.trip_id))
}

function demandOf({ network }: Round, { tenant_id, zone_id }: ZoneRow, { learned, now }: Look): ExpectedDemand[] {
  const own = [...network().warehouses.values()].filter(one => one.zone_id === zone_id && !one.paused)
  return own.map(({ warehouse_id, point }) => {
    return { warehouse_id, pickup: point, orders_per_h: learned.ordersPerHour(tenant_id, warehouse_id, now) }
  })
}

/** A plan that breaks a rule is never applied: the plain one takes its place, and somebody must look into it. */
function checkedPlan(round: Round, zone: ZoneRow, input: SolverInput, plan: SolverPlan): SolverPlan | undefined {
  const problem = { ...input, travel: greatCircle(input.road) }
  const faults = checkPlan(problem, plan)
  if (faults.length === 0) return plan
  round.metrics.plans_refused.inc({ zone_id: zone.zone_id })
  round.log.error({ zone_id: zone.zone_id, faults: faults.slice(0, 10) }, 'a plan was refused and not applied')
  const plain = solveGreedily(problem)
  return checkPlan(problem, plain).length === 0 ? plain : undefined
}

function suggestionsOf({ trips }: SolverPlan, { zone_id, now, fulfilments }: SolverInput): Suggestion[] {
  const order_of = new Map(fulfilments.map(one => [one.fulfilment_id, one.order_id]))
  const at = (s: number) => now + s * 1_000
  return trips.map(({ courier_id, warehouse_id, fulfilment_ids, pickup_s, dropoff_s }) => ({
    ...{ zone_id, courier_id, warehouse_id, pickup_at: at(pickup_s), door_at: dropoff_s.map(at) },
    order_ids: fulfilment_ids.flatMap(id => order_of.get(id) ?? []),
  }))
}

function declinedBy(work: OpenWork, tenant_id: string): Map<string, string[]> {
  const by_order = new Map<string, string[]>()
  for (const one of work.declined) {
    if (one.tenant_id === tenant_id) by_order.set(one.order_id, [...(by_order.get(one.order_id) ?? []), one.courier_id])
  }
  return by_order
}

const pointsOf =
  (round: Round) =>
  (warehouse_id: string): Point | undefined =>
    round.network().warehouses.get(warehouse_id as WarehouseId)?.point

// ── The beat ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each second of business time, but not more often than this, ms of wall time. */
const BEAT_MS_MIN = 100
const BEAT_MS_MAX = 1_000

/** @param rate business s a wall s */
export function startTicker(round: Round, rate: () => number): Beat {
  return startBeat({
    log: round.log,
    told: { failing: 'no courier can be assigned now; trying again each tick', again: 'couriers are assigned again' },
    every_ms: () => Math.min(BEAT_MS_MAX, Math.max(BEAT_MS_MIN, 1_000 / rate())),
    work: () => counted(round),
  })
}

async function counted(round: Round): Promise<void> {
  const { ticks, tick_seconds } = round.metrics
  const end = tick_seconds.startTimer()
  try {
    await runRound(round)
    ticks.inc({ outcome: 'done' })
  } catch (error) {
    ticks.inc({ outcome: 'failed' })
    throw error
  } finally {
    end()
  }
}
