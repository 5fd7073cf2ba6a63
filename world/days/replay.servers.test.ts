import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { callTool } from '../../engine/command.ts'
import { RECORD } from '../../engine/record/record.ts'
import { kafkaClient } from '../../ingest/io/kafka.ts'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { openPostgres } from '../../ingest/io/postgres.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { takeAccounts } from '../accounts.ts'
import { type City, openCity } from '../city/city.ts'
import { chicagoEvening } from '../city/evening.ts'
import type { Town } from '../city/town.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from '../servers/testing.ts'
import { startServices } from '../services.ts'
import { townOf } from '../towns.ts'
import { readRecording } from './recording.ts'

const dir = mkdtempSync(join(tmpdir(), 'waggle-replay-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const SPEED = 30
/** that are recorded at least; as many come before */
const ORDERS = 40

/** Plays a town on fresh servers until `enough`, and records it. @returns the file, and the accounts */
async function played(label: string, town: Town, enough: (city: City) => boolean) {
  const namespace = freshNamespace(label)
  await using database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  await migrateClickhouse(urls.clickhouse_url, namespace)
  const only = ['ingest', 'engine', 'loader', 'dispatch'] as const
  await using services = await startServices({ urls, namespace, log_dir: dir, only, log: () => {} })
  const { ingest, dispatch } = services.each
  const city = openCity({
    ...{ ingest_url: ingest.url, dispatch_url: dispatch.url, key: DEVELOPMENT_KEY },
    ...{ town, seed: 1, speed: SPEED, warm_up_min: 1, say: () => {} },
  })
  await Promise.race([city.begin(), city.failed])
  await Promise.race([city.failed, waitFor(() => enough(city), { timeout_ms: 90_000, what: `${ORDERS} orders` })])
  await city.stop()
  const { acknowledged } = city.report().customers
  const accounts = await takeAccounts({ urls, namespace, acknowledged, tenant_id: 'demo', timeout_ms: 30_000 })
  const file = join(dir, `${label}.ndjson`)
  const told: string[] = []
  await using stack = new AsyncDisposableStack()
  const pool = openPostgres(urls.postgres_url, { max: 2, service: 'record' })
  stack.defer(() => pool.end())
  const kafka = kafkaClient({ brokers: urls.kafka_brokers.split(','), client_id: 'record' })
  const moments = ['--from', new Date(city.report().beginning_ms).toISOString(), '--to', 'now']
  const lines: string[] = []
  const code = await callTool(RECORD, moments, async () => ({ kafka, pool, namespace }), {
    write: content => lines.push(String(content)),
    print: line => lines.push(`${line}\n`),
    tell: line => told.push(line),
  })
  writeFileSync(file, lines.join(''))
  expect([code, told.at(-1)]).toEqual([0, expect.stringContaining(`${ordersOf(file).length} orders`)])
  expect(accounts.faults).toEqual([])
  return { file, accounts, refusals: city.report().doors.refusals }
}

/** What was ordered. Two that come within a moment may change places on their way through the doors. */
function ordersOf(file: string) {
  const { events } = readRecording(file)
  const orders = events.flatMap(one => (one.type === 'order.placed' ? [one] : []))
  return orders.map(({ data: { order_id: _, ...order } }) => order)
}

test('what a short evening recorded, played again on fresh servers, is the same orders, in the same shelves and by the same couriers', async () => {
  const evening = chicagoEvening({ seed: 5, run: 'recorded', orders_per_min: 20, couriers: 40 })
  const first = await played('recorded', evening, city => city.report().customers.acknowledged.length >= 2 * ORDERS)
  const recorded = ordersOf(first.file)
  expect(recorded.length).toBeGreaterThanOrEqual(ORDERS)

  const town = townOf({ kind: 'replay', path: first.file }, 1)
  expect(town.fleet).toHaveLength(40)
  const again = await played('replayed', town, city => {
    const { customers, couriers } = city.report()
    return customers.acknowledged.length === recorded.length && couriers.accepted > 0
  })
  expect(again.refusals).toEqual([])
  expect(again.accounts.orders.placed).toBe(recorded.length)
  expect(again.accounts.orders.routed).toBeGreaterThan(recorded.length / 2)

  const replayed = ordersOf(again.file)
  const byId = (all: typeof recorded) => new Map(all.map(order => [order.external_id, order]))
  expect(byId(replayed)).toEqual(byId(recorded))
}, 300_000)
