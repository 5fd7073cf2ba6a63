import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'
import { type BatchMessage, type BatchRecord, batchMessage, encodeBatch, teachBatches } from './record_batch.ts'

/** kafkajs's own encoder and decoder, which ours stands in for. */
const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder.js')
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js')
const theirCrc = require('kafkajs/src/protocol/recordBatch/crc32C/index.js')

test('CRC-32C: the check value of RFC 3720, and kafkajs on anything', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, start) => {
      const from = Math.min(start, bytes.length)
      expect(crc32c(bytes, from)).toBe(theirCrc(bytes.subarray(from)))
    }),
  )
})

test('a batch is read back by kafkajs as it was given', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const records = fc.array(
    fc.record(
      {
        key: text,
        value: fc.uint8Array({ maxLength: 20_000, size: '+1' }).map(bytes => Buffer.from(bytes)),
        // kafkajs cannot read a header named valueOf.
        headers: fc.dictionary(
          text.map(name => `x-${name}`),
          text,
          { maxKeys: 4, noNullPrototype: true },
        ),
      },
      { requiredKeys: ['key', 'value'] },
    ),
    { minLength: 1, maxLength: 150 },
  )
  await fc.assert(
    fc.asyncProperty(records, async given => {
      const bytes = encodeBatch(given as BatchRecord[], 1_700_000_000_123)
      expect(bytes.readInt32BE(8)).toBe(bytes.length - 12)
      expect(bytes.readUInt32BE(17)).toBe(theirCrc(bytes.subarray(21)))
      const read = (await decodeBatch(new Decoder(bytes))).records
      expect(read.map((record: { offset: string }) => record.offset)).toEqual(given.map((_, place) => String(place)))
      read.forEach(({ key, value, headers }: { key: Buffer; value: Buffer; headers: object }, place: number) => {
        const wanted = given[place]
        expect(key.equals(Buffer.from(wanted?.key ?? ''))).toBe(true)
        expect(value.equals(wanted?.value ?? Buffer.alloc(0))).toBe(true)
        const texts = Object.entries(headers).map(([name, text]) => [name, String(text)])
        const utf8 = (one: string) => Buffer.from(one).toString()
        expect(texts).toEqual(Object.entries(wanted?.headers ?? {}).map(([name, one]) => [utf8(name), utf8(one)]))
      })
    }),
    { numRuns: 60 },
  )
})

test('a broker that only takes older requests is refused instead of getting empty records', async () => {
  const batch = batchMessage({ topic: 't', partition: 0 }, [{ key: 'k', value: Buffer.from('v') }], 1, null)
  for (const version of [3, 6]) {
    const requestOf = require(`kafkajs/src/protocol/requests/produce/v${version}/request.js`)
    const topicData = [{ topic: 't', partitions: [{ partition: 0, messages: [batch] }] }]
    await expect(requestOf({ acks: -1, timeout: 1, compression: 0, topicData }).encode()).rejects.toThrow(TypeError)
  }
})

test('the memory of a send is used again for the next one, smaller or larger, and says what was asked for', () => {
  const records = (count: number) => Array.from({ length: count }, (_, n) => ({ key: 'k', value: Buffer.from(`${n}`) }))
  const first = batchMessage({ topic: 'topic', partition: 3 }, records(50), 7, null)
  const smaller = batchMessage({ topic: 'topic', partition: 3 }, records(2), 7, first.body.memory)
  expect(smaller.body.memory).toBe(first.body.memory)
  const larger = batchMessage({ topic: 'topic', partition: 3 }, records(5_000), 7, smaller.body.memory)
  for (const [{ body }, count] of [
    [smaller, 2],
    [larger, 5_000],
  ] as const) {
    const batch = encodeBatch(records(count), 7)
    const bytes = body.buffer
    expect(bytes.subarray(31).equals(batch)).toBe(true)
    expect([bytes.toString('utf8', 14, 19), bytes.readInt32BE(23), bytes.readInt32BE(27)]).toEqual([
      'topic',
      3,
      batch.length,
    ])
  }
})

/** What kafkajs's connection writes to its socket. */
const requestOf = async (batch: BatchMessage, correlationId: number, clientId: string): Promise<Buffer> => {
  teachBatches()
  const produce = require('kafkajs/src/protocol/requests/produce/v7/request.js')
  const createRequest = require('kafkajs/src/protocol/request.js')
  const topicData = [{ topic: 't', partitions: [{ partition: 0, messages: [batch] }] }]
  const request = produce({ acks: -1, timeout: 30_000, compression: 0, topicData })
  return (await createRequest({ correlationId, clientId, request })).buffer
}

test.each([
  ['in the memory of the batch', 'engine', true],
  ['copied, behind a head that does not fit before it', 'x'.repeat(300), false],
])('a request is sent %s', async (_, client_id, in_place) => {
  const batch = batchMessage({ topic: 't', partition: 0 }, [{ key: 'k', value: Buffer.from('v') }], 1, null)
  const body = Buffer.from(batch.body.buffer)
  const request = await requestOf(batch, 77, client_id)
  expect(request.buffer === batch.body.memory.buffer).toBe(in_place)
  expect(request.readInt32BE(0)).toBe(request.length - 4)
  expect([request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8)]).toEqual([0, 7, 77])
  expect(request.toString('utf8', 14, 14 + request.readInt16BE(12))).toBe(client_id)
  expect(request.subarray(14 + client_id.length).equals(body)).toBe(true)
})

test('a batch that is sent again goes out as a copy, and its memory is not used again', async () => {
  const batch = batchMessage({ topic: 't', partition: 0 }, [{ key: 'k', value: Buffer.from('v') }], 1, null)
  const first = await requestOf(batch, 1, 'engine')
  expect(batch.body.isFree()).toBe(true)
  const before = Buffer.from(first)
  const second = await requestOf(batch, 2, 'engine')
  expect(first.equals(before)).toBe(true)
  expect(second.readInt32BE(8)).toBe(2)
  expect(second.subarray(12).equals(first.subarray(12))).toBe(true)
  expect(batch.body.isFree()).toBe(false)
})
