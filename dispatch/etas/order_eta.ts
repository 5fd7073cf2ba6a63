import type { Stop } from '../../ingest/events/deliveries.ts'
import type { OrderEta } from '../contract.ts'

/** When an order is expected in the courier's hand and at its door, by its trip. Pure. @param stops of its trip; none: it has none */
export function orderEta(order_id: string, stops: readonly Stop[]): OrderEta {
  const open = stops.filter(stop => stop.order_id === order_id && stop.done_at === undefined)
  const pickups = open.filter(stop => stop.kind === 'pickup').toSorted((a, b) => a.eta - b.eta)
  return {
    pickup: expected(pickups.at(-1)),
    door: expected(open.find(stop => stop.kind === 'dropoff')),
  }
}

const expected = (stop: Stop | undefined): OrderEta['door'] =>
  stop ? { at: stop.eta, from: stop.eta_from ?? null, to: stop.eta_to ?? null } : null
