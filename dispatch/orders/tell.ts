import type { OrderDecision } from './project.ts'

/** What happened to an order in one plain sentence, for its history. */
export function tellDecision(decision: OrderDecision): string {
  switch (decision.type) {
    case 'order.routed':
      return `Routed to ${places(decision.fulfilments)}.`
    case 'order.rerouted':
      return `Routed anew to ${places(decision.fulfilments)} (${words(decision.cause)}), attempt ${decision.attempt}.`
    case 'order.shortened':
      return `${decision.sku}: ${decision.quantity} instead of ${decision.quantity_before} (${words(decision.cause)}).`
    case 'order.substituted':
      return `${decision.substitute_sku} instead of ${decision.sku}.`
    case 'order.rejected':
      return `Rejected: ${words(decision.reason)}.`
    case 'order.cancelled':
      return `Cancelled: ${words(decision.reason)}.`
    case 'order.picking':
      return `Picking began at ${decision.warehouse_id}.`
    case 'order.offered':
      return `Offered to ${decision.to_zone_id}: ${words(decision.reason)}.`
    case 'order.cancel_passed':
      return `${decision.to_zone_id} was told to cancel.`
    case 'order.revised':
      return `${decision.warehouse_id} will be ready at another time.`
    case 'order.part_dropped':
      return `Nothing is left of the part from ${decision.warehouse_id} (${words(decision.cause)}).`
    case 'order.packed':
      return `Packed at ${decision.warehouse_id}.`
    case 'promise.changed':
      return `The promise changed (${words(decision.cause)}).`
  }
}

const places = (parts: readonly { warehouse_id: string }[]): string =>
  parts.map(part => part.warehouse_id).join(' and ')

const words = (reason: string): string => reason.replaceAll('_', ' ')
