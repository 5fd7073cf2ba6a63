import type { DeliveryEvent } from '../../ingest/contract.ts'
import { isByHand } from './trips.ts'

/**
 * Orders whose courier could not fetch them, until somebody else has them: order → the courier who left it. What the road says
 * of an order names its courier alone, so who took over from whom is only told by what came before.
 */
export type LeftOrders = Map<string, string>

export interface TakenOver {
  order_ids: string[]
  from_courier_id: string
  courier_id: string
}

/** Follows one event. @returns what has found another courier by it; undefined: nothing has, or a person gave it and that is told */
export function followLeft(left: LeftOrders, event: DeliveryEvent): TakenOver | undefined {
  const { data } = event
  if (event.type === 'trip.cancelled') {
    for (const order_id of event.data.order_ids ?? []) left.set(order_id, data.courier_id)
    return undefined
  }
  if (!isGiven(event)) return undefined
  const found = [...new Set(event.data.stops.map(stop => stop.order_id as string))].filter(id => left.has(id))
  const [from_courier_id] = found.map(id => left.get(id))
  for (const order_id of found) left.delete(order_id)
  if (from_courier_id === undefined || from_courier_id === data.courier_id || isByHand(event.actor)) return undefined
  return { order_ids: found, from_courier_id, courier_id: data.courier_id }
}

type Given = Extract<DeliveryEvent, { type: 'trip.planned' | 'trip.assigned' | 'trip.reassigned' | 'trip.changed' }>

/** A trip of somebody's, new or with other orders than before. */
const isGiven = (event: DeliveryEvent): event is Given =>
  ['trip.planned', 'trip.assigned', 'trip.reassigned', 'trip.changed'].includes(event.type)
