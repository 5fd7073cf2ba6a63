import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { migrateClickhouse } from '../../sql/migrate.ts'
import { startTestServer } from '../../world/servers/clickhouse/testing.ts'
import { testServers, waitFor } from '../../world/servers/testing.ts'
import { ordersPerMinute } from '../io/clickhouse.ts'
import { BEGIN_MS, CELL, decided, delivered, fillLog, POISON, rejected, routed } from './samples.testing.ts'
import { openScene, type Scene } from './scene.testing.ts'
import { TABLES } from './tables.ts'

/** I4: ClickHouse has every record of the log once, whatever is killed, and the rollup equals sums over the rows. */

interface Minute {
  minute: string
  placed: number
  routed: number
  rejected: number
  cancelled: number
  delivered: number
  late: number
}

const COUNTS = ['placed', 'routed', 'rejected', 'cancelled', 'delivered', 'late'] as const

const ROLLUP = `SELECT toString(minute) AS minute, ${COUNTS.map(name => `toUInt32(${name}) AS ${name}`).join(', ')}
  FROM orders_per_minute WHERE tenant_id = 'demo' ORDER BY minute`

/** The same figures from the raw rows alone, written another way: distinct orders, by their first rows. */
const FROM_RAW = `
  SELECT toString(toStartOfMinute(at)) AS minute, ${COUNTS.map(name => `toUInt32(uniqExactIf(order_id, what = '${name}')) AS ${name}`).join(', ')}
  FROM (
    SELECT order_id, placed_at AS at, 'placed' AS what FROM decisions
      WHERE void = 0 AND tenant_id = 'demo' AND type IN ('order.routed', 'order.rejected') AND attempt = 1
    UNION ALL SELECT order_id, occurred_at, substring(type, 7) FROM decisions
      WHERE void = 0 AND tenant_id = 'demo' AND type IN ('order.routed', 'order.rejected', 'order.cancelled')
    UNION ALL SELECT order_id, delivered_at, arrayJoin(if(late_s > 0, ['delivered', 'late'], ['delivered']))
      FROM deliveries WHERE tenant_id = 'demo' AND type = 'delivery.delivered'
  ) GROUP BY minute ORDER BY minute`

async function expectRollup(scene: Scene, orders: number): Promise<void> {
  const rollup = await scene.select<Minute>(ROLLUP)
  expect(rollup).toEqual(await scene.select<Minute>(FROM_RAW))
  const total = (name: (typeof COUNTS)[number]) => rollup.reduce((sum, row) => sum + row[name], 0)
  const every = (nth: number) => Math.ceil(orders / nth)
  expect(Object.fromEntries(COUNTS.map(name => [name, total(name)]))).toEqual({
    placed: orders,
    routed: orders - every(5),
    rejected: every(5),
    cancelled: 0,
    delivered: every(2),
    late: every(10),
  })
}

interface Level {
  hour: string
  sku: string
  on_hand: number
  reserved: number
}

const LEVELS = `
  SELECT toString(hour) AS hour, sku, toInt32(on_hand) AS on_hand, toInt32(reserved) AS reserved
  FROM stock_by_hour WHERE tenant_id = 'demo' ORDER BY sku, hour`

/** The same from the raw rows, written another way: each movement once by its source offset, whatever `void` says. */
const LEVELS_FROM_RAW = `
  SELECT toString(h.hour) AS hour, h.sku AS sku, toInt32(sumIf(m.on_hand, m.at < h.hour + INTERVAL 1 HOUR)) AS on_hand,
    toInt32(sumIf(m.reserved, m.at < h.hour + INTERVAL 1 HOUR)) AS reserved
  FROM (SELECT DISTINCT sku, toStartOfHour(occurred_at) AS hour FROM movements WHERE tenant_id = 'demo') AS h
  JOIN (
    SELECT DISTINCT kafka_partition, source_offset, sku, cause, on_hand, reserved, occurred_at AS at
    FROM movements WHERE tenant_id = 'demo'
  ) AS m ON m.sku = h.sku
  GROUP BY hour, sku ORDER BY sku, hour`

async function expectLedger(scene: Scene): Promise<void> {
  const levels = await scene.select<Level>(LEVELS)
  expect(levels).toEqual(await scene.select<Level>(LEVELS_FROM_RAW))
  expect(levels.length).toBeGreaterThan(0)
  const [voids] = await scene.select<{ n: number }>(
    `SELECT toUInt32(countIf(void = 1)) AS n FROM movements WHERE type = 'moved'`,
  )
  expect(voids?.n).toBeGreaterThan(0)
}

// Each waits for groups to form and for dead members to be missed: seconds on a quiet machine, more on a busy one.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

describe('one loader', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('load', testServers())
    await fillLog(scene, 600)
    scene.start()
    await scene.complete()
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test('gives every record its row, and the rollups their sums', async () => {
    await expectRollup(scene, 600)
    await expectLedger(scene)
  })

  test('turns whatever it cannot read into rows that say so, with the bytes', async () => {
    for (const topic of ['operations', 'couriers', 'decisions', 'deliveries', 'dead-letters'] as const) {
      const rows = await scene.select<{ data: string }>(
        `SELECT data FROM ${TABLES[topic].name} WHERE type = 'unreadable' AND tenant_id = ''`,
      )
      const texts = rows.map(row => row.data)
      expect(texts).toContain('{"type":"order.placed"')
      expect(texts).toContain(`base64:${(POISON[1] ?? Buffer.alloc(0)).toString('base64')}`)
    }
    const [unknown] = await scene.select<{ n: number; data: string }>(
      `SELECT toUInt32(count()) AS n, any(data) AS data FROM operations WHERE type = 'made.up'`,
    )
    expect(unknown).toEqual({ n: 1, data: '{"new":1}' })
  })

  test('fills the columns', async () => {
    const [order] = await scene.select(`
      SELECT tenant_id, zone_id, order_id, lines, round(lat, 4) AS lat, lower(hex(cell)) AS hex, correlation_id,
        toUnixTimestamp64Milli(occurred_at) - ${BEGIN_MS} AS at, cell_8 = h3ToParent(cell, 8) AS parent,
        cell_7 = h3ToParent(cell, 7) AS grandparent, toDate(appended_at) = today() AS today
      FROM operations WHERE order_id = 'o7' AND type = 'order.placed'`)
    expect(order).toEqual({
      ...{ tenant_id: 'demo', zone_id: 'chicago', order_id: 'o7', lines: 2, lat: 41.8827, correlation_id: 'corr-7' },
      ...{ hex: `0${CELL}`, at: 7_000, parent: 1, grandparent: 1, today: 1 },
    })
    const [decision] = await scene.select(`
      SELECT type, attempt, warehouse_id, fulfilment_id, epoch, source_offset, lines, candidates, void,
        toUnixTimestamp64Milli(placed_at) - ${BEGIN_MS} AS placed, toUnixTimestamp64Milli(deliver_by) - ${BEGIN_MS} AS promised
      FROM decisions WHERE order_id = 'o7' AND void = 0`)
    expect(decision).toEqual({
      ...{ type: 'order.routed', attempt: 1, warehouse_id: 'loop', fulfilment_id: 'o7.1', epoch: 1, source_offset: 7 },
      ...{ lines: 2, candidates: 1, void: 0, placed: 7_000, promised: 907_000 },
    })
    const [adjusted] = await scene.select(
      `SELECT sku, quantity, unit, lat FROM operations WHERE type = 'stock.adjusted' LIMIT 1`,
    )
    expect(adjusted).toEqual({ sku: 'milk', quantity: -2, unit: 'each', lat: null })
    const [dead] = await scene.select(
      `SELECT origin_topic, origin_partition, origin_offset, reason, data FROM dead_letters WHERE reason != '' AND origin_offset = 9`,
    )
    expect(dead).toEqual({
      ...{ origin_topic: 'operations', origin_partition: 1, origin_offset: 9, reason: 'not_json', data: '{' },
    })
  })

  test('answers the dashboard by minute, with the empty ones between', async () => {
    const to_ms = BEGIN_MS + 30 * 60_000
    const points = await ordersPerMinute(scene.clickhouse.client, { tenant_id: 'demo', from_ms: BEGIN_MS, to_ms })
    expect(points).toHaveLength(30)
    expect(points[0]).toMatchObject({ minute: BEGIN_MS, placed: 60, rejected: 12, routed: 48, delivered: 0 })
    expect(points[13]).toMatchObject({ placed: 0, delivered: 20 })
    expect(points.reduce((sum, point) => sum + point.delivered, 0)).toBe(300)
    const other = await ordersPerMinute(scene.clickhouse.client, { tenant_id: 'other', from_ms: BEGIN_MS, to_ms })
    expect(other.every(point => point.placed === 0)).toBe(true)
  })

  test('tells its figures', async () => {
    const loader = scene.start()
    const address = await loader.address
    await waitFor(async () => (await fetch(`${address}/readyz`)).status === 200, { timeout_ms: 60_000, what: 'ready' })
    const metrics = await (await fetch(`${address}/metrics`)).text()
    expect(metrics).toMatch(/waggle_loader_lag_records\{topic="decisions",service="loader"\} 0/)
    expect(metrics).toMatch(/waggle_loader_batches_redone_total\{topic="operations",service="loader"\} 0/)
    await loader.stop()
    expect((await loader.exit).code).toBe(0)
  })
})

test.each(['after_record:3', 'after_insert:2', 'after_done:3'])(
  'killed %s and started again, it has everything once',
  async failpoint => {
    await using scene = await openScene('kill', testServers())
    await fillLog(scene, 300)
    const env = { WAGGLE_LOADER_BATCH_ROWS_MAX: '150' }
    const killed = scene.start({ ...env, WAGGLE_LOADER_FAILPOINT: failpoint })
    expect((await killed.exit).signal).toBe('SIGKILL')
    await fillLog(scene, 300, 300)
    const loader = scene.start(env)
    await scene.complete()
    await expectRollup(scene, 600)
    await expectLedger(scene)
    const metrics = await (await fetch(`${await loader.address}/metrics`)).text()
    const redone = [...metrics.matchAll(/batches_redone_total\{[^}]+\} (\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
    if (failpoint.startsWith('after_done')) expect(redone).toBeGreaterThanOrEqual(0)
    else expect(redone).toBeGreaterThanOrEqual(1)
  },
)

/**
 * What a kill leaves that falls between the note of a token and its part: the token is known, the rows are not there. Made here
 * by taking the parts away while the server is down.
 */
test.each([
  { lost: 'the table', tables: ['decisions'], parts: 1 },
  { lost: 'its views', tables: ['orders_per_minute_parts'], parts: 2 },
  { lost: 'both', tables: ['decisions', 'orders_per_minute_parts'], parts: 3 },
])('a token that ClickHouse kept and whose rows $lost lost brings them in again', async ({ tables, parts }) => {
  const server = await startTestServer()
  try {
    await using scene = await openScene('lost', { ...testServers(), clickhouse_url: server.url() })
    const newestOf = (table: string) =>
      scene.select<{ path: string }>(
        `SELECT path FROM system.parts WHERE database = '${scene.namespace}' AND table = '${table}' AND active
         ORDER BY min_block_number DESC LIMIT ${table === 'decisions' ? 1 : 2}`,
      )
    const env = { WAGGLE_LOADER_BATCH_ROWS_MAX: '50' }
    for (let n = 0; n < 100; n += 1) await scene.put('decisions', 0, decided(1, n, [n % 5 ? routed(n) : rejected(n)]))
    for (const table of tables) {
      await scene.clickhouse.client.command({ query: `SYSTEM STOP MERGES \`${scene.namespace}\`.${table}` })
    }
    const killed = scene.start({ ...env, WAGGLE_LOADER_FAILPOINT: 'after_insert:2' })
    expect((await killed.exit).signal).toBe('SIGKILL')
    const lost = (await Promise.all(tables.map(newestOf))).flat().map(row => row.path)
    expect(lost).toHaveLength(parts)
    await server.kill()
    for (const path of lost) await rm(path, { recursive: true })
    await server.startAgain()
    const loader = scene.start(env)
    await scene.complete()
    await scene.put('decisions', 0, decided(1, 100, [routed(100)]))
    await scene.complete()
    const rollup = await scene.select<Minute>(ROLLUP)
    expect(rollup).toEqual(await scene.select<Minute>(FROM_RAW))
    expect(rollup.reduce((sum, row) => sum + row.placed, 0)).toBe(101)
    await loader.stop()
  } finally {
    await server.end()
  }
})

test('two loaders, one of them killed in the middle, have everything once', async () => {
  await using scene = await openScene('two', testServers())
  const env = { WAGGLE_LOADER_BATCH_ROWS_MAX: '20' }
  const first = scene.start(env)
  await waitFor(async () => (await fetch(`${await first.address}/readyz`)).status === 200, {
    timeout_ms: 60_000,
    what: 'the first loader',
  })
  await fillLog(scene, 300)
  const second = scene.start({ ...env, WAGGLE_LOADER_FAILPOINT: 'after_insert:4' })
  await fillLog(scene, 300, 300)
  const killed = await Promise.race([second.exit, scene.complete().then(() => null)])
  if (killed) expect(killed.signal).toBe('SIGKILL')
  await scene.complete()
  await expectRollup(scene, 600)
})

test('across a restart: what a lost owner wrote is void, and a delivery that comes twice counts once', async () => {
  await using scene = await openScene('void', testServers())
  const once = async () => {
    const loader = scene.start()
    await scene.complete()
    await loader.stop()
  }
  await scene.put('decisions', 0, { kind: 'owner', epoch: 3, fold_version: 'f', owner: 'a' })
  await scene.put('decisions', 0, decided(3, 10, [routed(1)]))
  await scene.put('deliveries', 0, delivered(1, 30))
  await once()
  await scene.put('deliveries', 0, delivered(1, 30))
  await scene.put('decisions', 0, decided(2, 11, [routed(2)]))
  await scene.put('decisions', 0, decided(3, 10, [routed(1)]))
  await scene.put('decisions', 0, decided(3, 12, [rejected(3), rejected(4, 2)]))
  await scene.put('decisions', 1, decided(2, 11, [routed(5)]))
  await once()
  const rows = await scene.select(
    `SELECT order_id, void FROM decisions ORDER BY kafka_partition, kafka_offset, decision_index`,
  )
  expect(rows).toEqual([
    { order_id: '', void: 0 },
    { order_id: 'o1', void: 0 },
    { order_id: 'o2', void: 1 },
    { order_id: 'o1', void: 1 },
    { order_id: 'o3', void: 0 },
    { order_id: 'o4', void: 0 },
    { order_id: 'o5', void: 0 },
  ])
  const [sums] = await scene.select(
    `SELECT toUInt32(sum(placed)) AS placed, toUInt32(sum(routed)) AS routed, toUInt32(sum(rejected)) AS rejected,
       toUInt32(sum(delivered)) AS delivered, toUInt32(sum(late)) AS late FROM orders_per_minute`,
  )
  expect(sums).toEqual({ placed: 3, routed: 2, rejected: 2, delivered: 1, late: 1 })
})

test('a table made anew is filled from the beginning', async () => {
  const urls = testServers()
  await using scene = await openScene('anew', urls)
  await fillLog(scene, 30)
  const before = scene.start()
  await scene.complete()
  await before.stop()
  await scene.clickhouse.client.command({ query: 'DROP TABLE couriers SYNC' })
  await scene.clickhouse.client.command({ query: 'TRUNCATE TABLE migrations' })
  await migrateClickhouse(urls.clickhouse_url, scene.namespace)
  scene.start()
  await scene.complete()
  await expectRollup(scene, 30)
})

test('ClickHouse away and back: ready says so meanwhile, and nothing is lost', async () => {
  const server = await startTestServer()
  try {
    await using scene = await openScene('away', { ...testServers(), clickhouse_url: server.url() })
    const loader = scene.start()
    await fillLog(scene, 300)
    await scene.complete()
    await server.stop()
    await fillLog(scene, 300, 300)
    const address = await loader.address
    const answer = await waitFor(
      async () => {
        const response = await fetch(`${address}/readyz`)
        const body = await response.text()
        return response.status === 503 && body.includes('operations: ') ? body : false
      },
      { timeout_ms: 60_000, what: 'not ready' },
    )
    expect(answer).toContain('clickhouse')
    await loader.stop()
    expect((await loader.exit).code).toBe(0)
    const next = scene.start()
    const next_address = await next.address
    await server.startAgain()
    await scene.complete()
    await expectRollup(scene, 600)
    await waitFor(async () => (await fetch(`${next_address}/readyz`)).status === 200, {
      timeout_ms: 60_000,
      what: 'ready',
    })
  } finally {
    await server.end()
  }
})

test('Postgres cutting its connections again and again loses nothing', async () => {
  await using scene = await openScene('cut', testServers())
  const loader = scene.start({ WAGGLE_LOADER_BATCH_ROWS_MAX: '50' })
  const client = new Client({ connectionString: scene.postgres_url })
  await client.connect()
  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'waggle-loader'`
  await fillLog(scene, 60)
  await scene.complete()
  let cuts = 0
  let orders = 60
  for (let round = 0; cuts < 40; round += 1) {
    // At other moments of a batch each time; and new work for whoever was cut, since idle it would not connect again.
    await delay(round % 40)
    expect(loader.child.exitCode, loader.lines.slice(-12).join('\n')).toBeNull()
    const cut_now = (await client.query(cut)).rowCount ?? 0
    if (cut_now === 0) continue
    cuts += cut_now
    await fillLog(scene, 60, orders)
    orders += 60
  }
  await client.end()
  await scene.complete()
  await expectRollup(scene, orders)
  expect(loader.child.exitCode).toBeNull()
})
