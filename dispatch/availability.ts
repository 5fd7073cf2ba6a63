import type { WarehouseAvailability } from '../engine/contract.ts'

/** Reads availability until it is at least as new as the caller asks, for a short while. */

export interface AtLeast {
  partition: number
  offset: number
}

const WITHIN_MS = 50
const AGAIN_MS = 5

/** `read` rejects when Redis is away; that goes to the caller. */
export async function readAtLeast(
  read: () => Promise<WarehouseAvailability[]>,
  at_least: AtLeast | null,
): Promise<{ warehouses: WarehouseAvailability[]; stale: boolean }> {
  const until = performance.now() + WITHIN_MS
  for (;;) {
    const warehouses = await read()
    const stale = at_least !== null && isBehind(warehouses, at_least)
    if (!stale || performance.now() >= until) return { warehouses, stale }
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
  }
}

/** A view moves only when its warehouse changes, so the newest of them tells how far the views of the partition are. */
function isBehind(warehouses: readonly WarehouseAvailability[], { partition, offset }: AtLeast): boolean {
  const offsets = warehouses
    .filter(({ as_of }) => as_of.partition === partition)
    .map(({ as_of }) => Number(as_of.offset))
  return offsets.length > 0 && Math.max(...offsets) < offset
}

/** `partition:offset`. @returns undefined for any other text */
export function parseAtLeast(text: string): AtLeast | undefined {
  const [, partition, offset] = /^(\d{1,5}):(\d{1,15})$/.exec(text) ?? []
  return partition === undefined ? undefined : { partition: Number(partition), offset: Number(offset) }
}
