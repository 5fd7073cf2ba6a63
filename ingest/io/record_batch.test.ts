import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'
import { type BatchRecord, batchMessage, encodeBatch } from './record_batch.ts'

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

test('the body of a send is used again for the next one, smaller or larger, and says what was asked for', () => {
  const records = (count: number) => Array.from({ length: count }, (_, n) => ({ key: 'k', value: Buffer.from(`${n}`) }))
  const first = batchMessage({ topic: 'topic', partition: 3 }, records(50), 7, null)
  const smaller = batchMessage({ topic: 'topic', partition: 3 }, records(2), 7, first.body)
  expect(smaller.body.buffer).toBe(first.body.buffer)
  const larger = batchMessage({ topic: 'topic', partition: 3 }, records(5_000), 7, smaller.body)
  for (const [{ body }, count] of [
    [smaller, 2],
    [larger, 5_000],
  ] as const) {
    const batch = encodeBatch(records(count), 7)
    expect(body.subarray(31).equals(batch)).toBe(true)
    expect([body.toString('utf8', 14, 19), body.readInt32BE(23), body.readInt32BE(27)]).toEqual([
      'topic',
      3,
      batch.length,
    ])
  }
})
