import { setImmediate as turn } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshNamespace, testServers } from '../../world/servers/testing.ts'
import { topicName } from '../contract.ts'
import { createTopics, deleteTopics, kafkaClient } from './kafka.ts'
import { type Appended, openProducer, type Producer } from './producer.ts'
import { openReader } from './reader.ts'

/** The producer on a real broker: what lies where, in which order, and what becomes of others when one is refused. */

const PARTITIONS = 4
const TOPICS = ['decisions', 'movements'] as const
const namespace = freshNamespace('producer')
let kafka: Kafka
let producer: Producer

beforeAll(async () => {
  kafka = kafkaClient({ brokers: testServers().kafka_brokers.split(','), client_id: 'producer-test' })
  await createTopics(kafka, namespace, PARTITIONS)
  producer = await openProducer(kafka)
})
afterAll(async () => {
  await producer.close()
  await deleteTopics(kafka, namespace)
})

const send = (topic: (typeof TOPICS)[number], partition: number, text: string): Promise<Appended> =>
  producer.send(topicName(namespace, topic), { partition, key: 'k', value: Buffer.from(text) })

async function everything(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const reader = await openReader({
    kafka,
    group_id: freshNamespace('everything'),
    topics: TOPICS.map(topic => topicName(namespace, topic)),
    start: async () => 'earliest',
    async handle({ topic, partition, messages }) {
      for (const { offset, value } of messages) found.set(`${topic}/${partition}/${offset}`, String(value))
    },
    fault: error => expect.unreachable(error.message),
  })
  await expect
    .poll(() => reader.ready() && reader.lag().reduce((sum, { lag }) => sum + lag, 0), { timeout: 20_000 })
    .toBe(0)
  await reader.close()
  return found
}

test('every message lies where its answer says, in the order of the calls, whatever travelled with it', async () => {
  const calls: { at: string; text: string; appended: Promise<Appended> }[] = []
  for (let number = 0; number < 6_000; number += 1) {
    const topic = TOPICS[number % 2] ?? 'decisions'
    const partition = (number * 7) % PARTITIONS
    // Some are long, so that requests are cut at different places.
    const text = `${number} ${'x'.repeat(number % 100 === 0 ? 40_000 : number % 50)}`
    calls.push({ at: `${topicName(namespace, topic)}/${partition}`, text, appended: send(topic, partition, text) })
    if (number % 500 === 0) await turn()
  }
  const answers = await Promise.all(calls.map(({ appended }) => appended))
  const found = await everything()
  const last = new Map<string, number>()
  calls.forEach(({ at, text }, place) => {
    const { topic, partition, offset } = answers[place] as Appended
    expect(`${topic}/${partition}`).toBe(at)
    expect(found.get(`${at}/${offset}`)).toBe(text)
    expect(offset).toBeGreaterThan(last.get(at) ?? -1)
    last.set(at, offset)
  })
  expect(producer.buffered_bytes()).toBe(0)
})

test('a message that the broker refuses fails alone: what travelled with it for other partitions is taken', async () => {
  const too_large = 'x'.repeat(1_200_000)
  const refused = send('decisions', 0, too_large)
  const others = [1, 2, 3].map(partition => send('decisions', partition, `beside it ${partition}`))
  // It is full with the large one; what comes while it is in flight travels together with the next of the same.
  const second = [0, 1, 2, 3].map(partition => send('movements', partition, 'also beside it'))
  const again = send('movements', 0, too_large)
  await expect(refused).rejects.toThrow(/larger|too large|MESSAGE_TOO_LARGE/i)
  await expect(again).rejects.toThrow(/larger|too large|MESSAGE_TOO_LARGE/i)
  const taken = await Promise.all([...others, ...second.slice(1)])
  expect(taken.every(({ offset }) => offset >= 0)).toBe(true)
  await expect(send('decisions', 0, 'after it')).resolves.toMatchObject({ partition: 0 })
})

test('what waits when it closes is still sent', async () => {
  const short = await openProducer(kafka)
  const sent = Array.from({ length: 500 }, (_, number) =>
    short.send(topicName(namespace, 'decisions'), {
      partition: number % PARTITIONS,
      key: 'k',
      value: Buffer.from(`last ${number}`),
    }),
  )
  await short.close()
  await expect(Promise.all(sent)).resolves.toHaveLength(500)
  await expect(
    short.send(topicName(namespace, 'decisions'), { partition: 0, key: 'k', value: Buffer.from('late') }),
  ).rejects.toThrow('closed')
})
