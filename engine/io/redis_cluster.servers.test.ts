import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Keeper, openKeeper } from '../../world/servers/keep.ts'
import { type RedisCluster, startRedisCluster } from '../../world/servers/redis_cluster.ts'
import { waitFor } from '../../world/servers/testing.ts'
import { viewKeys } from '../contract.ts'
import { openLiveViews } from '../live_views.ts'
import { onRedis } from '../on_redis.testing.ts'
import type { ViewChange } from '../worker/protocol.ts'
import { openRedis, type RedisClient } from './redis.ts'
import { openViews, type Views } from './views.ts'

/** The views on a real Redis Cluster of three nodes, one of which is killed and comes back with nothing. */

const NAMESPACE = 'views'
const NODES = 3
const WAREHOUSES = Array.from({ length: 24 }, (_, place) => `w${place}`)
const dir = mkdtempSync(join(tmpdir(), 'waggle-redis-cluster-'))
let keeper: Keeper
let cluster: RedisCluster
let redis: RedisClient
let reader: Views

beforeAll(async () => {
  keeper = await openKeeper()
  cluster = await startRedisCluster({ keeper, dir, nodes: NODES })
  redis = openRedis(cluster.url, 500)
  reader = openViews({ redis_url: cluster.url, namespace: NAMESPACE, partitions: 1 })
})
afterAll(async () => {
  redis?.disconnect()
  await reader?.close()
  await cluster?.stop()
  await keeper?.close()
  rmSync(dir, { recursive: true, force: true })
})

/** What the fold would hold: every warehouse's milk, as of an offset. */
const milk = new Map(WAREHOUSES.map(id => [id, 0]))
const changeOf = (warehouse_id: string): ViewChange => ({
  view: { kind: 'warehouse', warehouse_id },
  meta: '{}',
  fields: ['milk', `${milk.get(warehouse_id) ?? 0} 0 0 each`],
})
const nodeOf = (id: string) => cluster.nodeOf(viewKeys.warehouse(NAMESPACE, id).stock)
const milkInRedis = async (id: string) => (await reader.warehouse(id))?.stock.get('milk')?.on_hand

test('a node that is killed takes only its own warehouses away, and when it is back all of them equal the fold', async () => {
  const nodes = await Promise.all(WAREHOUSES.map(nodeOf))
  expect(new Set(nodes)).toEqual(new Set([0, 1, 2]))
  const views = openLiveViews(onRedis(redis, NAMESPACE))
  let offset = 1
  const fence = () => ({ epoch: 1, offset })
  const rewrite = async (ids: readonly string[]) =>
    views.replace(ids.map(changeOf), { operations: fence(), couriers: fence() })
  await rewrite(WAREHOUSES)

  /** Every warehouse gets more milk, and what Redis wants whole is written whole, as the engine does it. */
  const round = async () => {
    offset += 1
    for (const id of WAREHOUSES) milk.set(id, offset)
    views.change(WAREHOUSES.map(changeOf), fence())
    await views.idle()
    await views.probe()
    const wanted = views.wanting()
    if (wanted) await rewrite(wanted.warehouse_ids)
  }
  await round()
  expect(await Promise.all(WAREHOUSES.map(milkInRedis))).toEqual(WAREHOUSES.map(() => 2))
  expect(views.trouble()).toBeNull()

  await cluster.kill(1)
  for (let times = 0; times < 3; times += 1) await round()
  expect(views.trouble(), 'whoever asks for readiness hears of it').not.toBeNull()
  for (const [place, id] of WAREHOUSES.entries()) {
    if (nodes[place] === 1) await expect(milkInRedis(id), 'no guess').rejects.toThrow()
    else expect(await milkInRedis(id)).toBe(offset)
  }

  await cluster.startAgain(1)
  await waitFor(
    async () => {
      await round()
      return views.trouble() === null
    },
    { timeout_ms: 20_000, what: 'the views to be whole again', every_ms: 100 },
  )
  expect(await Promise.all(WAREHOUSES.map(milkInRedis))).toEqual(WAREHOUSES.map(() => offset))
})

test('a slot that moves to another node is followed, and nothing counts twice', async () => {
  const views = openLiveViews(onRedis(redis, NAMESPACE))
  const [id = ''] = WAREHOUSES
  const at = (offset: number) => ({ epoch: 2, offset })
  await views.replace([changeOf(id)], { operations: at(1), couriers: at(1) })
  await cluster.moveSlot(viewKeys.warehouse(NAMESPACE, id).stock, (await nodeOf(id)) === 2 ? 0 : 2)
  milk.set(id, 77)
  views.change([changeOf(id)], at(2))
  await views.idle()
  await waitFor(
    async () => {
      await views.probe()
      if (views.wanting()) await views.replace([changeOf(id)], { operations: at(2), couriers: at(2) })
      return views.trouble() === null
    },
    { timeout_ms: 10_000, what: 'the view to be whole on its new node', every_ms: 50 },
  )
  expect(await milkInRedis(id)).toBe(77)
})
