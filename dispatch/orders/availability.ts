import type { WarehouseAvailability } from '../../engine/contract.ts'
import type { AvailabilityQuestion, Views } from '../../engine/io/views.ts'

/** Reads availability until it is whole and at least as new as the caller asks, for a short while. */

export interface AtLeast {
  partition: number
  offset: number
}

const WITHIN_MS = 50
const AGAIN_MS = 5

/** Rejects when Redis is away. `stale`: a view is missing (Redis was emptied), or they are behind `at_least`. */
export async function readAtLeast(
  views: Pick<Views, 'availability'>,
  question: AvailabilityQuestion,
  at_least: AtLeast | null,
): Promise<{ warehouses: WarehouseAvailability[]; stale: boolean }> {
  const until = performance.now() + WITHIN_MS
  for (;;) {
    // In one reading: asked a second time, a view that has come meanwhile would make an answer without it look whole.
    const { warehouses, missing } = await views.availability(question)
    const stale = missing.length > 0 || isBehind(warehouses, at_least)
    if (!stale || performance.now() >= until) return { warehouses, stale }
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
  }
}

/** A view moves only when its warehouse changes, so the newest of them tells how far the views of the partition are. */
function isBehind(warehouses: readonly WarehouseAvailability[], at_least: AtLeast | null): boolean {
  const here = warehouses.filter(({ as_of }) => as_of.partition === at_least?.partition)
  if (!at_least || here.length === 0) return false
  return Math.max(...here.map(({ as_of }) => Number(as_of.offset))) < at_least.offset
}

/** `partition:offset`. @returns undefined for any other text */
export function parseAtLeast(text: string): AtLeast | undefined {
  const [, partition, offset] = /^(\d{1,5}):(\d{1,15})$/.exec(text) ?? []
  return partition === undefined ? undefined : { partition: Number(partition), offset: Number(offset) }
}
