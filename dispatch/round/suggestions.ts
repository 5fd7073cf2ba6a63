import type { Suggestion } from '../contract.ts'

/** What the last plan would do where it is only shown. Derived: the next round makes it anew, in every process. */
export interface Suggestions {
  /** @param as_of business time, ms */
  put(zone_id: string, as_of: number, trips: readonly Suggestion[]): void
  clear(zone_id: string): void
  of(zone_id: string): { as_of: number; trips: readonly Suggestion[] } | undefined
  courierFor(zone_id: string, order_id: string): string | undefined
}

export function openSuggestions(): Suggestions {
  const zones = new Map<string, { as_of: number; trips: readonly Suggestion[]; couriers: Map<string, string> }>()
  return {
    put(zone_id, as_of, trips) {
      const pairs = trips.flatMap(({ order_ids, courier_id }) => order_ids.map(id => [id, courier_id] as const))
      zones.set(zone_id, { as_of, trips, couriers: new Map(pairs) })
    },
    clear: zone_id => void zones.delete(zone_id),
    of: zone_id => zones.get(zone_id),
    courierFor: (zone_id, order_id) => zones.get(zone_id)?.couriers.get(order_id),
  }
}
