import type { Point, TenantId } from '../../ingest/events/envelope.ts'
import { distanceMeters } from '../../ingest/events/geo.ts'
import type { Desk } from '../desk.ts'
import { dropMoves, saveMoves } from '../io/moves.ts'
import type { MoveRow } from '../rows.ts'
import type { CourierSnapshot, SolverPlan } from '../solver/port.ts'
import { greatCircle } from '../travel.ts'
import type { SolverInput } from './problem.ts'

/**
 * Where idle couriers are asked to wait: who is free to go anywhere, where orders are expected; who is tied to a warehouse, there.
 * It is an advice: nothing of the book follows from it, and whoever is offered a trip forgets it.
 */

/** Who was sent somewhere is not sent elsewhere before this, s of business time: nobody likes to be pushed about. */
const SETTLED_S = 180
/** That near is there. */
const THERE_M = 150

export interface Advising {
  tenant_id: TenantId
  plan: SolverPlan
  input: SolverInput
  /** what couriers of the zone were asked before */
  standing: readonly MoveRow[]
  pointOf: (warehouse_id: string) => Point | undefined
}

export interface Advice {
  asked: Omit<MoveRow, 'version'>[]
  /** courier_ids whose old advice is over */
  over: string[]
}

/** Pure. */
export function adviceOf({ tenant_id, plan, input, standing, pointOf }: Advising): Advice {
  const busy = new Set(plan.trips.map(trip => trip.courier_id as string))
  const idle = input.couriers.filter(isIdle)
  const idle_ids = new Set(idle.map(one => one.courier_id as string))
  const before = new Map(standing.map(move => [move.courier_id as string, move]))
  const moves = new Map(plan.moves.map(move => [move.courier_id as string, move.warehouse_id]))
  const { zone_id, now } = input
  const asked = idle.flatMap(({ courier_id, place, home_warehouse_id }) => {
    const warehouse_id = home_warehouse_id ?? moves.get(courier_id)
    const point = warehouse_id && pointOf(warehouse_id)
    if (busy.has(courier_id) || !warehouse_id || !point || distanceMeters(place, point) < THERE_M) return []
    const last = before.get(courier_id)
    if (last && (last.warehouse_id === warehouse_id || last.asked_at > now - SETTLED_S * 1_000)) return []
    const arrive_by = now + greatCircle(input.road)(place, point) * 1_000
    const why = home_warehouse_id ? ('home' as const) : ('orders_expected' as const)
    return [{ tenant_id, courier_id, zone_id, warehouse_id, point, why, asked_at: now, arrive_by }]
  })
  const over = standing.map(move => move.courier_id as string).filter(id => !idle_ids.has(id))
  return { asked, over }
}

const isIdle = ({ committed, open_trip, free_s }: CourierSnapshot): boolean =>
  committed.length === 0 && open_trip === undefined && free_s <= 0

/** Told to couriers on the stream of work and by GET /v1/couriers/me. @returns how many were asked */
export async function advise(desk: Desk, advising: Advising): Promise<number> {
  const { asked, over } = adviceOf(advising)
  await dropMoves(desk.pool, advising.tenant_id, over)
  const moves = await saveMoves(desk.pool, asked)
  if (moves.length > 0) desk.changed({ orders: [], trips: [], moves })
  return moves.length
}
