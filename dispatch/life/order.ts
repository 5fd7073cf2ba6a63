import type { DecisionType } from '../../ingest/events/decisions.ts'
import type { OrderState } from '../contract.ts'

/**
 * The life of an order in the book, complete by type: what the engine decided, and what people did with the parcel.
 *
 *   placed ─► routed ─► picking ─► packed ─► picked_up ─► delivered
 *     │         │ ◄────────┘          │           └──────► failed
 *     └► rejected (also from routed and picking, when a shortfall ends it)
 *     └► cancelled (from every state before picked_up)
 *
 * An order that was offered to a neighbouring zone stays placed until that zone has decided. A split order is picked up with
 * the first of its parts: from then on nobody cancels it.
 *
 * 'refused' means that the event may not happen in that state: a command is answered with 409, a decision is counted and
 * changes nothing.
 */

export type OrderDecisionType = Exclude<
  Extract<DecisionType, `order.${string}` | 'promise.changed'>,
  'order.cancel_asked'
>
export type OrderEvent =
  | OrderDecisionType
  | 'order.cancel_asked'
  | 'delivery.picked_up'
  | 'delivery.delivered'
  | 'delivery.failed'

type Next = OrderState | 'refused'

const NOTHING_MORE: Record<OrderEvent, Next> = {
  'order.routed': 'refused',
  'order.rerouted': 'refused',
  'order.shortened': 'refused',
  'order.substituted': 'refused',
  'order.rejected': 'refused',
  'order.cancelled': 'refused',
  'order.picking': 'refused',
  'order.revised': 'refused',
  'order.packed': 'refused',
  'order.part_dropped': 'refused',
  'order.offered': 'refused',
  'order.cancel_passed': 'refused',
  'promise.changed': 'refused',
  'order.cancel_asked': 'refused',
  'delivery.picked_up': 'refused',
  'delivery.delivered': 'refused',
  'delivery.failed': 'refused',
}

export const ORDER_LIFE: Record<OrderState, Record<OrderEvent, Next>> = {
  placed: {
    ...NOTHING_MORE,
    'order.routed': 'routed',
    'order.rejected': 'rejected',
    'order.offered': 'placed',
    'order.cancel_passed': 'placed',
    'order.cancelled': 'cancelled',
    'order.cancel_asked': 'placed',
  },
  routed: {
    ...NOTHING_MORE,
    'order.rerouted': 'routed',
    'order.shortened': 'routed',
    'order.substituted': 'routed',
    'order.rejected': 'rejected',
    'order.cancelled': 'cancelled',
    'order.picking': 'picking',
    'order.revised': 'routed',
    'order.packed': 'packed',
    'order.part_dropped': 'routed',
    'promise.changed': 'routed',
    'order.cancel_asked': 'routed',
  },
  picking: {
    ...NOTHING_MORE,
    'order.rerouted': 'routed',
    'order.shortened': 'picking',
    'order.substituted': 'picking',
    'order.rejected': 'rejected',
    'order.cancelled': 'cancelled',
    'order.picking': 'picking',
    'order.revised': 'picking',
    'order.packed': 'packed',
    'order.part_dropped': 'picking',
    'promise.changed': 'picking',
    'order.cancel_asked': 'picking',
  },
  packed: {
    ...NOTHING_MORE,
    'order.cancelled': 'cancelled',
    'promise.changed': 'packed',
    'order.cancel_asked': 'packed',
    'delivery.picked_up': 'picked_up',
  },
  picked_up: {
    ...NOTHING_MORE,
    'promise.changed': 'picked_up',
    'delivery.picked_up': 'picked_up',
    'delivery.delivered': 'delivered',
    'delivery.failed': 'failed',
  },
  delivered: NOTHING_MORE,
  failed: NOTHING_MORE,
  rejected: NOTHING_MORE,
  cancelled: NOTHING_MORE,
}

const TERMINAL: Record<OrderState, boolean> = {
  placed: false,
  routed: false,
  picking: false,
  packed: false,
  picked_up: false,
  delivered: true,
  failed: true,
  rejected: true,
  cancelled: true,
}
export const isTerminal = (state: OrderState): boolean => TERMINAL[state]
