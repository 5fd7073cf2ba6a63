import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEVELOPMENT_KEY } from '../../../ingest/io/keys.ts'
import { migrateClickhouse, migratePostgres } from '../../../sql/migrate.ts'
import { takeAccounts } from '../../accounts.ts'
import type { OrderCounts } from '../../accounts_orders.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from '../../servers/testing.ts'
import { startServices } from '../../services.ts'
import { openCity } from '../city.ts'
import { chicagoEvening } from '../evening.ts'
import { SCENES, type SceneName } from './script.ts'

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-scenes-'))
afterAll(() => rmSync(log_dir, { recursive: true, force: true }))

/** What Waggle must have done about each, of the orders that the scene says it touched. */
const FOLLOWS: Record<SceneName, (orders: OrderCounts) => boolean> = {
  sold_out: ({ passed_over, rerouted, rejected }) => passed_over + rerouted + rejected > 0,
  power_cut: ({ placed, rerouted }) => placed === 0 || rerouted > 0,
  breakdown: ({ placed, left_by_courier }) => left_by_courier === placed,
  crowd: ({ placed }) => placed > 20,
  short_pick: ({ shortened, rerouted, rejected }) => shortened + rerouted + rejected > 0,
  cancel: ({ cancelled, cancelled_before_routing }) => cancelled + cancelled_before_routing === 1,
  reassign: ({ reassigned }) => reassigned === 1,
}

test('a round of scenes, four times as fast: each happens or says why not, Waggle does something about it, and the accounts balance', async () => {
  const namespace = freshNamespace('scenes')
  await using database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  await migrateClickhouse(urls.clickhouse_url, namespace)
  const only = ['ingest', 'engine', 'loader', 'dispatch'] as const
  await using services = await startServices({ urls, namespace, log_dir, only, log: () => {} })
  const { ingest, dispatch } = services.each
  const city = openCity({
    ...{ ingest_url: ingest.url, dispatch_url: dispatch.url, key: DEVELOPMENT_KEY },
    ...{ seed: 5, speed: 30, warm_up_min: 10, say: () => {}, scenes: { pace: 0.25 } },
    town: chicagoEvening({ seed: 5, run: 'test', orders_per_min: 9, couriers: 100 }),
  })
  await Promise.race([city.begin(), city.failed])
  const settled = () => {
    const { scenes } = city.report()
    return scenes.length >= SCENES.length && scenes.every(scene => scene.outcome !== 'waits')
  }
  await Promise.race([waitFor(settled, { timeout_ms: 120_000, what: 'the last scene of the round' }), city.failed])
  await waitFor(() => city.report().scenes.every(one => one.outcome !== 'happened' || one.mended_s !== null), {
    ...{ timeout_ms: 120_000, what: 'everything to be mended' },
  })
  await city.stop()

  const { customers, doors, scenes } = city.report()
  expect(doors.refusals).toEqual([])
  expect(scenes.map(scene => scene.scene)).toEqual([...SCENES])
  const happened = scenes.filter(scene => scene.outcome === 'happened')
  expect(happened.length, JSON.stringify(scenes)).toBeGreaterThanOrEqual(6)
  for (const scene of scenes) expect(scene.why === null, JSON.stringify(scene)).toBe(scene.outcome === 'happened')

  const { acknowledged } = customers
  const groups = happened.map(scene => scene.order_ids)
  const accounts = await takeAccounts({ urls, namespace, acknowledged, groups, tenant_id: 'demo', timeout_ms: 30_000 })
  expect(accounts.faults).toEqual([])
  for (const [n, scene] of happened.entries()) {
    const orders = accounts.groups[n]
    const told = JSON.stringify({ scene, orders })
    expect(orders?.placed, told).toBe(new Set(scene.order_ids).size)
    expect(orders && FOLLOWS[scene.scene](orders), told).toBe(true)
  }
}, 400_000)
