import { type Admin, Kafka, logLevel } from 'kafkajs'
import { TOPICS, type Topic, topicName } from '../contract.ts'
import { answersWhole } from './answers.ts'
import { mendConnections } from './connections.ts'

/**
 * kafkajs as we use it (what was measured stands in the comments): one client a process, and topics from one table.
 */

export interface KafkaOptions {
  /** host:port of one broker or more */
  brokers: readonly string[]
  client_id: string
  /** tries again of a request and of a connection; a service is patient, a person at a prompt is not */
  retries?: number
}

/** The client, for whoever only passes it on. */
export type KafkaClient = Kafka

/** One client. It connects when it is first used; kafkajs' own log is off, since everything it says comes back as errors. */
export function kafkaClient({ brokers, client_id, retries = 8 }: KafkaOptions): Kafka {
  mendConnections()
  return new Kafka({
    brokers: [...brokers],
    clientId: client_id,
    logLevel: logLevel.NOTHING,
    socketFactory: answersWhole,
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries },
  })
}

/** With a connection of its own, for as long as it takes. */
export async function withAdmin<Result>(kafka: Kafka, work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/**
 * Creates the topics of a namespace that are missing; leaves the others as they are. Safe from several processes at once.
 * Resolves when every partition of every topic has a leader.
 */
export async function createTopics(kafka: Kafka, namespace: string, partitions: number): Promise<void> {
  await withAdmin(kafka, async admin => {
    const present = new Set(await admin.listTopics())
    const missing = (Object.keys(TOPICS) as Topic[]).filter(topic => !present.has(topicName(namespace, topic)))
    if (missing.length > 0) await createMissing(admin, namespace, partitions, missing)
    for (const topic of Object.keys(TOPICS) as Topic[]) await untilLed(admin, topicName(namespace, topic))
  })
}

async function createMissing(admin: Admin, namespace: string, partitions: number, missing: Topic[]): Promise<void> {
  await admin.createTopics({
    // kafkajs' own wait fails on the broker's "does not host this topic-partition", which is true for a moment.
    waitForLeaders: false,
    topics: missing.map(topic => ({
      topic: topicName(namespace, topic),
      numPartitions: partitions,
      configEntries: [
        { name: 'message.timestamp.type', value: 'LogAppendTime' },
        { name: 'retention.ms', value: String(TOPICS[topic].retention_ms) },
        { name: 'cleanup.policy', value: 'delete' },
        // A letter is the largest message that its origin takes, and headers: refused, it would hold up its partition for ever.
        ...(topic === 'dead-letters' ? [{ name: 'max.message.bytes', value: String(DEAD_LETTER_BYTES_MAX) }] : []),
      ],
    })),
  })
}

const DEAD_LETTER_BYTES_MAX = 2 * 1024 * 1024
const LEADERS_WITHIN_MS = 20_000

/** A new topic is listed before its partitions can be asked for anything. */
async function untilLed(admin: Admin, topic: string): Promise<void> {
  for (const until = Date.now() + LEADERS_WITHIN_MS; ; ) {
    try {
      await admin.fetchTopicOffsets(topic)
      return
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}

/** Removes the topics of a namespace, as a test or a fresh demo does at its end. */
export async function deleteTopics(kafka: Kafka, namespace: string): Promise<void> {
  await withAdmin(kafka, async admin => {
    const ours = new Set((Object.keys(TOPICS) as Topic[]).map(topic => topicName(namespace, topic)))
    const topics = (await admin.listTopics()).filter(name => ours.has(name))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  })
}

/** First offset kept and next offset to be written, by partition. `topic` is the full name. */
export async function topicEnds(kafka: Kafka, topic: string): Promise<{ low: number; high: number }[]> {
  return withAdmin(kafka, async admin => {
    const ends: { low: number; high: number }[] = []
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      ends[partition] = { low: Number(low), high: Number(high) }
    }
    return ends
  })
}

/** Resolves when a broker answers; for readiness checks. */
export async function pingKafka(kafka: Kafka): Promise<void> {
  await withAdmin(kafka, admin => admin.describeCluster())
}
