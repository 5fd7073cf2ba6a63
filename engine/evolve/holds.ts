import type { DecisionOf } from '../../ingest/events/decisions.ts'
import type { HoldId } from '../../ingest/events/envelope.ts'
import { noteEnded, noteGranted } from '../due.ts'
import { HOLD_LIFE, type HoldHappening, isRefusal } from '../lives.ts'
import { reserve, resolveAll } from '../reservations.ts'
import { HOLD_MARGIN_MS, type HoldState, type ZoneState } from '../state.ts'
import type { Why } from '../stock.ts'
import { forgetLater } from './ended.ts'

/** Reservations in advance of an order. Part of `evolve`: mechanical. */

export function grantHold(zone: ZoneState, decision: DecisionOf<'hold.granted'>, content: string): void {
  const { hold_id } = decision
  const hold: HoldState = {
    hold_id,
    state: 'granted',
    content,
    fulfilments: decision.fulfilments.map(part => reserve(zone, part, hold_id)),
    expires_at: decision.expires_at + HOLD_MARGIN_MS,
  }
  noteGranted(zone, hold)
  zone.holds.set(hold_id, hold)
}

export function refuseHold(zone: ZoneState, hold_id: HoldId, content: string): void {
  zone.holds.set(hold_id, { hold_id, state: 'refused', content, fulfilments: [], expires_at: zone.time })
  forgetLater(zone.ended.holds, hold_id, zone.time)
}

const WHY = { confirm: 'confirmed', release: 'released', expire: 'expired' } as const satisfies Partial<
  Record<HoldHappening, Why['cause']>
>

export function endHold(zone: ZoneState, hold_id: HoldId, happening: keyof typeof WHY): void {
  const hold = zone.holds.get(hold_id)
  const next = hold ? HOLD_LIFE[hold.state][happening] : 'illegal'
  if (!hold || isRefusal(next) || next === hold.state) return
  const why: Why = { cause: WHY[happening], ref: hold_id }
  for (const fulfilment of hold.fulfilments) {
    resolveAll(zone, fulfilment, happening === 'expire' ? 'expired' : 'released', why)
  }
  hold.state = next
  hold.fulfilments = []
  noteEnded(zone)
  forgetLater(zone.ended.holds, hold_id, zone.time)
}
