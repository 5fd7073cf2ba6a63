import type { OperationsEvent } from '../../ingest/contract.ts'
import type { OrderId } from '../../ingest/events/envelope.ts'
import type { Happened } from '../past.ts'
import { type EventOfType, type FulfilmentState, type OrderState, openOf, type ZoneState } from '../state.ts'

/**
 * What people did afterwards, under another policy. Pickers picked what the real decisions had given them; had an order gone
 * elsewhere, somebody there would have picked it. So picking follows its order: an event of a part that does not exist here
 * is said of the parts that do. Pure.
 *
 *   really            here               what becomes of the event
 *   part at w1        part at w1         it stays as it is
 *   part at w1        part at w2         it happens at w2, at the same time
 *   two parts         one                its lines are picked when they were; the first `packed` packs what is left, too
 *   granted           rejected           nothing: it is dropped, and counted
 *   rejected          granted            there are no events: `pickAlone` picks and packs it when it was to be ready
 */

type PickEvent = EventOfType<
  'pick.started' | 'pick.revised' | 'line.picked' | 'line.short' | 'line.substituted' | 'order.packed'
>
export type FollowUp = { [T in PickEvent['type']]: { type: T; data: EventOfType<T>['data'] } }[PickEvent['type']]

const PICKING = new Set<string>([
  'pick.started',
  'pick.revised',
  'line.picked',
  'line.short',
  'line.substituted',
  'order.packed',
] satisfies PickEvent['type'][])
const isPicking = (event: OperationsEvent): event is PickEvent => PICKING.has(event.type)

/**
 * What an event of the log comes to in this zone. An empty list: nothing. `null`: take it as it is.
 * @param happened the event as it really was folded
 */
export function follow(zone: ZoneState, { source, zone: really, outcome }: Happened): FollowUp[] | null {
  const { event } = source
  if (event.type === 'stock.put_back') return isAlike(zone, really, event.data.order_id) ? null : []
  if (!isPicking(event)) return null
  if (!('decisions' in outcome)) return []
  const order = zone.orders.get(event.data.order_id)
  if (!order) return null
  const parts = partsFor(order, event)
  if (parts === 'same') return null
  return parts.flatMap(part => bodiesOf(order, part, event))
}

/** Whether goods that came back from an order can have come back here, too: it may be on its way, or never have been. */
function isAlike(zone: ZoneState, really: ZoneState, order_id: OrderId | undefined): boolean {
  if (order_id === undefined) return true
  return zone.orders.get(order_id)?.state === really.orders.get(order_id)?.state
}

const isOpen = ({ state }: FulfilmentState): boolean => state === 'reserved' || state === 'picking'

/** 'same': the very part is here and can take it. */
function partsFor(order: OrderState, { type, data }: PickEvent): 'same' | FulfilmentState[] {
  const { fulfilment_id, warehouse_id } = data
  const open = order.fulfilments.filter(isOpen)
  const same = open.find(part => part.fulfilment_id === fulfilment_id && part.warehouse_id === warehouse_id)
  if (same && canTake(same, type, data)) return 'same'
  const line_id = 'line_id' in data ? data.line_id : null
  if (line_id !== null)
    return open.filter(part => part.lines.some(line => line.line_id === line_id && openOf(line) > 0))
  return same ? [same] : open
}

function canTake(part: FulfilmentState, type: PickEvent['type'], data: PickEvent['data']): boolean {
  if (type === 'pick.revised') return true
  if (type === 'pick.started') return part.state === 'reserved'
  if (part.state !== 'picking') return false
  if (type === 'order.packed') return part.lines.every(line => openOf(line) === 0)
  const line = 'line_id' in data && part.lines.find(({ line_id }) => line_id === data.line_id)
  return line ? 'quantity' in data && openOf(line) >= data.quantity : false
}

function bodiesOf(order: OrderState, part: FulfilmentState, event: PickEvent): FollowUp[] {
  const { order_id } = order
  const { fulfilment_id, warehouse_id } = part
  const place = { order_id, fulfilment_id, warehouse_id }
  const started: FollowUp[] = part.state === 'reserved' ? [{ type: 'pick.started', data: place }] : []
  switch (event.type) {
    case 'pick.started':
      return part.state === 'reserved' ? [{ type: 'pick.started', data: { ...event.data, ...place } }] : []
    case 'pick.revised':
      return [{ type: 'pick.revised', data: { ...event.data, ...place } }]
    case 'order.packed':
      return [...started, ...restPicked(part, place), { type: 'order.packed', data: { ...event.data, ...place } }]
    default: {
      const { line_id } = event.data
      const open = part.lines.filter(line => line.line_id === line_id).reduce((sum, line) => sum + openOf(line), 0)
      const quantity = Math.min(event.data.quantity, open)
      if (quantity <= 0) return []
      return [...started, { type: event.type, data: { ...event.data, ...place, quantity } } as FollowUp]
    }
  }
}

type Place = Pick<PickEvent['data'], 'order_id' | 'fulfilment_id' | 'warehouse_id'>

const restPicked = (part: FulfilmentState, place: Place): FollowUp[] =>
  part.lines
    .filter(line => openOf(line) > 0)
    .map(line => ({ type: 'line.picked', data: { ...place, line_id: line.line_id, quantity: openOf(line) } }))

/** All steps to the end for the parts of an order that nobody really picked, as far as they are due. */
export function pickAlone(zone: ZoneState, order: OrderState): FollowUp[] {
  return order.fulfilments
    .filter(part => isOpen(part) && part.ready_at <= zone.time)
    .flatMap(part => {
      const { fulfilment_id, warehouse_id } = part
      const place = { order_id: order.order_id, fulfilment_id, warehouse_id }
      const started: FollowUp[] = part.state === 'reserved' ? [{ type: 'pick.started', data: place }] : []
      return [...started, ...restPicked(part, place), { type: 'order.packed' as const, data: place }]
    })
}
