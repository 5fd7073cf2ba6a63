import type { Point } from '../../ingest/events/envelope.ts'
import {
  type CourierView,
  decodeStock,
  grantable,
  type StockView,
  type SupplyView,
  viewKeys,
  type WarehouseAvailability,
  type WarehouseView,
} from '../contract.ts'
import { byPromise, promiseSeconds, reach } from '../routing/rank.ts'
import { connected, openRedis, pingRedis, type RedisClient } from './redis.ts'

/** Reads the live views that the engine keeps in Redis. Every call rejects when Redis is away: never a guess. */
export interface Views {
  /** Everybody on shift, as last heard of. */
  fleet(): Promise<CourierView[]>
  /** Couriers available, by cell at SUPPLY_RESOLUTION, as the couriers say themselves (trips are dispatch's to know). */
  supply(tenant_id: string): Promise<Map<string, number>>
  availability(question: AvailabilityQuestion): Promise<AvailabilityReading>
  /** One warehouse as a whole; null when there is no view of it. */
  warehouse(warehouse_id: string): Promise<WholeWarehouse | null>
  /** Meta of several warehouses; those without a view are left out. */
  warehouses(warehouse_ids: readonly string[]): Promise<WarehouseView[]>
  ping(): Promise<void>
  close(): Promise<void>
}

export interface AvailabilityReading {
  /** those of the list that reach the point, shortest promise first */
  warehouses: WarehouseAvailability[]
  /** those of the list that had no view in the same moment: nothing can be said of them */
  missing: string[]
}

export interface AvailabilityQuestion {
  warehouse_ids: readonly string[]
  point: Point
  skus: readonly string[]
  /** partition of operations that the zone lies in, for `as_of` */
  partition: number
  /** business clock: a SKU may be suspended until later */
  time_ms: number
}

export interface WholeWarehouse {
  fence: { epoch: number; offset: number }
  meta: WarehouseView
  stock: Map<string, StockView>
}

export function openViews(options: { redis_url: string; namespace: string; partitions: number }): Views {
  const redis = openRedis(options.redis_url)
  return {
    fleet: async () => readFleet(await connected(redis), options.namespace, options.partitions),
    supply: async tenant_id => readSupply(await connected(redis), options, tenant_id),
    availability: async question => readAvailability(await connected(redis), options.namespace, question),
    warehouse: async id => readWarehouse(await connected(redis), options.namespace, id),
    warehouses: async ids => readMetas(await connected(redis), options.namespace, ids),
    ping: () => pingRedis(redis),
    close: async () => redis.disconnect(),
  }
}

async function readFleet(redis: RedisClient, namespace: string, partitions: number): Promise<CourierView[]> {
  const answers = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => redis.hvals(viewKeys.fleet(namespace, partition).fleet)),
  )
  return answers
    .flat()
    .map(text => JSON.parse(text) as CourierView)
    .filter(courier => courier.state !== 'off')
}

async function readSupply(
  redis: RedisClient,
  { namespace, partitions }: { namespace: string; partitions: number },
  tenant_id: string,
): Promise<Map<string, number>> {
  const texts = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => redis.get(viewKeys.fleet(namespace, partition).supply)),
  )
  const cells = new Map<string, number>()
  for (const row of texts.flatMap(text => (text ? (JSON.parse(text) as SupplyView) : []))) {
    if (row.tenant_id === tenant_id) cells.set(row.cell, (cells.get(row.cell) ?? 0) + row.available)
  }
  return cells
}

async function readMetas(redis: RedisClient, namespace: string, ids: readonly string[]): Promise<WarehouseView[]> {
  const texts = await Promise.all(ids.map(id => redis.get(viewKeys.warehouse(namespace, id).meta)))
  return texts.flatMap(text => (text ? [JSON.parse(text) as WarehouseView] : []))
}

async function readAvailability(
  redis: RedisClient,
  namespace: string,
  { warehouse_ids, ...question }: AvailabilityQuestion,
): Promise<AvailabilityReading> {
  const missing: string[] = []
  const answers = await Promise.all(
    warehouse_ids.map(async id => {
      const keys = viewKeys.warehouse(namespace, id)
      // One transaction a warehouse, so that fence, meta and stock belong together.
      const transaction = redis.multi().get(keys.fence).get(keys.meta)
      if (question.skus.length > 0) transaction.hmget(keys.stock, ...question.skus)
      const rows = await transaction.exec()
      const [fence, meta, stock] = (rows ?? []).map(([error, value]) => {
        if (error) throw error
        return value
      })
      if (typeof fence !== 'string' || typeof meta !== 'string') {
        missing.push(id)
        return []
      }
      return describe(JSON.parse(meta) as WarehouseView, fence, asTexts(stock), question)
    }),
  )
  return { warehouses: answers.flat().toSorted(byPromise), missing }
}

const asTexts = (value: unknown): (string | null)[] => (Array.isArray(value) ? value : [])

function describe(
  meta: WarehouseView,
  fence: string,
  stock: (string | null)[],
  { point, skus, partition, time_ms }: Omit<AvailabilityQuestion, 'warehouse_ids'>,
): WarehouseAvailability[] {
  const way = reach(meta, point, meta)
  if (!way) return []
  const [epoch, offset] = fence.split(':')
  const items = skus.map((sku, index) => {
    const text = stock[index]
    const view = text ? decodeStock(text) : null
    return {
      sku: sku as WarehouseAvailability['items'][number]['sku'],
      available: view ? grantable(view, time_ms) : 0,
      unit: view?.unit ?? 'each',
      ...(view && view.suspended_until > time_ms && { suspended_until: view.suspended_until }),
    }
  })
  return [
    {
      warehouse_id: meta.warehouse_id,
      name: meta.name,
      promise_s: promiseSeconds(meta, Math.max(1, skus.length), way.travel_s),
      travel_s: way.travel_s,
      paused: meta.paused,
      items,
      as_of: { partition, epoch: Number(epoch), offset: offset ?? '' },
    },
  ]
}

async function readWarehouse(redis: RedisClient, namespace: string, id: string): Promise<WholeWarehouse | null> {
  const keys = viewKeys.warehouse(namespace, id)
  const rows = await redis.multi().get(keys.fence).get(keys.meta).hgetall(keys.stock).exec()
  const [fence, meta, stock] = (rows ?? []).map(([error, value]) => {
    if (error) throw error
    return value
  })
  if (typeof fence !== 'string' || typeof meta !== 'string') return null
  const [epoch, offset] = fence.split(':')
  const entries = Object.entries((stock ?? {}) as Record<string, string>)
  return {
    fence: { epoch: Number(epoch), offset: Number(offset) },
    meta: JSON.parse(meta) as WarehouseView,
    stock: new Map(entries.map(([sku, text]) => [sku, decodeStock(text)])),
  }
}
