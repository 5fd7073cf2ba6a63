import type { CourierView } from '../../engine/contract.ts'
import type { EventDraft } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { CourierState, MoveView, ReturnView, TripView } from '../contract.ts'
import { type Desk, type Refused, refuse } from '../desk.ts'
import { stateOf } from '../hand/fitness.ts'
import { type Duty, NO_DUTY, readDuties } from '../io/duties.ts'
import { readMoves } from '../io/moves.ts'
import { openReturns } from '../io/returns.ts'
import { COURIER_MAY, type CourierAct } from '../life/courier.ts'
import { moveView, returnView, tripView } from '../rows.ts'
import type { Act } from '../trip.ts'
import { takeAway } from './take_away.ts'

/** What a courier says of itself: shift, break, position. It goes into the log; the live fleet follows from there. */

export interface ShiftEffects {
  desk: Desk
  /** rejects while Redis is away */
  fleet(): Promise<CourierView[]>
  /** @throws HttpProblem 503 when Kafka does not acknowledge it */
  publish(draft: EventDraft, act: Act): Promise<{ partition: number; offset: number }>
  /** a courier not heard of for longer is unreachable, s of business time */
  silent_s_max: number
}

/** GET /v1/couriers/me. `trips`: the present one first, then those whose turn comes; `move`: where to wait for one. */
export interface Me {
  courier_id: string
  state: CourierState
  point: Point | null
  seen_at: number | null
  trips: TripView[]
  returns: ReturnView[]
  move: MoveView | null
}

interface Known {
  view: CourierView | undefined
  duty: Duty
  state: CourierState
}

async function lookUp({ desk, fleet, silent_s_max }: ShiftEffects, act: Act, courier_id: string): Promise<Known> {
  const [all, duties] = await Promise.all([fleet(), readDuties(desk.pool, act.tenant_id, courier_id)])
  const view = all.find(one => one.courier_id === courier_id && one.tenant_id === act.tenant_id)
  const duty = duties.get(courier_id) ?? NO_DUTY
  return { view, duty, state: stateOf(view, duty, { now: act.now, silent_s_max }) }
}

export async function readMe(effects: ShiftEffects, act: Act, courier_id: string): Promise<Me> {
  const { view, duty, state } = await lookUp(effects, act, courier_id)
  const { pool } = effects.desk
  const [returns, [move]] = await Promise.all([
    openReturns(pool, act.tenant_id, courier_id),
    readMoves(pool, act.tenant_id, courier_id),
  ])
  return {
    courier_id,
    state,
    point: view?.point ?? null,
    seen_at: view?.seen_at ?? null,
    move: move && !duty.trip ? moveView(move) : null,
    trips: [...(duty.trip ? [duty.trip] : []), ...duty.planned].map(tripView),
    returns: returns.map(returnView),
  }
}

/** `published` false: it was so already, and nothing was said again. */
export type ShiftAnswer = { published: boolean } | { refused: Refused }

export interface ShiftWord {
  act: Exclude<CourierAct, 'be_given'>
  type: 'shift.started' | 'shift.ended' | 'state.changed'
  data: object
}

export async function sayShift(
  effects: ShiftEffects,
  act: Act,
  courier_id: string,
  word: ShiftWord,
): Promise<ShiftAnswer> {
  const { view, duty, state } = await lookUp(effects, act, courier_id)
  const may = COURIER_MAY[state][word.act]
  if (may === 'on_shift' || (word.act === 'end_shift' && state === 'off')) return { published: false }
  if (may !== 'yes') return refuse(409, may, DETAIL[may])
  const zone = view && { zone_id: view.zone_id }
  await effects.publish({ type: word.type, data: { courier_id, ...word.data }, ...zone }, act)
  if (word.act === 'end_shift') {
    const trips = [...(duty.trip ? [duty.trip] : []), ...duty.planned]
    for (const trip of trips) await takeAway(effects.desk, act, trip, 'shift_ended')
  }
  return { published: true }
}

const DETAIL: Record<'on_trip' | 'returning' | 'not_on_shift', string> = {
  on_trip: 'you have a trip: bring it first, or ask a dispatcher to take it',
  returning: 'bring the goods back to the warehouse first',
  not_on_shift: 'begin a shift first',
}
