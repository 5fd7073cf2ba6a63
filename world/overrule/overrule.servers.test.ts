import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { freshDatabase, freshNamespace, testServers } from '../servers/testing.ts'
import { runOverrule } from './run.ts'

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-overrule-'))
afterAll(() => rmSync(log_dir, { recursive: true, force: true }))

test('some minutes of the evening with a dispatcher who overrules: what is pinned stays, and all accounts balance', async () => {
  const namespace = freshNamespace('overrule')
  await using database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  await migrateClickhouse(urls.clickhouse_url, namespace)
  const report = await runOverrule({
    ...{ urls, namespace, log_dir, log: () => {} },
    ...{ minutes: 0.5, speed: 20, seed: 4, orders_per_min: 12, couriers: 60, warm_up_min: 5 },
  })
  expect(report.findings).toEqual([])
  expect(report.ok).toBe(true)
  expect(report.orders_pinned).toBeGreaterThan(5)
  expect(report.changes).toBeGreaterThan(20)
  expect(report.orders.delivered).toBeGreaterThan(5)
}, 300_000)
