import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { migrateClickhouse } from '../../sql/migrate.ts'
import { freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { type ClickHouse, openClickhouse } from './clickhouse.ts'
import { type LoadedRange, ROLLUPS } from './rollups.ts'

/** What the views of sql/clickhouse/ have made of rows, and what ROLLUPS makes of the same rows, are the same in every column. */

const database = freshNamespace('rollups')
const DAY_MS = 86_400_000
const ROWS = 20_000
let clickhouse: ClickHouse
let ranges: LoadedRange[]

const run = (query: string) =>
  clickhouse.client.command({
    query,
    clickhouse_settings: { async_insert: 0, insert_deduplicate: 0, mutations_sync: '1' },
  })

async function select<R>(query: string): Promise<R[]> {
  return (await clickhouse.client.query({ query, format: 'JSONEachRow' })).json<R>()
}

const even = async (has_doubled: boolean, check = async () => {}) => {
  for (const table of ['decisions', 'deliveries', 'movements']) {
    await clickhouse.evenRollups(table, ranges, { has_doubled, check })
  }
}

const TARGETS = ['orders_per_minute_parts', 'stock_by_hour_parts'] as const

const sums = async () => [
  await select(`SELECT tenant_id, zone_id, minute, sum(placed) AS placed, sum(routed) AS routed, sum(rejected) AS rejected,
      sum(cancelled) AS cancelled, uniqExactMerge(delivered_orders) AS delivered, uniqExactMerge(late_orders) AS late
    FROM orders_per_minute_parts GROUP BY ALL
    HAVING placed != 0 OR routed != 0 OR rejected != 0 OR cancelled != 0 OR delivered != 0 ORDER BY ALL`),
  await select(`SELECT tenant_id, zone_id, warehouse_id, sku, hour, sum(on_hand) AS on_hand, sum(reserved) AS reserved,
      sum(safety) AS safety, sum(in_transit) AS in_transit, sum(came_in) AS came_in, sum(picked) AS picked,
      sum(corrected) AS corrected, sum(movements) AS movements
    FROM stock_by_hour_parts GROUP BY ALL HAVING movements != 0 ORDER BY ALL`),
]

beforeAll(async () => {
  await migrateClickhouse(testServers().clickhouse_url, database)
  clickhouse = openClickhouse(testServers().clickhouse_url, database)
})
afterAll(async () => {
  await clickhouse.client.command({ query: `DROP DATABASE \`${database}\`` })
  await clickhouse.close()
})

/** Rows with whatever the columns may hold: other hours and zones, no times, attempts 0 to 3, all types and causes, void ones. */
beforeEach(async () => {
  for (const table of [...TARGETS, 'decisions', 'deliveries', 'movements']) await run(`TRUNCATE TABLE ${table}`)
  const day = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const appended = `fromUnixTimestamp64Milli(toInt64(${day}), 'UTC') + toIntervalSecond(number)`
  const head = `kafka_partition, kafka_offset, appended_at, tenant_id, zone_id, occurred_at, type`
  const values = (salt: number, types: string[]) =>
    `number % 3, intDiv(number, 3), ${appended}, ['a', 'b', ''][number % 3 + 1], concat('z', toString(number % 2)),
     ${appended} + toIntervalMinute(cityHash64(number, ${salt}) % 300),
     [${types.map(type => `'${type}'`).join(', ')}][cityHash64(number, ${salt + 1}) % ${types.length} + 1]`
  const decisions = ['order.routed', 'order.rejected', 'order.cancelled', 'owner', 'promise.changed']
  await run(`INSERT INTO decisions (${head}, void, attempt, order_id, placed_at)
    SELECT ${values(1, decisions)}, cityHash64(number, 3) % 5 = 0, cityHash64(number, 4) % 4, toString(number),
      if(number % 4 = 0, NULL, ${appended} - toIntervalMinute(number % 90)) FROM numbers(${ROWS})`)
  await run(`INSERT INTO deliveries (${head}, order_id, delivered_at, late_s)
    SELECT ${values(11, ['delivery.delivered', 'trip.assigned'])}, toString(number % 3000),
      if(number % 4 = 0, NULL, ${appended}), if(number % 5 = 0, NULL, toInt64(number % 9) - 4) FROM numbers(${ROWS})`)
  const causes = ['received', 'put_back', 'transfer_received', 'picked', 'count', 'adjustment', 'reserved', 'released']
  await run(`INSERT INTO movements (${head}, void, warehouse_id, sku, on_hand, reserved, safety, in_transit, cause)
    SELECT ${values(21, ['moved', 'moved', 'moved', 'owner'])}, cityHash64(number, 23) % 5 = 0, concat('w', toString(number % 4)),
      concat('s', toString(number % 50)), toInt64(number % 19) - 9, toInt64(number % 7) - 3, toInt64(number % 5) - 2,
      toInt64(number % 3) - 1, [${causes.map(cause => `'${cause}'`).join(', ')}][cityHash64(number, 24) % ${causes.length} + 1]
    FROM numbers(${ROWS})`)
  ranges = [0, 1, 2].map(partition => ({ day_ms: day, partition, from: 0, to: ROWS }))
})

test('every view of sql/clickhouse/ is here', async () => {
  const views = await select<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${database}' AND engine = 'MaterializedView' ORDER BY name`,
  )
  expect(ROLLUPS.map(rollup => rollup.view).sort()).toEqual(views.map(view => view.name))
})

test('what the views have lost comes back, in every column, and twice is as good as once', async () => {
  const wanted = await sums()
  for (const target of TARGETS) await run(`TRUNCATE TABLE ${target}`)
  await even(false)
  expect(await sums()).toEqual(wanted)
  await even(false)
  await even(true)
  expect(await sums()).toEqual(wanted)
})

test('only a part was lost', async () => {
  const wanted = await sums()
  await run(`ALTER TABLE orders_per_minute_parts DELETE WHERE toMinute(minute) % 3 = 0`)
  await run(`ALTER TABLE stock_by_hour_parts DELETE WHERE sku < 's3'`)
  expect(await sums()).not.toEqual(wanted)
  await even(false)
  expect(await sums()).toEqual(wanted)
})

test('what the views have made twice goes, where it may have been twice', async () => {
  const wanted = await sums()
  for (const target of TARGETS) await run(`INSERT INTO ${target} SELECT * FROM ${target}`)
  const doubled = await sums()
  expect(doubled).not.toEqual(wanted)
  await even(false)
  expect(await sums(), 'a target that has more than its table is left alone').toEqual(doubled)
  await even(true)
  expect(await sums()).toEqual(wanted)
})

test('a table that has forgotten rows takes nothing from what was made of them', async () => {
  const wanted = await sums()
  for (const table of ['decisions', 'deliveries', 'movements']) {
    await run(`ALTER TABLE ${table} DELETE WHERE kafka_offset >= 1000`)
  }
  await even(false)
  expect(await sums()).toEqual(wanted)
})

test('nothing is written once the check fails', async () => {
  const wanted = await sums()
  for (const target of TARGETS) await run(`TRUNCATE TABLE ${target}`)
  await expect(even(false, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  expect((await sums()).flat()).toEqual([])
  await even(false)
  expect(await sums()).toEqual(wanted)
})

test('while one is on its way another is refused', async () => {
  const slow = clickhouse.client.command({
    query: 'SELECT sleep(2)',
    query_id: `even ${database} orders_placed_to_minutes`,
  })
  const refused = () =>
    even(false).then(
      () => false,
      error => String(error),
    )
  expect(await waitFor(refused, { timeout_ms: 2_000, what: 'a refusal' })).toContain('already running')
  await slow
  await even(false)
})

test('the rows of a minute are found without reading the others', async () => {
  const plan = (sql: string) => select<{ explain: string }>(`EXPLAIN indexes = 1 ${sql}`)
  for (const [table, key] of [
    ['decisions', 'toStartOfMinute(coalesce(placed_at, occurred_at))'],
    ['decisions', 'toStartOfMinute(occurred_at)'],
    ['movements', `toStartOfHour(toDateTime(occurred_at, 'UTC'))`],
  ] as const) {
    const lines = (await plan(`SELECT count() FROM ${table} WHERE ${key} IN (toDateTime('2020-01-01', 'UTC'))`)).map(
      row => row.explain,
    )
    expect(lines.join('\n'), key).toMatch(/Skip\n(.*\n)*?.*Granules: 0\//)
  }
})
