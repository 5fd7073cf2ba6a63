import type { DecisionOf } from '../../ingest/events/decisions.ts'
import type { HoldId } from '../../ingest/events/envelope.ts'
import { reserve, resolveAll } from '../reservations.ts'
import { CLOSED_KEPT_MS, HOLD_MARGIN_MS, type ZoneState } from '../state.ts'

/** Reservations in advance of an order. Part of `evolve`: mechanical. */

export function grantHold(zone: ZoneState, decision: DecisionOf<'hold.granted'>): void {
  zone.holds.set(decision.hold_id, {
    hold_id: decision.hold_id,
    state: 'granted',
    fulfilments: decision.fulfilments.map(part => reserve(zone, part, decision.hold_id)),
    expires_at: decision.expires_at + HOLD_MARGIN_MS,
  })
}

export function refuseHold(zone: ZoneState, hold_id: HoldId): void {
  zone.holds.set(hold_id, { hold_id, state: 'refused', fulfilments: [], expires_at: zone.time })
}

export function endHold(
  zone: ZoneState,
  hold_id: HoldId,
  how: 'released' | 'expired',
  state: 'released' | 'expired' | 'confirmed' = how,
): void {
  const hold = zone.holds.get(hold_id)
  if (hold?.state !== 'granted') return
  for (const fulfilment of hold.fulfilments) resolveAll(zone, fulfilment, how, { cause: state, ref: hold_id })
  hold.state = state
}

export function forgetHolds(zone: ZoneState): void {
  if (zone.holds.size === 0) return
  for (const [hold_id, hold] of zone.holds) {
    if (hold.state !== 'granted' && hold.expires_at < zone.time - CLOSED_KEPT_MS) zone.holds.delete(hold_id)
  }
}
