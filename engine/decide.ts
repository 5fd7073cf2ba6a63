import type { OperationsEvent } from '../ingest/contract.ts'
import type { Decision } from '../ingest/events/decisions.ts'
import { count } from './decide/counts.ts'
import { askHold, confirmHold, expireHolds, hasHoldToExpire, releaseHold } from './decide/holds.ts'
import { travel } from './decide/network.ts'
import { cancelAsked, changeOrder, placeOrder, takeOver } from './decide/orders.ts'
import { pack, revisePicking, shortLine, startPicking, substitute } from './decide/picking.ts'
import { coverShortfalls, rerouteWaiting } from './decide/shortfall.ts'
import type { DecisionStream, ZoneState } from './state.ts'

/**
 * What follows from an event. Reads the zone and changes nothing; the caller evolves the zone by each decision before it
 * asks for the next one, so two orders of one step never get the same unit.
 */
export function decide(zone: ZoneState, event: OperationsEvent): Iterable<Decision> {
  const decisions = decideEvent(zone, event)
  return decisions || isAnythingWaiting(zone) ? decideAll(zone, decisions ?? NOTHING) : NOTHING
}

/** Nothing follows from most events: to ask takes 0.05 µs of CPU, and to go through generators that yield nothing 0.29. */
const isAnythingWaiting = (zone: ZoneState): boolean =>
  zone.reroute.length > 0 || zone.short.length > 0 || hasHoldToExpire(zone)
const NOTHING: readonly never[] = []

function* decideAll(zone: ZoneState, decisions: Iterable<Decision>): DecisionStream {
  // First, so that nobody is refused for goods that a dead hold keeps.
  yield* expireHolds(zone)
  yield* decisions
  yield* rerouteWaiting(zone)
  yield* coverShortfalls(zone)
}

/** null: nothing can follow from an event of that type by itself. */
function decideEvent(zone: ZoneState, event: OperationsEvent): DecisionStream | null {
  switch (event.type) {
    case 'order.placed':
      return placeOrder(zone, event.data, event.occurred_at)
    case 'order.offered_over':
      return takeOver(zone, event)
    case 'order.changed':
      return changeOrder(zone, event)
    case 'order.cancel_asked':
      return cancelAsked(zone, event)
    case 'hold.asked':
      return askHold(zone, event)
    case 'hold.confirmed':
      return confirmHold(zone, event)
    case 'hold.released':
      return releaseHold(zone, event)
    case 'stock.counted':
      return count(zone, event)
    case 'travel.set':
      return travel(zone, event)
    case 'pick.started':
      return startPicking(zone, event)
    case 'pick.revised':
      return revisePicking(zone, event)
    case 'line.short':
      return shortLine(zone, event)
    case 'line.substituted':
      return substitute(zone, event)
    case 'order.packed':
      return pack(zone, event)
    default:
      return null
  }
}
