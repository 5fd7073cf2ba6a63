import { CompressionTypes, type Kafka } from 'kafkajs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { partitionOf, topicName } from '../contract.ts'
import { shareOut } from './assigner.ts'
import { createTopics, deleteTopics, kafkaClient } from './kafka.ts'
import type { LogMessage } from './log_messages.ts'
import { Overloaded, openProducer, type Producer } from './producer.ts'
import { openReader, type Reader, type ReaderOptions } from './reader.ts'

/** The reader and the producer on a real broker: order, positions, repetition, bounds, members that come and go. */

const PARTITIONS = 4
const namespace = freshNamespace('reader')
const topic = topicName(namespace, 'operations')
let kafka: Kafka
let producer: Producer
const open = new Set<Reader>()

beforeAll(async () => {
  kafka = kafkaClient({ brokers: testServers().kafka_brokers.split(','), client_id: 'reader-test' })
  await createTopics(kafka, namespace, PARTITIONS)
  producer = await openProducer(kafka)
})
afterEach(async () => {
  await Promise.all([...open].map(reader => reader.close()))
  open.clear()
})
afterAll(async () => {
  await producer.close()
  await deleteTopics(kafka, namespace)
})

const send = (partition: number, text: string) =>
  producer.send(topic, { partition, key: 'k', value: Buffer.from(text) })

async function read(options: Partial<ReaderOptions>): Promise<Reader> {
  const reader = await openReader({
    kafka,
    group_id: freshNamespace('group'),
    topics: [topic],
    start: async () => 'earliest',
    handle: async () => undefined,
    fault: error => expect.unreachable(error.message),
    ...options,
  })
  open.add(reader)
  return reader
}

const collect = () => {
  const seen: LogMessage[][] = Array.from({ length: PARTITIONS }, () => [])
  const handle: ReaderOptions['handle'] = async ({ partition, messages }) => void seen[partition]?.push(...messages)
  return { seen, handle }
}
const textsOf = (messages: readonly LogMessage[] | undefined) => (messages ?? []).map(({ value }) => String(value))

test('what one caller sends to a partition lies there in that order, in few sends, and is read from the wanted position', async () => {
  const sent = await Promise.all(Array.from({ length: 2_000 }, (_, number) => send(1, `m${number}`)))
  expect(sent.map(({ offset }) => offset)).toEqual(sent.map((_, place) => (sent[0]?.offset ?? 0) + place))
  const { seen, handle } = collect()
  const from = (sent[0]?.offset ?? 0) + 1_500
  await read({ handle, start: async ({ partition }) => (partition === 1 ? from : 'latest') })
  await waitFor(() => seen[1]?.length === 500, { timeout_ms: 20_000, what: 'the last 500' })
  expect(textsOf(seen[1])).toEqual(Array.from({ length: 500 }, (_, number) => `m${1_500 + number}`))
})

test('a batch that fails comes again, whole and before what follows, and other partitions go on meanwhile', async () => {
  const { seen, handle } = collect()
  let failures = 0
  await read({
    start: async () => 'latest',
    handle: async batch => {
      if (batch.partition === 2 && failures < 3) {
        failures += 1
        throw new Error('not now')
      }
      return handle(batch)
    },
  }).then(reader => waitFor(() => reader.ready(), { timeout_ms: 20_000, what: 'the reader' }))
  await Promise.all([send(2, 'a'), send(2, 'b'), send(3, 'c')])
  await waitFor(() => seen[2]?.length === 2 && seen[3]?.length === 1, { timeout_ms: 20_000, what: 'all three' })
  expect(textsOf(seen[2])).toEqual(['a', 'b'])
  expect(failures).toBe(3)
})

test('a slow handler holds the fetching up instead of filling the memory', async () => {
  const before = collect()
  const gate = Promise.withResolvers<void>()
  const value = 'x'.repeat(200_000)
  const reader = await read({
    start: async () => 'latest',
    queue_bytes_max: 1_000_000,
    batch_messages_max: 1,
    handle: async batch => {
      await gate.promise
      return before.handle(batch)
    },
  })
  await waitFor(() => reader.ready(), { timeout_ms: 20_000, what: 'the reader' })
  await Promise.all(Array.from({ length: 40 }, () => send(0, value)))
  await waitFor(() => reader.lag().some(({ partition, lag }) => partition === 0 && lag > 0), {
    timeout_ms: 20_000,
    what: 'a lag',
  })
  gate.resolve()
  await waitFor(() => before.seen[0]?.length === 40, { timeout_ms: 30_000, what: 'all forty after all' })
})

test('memory is given back when its messages are handled, and not before: also when they come again', async () => {
  const seen = collect()
  const texts: string[] = []
  let failures = 0
  const reader = await read({
    start: async () => 'latest',
    frees: true,
    batch_messages_max: 3,
    handle: async batch => {
      await new Promise(resolve => setTimeout(resolve, 5))
      if (failures < 2) {
        failures += 1
        throw new Error('not now')
      }
      texts.push(...textsOf([...batch.messages]))
      return seen.handle(batch)
    },
  })
  await waitFor(() => reader.ready(), { timeout_ms: 20_000, what: 'the reader' })
  const sent = Array.from({ length: 20 }, (_, number) => `${number}`.padEnd(100_000, 'x'))
  await Promise.all(sent.map(text => send(1, text)))
  await waitFor(() => texts.length === 20, { timeout_ms: 20_000, what: 'all twenty' })
  expect(texts).toEqual(sent)
  await waitFor(() => seen.seen[1]?.every(({ value }) => value?.length === 0) === true, {
    timeout_ms: 5_000,
    what: 'their memory to be given back',
  })
})

test('batches of another producer are read, too, and compressed ones', async () => {
  const seen: string[] = []
  const reader = await read({
    start: async () => 'latest',
    frees: true,
    handle: async ({ messages }) => {
      for (const { key, value, headers } of messages) seen.push(`${key} ${headers.name} ${value}`)
    },
  })
  await waitFor(() => reader.ready(), { timeout_ms: 20_000, what: 'the reader' })
  const theirs = kafka.producer()
  await theirs.connect()
  const text = 'y'.repeat(100_000)
  await send(1, `before ${text}`)
  const messages = ['a', 'b'].map(name => ({ partition: 1, key: name, value: `${name} ${text}`, headers: { name } }))
  await theirs.send({ topic, messages, compression: CompressionTypes.GZIP })
  await theirs.send({ topic, messages })
  await theirs.disconnect()
  await waitFor(() => seen.length >= 5, { timeout_ms: 20_000, what: 'all five' })
  const both = [`a a a ${text}`, `b b b ${text}`]
  expect(seen).toEqual([`k undefined before ${text}`, ...both, ...both])
})

test('a position behind the end of the log is a fault, not a silent jump to the latest', async () => {
  const faults: string[] = []
  await read({
    start: async ({ partition }) => (partition === 0 ? 1_000_000 : 'latest'),
    fault: error => faults.push(error.message),
  })
  await waitFor(() => faults.length > 0, { timeout_ms: 20_000, what: 'the fault' })
  expect(faults[0]).toMatch(/ends at \d+, but 1000000 was read before/)
})

test('members that come and go lose nothing and read nothing twice out of order', async () => {
  const group_id = freshNamespace('members')
  const positions = new Map<number, number>()
  const seen = collect()
  const options = {
    group_id,
    start: async ({ partition }: { partition: number }) => positions.get(partition) ?? ('latest' as const),
    handle: async (batch: Parameters<ReaderOptions['handle']>[0]) => {
      positions.set(batch.partition, (batch.messages.at(-1)?.offset ?? 0) + 1)
      return seen.handle(batch)
    },
  }
  const first = await read(options)
  await waitFor(() => first.ready(), { timeout_ms: 20_000, what: 'the first member' })
  const sending = (async () => {
    for (let number = 0; number < 200; number += 1)
      await Promise.all([0, 1, 2, 3].map(partition => send(partition, `n${number}`)))
  })()
  const second = await read(options)
  await waitFor(() => second.ready() && second.lag().length === 2, {
    timeout_ms: 30_000,
    what: 'the second member to get its half',
  })
  await first.close()
  open.delete(first)
  await sending
  await waitFor(() => seen.seen.every(messages => new Set(textsOf(messages)).size === 200), {
    timeout_ms: 40_000,
    what: 'everything',
  })
  // A batch in flight at a change of hands may come twice; what is dropped by offset must be in order and whole.
  for (const messages of seen.seen) {
    const offsets = [...new Set(messages.map(({ offset }) => offset))]
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    expect(offsets).toHaveLength(200)
  }
})

test('who joins again asks whether what stayed is still its own, tells what it lost, and begins that anew', async () => {
  const group_id = freshNamespace('kept')
  const told: string[] = []
  const first = await read({
    group_id,
    start: async ({ partition }) => {
      told.push(`start ${partition}`)
      return 'latest'
    },
    kept: async partition => {
      told.push(`kept ${partition}`)
      return partition !== 0
    },
    lost: ({ partition }) => told.push(`lost ${partition}`),
  })
  await waitFor(() => first.ready() && first.lag().length === PARTITIONS, { timeout_ms: 20_000, what: 'all of it' })
  told.length = 0
  await read({ group_id, start: async () => 'latest' })
  await waitFor(() => told.length >= 6 && first.ready(), { timeout_ms: 30_000, what: 'the second member' })
  expect(told.toSorted()).toEqual(['kept 0', 'kept 1', 'lost 0', 'lost 2', 'lost 3', 'start 0'])
  expect(told.indexOf('start 0')).toBeGreaterThan(told.indexOf('lost 0'))
})

test('the producer refuses above its bound and goes on afterwards', async () => {
  const small = await openProducer(kafka, { buffer_bytes_max: 10_000 })
  const value = Buffer.alloc(4_000)
  const results = await Promise.allSettled([1, 2, 3].map(() => small.send(topic, { partition: 0, key: 'k', value })))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect((results[2] as PromiseRejectedResult).reason).toBeInstanceOf(Overloaded)
  expect((await small.send(topic, { partition: 0, key: 'k', value })).offset).toBeGreaterThan(0)
  expect(small.buffered_bytes()).toBe(0)
  await small.close()
})

test('our partition of a key is the one of Kafka’s own partitioner', async () => {
  const raw = kafka.producer()
  await raw.connect()
  const keys = ['chicago', 'nowhere', 'zone-1', 'ü', '', 'a', 'ab', 'abc', 'abcd']
  for (const key of keys) {
    const [answer] = await raw.send({ topic, messages: [{ key: Buffer.from(key), value: 'x' }] })
    expect(partitionOf(key, PARTITIONS), key).toBe(answer?.partition)
  }
  await raw.disconnect()
})

test('shares are even, kept where they were, and the same whoever computes them', () => {
  const wishes = [
    { member: 'b', held: [0, 1, 2, 3, 4, 5, 6, 7] },
    { member: 'a', held: [] },
  ]
  const shares = shareOut(8, wishes)
  expect(shares.get('b')).toEqual([0, 1, 2, 3])
  expect(shares.get('a')).toEqual([4, 5, 6, 7])
  expect(shareOut(8, wishes.toReversed())).toEqual(shares)
})
