import { createClient } from '@clickhouse/client'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freshDatabase, freshNamespace, testServers, waitFor } from './testing.ts'

const urls = testServers()

test('kafka takes a topic and a record, stamps it itself, and gives it back', async () => {
  const kafka = new Kafka({ brokers: urls.kafka_brokers.split(','), logLevel: logLevel.NOTHING })
  const topic = freshNamespace('kafka')
  const admin = kafka.admin()
  await admin.connect()
  expect(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })).toBe(true)
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 2, name: topic, configNames: ['message.timestamp.type'] }],
  })
  expect(described.resources[0]?.configEntries[0]?.configValue).toBe('LogAppendTime')

  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: [{ key: 'k', value: 'v', timestamp: '1' }] })
  const consumer = kafka.consumer({ groupId: topic })
  const seen: { value: string; timestamp: string }[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.push({ value: String(message.value), timestamp: message.timestamp })
    },
  })
  await waitFor(() => seen.length === 1, { timeout_ms: 20_000, what: 'the record' })
  expect(seen[0]?.value).toBe('v')
  expect(Number(seen[0]?.timestamp)).toBeGreaterThan(Date.now() - 60_000)
  await consumer.disconnect()
  await producer.disconnect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
})

test('kafka makes no topic by itself', async () => {
  const kafka = new Kafka({ brokers: urls.kafka_brokers.split(','), logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const producer = kafka.producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await expect(producer.send({ topic: freshNamespace('none'), messages: [{ value: 'v' }] })).rejects.toThrow()
  await producer.disconnect()
})

test('redis is 7 or later and never evicts', async () => {
  const redis = new Redis(urls.redis_url)
  const version = /redis_version:(\d+)/.exec(await redis.info('server'))?.[1]
  expect(Number(version)).toBeGreaterThanOrEqual(7)
  expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
  redis.disconnect()
})

test('postgres is 18, in UTC, and commits synchronously', async () => {
  const client = new Client({ connectionString: urls.postgres_url })
  await client.connect()
  const show = async (name: string): Promise<string> =>
    (await client.query('SELECT current_setting($1) AS value', [name])).rows[0].value
  expect(await show('server_version')).toMatch(/^18\./)
  expect(await show('timezone')).toBe('UTC')
  expect(await show('synchronous_commit')).toBe('on')
  expect(await show('listen_addresses')).toBe('127.0.0.1')
  await client.end()
})

test('clickhouse answers on its HTTP interface', async () => {
  const client = createClient({ url: urls.clickhouse_url })
  const rows = await (await client.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' })).json()
  expect(rows).toEqual([{ one: 1 }])
  await client.close()
})

test('a fresh database is migrated once and then copied, and goes when dropped', async () => {
  let migrations = 0
  const marker = freshNamespace('marker')
  // The source of the function is part of the template's name, so the marker must be in it.
  const migrate = Object.assign(
    async (url: string) => {
      migrations++
      const client = new Client({ connectionString: url })
      await client.connect()
      await client.query('CREATE TABLE t (n int)')
      await client.end()
    },
    { toString: () => marker },
  )
  const [one, two] = await Promise.all([freshDatabase(urls, migrate), freshDatabase(urls, migrate)])
  expect(migrations).toBe(1)
  for (const database of [one, two]) {
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query('INSERT INTO t VALUES (1)')
    expect((await client.query('SELECT count(*)::int AS n FROM t')).rows[0].n).toBe(1)
    await client.end()
  }
  await one.drop()
  await two.drop()
  await expect(new Client({ connectionString: one.url }).connect()).rejects.toThrow(/does not exist/)
})
