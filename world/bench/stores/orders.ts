import { seededDraws } from '../../../dispatch/solver/random.ts'
import { GAPS_S, type Stores } from '../../days/stores.ts'

export interface StoreOrder {
  id: string
  placed_s: number
  client: number
  /** drawn with the order, so that every rule meets the same; nobody knows them before they are over */
  picking_s: number
  door_s: number
}

/** @param demand 1: as many orders as are published; 1.15: so much more in every hour */
export function drawOrders(town: Stores, seed: number, demand = 1): StoreOrder[] {
  const draw = seededDraws(seed)
  const exponential = (mean: number) => -mean * Math.log(1 - draw())
  const orders: StoreOrder[] = []
  for (let at_s = 0; ; ) {
    const gap_s = GAPS_S[Math.floor(at_s / 3_600)]
    if (gap_s === undefined) return orders
    at_s += exponential(gap_s / demand)
    orders.push({
      id: `o${String(orders.length).padStart(5, '0')}`,
      placed_s: Math.round(at_s),
      client: Math.floor(draw() * town.clients.length),
      picking_s: Math.round(exponential(town.picking_s_mean)),
      door_s: Math.round(exponential(town.door_s_mean)),
    })
  }
}

/**
 * The same town a little otherwise, so that nothing is tuned to one file.
 * @param couriers 1: as many as the file says; 0.8: so much fewer at each store
 * @param jitter 0.2: each way up to a fifth shorter or longer, by chance
 */
export function varied(town: Stores, { couriers, jitter }: { couriers: number; jitter: number }, seed: number): Stores {
  const draw = seededDraws(seed)
  return {
    ...town,
    stores: town.stores.map(one => ({ ...one, couriers: Math.round(one.couriers * couriers) })),
    seconds: town.seconds.map(way_s => Math.round(way_s * (1 + jitter * (2 * draw() - 1)))),
  }
}
