import { businessTime, type OperationsEvent } from '../ingest/contract.ts'
import type { Decision } from '../ingest/events/decisions.ts'
import { contentOf } from './content.ts'
import { endHold, grantHold, refuseHold } from './evolve/holds.ts'
import { changeMode, pauseWarehouse, resumeWarehouse, setTravel, upsertWarehouse } from './evolve/network.ts'
import {
  cancelOrder,
  changePromise,
  endPart,
  offerOrder,
  openOrder,
  pickLine,
  rejectOrder,
  rerouteOrder,
  revisePart,
  shortenLine,
  startPart,
  substituteLine,
} from './evolve/orders.ts'
import { correctStock, moveStock, putBack, setSafety, suspend } from './evolve/stock.ts'
import { cancelTransfer, receiveTransfer, sendTransfer } from './evolve/transfers.ts'
import { forgetReach } from './routing/reach.ts'
import { FOR_EVER, type ZoneState } from './state.ts'

/** The only place where a zone's state changes. Mechanical: it does what the event says and what was decided, no more. */

/** What the event itself says. */
export function evolveByEvent(zone: ZoneState, event: OperationsEvent): void {
  switch (event.type) {
    case 'warehouse.upserted':
      upsertWarehouse(zone, event.data)
      return
    case 'warehouse.paused':
      pauseWarehouse(zone, event.data.warehouse_id)
      return
    case 'warehouse.resumed':
      resumeWarehouse(zone, event.data.warehouse_id)
      return
    case 'warehouse.mode':
      changeMode(zone, event.data)
      return
    case 'travel.set':
      setTravel(zone, event.data)
      return
    case 'policy.changed':
      zone.policy = event.data.policy
      forgetReach(zone)
      return
    case 'clock.set':
      zone.clock = { wall_ms: event.data.wall_ms, time_ms: event.data.time_ms, rate: event.data.rate }
      zone.time = Math.max(zone.time, businessTime(zone.clock, zone.appended_at))
      return
    case 'stock.adjusted':
      moveStock(zone, event.data, event.data.delta, { cause: 'adjustment', ref: event.data.reason }, event.occurred_at)
      return
    case 'stock.received':
      moveStock(
        zone,
        event.data,
        event.data.quantity,
        { cause: 'received', ref: event.data.reference ?? '' },
        event.occurred_at,
      )
      return
    case 'stock.put_back':
      putBack(zone, event)
      return
    case 'line.picked':
      pickLine(zone, event.data, event.occurred_at)
      return
    case 'stock.safety_set':
      setSafety(zone, event.data)
      return
    case 'sku.suspended':
      suspend(zone, event.data, event.data.until ?? FOR_EVER)
      return
    case 'sku.resumed':
      suspend(zone, event.data, 0)
      return
    case 'transfer.sent':
      sendTransfer(zone, event)
      return
    case 'transfer.received':
      receiveTransfer(zone, event)
      return
    case 'transfer.cancelled':
      cancelTransfer(zone, event)
      return
    default:
      // Everything else changes the state by what is decided about it.
      return
  }
}

/** What was decided. */
export function evolveByDecision(zone: ZoneState, decision: Decision, event: OperationsEvent): void {
  switch (decision.type) {
    case 'order.routed':
      openOrder(zone, decision)
      return
    case 'order.rejected':
      rejectOrder(zone, decision)
      return
    case 'order.rerouted':
      rerouteOrder(zone, decision)
      return
    case 'order.cancelled':
      cancelOrder(zone, decision.order_id)
      return
    case 'order.shortened':
      shortenLine(zone, decision)
      return
    case 'order.substituted':
      substituteLine(zone, decision)
      return
    case 'order.offered':
      offerOrder(zone, decision)
      return
    case 'order.picking':
      startPart(zone, decision)
      return
    case 'order.revised':
      revisePart(zone, decision)
      return
    case 'order.packed':
    case 'order.part_dropped':
      endPart(zone, decision)
      return
    case 'promise.changed':
      changePromise(zone, decision)
      return
    case 'hold.granted':
      grantHold(zone, decision, askedContent(event))
      return
    case 'hold.refused':
      refuseHold(zone, decision.hold_id, askedContent(event))
      return
    case 'hold.released':
      endHold(zone, decision.hold_id, 'release')
      return
    case 'hold.expired':
      endHold(zone, decision.hold_id, 'expire')
      return
    case 'stock.corrected':
      correctStock(zone, decision)
      return
    case 'order.cancel_passed':
    case 'stock.shortfall':
    case 'count.superseded':
    case 'travel.superseded':
      return
  }
}

/** What a hold was asked with: a repeat says the same. */
const askedContent = (event: OperationsEvent): string => contentOf(event.data)
