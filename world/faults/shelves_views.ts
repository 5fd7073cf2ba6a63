import { Redis } from 'ioredis'
import { decodeStock, viewKeys } from '../../engine/contract.ts'
import type { Shelves } from './shelves.ts'

/** Redis against the plain bookkeeping. */
export async function compareShelves(
  redis_url: string,
  namespace: string,
  { shelves }: Shelves,
  faults: string[],
): Promise<void> {
  const redis = new Redis(redis_url, { lazyConnect: true, maxRetriesPerRequest: 1 })
  redis.on('error', () => {}) // the rejected call below says the same
  await redis.connect()
  try {
    const there = new Map<string, Record<string, string>>()
    for (const [key, { on_hand, reserved, safety }] of shelves) {
      const [warehouse_id = '', sku = ''] = key.split(' ')
      const stock = there.get(warehouse_id) ?? (await redis.hgetall(viewKeys.warehouse(namespace, warehouse_id).stock))
      there.set(warehouse_id, stock)
      const view = stock[sku] === undefined ? undefined : decodeStock(stock[sku])
      if (view?.on_hand === on_hand && view.reserved === reserved && view.safety === safety) continue
      faults.push(`${key}: ${on_hand} ${reserved} ${safety} by plain bookkeeping, and Redis says ${stock[sku]}`)
    }
  } finally {
    redis.disconnect()
  }
}
