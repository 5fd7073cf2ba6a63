import { type Admin, CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { TOPICS, type Topic, topicName } from '../contract.ts'
import { mendConnections } from './connections.ts'
import { batchMessage, teachBatches } from './record_batch.ts'

/**
 * kafkajs as we use it (what was measured stands in the comments): one client a process, topics from one table,
 * and a producer that gathers.
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
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries },
  })
}

async function withAdmin<Result>(kafka: Kafka, work: (admin: Admin) => Promise<Result>): Promise<Result> {
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

// ── Producer ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface OutgoingMessage {
  partition: number
  key: string
  value: Buffer
  headers?: Record<string, string>
}

/** Where a message came to lie. `appended_at`: the broker's clock, ms. */
export interface Appended {
  topic: string
  partition: number
  offset: number
  appended_at: number
}

export interface Producer {
  /**
   * Resolves when Kafka has acknowledged (acks = all). Messages of one partition keep the order of the calls. After a
   * cut connection the same message may lie in the log twice: readers drop repeats.
   * @throws Overloaded when the bounded buffer is full; kafkajs' error when the broker could not be reached.
   */
  send(topic: string, message: OutgoingMessage): Promise<Appended>
  buffered_bytes(): number
  close(): Promise<void>
}

/** The buffer is full: the caller must slow down (HTTP 429, or reading a stream more slowly). */
export class Overloaded extends Error {
  override name = 'Overloaded'
}

interface Waiting extends OutgoingMessage {
  bytes: number
  resolve: (appended: Appended) => void
  reject: (error: unknown) => void
}

interface Lane {
  topic: string
  partition: number
  waiting: Waiting[]
  sending: boolean
  /** of the send before, which is acknowledged */
  memory: Buffer<ArrayBuffer> | null
}

/**
 * All messages of one kafkajs send for one partition become one record batch, and the broker refuses a batch above 1 MB
 * (and a reader that waits for it crashes): so sends are cut by bytes.
 */
const SEND_BYTES_MAX = 900_000
/** What a lane keeps between two sends; one large message is not worth keeping room for. */
const MEMORY_KEPT_BYTES = 1_100_000
const CONNECT_AGAIN_MS = 500
/** Key, headers and framing of a record, beside its value; generous. */
const RECORD_OVERHEAD_BYTES = 200

/**
 * A producer that has one send in flight a partition and gathers what waits meanwhile: kafkajs' producer costs 5 to 10
 * times more per call than per message. Not idempotent, on purpose: with two sends in flight and a cut connection,
 * kafkajs' idempotent producer acknowledged a message that is not in the log.
 */
export async function openProducer(kafka: Kafka, options: { buffer_bytes_max?: number } = {}): Promise<Producer> {
  const buffer_bytes_max = options.buffer_bytes_max ?? 32 * 1024 * 1024
  teachBatches()
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false })
  await producer.connect()
  const lanes = new Map<string, Lane>()
  const running = new Set<Promise<void>>()
  let buffered_bytes = 0
  let closed = false
  let mending: Promise<void> | null = null

  /** A broker whose first answer was cut off counts as connected and fails everything, until we disconnect from it. */
  function mendAfter(error: unknown): void {
    if (!(error instanceof Error && error.message.includes('Broker not connected'))) return
    mending ??= connectAnew().finally(() => {
      mending = null
    })
  }

  async function connectAnew(): Promise<void> {
    while (!closed) {
      try {
        await producer.disconnect()
        await producer.connect()
        return
      } catch {
        await new Promise(resolve => setTimeout(resolve, CONNECT_AGAIN_MS))
      }
    }
  }

  async function sendPart(lane: Lane, part: Waiting[]): Promise<void> {
    try {
      const message = batchMessage(lane, part, Date.now(), lane.memory)
      const { body } = message
      lane.memory = null
      const [answer] = await producer.send({
        topic: lane.topic,
        acks: -1,
        compression: CompressionTypes.None,
        messages: [message],
      })
      const base = Number(answer?.baseOffset)
      const appended_at = Number(answer?.logAppendTime)
      if (!Number.isSafeInteger(base))
        throw new Error(`Kafka acknowledged without an offset: ${JSON.stringify(answer)}`)
      part.forEach((message, index) => {
        message.resolve({ topic: lane.topic, partition: lane.partition, offset: base + index, appended_at })
      })
      for (const message of part) buffered_bytes -= message.bytes
      if (body.isFree() && body.memory.length <= MEMORY_KEPT_BYTES) lane.memory = body.memory
    } catch (error) {
      mendAfter(error) // and the memory is not used again: nobody knows what the connection still holds of it
      // What waits behind a failed send fails with it, so that a caller who sends again keeps the order.
      for (const message of [...part, ...lane.waiting.splice(0)]) {
        buffered_bytes -= message.bytes
        message.reject(error)
      }
    }
  }

  async function drain(lane: Lane): Promise<void> {
    lane.sending = true
    // One turn of the event loop lets the callers of this moment join the first send.
    await new Promise(resolve => setImmediate(resolve))
    while (lane.waiting.length > 0) await sendPart(lane, takePart(lane.waiting))
    lane.sending = false
  }

  function laneOf(topic: string, partition: number): Lane {
    const name = `${topic}/${partition}`
    let lane = lanes.get(name)
    if (!lane) {
      lane = { topic, partition, waiting: [], sending: false, memory: null }
      lanes.set(name, lane)
    }
    return lane
  }

  return {
    send(topic, message) {
      const bytes = message.value.length + message.key.length + RECORD_OVERHEAD_BYTES
      if (closed) return Promise.reject(new Error('the producer is closed'))
      if (buffered_bytes + bytes > buffer_bytes_max) {
        return Promise.reject(new Overloaded(`the producer holds ${buffered_bytes} bytes that Kafka has not taken yet`))
      }
      buffered_bytes += bytes
      const lane = laneOf(topic, message.partition)
      return new Promise<Appended>((resolve, reject) => {
        lane.waiting.push({ ...message, bytes, resolve, reject })
        if (lane.sending) return
        const run = drain(lane).finally(() => running.delete(run))
        running.add(run)
      })
    },
    buffered_bytes: () => buffered_bytes,
    async close() {
      closed = true
      await Promise.allSettled(running)
      await mending
      await producer.disconnect()
    },
  }
}

/** Takes from the front what fits into one record batch; at least one message. */
function takePart(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  let count = 0
  for (const message of waiting) {
    if (count > 0 && bytes + message.bytes > SEND_BYTES_MAX) break
    bytes += message.bytes
    count += 1
  }
  return waiting.splice(0, count)
}
