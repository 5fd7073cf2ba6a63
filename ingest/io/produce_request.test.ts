import { createRequire } from 'node:module'
import type { Message, ProducerBatch } from 'kafkajs'
import { expect, test } from 'vitest'
import { newRequestMemory, type PartitionBatch, produceBatches, teachBatches } from './produce_request.ts'
import { roomFor, writeBatch } from './record_batch.ts'

/** What kafkajs's own code makes of our batches on its way to the socket: these parts of it are internal, and its version is pinned. */
const require = createRequire(import.meta.url)
const createTopicData = require('kafkajs/src/producer/createTopicData.js')
const groupMessagesPerPartition = require('kafkajs/src/producer/groupMessagesPerPartition.js')
const createRequestOf = require('kafkajs/src/protocol/request.js')
teachBatches()
const produce = require('kafkajs/src/protocol/requests/produce/v7/request.js')

const topicDataOf = ({ topicMessages = [] }: ProducerBatch) =>
  createTopicData(
    topicMessages.map(({ topic, messages }) => {
      const partitioner = ({ message }: { message: Message }) => message.partition
      const messagesPerPartition = groupMessagesPerPartition({
        topic,
        partitionMetadata: [{ partitionId: 0 }],
        messages,
        partitioner,
      })
      return { topic, partitions: messages.map(({ partition }) => partition), messagesPerPartition }
    }),
  )

/** What kafkajs's connection writes to its socket, as often as `times`. */
async function requestsOf(
  batches: readonly PartitionBatch[],
  { times = 1, client_id = 'engine', memory = newRequestMemory() } = {},
): Promise<Buffer[]> {
  const requests: Buffer[] = []
  const socket = {
    async sendBatch(sent: ProducerBatch) {
      const topicData = topicDataOf(sent)
      for (let correlationId = 1; correlationId <= times; correlationId += 1) {
        const request = produce({ acks: -1, timeout: 30_000, compression: 0, topicData })
        requests.push((await createRequestOf({ correlationId, clientId: client_id, request })).buffer)
      }
      return (sent.topicMessages ?? []).flatMap(({ topic, messages }) =>
        messages.map(({ partition = -1 }) => ({
          topicName: topic,
          partition,
          errorCode: 0,
          baseOffset: '7',
          logAppendTime: '8',
        })),
      )
    },
  }
  const appended = await produceBatches(socket, batches, memory)
  expect(appended).toEqual(batches.map(() => ({ base_offset: 7, appended_at: 8 })))
  return requests
}

const batch = (topic: string, partition: number, count = 1): PartitionBatch => ({
  topic,
  partition,
  records: Array.from({ length: count }, (_, n) => ({ key: 'k', value: Buffer.from(`${topic} ${partition} ${n}`) })),
})

/** As the protocol's documentation has it: Produce Request, version 7. */
function parse(request: Buffer, client_id: string) {
  expect(request.readInt32BE(0)).toBe(request.length - 4)
  expect([request.readInt16BE(4), request.readInt16BE(6)]).toEqual([0, 7])
  expect(request.toString('utf8', 14, 14 + request.readInt16BE(12))).toBe(client_id)
  let at = 14 + client_id.length
  expect([request.readInt16BE(at), request.readInt16BE(at + 2), request.readInt32BE(at + 4)]).toEqual([-1, -1, 30_000])
  const parts: { topic: string; partition: number; bytes: Buffer }[] = []
  const topics = request.readInt32BE(at + 8)
  at += 12
  for (let nth = 0; nth < topics; nth += 1) {
    const topic = request.toString('utf8', at + 2, at + 2 + request.readInt16BE(at))
    at += 2 + Buffer.byteLength(topic)
    const partitions = request.readInt32BE(at)
    at += 4
    for (let one = 0; one < partitions; one += 1) {
      const bytes = request.subarray(at + 8, at + 8 + request.readInt32BE(at + 4))
      parts.push({ topic, partition: request.readInt32BE(at), bytes })
      at += 8 + bytes.length
    }
  }
  expect(at).toBe(request.length)
  return parts
}

/** but for the two timestamps, and the checksum over them */
const bodyOf = (bytes: Buffer): string =>
  Buffer.concat([bytes.subarray(0, 17), bytes.subarray(21, 27), bytes.subarray(43)]).toString('hex')

function expectSame(request: Buffer, batches: readonly PartitionBatch[], client_id = 'engine'): void {
  const wanted = batches.map(({ topic, partition, records }) => {
    const room = Buffer.alloc(roomFor(records))
    return { topic, partition, body: bodyOf(room.subarray(0, writeBatch(room, records, 1))) }
  })
  expect(parse(request, client_id).map(({ bytes, ...at }) => ({ ...at, body: bodyOf(bytes) }))).toEqual(wanted)
}

test.each(['engine', 'a client whose name does not fit before the body '.repeat(10)])(
  'batches of several partitions and topics are one request of %s',
  async client_id => {
    const batches = [batch('decisions', 0, 3), batch('decisions', 5), batch('movements', 5, 200)]
    const [request] = await requestsOf(batches, { client_id })
    expectSame(request as Buffer, batches, client_id)
  },
)

test('the memory of a request is used again for the next one, smaller or larger', async () => {
  const memory = newRequestMemory()
  const small = batch('topic', 3, 2)
  const large = batch('topic', 3, 5_000)
  const [first] = await requestsOf([small], { memory })
  const [second] = await requestsOf([large], { memory })
  const [third] = await requestsOf([large], { memory })
  const [fourth] = await requestsOf([small], { memory })
  expect(fourth?.buffer).toBe(first?.buffer)
  expect(third?.buffer).toBe(second?.buffer)
  expectSame(third as Buffer, [large])
  expectSame(fourth as Buffer, [small])
})

test('what is sent twice is written anew, and the memory of neither is used again', async () => {
  const memory = newRequestMemory()
  const batches = [batch('topic', 3, 2)]
  const [first, second] = await requestsOf(batches, { memory, times: 2 })
  expect(second?.buffer).not.toBe(first?.buffer)
  expectSame(first as Buffer, batches)
  expectSame(second as Buffer, batches)
  const [later] = await requestsOf(batches, { memory })
  expect([first?.buffer, second?.buffer]).not.toContain(later?.buffer)
})

test('no answer for a partition is an error, and not an offset', async () => {
  const silent = { sendBatch: async () => [] }
  await expect(produceBatches(silent, [batch('t', 0)], newRequestMemory())).rejects.toThrow(
    'acknowledged t/0 without an offset',
  )
})

test('a broker that only takes older requests is refused instead of getting empty records', async () => {
  const older = {
    async sendBatch(sent: ProducerBatch) {
      for (const version of [3, 6]) {
        const requestOf = require(`kafkajs/src/protocol/requests/produce/v${version}/request.js`)
        const request = requestOf({ acks: -1, timeout: 1, compression: 0, topicData: topicDataOf(sent) })
        await expect(request.encode()).rejects.toThrow(TypeError)
      }
      throw new Error('both were refused')
    },
  }
  await expect(produceBatches(older, [batch('t', 0)], newRequestMemory())).rejects.toThrow('both')
})
