import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import { encodeStock } from './contract.ts'
import { openRedis, type RedisClient } from './io/redis.ts'
import { openViews } from './io/views.ts'
import { openLiveViews } from './live_views.ts'
import { onRedis } from './on_redis.testing.ts'
import type { ViewChange } from './worker/protocol.ts'

/** The writer of the views on a real Redis: what is in flight, queued or emptied must never leave an old value for good. */

const namespace = freshNamespace('live')
let redis: RedisClient

beforeAll(async () => {
  redis = openRedis(testServers().redis_url)
  await redis.connect()
})
afterAll(async () => {
  await redis.del(...(await redis.keys(`${namespace}*`)))
  redis.disconnect()
})

const milk = (warehouse_id: string, on_hand: number): ViewChange => ({
  view: { kind: 'warehouse', warehouse_id },
  meta: '{}',
  fields: ['milk', `${on_hand} 0 0 each`],
})
const at = (offset: number) => ({ epoch: 1, offset })
const both = (offset: number) => ({ operations: at(offset), couriers: at(offset) })
const inRedis = async (warehouse_id: string) => redis.hget(`${namespace}:{w:${warehouse_id}}:stock`, 'milk')

test('a change that comes while its view is being written whole is written after it', async () => {
  const views = openLiveViews(onRedis(redis, namespace))
  await views.replace([milk('a', 1), milk('k', 10)], both(1))
  await redis.del(`${namespace}:{w:k}:fence`)
  await views.probe()
  expect(views.wanting()).toEqual({ warehouse_ids: ['k'], fleet: false })
  // A write of another view is in flight, the snapshot of k is queued behind it, and k changes meanwhile.
  views.change([milk('a', 2)], at(4))
  const replaced = views.replace([milk('k', 10)], both(5))
  views.change([milk('k', 3)], at(6))
  expect(views.wanting(), 'one replacement at a time').toBeNull()
  await replaced
  await views.idle()
  expect(await inRedis('a')).toBe('2 0 0 each')
  expect(await inRedis('k')).toBe('3 0 0 each')
  expect(views.trouble()).toBeNull()
})

test('views of a newer owner are left alone, and said', async () => {
  await redis.set(`${namespace}:{w:n}:fence`, '9:1')
  const views = openLiveViews(onRedis(redis, namespace))
  await views.replace([milk('n', 1)], both(5))
  expect(await inRedis('n')).toBeNull()
  expect(views.trouble()).toMatch(/newer owner/)
})

test('a change of a view that was never written asks for the whole of it', async () => {
  const views = openLiveViews(onRedis(redis, namespace))
  views.change([milk('new', 1)], at(1))
  const wanted = await waitFor(() => views.wanting(), { timeout_ms: 5_000, what: 'the wish' })
  expect(wanted).toEqual({ warehouse_ids: ['new'], fleet: false })
  await views.replace([milk('new', 1)], both(1))
  expect(await inRedis('new')).toBe('1 0 0 each')
})

test('supply by cell is the sum of what each partition of couriers counts, of one tenant', async () => {
  const own = `${namespace}s`
  const fleet = (partition: number, rows: object[]): ViewChange => ({
    view: { kind: 'fleet', partition },
    meta: JSON.stringify(rows),
    fields: [],
  })
  const mine = { tenant_id: 'a', cell: '882664c1a9fffff' }
  for (const partition of [0, 1]) {
    const views = openLiveViews(onRedis(redis, own))
    const rows = [
      { ...mine, available: 2 + partition },
      { ...mine, tenant_id: 'b', available: 9 },
    ]
    await views.replace([fleet(partition, rows)], both(1))
    expect(views.trouble()).toBeNull()
  }
  const reader = openViews({ redis_url: testServers().redis_url, namespace: own, partitions: 2 })
  expect([...(await reader.supply('a'))]).toEqual([[mine.cell, 5]])
  expect([...(await reader.supply('nobody'))]).toEqual([])
  await reader.close()
})

test('a suspended item is not available until its time, by the clock of who reads', async () => {
  const own = `${namespace}u`
  const point = { lat: 41.9, lng: -87.65 }
  const near = { warehouse_id: 'w', name: 'W', point, radius_m: 5_000, paused: false, road_factor: 1.3, speed_mps: 5 }
  const terms = { ready_in_s: 60, pick_s_per_line: 20, courier_wait_s: 100, fixed_s: 200 }
  const views = openLiveViews(onRedis(redis, own))
  const stock = { on_hand: 9, reserved: 2, safety: 1, unit: 'each' as const }
  const fields = [
    'milk',
    encodeStock({ ...stock, suspended_until: 5_000 }),
    'eggs',
    encodeStock({ ...stock, suspended_until: 0 }),
  ]
  const view = { kind: 'warehouse' as const, warehouse_id: 'w' }
  await views.replace([{ view, meta: JSON.stringify({ ...near, ...terms }), fields }], both(1))
  const reader = openViews({ redis_url: testServers().redis_url, namespace: own, partitions: 2 })
  const question = { warehouse_ids: ['w'], point, skus: ['milk', 'eggs'], partition: 0 }
  const asked = async (time_ms: number) => (await reader.availability({ ...question, time_ms })).warehouses[0]?.items
  const eggs = { sku: 'eggs', available: 6, unit: 'each' }
  expect(await asked(4_999)).toEqual([{ sku: 'milk', available: 0, unit: 'each', suspended_until: 5_000 }, eggs])
  expect(await asked(5_000)).toEqual([{ sku: 'milk', available: 6, unit: 'each' }, eggs])
  const { warehouses, missing } = await reader.availability({
    ...question,
    warehouse_ids: ['nowhere', 'w'],
    time_ms: 0,
  })
  expect([warehouses.map(one => one.warehouse_id), missing]).toEqual([['w'], ['nowhere']])
  await reader.close()
})
