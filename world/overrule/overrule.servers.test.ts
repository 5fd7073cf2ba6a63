import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { freshDatabase, freshNamespace, testServers } from '../servers/testing.ts'
import { checkBook } from './book.ts'
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
  await breaksAreFound(urls)
}, 300_000)

/** The check of the tables is tried, too: each way of spoiling them is seen. */
async function breaksAreFound(urls: Parameters<typeof checkBook>[0]): Promise<void> {
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  const breaks = [
    ['an open order names a trip that does not carry it', `UPDATE trip_orders SET active = false`],
    [
      'a trip carries an order that names another trip, or is closed',
      `UPDATE trip_orders t SET active = true FROM orders o
       WHERE o.order_id = t.order_id AND o.trip_id = t.trip_id AND o.state = 'delivered'`,
    ],
    ['an order and its trip name different couriers', `UPDATE trips SET courier_id = 'nobody' WHERE state = 'done'`],
    [
      'a trip is planned after none',
      `UPDATE trips SET state = 'planned'
       WHERE trip_id = (SELECT max(trip_id) FROM trips WHERE state = 'done')`,
    ],
    ['a trip carries an order without a stop', `UPDATE trips SET stops = '[]'`],
    ['an order was picked up, and no attempt', `DELETE FROM delivery_attempts`],
    ['a command has no outcome', `UPDATE commands SET outcome = NULL`],
  ] as const
  try {
    for (const [fault, spoil] of breaks) {
      await client.query(spoil)
      expect((await checkBook(urls)).findings.join()).toContain(fault)
    }
  } finally {
    await client.end()
  }
}
