/**
 * A bare part, in a process of its own so that its CPU is its own: `node world/bench/part.ts` with the work as JSON in its argument.
 * One JSON line when it is done: what it did, the seconds that took, and the CPU seconds of this process for it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createClient } from '@clickhouse/client'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'

export type Part =
  /** eachBatch and JSON.parse, nothing else, until `until` of every partition */
  | { kind: 'consume'; brokers: string[]; topics: { topic: string; until: Record<string, number> }[] }
  /** messages of this size, at most 600 a send and 900 kB, all partitions at once; other sizes were not tried */
  | { kind: 'produce'; brokers: string[]; topic: string; partitions: number; messages: number; bytes: number }
  /** Arrow streams that lie in files, `<table>.<n>.arrow`: one INSERT each, one at a time */
  | { kind: 'insert'; url: string; database: string; dir: string }
  /** what comes in goes out, a batch at a time, until SIGTERM; the key says whence: `<partition>:<offset>` */
  | { kind: 'echo'; brokers: string[]; from: string; to: string; only: string }

export interface PartDone {
  messages: number
  bytes: number
  seconds: number
  cpu_s: number
  /** CPU seconds after which its measuring began: what Node's start took */
}

const MESSAGES_A_SEND = 600

async function consume(part: Extract<Part, { kind: 'consume' }>): Promise<PartDone> {
  const kafka = clientOf(part.brokers)
  const consumer = kafka.consumer({ groupId: `bare-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: part.topics.map(({ topic }) => topic), fromBeginning: true })
  const left = new Set(
    part.topics.flatMap(({ topic, until }) =>
      Object.entries(until).flatMap(([partition, end]) => (end > 0 ? [`${topic}/${partition}`] : [])),
    ),
  )
  const ends = new Map(part.topics.map(({ topic, until }) => [topic, until]))
  const done = Promise.withResolvers<void>()
  let messages = 0
  let bytes = 0
  let objects = 0
  const measured = measure()
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) {
        messages += 1
        bytes += value?.length ?? 0
        if (value && isObject(value)) objects += 1
      }
      const end = ends.get(batch.topic)?.[batch.partition] ?? 0
      if (Number(batch.lastOffset()) + 1 >= end) left.delete(`${batch.topic}/${batch.partition}`)
      if (left.size === 0) done.resolve()
    },
  })
  await done.promise
  const used = measured()
  if (objects === 0 && messages > 0) throw new Error('none of the values was an object')
  await consumer.disconnect()
  return { messages, bytes, ...used }
}

/** Among all kinds of rows some are dead letters. */
function isObject(value: Buffer): boolean {
  try {
    return typeof JSON.parse(value.toString()) === 'object'
  } catch {
    return false
  }
}

async function produce(part: Extract<Part, { kind: 'produce' }>): Promise<PartDone> {
  const kafka = clientOf(part.brokers)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const value = Buffer.alloc(part.bytes, 'x')
  const each = Math.ceil(part.messages / part.partitions)
  // One record batch must stay below the broker's 1 MB.
  const a_send = Math.max(1, Math.min(MESSAGES_A_SEND, Math.floor(900_000 / (part.bytes + 100))))
  const measured = measure()
  await Promise.all(
    Array.from({ length: part.partitions }, async (_, partition) => {
      for (let sent = 0; sent < each; sent += a_send) {
        const length = Math.min(a_send, each - sent)
        const messages = Array.from({ length }, () => ({ partition, key: 'zone-0', value }))
        await producer.send({ topic: part.topic, acks: -1, compression: CompressionTypes.None, messages })
      }
    }),
  )
  const used = measured()
  await producer.disconnect()
  return { messages: each * part.partitions, bytes: each * part.partitions * part.bytes, ...used }
}

async function insert({ url, database, dir }: Extract<Part, { kind: 'insert' }>): Promise<PartDone> {
  const client = createClient({ url, database, request_timeout: 600_000 })
  const total: PartDone = { messages: 0, bytes: 0, seconds: 0, cpu_s: 0 }
  for (const file of readdirSync(dir)) {
    const stream = readFileSync(join(dir, file))
    const measured = measure()
    const query = `INSERT INTO ${file.split('.')[0]} FORMAT ArrowStream`
    const clickhouse_settings = { async_insert: 0, max_insert_threads: '1' } as const
    const answer = await client.exec({ query, values: Readable.from([stream]), clickhouse_settings })
    answer.stream.resume()
    for await (const _ of answer.stream);
    const { seconds, cpu_s } = measured()
    total.messages += 1
    total.bytes += stream.length
    total.seconds += seconds
    total.cpu_s += cpu_s
  }
  await client.close()
  return total
}

async function echo(part: Extract<Part, { kind: 'echo' }>): Promise<PartDone> {
  const kafka = clientOf(part.brokers)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const consumer = kafka.consumer({ groupId: `echo-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 100 })
  await producer.connect()
  await consumer.connect()
  await consumer.subscribe({ topics: [part.from], fromBeginning: false })
  const measured = measure()
  let count = 0
  let bytes = 0
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 8,
    eachBatch: async ({ batch }) => {
      const messages = batch.messages.flatMap(({ offset, value }) =>
        value?.includes(part.only) ? [{ partition: batch.partition, key: `${batch.partition}:${offset}`, value }] : [],
      )
      count += messages.length
      for (const { value } of messages) bytes += value.length
      if (messages.length > 0) await producer.send({ topic: part.to, acks: -1, messages })
    },
  })
  process.stderr.write('echo runs\n')
  await new Promise(resolve => process.once('SIGTERM', resolve))
  return { messages: count, bytes, ...measured() }
}

function clientOf(brokers: string[]): Kafka {
  return new Kafka({ brokers, clientId: 'bare', logLevel: logLevel.NOTHING })
}

function measure(): () => { seconds: number; cpu_s: number } {
  const began = performance.now()
  const cpu = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - began) / 1_000, cpu_s: (user + system) / 1_000_000 }
  }
}

function run(part: Part): Promise<PartDone> {
  switch (part.kind) {
    case 'consume':
      return consume(part)
    case 'produce':
      return produce(part)
    case 'insert':
      return insert(part)
    case 'echo':
      return echo(part)
  }
}

const part = JSON.parse(process.argv[2] ?? '{}') as Part
const done = await run(part)
process.stdout.write(`${JSON.stringify(done)}\n`)
process.exit(0)
