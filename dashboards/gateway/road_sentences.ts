import type { NoteView } from '../../dispatch/contract.ts'
import type { DeliveryEvent } from '../../ingest/contract.ts'
import type { FeedItem } from '../contract.ts'
import type { TakenOver } from './left_orders.ts'
import { isByHand } from './trips.ts'
import { actorName, LATE_S_MIN, listed, minutes, type Names, nameOf, shortName, type Told, wordsOf } from './words.ts'

/** What happens on the road and what people note, as sentences.ts has it: short, plain, and nothing that is routine. */

/** What the road says; undefined: routine. */
export function tellDelivery(event: DeliveryEvent, names: Names): FeedItem | undefined {
  const told = deliveryTold(event, names)
  return told && { id: event.event_id, at: event.occurred_at, ...told }
}

function deliveryTold(event: DeliveryEvent, names: Names): Told | undefined {
  switch (event.type) {
    case 'trip.reassigned': {
      const { from_courier_id, courier_id, reason, stops } = event.data
      const [by, orders] = [actorName(event.actor), ordersOf(stops)]
      const text = `${orders.text} went from courier ${from_courier_id} to ${courier_id}, by ${by}: ${wordsOf(reason)}`
      return { tone: 'plain', text, ...orders.subject }
    }
    case 'trip.assigned': {
      if (!isByHand(event.actor)) return undefined
      const orders = ordersOf(event.data.stops)
      const text = `${orders.text} went to courier ${event.data.courier_id}, by ${actorName(event.actor)}`
      return { tone: 'plain', text, ...orders.subject }
    }
    case 'trip.declined':
      return { tone: 'warn', text: `Courier ${event.data.courier_id} declined a trip: ${wordsOf(event.data.reason)}` }
    case 'trip.cancelled':
      return leftTold(event.data)
    case 'delivery.delivered':
      return deliveredTold(event.data.order_id, event.data.late_s)
    case 'delivery.failed': {
      const { order_id, reason } = event.data
      const text = `Order ${shortName(order_id)} could not be delivered: ${wordsOf(reason)}`
      return { tone: 'bad', text, order_id }
    }
    case 'delivery.returned': {
      const { order_id, warehouse_id } = event.data
      const text = `Order ${shortName(order_id)} came back to ${nameOf(names, warehouse_id)}`
      return { tone: 'plain', text, order_id }
    }
    default:
      return undefined
  }
}

/** Nobody has to be told of a trip that is over because its orders are. */
function leftTold({
  courier_id,
  reason,
  order_ids = [],
}: {
  courier_id: string
  reason: string
  order_ids?: string[]
}) {
  const [order_id] = order_ids
  if (order_id === undefined) return undefined
  const why = reason === 'courier_unreachable' ? 'is not heard of any more' : `cannot go on (${wordsOf(reason)})`
  const orders = `${order_ids.length === 1 ? 'order' : 'orders'} ${listed(order_ids.map(shortName))}`
  const text = `Courier ${courier_id} ${why}: ${orders} ${order_ids.length === 1 ? 'needs' : 'need'} another`
  return { tone: 'warn' as const, text, order_id }
}

/** Somebody else fetches what a courier had to leave. */
export function tellTakenOver({ event_id, occurred_at }: DeliveryEvent, taken_over: TakenOver): FeedItem {
  const { order_ids, from_courier_id, courier_id } = taken_over
  const orders = `${order_ids.length === 1 ? 'Order' : 'Orders'} ${listed(order_ids.map(shortName))}`
  const [order_id] = order_ids
  const text = `${orders} went to courier ${courier_id} in place of ${from_courier_id}`
  return { id: event_id, at: occurred_at, tone: 'good', text, ...(order_id && { order_id }) }
}

function deliveredTold(order_id: string, late_s: number): Told {
  const order = `Order ${shortName(order_id)} was delivered`
  if (late_s >= LATE_S_MIN) return { tone: 'bad', text: `${order} ${minutes(late_s)} late`, order_id }
  const early = late_s <= -LATE_S_MIN ? `${minutes(late_s)} early` : 'on time'
  return { tone: 'good', text: `${order} ${early}`, order_id, routine: true }
}

function ordersOf(stops: readonly { order_id: string }[]) {
  const ids = [...new Set(stops.map(stop => stop.order_id))]
  const [order_id] = ids
  const text = `${ids.length === 1 ? 'Order' : 'Orders'} ${listed(ids.map(shortName))}`
  return { text, subject: order_id === undefined ? {} : { order_id } }
}

/** What somebody wrote into the shift log: as they wrote it, and of our own people by whom. */
export function tellNote(note: NoteView): FeedItem {
  const { note_id, posted_at, actor, tone, text, point, order_id, warehouse_id } = note
  return {
    ...{ id: note_id, at: posted_at, tone, text: isByHand(actor) ? `${actorName(actor)}: ${text}` : text },
    ...(point && { point }),
    ...(order_id && { order_id }),
    ...(warehouse_id && { warehouse_id }),
    ...(!isByHand(actor) && { scene: true as const }),
  }
}
