import { cellToParent } from 'h3-js'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { Candidate, Decision, DecisionRecord } from '../../ingest/events/decisions.ts'
import type { IncidentAnswer } from '../contract.ts'
import type { TakenOver } from './left_orders.ts'
import { DEMAND_RESOLUTION } from './orders.ts'
import { LATE_S_MIN } from './words.ts'

/** What was done about one order, and because of whom: what incidents.ts puts together. Pure, and the same when read again. */
export interface Deed {
  /** the record and the place in it: the same deed is the same id */
  deed_id: string
  /** business ms */
  at: number
  order_id: string
  did: IncidentAnswer['did']
  /** that lost the order, or would have had it first and refused */
  warehouse_ids: readonly string[]
  /** who left it, or had it before */
  courier_id: string | null
  /** H3, resolution 8: of an order's first decision */
  cell: string | null
  to_warehouse_id: string | null
  to_courier_id: string | null
  /** of what an order goes without */
  sku: string | null
  /** a refusal or a cause; a person's words for a reason are not in it */
  reason: string | null
}

type Done = Omit<Deed, 'deed_id' | 'at'>

const NOBODY = {
  ...{ warehouse_ids: [], courier_id: null, cell: null },
  ...{ to_warehouse_id: null, to_courier_id: null, sku: null },
}

/** @param before where an order was before the record; undefined: not known */
export function deedsOfRecord(record: DecisionRecord, before: (order_id: string) => string | undefined): Deed[] {
  const { zone_id, source_offset, decided_at: at } = record
  // What is moved because a shelf is empty is moved from there, also where nobody remembers.
  const shortfall = record.decisions.find(decision => decision.type === 'stock.shortfall')
  const lacking = shortfall?.warehouse_id
  return record.decisions.flatMap((decision, index) => {
    const done = doneBy(decision, id => before(id) ?? lacking)
    return done ? [{ deed_id: `${zone_id}/${source_offset}/${index}`, at, ...done }] : []
  })
}

function doneBy(decision: Decision, before: (order_id: string) => string | undefined): Done | undefined {
  switch (decision.type) {
    case 'order.routed': {
      const { order_id, candidates, fulfilments, order } = decision
      const [first] = candidates
      const cell = cellToParent(order.cell, DEMAND_RESOLUTION)
      const to = { cell, to_warehouse_id: fulfilments[0]?.warehouse_id ?? null }
      if (first?.refused === undefined) return { ...NOBODY, order_id, did: 'taken', ...to, reason: null }
      const warehouse_ids = [first.warehouse_id]
      return { ...NOBODY, order_id, did: 'sent_elsewhere', ...to, warehouse_ids, reason: first.refused }
    }
    case 'order.rerouted': {
      const { order_id, candidates, fulfilments, cause } = decision
      const from = before(order_id)
      const warehouse_ids = from ? [from] : refusing(candidates)
      const to_warehouse_id = fulfilments[0]?.warehouse_id ?? null
      return { ...NOBODY, order_id, did: 'moved', warehouse_ids, to_warehouse_id, reason: cause }
    }
    case 'order.rejected':
    case 'order.offered': {
      const { order_id, candidates, order, reason } = decision
      const did = decision.type === 'order.offered' ? 'sent_elsewhere' : 'rejected'
      const cell = cellToParent(order.cell, DEMAND_RESOLUTION)
      return { ...NOBODY, order_id, did, cell, warehouse_ids: refusing(candidates), reason }
    }
    case 'order.shortened': {
      const { order_id, warehouse_id, sku, cause } = decision
      return { ...NOBODY, order_id, did: 'shortened', warehouse_ids: [warehouse_id], sku, reason: cause }
    }
    case 'order.substituted': {
      const { order_id, warehouse_id } = decision
      return { ...NOBODY, order_id, did: 'substituted', warehouse_ids: [warehouse_id], reason: null }
    }
    case 'order.cancelled': {
      const { order_id, by } = decision
      const from = before(order_id)
      return { ...NOBODY, order_id, did: 'cancelled', warehouse_ids: from ? [from] : [], reason: by }
    }
    case 'promise.changed': {
      const { order_id, promise, first_deliver_by, cause } = decision
      if (promise.deliver_by - first_deliver_by < LATE_S_MIN * 1_000) return undefined
      const from = before(order_id)
      return { ...NOBODY, order_id, did: 'promised_later', warehouse_ids: from ? [from] : [], reason: cause }
    }
    default:
      return undefined
  }
}

const refusing = (candidates: readonly Candidate[]): string[] =>
  candidates.flatMap(one => (one.refused === undefined ? [] : [one.warehouse_id]))

/** @param taken_over what found another courier by this event */
export function deedsOfDelivery(event: DeliveryEvent, taken_over: TakenOver | undefined): Deed[] {
  const done = taken_over
    ? given(taken_over.order_ids, taken_over.from_courier_id, taken_over.courier_id)
    : doneOnRoad(event)
  return done.map((one, index) => ({ deed_id: `${event.event_id}/${index}`, at: event.occurred_at, ...one }))
}

function doneOnRoad(event: DeliveryEvent): Done[] {
  if (event.type === 'trip.cancelled') {
    const { courier_id, reason, order_ids = [] } = event.data
    return order_ids.map(order_id => ({ ...NOBODY, order_id, did: 'left', courier_id, reason }))
  }
  if (event.type === 'trip.reassigned') {
    const { stops, from_courier_id, courier_id } = event.data
    return given([...new Set(stops.map(stop => stop.order_id))], from_courier_id, courier_id)
  }
  return []
}

const given = (order_ids: readonly string[], courier_id: string, to_courier_id: string): Done[] =>
  order_ids.map(order_id => ({ ...NOBODY, order_id, did: 'given', courier_id, to_courier_id, reason: null }))
