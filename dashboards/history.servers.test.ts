import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { afterAll, expect, test } from 'vitest'
import { migrateClickhouse } from '../sql/migrate.ts'
import { freshNamespace, testServers } from '../world/servers/testing.ts'
import { readHistory } from './io/history.ts'

/** The questions of the past, asked of the real ClickHouse. */

const servers = testServers()
const namespace = freshNamespace('history')
const client = createClient({ url: servers.clickhouse_url, database: namespace })
afterAll(async () => {
  await client.command({ query: `DROP DATABASE IF EXISTS ${namespace}` })
  await client.close()
})

const FROM_MS = Date.UTC(2026, 4, 8, 23, 50)
const iso = (ms: number) => new Date(ms).toISOString().replace('T', ' ').replace('Z', '')
let offset = 0
/** One row of any of the tables, with what all of them want. Taken just now, since tables forget what was taken long ago. */
const row = (minute: number, type: string, more: object) => ({
  ...{
    kafka_partition: 0,
    kafka_offset: offset++,
    appended_at: iso(Date.now()),
    tenant_id: 'demo',
    zone_id: 'chicago',
  },
  ...{ occurred_at: iso(FROM_MS + 60_000 * minute), type, data: '{}' },
  ...more,
})
const insert = (table: string, values: object[]) => client.insert({ table, values, format: 'JSONEachRow' })

test('reads the last place of each step, what became of orders, and pauses, of one tenant and one span', async () => {
  await migrateClickhouse(servers.clickhouse_url, namespace)
  const at = (lng: number) => ({ courier_id: 'c1', lat: 41.9, lng })
  await insert('couriers', [
    row(-1, 'courier.moved', at(-80)),
    row(0, 'courier.moved', at(-87.5)),
    row(0.3, 'courier.moved', at(-87.25)),
    row(11, 'courier.moved', at(-87)),
    row(30, 'courier.moved', at(-80)),
    row(1, 'shift.ended', { courier_id: 'c1' }),
    row(2, 'courier.moved', { ...at(-80), tenant_id: 'another' }),
  ])
  const routed = { order_id: 'o1', attempt: 1, warehouse_id: 'w1', lat: 41.91, lng: -87.6, lines: 2, void: 0 }
  await insert('decisions', [
    row(-40, 'order.routed', { ...routed, deliver_by: iso(FROM_MS + 600_000) }),
    row(-39, 'order.routed', { ...routed, order_id: 'o-void', void: 1 }),
    row(-70, 'order.routed', { ...routed, order_id: 'o-old' }),
  ])
  await insert('deliveries', [
    row(-30, 'trip.assigned', {
      courier_id: 'c1',
      data: '{"stops":[{"order_id":"o1"},{"order_id":"o2"},{"order_id":"o1"}]}',
    }),
    row(5, 'delivery.delivered', { courier_id: 'c1', order_id: 'o1' }),
  ])
  await insert('operations', [row(3, 'warehouse.paused', { warehouse_id: 'w1' }), row(4, 'pick.started', {})])

  const span = { tenant_id: 'demo', from_ms: FROM_MS, to_ms: FROM_MS + 30 * 60_000, step_ms: 60_000 }
  const { places, orders, pauses } = await readHistory(client, span)
  expect(places).toEqual([
    { courier_id: 'c1', slot: 0, lng: -87.25, lat: 41.9 },
    { courier_id: 'c1', slot: 11, lng: -87, lat: 41.9 },
  ])
  expect(orders.map(one => [one.type, one.order_ids, one.courier_id])).toEqual([
    ['order.routed', ['o1'], ''],
    ['trip.assigned', ['o1', 'o2'], 'c1'],
    ['delivery.delivered', ['o1'], 'c1'],
  ])
  expect(orders[0]).toMatchObject({ at: FROM_MS - 40 * 60_000, lat: 41.91, lines: 2, deliver_by: FROM_MS + 600_000 })
  expect(pauses).toEqual([{ at: FROM_MS + 180_000, warehouse_id: 'w1', paused: 1 }])
})

test('says so when the table is not there, instead of an empty past', async () => {
  const database = `${namespace}_nobody`
  const nobody = createClient({ url: servers.clickhouse_url, database, log: { level: ClickHouseLogLevel.OFF } })
  await expect(readHistory(nobody, { tenant_id: 'demo', from_ms: 0, to_ms: 60_000, step_ms: 60_000 })).rejects.toThrow()
  await nobody.close()
})
