import type { WarehouseState, ZoneState } from '../state.ts'
import type { PromiseTerms } from './rank.ts'

/** How long a warehouse takes at its present load, in whole seconds: rank.ts over the state, with nothing allocated. */

/** From now until an order of so many lines is packed. */
export function readyAfterS(warehouse: WarehouseState, lines: number): number {
  const { open_lines, pick_s_per_line, pickers, pack_s, mode, busy_extra_s } = warehouse
  const waiting_s = Math.round((open_lines * pick_s_per_line) / pickers)
  const busy_s = mode === 'busy' ? busy_extra_s : 0
  return waiting_s + busy_s + pack_s + Math.max(1, lines) * pick_s_per_line
}

/** From now until it is at the door. */
export function promiseAfterS(
  { policy }: ZoneState,
  warehouse: WarehouseState,
  lines: number,
  travel_s: number,
): number {
  const ready_s = Math.max(readyAfterS(warehouse, lines), policy.courier_wait_s)
  return ready_s + travel_s + policy.handover_s + policy.promise_buffer_s
}

/** What a promise from this warehouse is made of, for whoever quotes from the live view. */
export function promiseTerms({ policy }: ZoneState, warehouse: WarehouseState): PromiseTerms {
  return {
    ready_in_s: readyAfterS(warehouse, 1),
    pick_s_per_line: warehouse.pick_s_per_line,
    courier_wait_s: policy.courier_wait_s,
    fixed_s: policy.handover_s + policy.promise_buffer_s,
  }
}
