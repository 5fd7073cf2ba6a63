import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { migratePostgres } from '../../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { acceptOwn, bornAt } from '../accept.ts'
import { partitionOf, REAL_TIME, topicName } from '../contract.ts'
import type { TenantId } from '../events/envelope.ts'
import { followClock } from './clock.ts'
import { createTopics, deleteTopics, kafkaClient } from './kafka.ts'
import { openLog } from './log.ts'
import { followNetwork, networkOf } from './network.ts'
import { enqueue, type Relay, relayOutbox } from './outbox.ts'
import { type Listener, openListener, openPostgres, type Pool, transaction } from './postgres.ts'
import { openProducer, type Producer } from './producer.ts'

const servers = testServers()
const namespace = freshNamespace('outbox')
const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'outbox-test' })
const log = openLog('test', 'silent')
const caller = { tenant_id: 'demo' as TenantId, actor: 'test:1', scopes: [] }
let database: FreshDatabase
let pool: Pool
let listener: Listener
let producer: Producer
const relays: Relay[] = []

beforeAll(async () => {
  database = await freshDatabase(servers, migratePostgres)
  pool = openPostgres(database.url, { max: 10, service: 'test' })
  listener = await openListener(database.url, { service: 'test', log })
  await createTopics(kafka, namespace, 4)
  producer = await openProducer(kafka)
})
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close()
})
afterAll(async () => {
  await listener.close()
  await pool.end()
  await producer.close()
  await deleteTopics(kafka, namespace)
  await database.drop()
})

/** A tick for a zone: the smallest event there is. */
function row(zone_id: string) {
  const context = { caller, correlation_id: 'c', wall_ms: Date.now(), time_ms: Date.now(), partitions: 4 }
  return acceptOwn({ type: 'tick', zone_id, data: {} }, networkOf([], []), context)
}

async function beginRelay(sender: Producer = producer): Promise<Relay> {
  const relay = await relayOutbox({ pool, listener, producer: sender, namespace, partitions: 4, log, poll_ms: 100 })
  relays.push(relay)
  return relay
}

/** event_ids of a zone in the order of the log, repeats included. */
async function published(zone_id: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: freshNamespace('group'), maxWaitTimeInMs: 50 })
  const ids: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: topicName(namespace, 'operations'), fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      if (String(message.key) !== zone_id) return
      expect(partition).toBe(partitionOf(zone_id, 4))
      ids.push(JSON.parse(String(message.value)).event_id)
    },
  })
  await waitFor(() => ids.length >= count, { timeout_ms: 20_000, what: `${count} events of ${zone_id}` }).finally(() =>
    consumer.disconnect(),
  )
  return ids
}

const waiting = async () => (await pool.query('SELECT id FROM outbox WHERE published_at IS NULL')).rows.length

test('rows of a transaction come out in order, once, soon after the commit; of one rolled back never', async () => {
  const relay = await beginRelay()
  const rows = Array.from({ length: 50 }, () => row('order'))
  const undone = transaction(pool, async client => {
    await enqueue(client, [row('order')])
    throw new Error('no')
  })
  await expect(undone).rejects.toThrow('no')
  const ids = await transaction(pool, client => enqueue(client, rows))
  expect(await relay.published(ids, 5_000)).toBe(true)
  expect(await published('order', 50)).toEqual(rows.map(one => one.event.event_id))
})

test('three relays at once publish every row once and in order', async () => {
  for (let n = 0; n < 3; n++) await beginRelay()
  const rows = Array.from({ length: 60 }, () => row('many'))
  for (const one of rows) await enqueue(pool, [one])
  await waitFor(async () => (await waiting()) === 0, { timeout_ms: 10_000, what: 'the outbox to be empty' })
  expect(await published('many', 60)).toEqual(rows.map(one => one.event.event_id))
})

test('a crash between the acknowledgement and the mark sends the same event again, and goes on', async () => {
  // The relay's connection is cut in the moment in which Kafka has just acknowledged the last row.
  let acknowledged = 0
  const cutting: Producer = {
    ...producer,
    async send(topic, message) {
      const appended = await producer.send(topic, message)
      if (++acknowledged === 3) {
        await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 720914
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
      }
      return appended
    },
  }
  const rows = Array.from({ length: 3 }, () => row('crash'))
  await enqueue(pool, rows)
  await beginRelay(cutting)
  await waitFor(async () => (await waiting()) === 0, { timeout_ms: 10_000, what: 'the outbox to be empty' })
  const [first, second, third] = rows.map(one => one.event.event_id)
  expect(await published('crash', 6)).toEqual([first, second, third, first, second, third])
})

test('an id too old for the engine is made anew in its row, and stays the same over a crash', async () => {
  const [fresh, old] = [row('old'), row('old')]
  const idOfAge = (age_ms: number) =>
    `${(Date.now() - age_ms)
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1-')}-7000-8000-000000000001`
  const old_id = idOfAge(2 * 3_600_000)
  const ids = await enqueue(pool, [
    { ...old, event: { ...old.event, event_id: old_id as typeof old.event.event_id } },
    fresh,
  ])
  // Kafka takes nothing: the first send fails after the row has its new id, as in a crash.
  let sends = 0
  const sent: string[] = []
  const failing: Producer = {
    ...producer,
    send: async (topic, message) => {
      sends += 1
      sent.push(JSON.parse(String(message.value)).event_id)
      return sends <= 2 ? Promise.reject(new Error('away')) : producer.send(topic, message)
    },
  }
  const relay = await beginRelay(failing)
  const idsInRows = async (): Promise<string[]> =>
    (
      await pool.query(`SELECT event ->> 'event_id' AS event_id FROM outbox WHERE id = ANY($1) ORDER BY id`, [ids])
    ).rows.map(found => found.event_id)
  await waitFor(() => sends >= 2, { timeout_ms: 5_000, what: 'the first try' })
  const renewed = await idsInRows()
  expect(renewed[0]).not.toBe(old_id)
  expect(bornAt(renewed[0] ?? '')).toBeGreaterThan(Date.now() - 60_000)
  expect(renewed[1]).toBe(fresh.event.event_id)
  expect(await relay.published(ids, 5_000)).toBe(true)
  expect(await published('old', 2)).toEqual(renewed)
  expect(sent).not.toContain(old_id)
})

test('a row that Kafka refuses holds up its own zone only, and is told of', async () => {
  const refusing: Producer = {
    ...producer,
    send: (topic, message) =>
      message.key === 'stuck' ? producer.send('no.such.topic', message) : producer.send(topic, message),
  }
  await enqueue(pool, [row('stuck'), row('free')])
  const relay = await beginRelay(refusing)
  expect(await published('free', 1)).toHaveLength(1)
  const attempts = async () =>
    (await pool.query(`SELECT attempts, last_error FROM outbox WHERE zone_id = 'stuck'`)).rows[0]
  await waitFor(async () => (await attempts()).attempts > 0, { timeout_ms: 30_000, what: 'the failure to be counted' })
  expect((await attempts()).last_error).toMatch(/topic/)
  await relay.close()
  await beginRelay()
  expect(await published('stuck', 1)).toHaveLength(1)
})

test('the network and the clock follow what others write', async () => {
  const network = await followNetwork(pool, listener, log)
  const clock = await followClock(pool, listener, log)
  expect(clock.clock()).toBe(REAL_TIME)
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000)
  await pool.query(
    `INSERT INTO zones (zone_id, tenant_id, name, time_zone, policy) VALUES ('z', 'demo', 'Z', 'UTC', '{}')`,
  )
  await pool.query(`INSERT INTO zone_cells VALUES ('demo', '872664c8effffff', 'z')`)
  await pool.query(`INSERT INTO clock (wall_ms, time_ms, rate, set_by) VALUES (1000, 5000, 10, 'test:1')`)
  const demo = 'demo' as TenantId
  const found = () => network.network().zoneOfArea(demo, '872664c8effffff')
  await waitFor(() => found() === 'z', { timeout_ms: 5_000, what: 'the new zone' })
  expect(network.network().zoneOfArea('acme' as TenantId, '872664c8effffff')).toBeUndefined()
  await waitFor(() => clock.clock().rate === 10, { timeout_ms: 5_000, what: 'the new clock' })
  expect(clock.now()).toBeGreaterThan(5_000 + (Date.now() - 10_000) * 10)
  await network.close()
  await clock.close()
})
