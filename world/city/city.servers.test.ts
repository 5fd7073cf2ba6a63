import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { takeAccounts } from '../accounts.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from '../servers/testing.ts'
import { startServices } from '../services.ts'
import { openCity } from './city.ts'
import { chicagoEvening } from './evening.ts'

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-city-'))
afterAll(() => rmSync(log_dir, { recursive: true, force: true }))

test('the city goes on through kills of every service it talks to, and then all accounts balance', async () => {
  const namespace = freshNamespace('city')
  await using database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  await migrateClickhouse(urls.clickhouse_url, namespace)
  const only = ['ingest', 'engine', 'loader', 'dispatch'] as const
  await using services = await startServices({ urls, namespace, log_dir, only, log: () => {} })
  const { ingest, dispatch } = services.each
  const city = openCity({
    ...{ ingest_url: ingest.url, dispatch_url: dispatch.url, key: DEVELOPMENT_KEY },
    ...{ seed: 3, speed: 30, warm_up_min: 5, say: () => {} },
    town: chicagoEvening({ seed: 3, run: 'test', orders_per_min: 12, couriers: 80 }),
  })
  await Promise.race([city.begin(), city.failed])
  const grows = async (what: 'delivered' | 'accepted', by: number) => {
    const before = city.report().couriers[what]
    await waitFor(() => city.report().couriers[what] >= before + by, { timeout_ms: 60_000, what: `${by} more ${what}` })
  }
  await grows('delivered', 10)
  for (const name of only) {
    await services.kill(name)
    await grows(name === 'loader' ? 'delivered' : 'accepted', 3)
  }
  await services.ready()
  await grows('delivered', 10)
  await city.stop()

  const { customers, doors } = city.report()
  expect(doors.refusals).toEqual([])
  const { acknowledged } = customers
  const accounts = await takeAccounts({ urls, namespace, acknowledged, tenant_id: 'demo', timeout_ms: 30_000 })
  expect(accounts.faults).toEqual([])
  expect(accounts.orders.placed).toBe(acknowledged.length)
  expect(accounts.orders.delivered).toBeGreaterThan(20)
}, 300_000)
