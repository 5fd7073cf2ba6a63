import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'
import { type BatchRecord, roomFor, writeBatch } from './record_batch.ts'

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
      const room = Buffer.alloc(roomFor(given as BatchRecord[]))
      const bytes = room.subarray(0, writeBatch(room, given as BatchRecord[], 1_700_000_000_123))
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
