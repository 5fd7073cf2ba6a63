import { createRequire } from 'node:module'
import { CompressionTypes, type Producer as KafkajsProducer } from 'kafkajs'
import { replaceExport } from './kafkajs_files.ts'
import { type BatchRecord, roomFor, writeBatch } from './record_batch.ts'

/**
 * kafkajs made to send record batches as they are, those of many partitions in one request.
 *
 * kafkajs puts a batch together from two zeroed buffers a record, copies all of it five times and sums it byte by byte: 10 µs a record
 * of 1,100 bytes. Written into one buffer that is used again, and sent from there, it is 0.9. Connections, leaders, retries and answers
 * stay kafkajs's.
 */

/** Records for one partition: one batch. Nothing may change them until they are acknowledged. */
export interface PartitionBatch {
  /** full name */
  topic: string
  partition: number
  records: readonly BatchRecord[]
}

/** The answer for one of them. `base_offset`: of its first record. `appended_at`: the broker's clock, ms. */
export interface BatchAppended {
  base_offset: number
  appended_at: number
}

/** acks = all */
const ACKS = -1

/**
 * Sends batches, each of another partition: one request a broker. Resolves when all are acknowledged.
 * @returns in the order of the batches
 * @throws kafkajs' errors; then nobody knows which of them the log holds
 */
export async function produceBatches(
  producer: Pick<KafkajsProducer, 'sendBatch'>,
  batches: readonly PartitionBatch[],
  memory: RequestMemory,
): Promise<BatchAppended[]> {
  const messages = batches.map(
    ({ partition, records }): BatchMessage => ({ partition, value: NO_VALUE, batch: { records, memory, sends: [] } }),
  )
  const by_topic = Map.groupBy(messages.keys(), at => batches[at]?.topic ?? '')
  const answers = await producer.sendBatch({
    acks: ACKS,
    compression: CompressionTypes.None,
    topicMessages: [...by_topic].map(([topic, places]) => ({
      topic,
      messages: places.map(at => messages[at] as BatchMessage),
    })),
  })
  giveBack(messages, memory)
  const found = new Map(answers.map(answer => [`${answer.topicName}/${answer.partition}`, answer]))
  return batches.map(({ topic, partition }) => {
    const { baseOffset, logAppendTime } = found.get(`${topic}/${partition}`) ?? {}
    const base_offset = Number(baseOffset)
    if (!Number.isSafeInteger(base_offset))
      throw new Error(`Kafka acknowledged ${topic}/${partition} without an offset: ${baseOffset}`)
    return { base_offset, appended_at: Number(logAppendTime) }
  })
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Memory of requests that are acknowledged, for the next ones: fresh memory by the megabyte costs its first touch, and collections. */
export interface RequestMemory {
  take(bytes: number): Buffer<ArrayBuffer>
  give(memory: Buffer<ArrayBuffer>): void
}

/** What is kept at most: one large message is not worth keeping room for. */
const KEPT_COUNT_MAX = 6
const KEPT_BYTES_MAX = 1_300_000
const GRAIN_BYTES = 64 * 1024

export function newRequestMemory(): RequestMemory {
  const kept: Buffer<ArrayBuffer>[] = []
  return {
    take(bytes) {
      const at = kept.findIndex(memory => memory.length >= bytes)
      const [memory] = at < 0 ? [] : kept.splice(at, 1)
      return memory ?? Buffer.from(new ArrayBuffer(Math.ceil(bytes / GRAIN_BYTES) * GRAIN_BYTES))
    },
    give(memory) {
      if (memory.length > KEPT_BYTES_MAX) return
      kept.push(memory)
      kept.sort((a, b) => a.length - b.length)
      if (kept.length > KEPT_COUNT_MAX) kept.shift()
    },
  }
}

/** Once all is acknowledged. A batch that was sent twice leaves its memory alone: a stalled connection may still be about to send the first. */
function giveBack(messages: readonly BatchMessage[], memory: RequestMemory): void {
  const sends = messages.map(({ batch }) => batch.sends)
  if (sends.some(({ length }) => length !== 1)) return
  for (const sent of new Set(sends.flat())) memory.give(sent)
}

// ── The request ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A kafkajs message that stands for a whole batch: the only one of its partition. */
interface BatchMessage {
  partition: number
  /** Ours never looks at it. kafkajs's own encoder throws at it, instead of sending an empty record in the batch's place. */
  value: Buffer
  batch: {
    records: readonly BatchRecord[]
    memory: RequestMemory
    /** the memory of every request that it was written into */
    sends: Buffer<ArrayBuffer>[]
  }
}

const NO_VALUE = { says: 'a broker older than Kafka 2.1 does not take these batches' } as unknown as Buffer

/**
 * Bytes with room before them, in which kafkajs's heads of a request are written. Its encoder would copy a body of a megabyte twice, each
 * time to fresh zeroed memory: 3.6 KB a record, which made the main thread collect garbage three times a second.
 */
export class InPlace {
  readonly #memory: Buffer<ArrayBuffer>
  readonly #from: number
  readonly #to: number

  constructor(memory: Buffer<ArrayBuffer>, from: number, to: number) {
    this.#memory = memory
    this.#from = from
    this.#to = to
  }

  get buffer(): Buffer {
    return this.#memory.subarray(this.#from, this.#to)
  }

  /** as kafkajs knows an encoder */
  get buf(): Buffer {
    return this.buffer
  }

  size(): number {
    return this.#to - this.#from
  }

  /** These bytes behind a head; null: there is no room for it. */
  behind(head: Buffer): InPlace | null {
    const from = this.#from - head.length
    if (from < 0) return null
    head.copy(this.#memory, from)
    return new InPlace(this.#memory, from, this.#to)
  }
}

const TIMEOUT_MS = 30_000
/** For the request's length, kind and number, and the client's id. */
const ROOM_BEFORE_BYTES = 256
const HEAD_BYTES = 12
const TOPIC_HEAD_BYTES = 6
const PARTITION_HEAD_BYTES = 8

interface TopicData {
  topic: string
  partitions: readonly { partition: number; messages: readonly Partial<BatchMessage>[] }[]
}

/**
 * A produce request, version 3 to 8, of one batch a partition.
 *
 *   transactional id (null) i16 · acks i16 · timeout i32 · topics i32 · each: name · partitions i32 · each: number i32 · batch with its length i32
 */
function encodeProduce(topics: readonly TopicData[]): InPlace {
  const batches = topics.map(({ partitions }) => partitions.map(({ messages }) => batchOf(messages)))
  const memory = batches[0]?.[0]?.memory.take(roomOf(topics, batches))
  if (!memory) throw new Error('a produce request without a batch')
  let at = ROOM_BEFORE_BYTES
  at = memory.writeInt16BE(-1, at)
  at = memory.writeInt16BE(ACKS, at)
  at = memory.writeInt32BE(TIMEOUT_MS, at)
  at = memory.writeInt32BE(topics.length, at)
  const now = Date.now()
  topics.forEach(({ topic, partitions }, place) => {
    const name_bytes = memory.write(topic, at + 2)
    at = memory.writeInt16BE(name_bytes, at) + name_bytes
    at = memory.writeInt32BE(partitions.length, at)
    partitions.forEach(({ partition }, nth) => {
      const batch = batches[place]?.[nth]
      if (!batch) return
      at = memory.writeInt32BE(partition, at)
      const batch_bytes = writeBatch(memory.subarray(at + 4), batch.records, now)
      at = memory.writeInt32BE(batch_bytes, at) + batch_bytes
      batch.sends.push(memory)
    })
  })
  return new InPlace(memory, ROOM_BEFORE_BYTES, at)
}

function batchOf(messages: readonly Partial<BatchMessage>[]): BatchMessage['batch'] {
  const [message, ...more] = messages
  if (!message?.batch || more.length > 0) throw new Error('a batch is the only message of its partition in a request')
  return message.batch
}

function roomOf(topics: readonly TopicData[], batches: readonly BatchMessage['batch'][][]): number {
  const heads = topics.map(
    ({ topic, partitions }) => TOPIC_HEAD_BYTES + Buffer.byteLength(topic) + partitions.length * PARTITION_HEAD_BYTES,
  )
  const bodies = batches.flat().map(({ records }) => roomFor(records))
  return [...heads, ...bodies].reduce((sum, bytes) => sum + bytes, ROOM_BEFORE_BYTES + HEAD_BYTES)
}

// ── kafkajs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The newest produce request that kafkajs knows; a broker that takes only older ones is older than Kafka 2.1. */
const REQUEST = 'kafkajs/src/protocol/requests/produce/v7/request.js'
const ENCODER = 'kafkajs/src/protocol/encoder.js'

interface ProduceRequest {
  topicData: readonly TopicData[]
}

interface Encoder {
  readonly buffer: Buffer
  writeEncoder(value: object): object
}

/**
 * Puts our encoder before kafkajs's: a request of batch messages is sent as it is, every other goes the usual way. Any test that sends
 * fails if this stops working: its own encoder throws at a batch.
 */
export function teachBatches(): void {
  replaceExport<(request: ProduceRequest) => object>(REQUEST, original => {
    copyBatchesInPlace()
    return request => {
      const { topicData } = request
      if (!topicData[0]?.partitions[0]?.messages[0]?.batch) return original(request)
      // kafkajs copies what has the two fields of its own encoder.
      return { ...original({ ...request, topicData: [] }), encode: async () => encodeProduce(topicData) }
    }
  })
}

function copyBatchesInPlace(): void {
  const encoder: Encoder = createRequire(import.meta.url)(ENCODER).prototype
  const copied = encoder.writeEncoder
  encoder.writeEncoder = function (this: Encoder, value) {
    return (value instanceof InPlace ? value.behind(this.buffer) : null) ?? copied.call(this, value)
  }
}
