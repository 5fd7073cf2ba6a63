import type { ZoneState } from '../state.ts'
import { REROUTES_A_STEP, WEIGHT_A_STEP } from '../state.ts'
import { forgetEnded } from './ended.ts'
import { isStillShort } from './stock.ts'

/** The work lists of a zone, and what is forgotten after a step. */

/**
 * How many of the waiting fulfilments one step tries: bounded by what their decisions may weigh, since a record above
 * Kafka's 1 MB could never be published.
 */
export function reroutesOfStep(zone: ZoneState): number {
  let weight = 0
  let count = 0
  for (const { order_id, fulfilment_id } of zone.reroute) {
    const part = zone.orders.peek(order_id)?.fulfilments.find(one => one.fulfilment_id === fulfilment_id)
    weight += decisionWeight(zone, part?.lines.length ?? 0)
    if (count > 0 && (count >= REROUTES_A_STEP || weight > WEIGHT_A_STEP)) break
    count += 1
  }
  return count
}

/** Lines and candidates of one re-routing, each some 200 bytes at the most. */
export const decisionWeight = (zone: ZoneState, lines: number): number => lines + zone.policy.candidates_max

/** Takes off the work list what this step has tried, and forgets what is over. */
export function finishStep(zone: ZoneState): void {
  if (zone.reroute.length > 0) zone.reroute.splice(0, reroutesOfStep(zone))
  if (zone.short.length > 0) zone.short = zone.short.filter(entry => isStillShort(zone, entry))
  forgetEnded(zone)
}
