import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newAnswers } from './answers.ts'
import { FetchedBatch, teachReading } from './fetched_batch.ts'
import { INDEX_STEP, PiecedMessages, packMessages } from './log_messages.ts'
import { stretchesOf } from './reader.ts'

/** Beside kafkajs's own decoder, which is internal; its version is pinned. */
const require = createRequire(import.meta.url)
const DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder.js'
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const Record = require('kafkajs/src/protocol/recordBatch/record/v0')
const Decoder = require('kafkajs/src/protocol/decoder.js')
const theirs = require(DECODER)
teachReading()
const ours = require(DECODER)
const KafkaBatch = require('kafkajs/src/consumer/batch.js')
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js')

const GZIP = 1
const APPEND_TIME = 8
const TRANSACTION = 16
const CONTROL = 32
const DELETE_HORIZON = 64

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
// kafkajs takes these for headers that came before.
const name = text.filter(one => !(one in {}))
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map(all => Buffer.from(all)),
  // Lengths around the steps of a varint.
  fc.constantFrom(63, 64, 8_191, 8_192).map(length => Buffer.alloc(length, 'x')),
)
const batches = fc.record({
  first: fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) - 1_000n }),
  stamp: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  records: fc.array(
    fc.record({
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.dictionary(name, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), { maxKeys: 3 }),
      early_ms: fc.integer({ min: 0, max: 2_000_000_000 }),
    }),
    { maxLength: 8 },
  ),
  /** after a compaction not every offset is there */
  every: fc.integer({ min: 1, max: 100 }),
})

interface Batch {
  first: bigint
  stamp: number
  records: { key: Buffer | null; value: Buffer | null; headers: object; early_ms: number }[]
  every: number
}

async function encoded({ first, stamp, records, every }: Batch, attributes: number): Promise<Buffer> {
  const { buffer } = await RecordBatch({
    compression: attributes & GZIP,
    firstOffset: first,
    firstTimestamp: stamp,
    maxTimestamp: stamp + 7,
    lastOffsetDelta: records.length * every,
    producerId: 4_000_000_000n,
    records: records.map(({ early_ms, ...record }, place) =>
      Record({ ...record, offsetDelta: place * every, timestampDelta: early_ms }),
    ),
  })
  buffer.writeInt16BE(attributes, 21)
  return buffer
}

/** What a decoder makes of it: the batch and its messages, or the error; and how far it has read. */
async function read(decode: typeof theirs, buffer: Buffer, from = 0): Promise<object> {
  const decoder = new Decoder(buffer)
  decoder.forward(from)
  try {
    const { records, ...context } = await decode(decoder)
    return { context, messages: messagesOf(records), last: records.at(-1)?.offset, offset: decoder.offset }
  } catch (error) {
    return { error: String(error) }
  }
}

const messagesOf = (records: Parameters<typeof stretchesOf>[0]) =>
  stretchesOf(records).flatMap(stretch => [...new PiecedMessages([{ stretch, from: 0, to: stretch.length }])])

/** `toEqual` takes a hundred times as long for buffers: it is for what differs. */
function expectSame(found: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(found, wanted)) expect(found).toEqual(wanted)
}

test('reads the batches of our topics to the same records as kafkajs, wherever they lie', async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(50), async (one, from) => {
      const buffer = Buffer.concat([Buffer.alloc(from, 1), await encoded(one, APPEND_TIME), Buffer.alloc(9, 1)])
      const found = await read(ours, buffer, from)
      expectSame(found, await read(theirs, buffer, from))
      expect(found).toMatchObject({ messages: { length: one.records.length } })
    }),
    { numRuns: 1_000 },
  )
})

test('leaves other batches to kafkajs: stamped by their producer, compressed, of a transaction, of control, soon to be deleted', async () => {
  const attributes = fc.constantFrom(
    ...[0, GZIP, GZIP + APPEND_TIME, CONTROL + APPEND_TIME],
    ...[TRANSACTION + APPEND_TIME, DELETE_HORIZON + APPEND_TIME],
  )
  await fc.assert(
    fc.asyncProperty(batches, attributes, async (one, kind) => {
      const buffer = await encoded(one, kind)
      expectSame(await read(ours, buffer), await read(theirs, buffer))
    }),
  )
})

test('of an answer that was cut off, the whole batches come', async () => {
  await fc.assert(
    fc.asyncProperty(batches, batches, fc.double({ min: 0, max: 1, noNaN: true }), async (one, other, share) => {
      const [first, second] = await Promise.all([encoded(one, APPEND_TIME), encoded(other, APPEND_TIME)])
      const cut = second.subarray(0, Math.min(second.length - 1, Math.floor(share * second.length)))
      const size = Buffer.alloc(4)
      size.writeInt32BE(first.length + cut.length)
      const messages = await decodeMessages(new Decoder(Buffer.concat([size, first, cut])))
      expectSame(messagesOf(messages), messagesOf((await theirs(new Decoder(first))).records))
    }),
  )
})

test('a header may have any name', async () => {
  const headers = { toString: 'a', ['__proto__']: 'b' }
  const record = { key: null, value: null, headers, early_ms: 0 }
  const { records } = await ours(
    new Decoder(await encoded({ first: 7n, stamp: 1, records: [record], every: 1 }, APPEND_TIME)),
  )
  const [message] = messagesOf(records)
  expect(Object.entries(message?.headers ?? {})).toEqual([
    ['toString', 'a'],
    ['__proto__', 'b'],
  ])
})

test('in an answer to a fetch, says which batch is damaged', async () => {
  const record = { key: null, value: Buffer.from('value'), headers: {}, early_ms: 0 }
  const buffer = await encoded({ first: 7n, stamp: 1, records: [record, record], every: 1 }, APPEND_TIME)
  const size = Buffer.alloc(4)
  size.writeInt32BE(buffer.length)
  const length_at = buffer.lastIndexOf('value') - 1
  buffer[length_at] = (buffer[length_at] as number) + 2
  const answer = decodeMessages(new Decoder(Buffer.concat([size, buffer])))
  await expect(answer).rejects.toThrow('the record batch at offset 7 is damaged at 8')
})

const parts = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
/** A batch of ours and a part of it that has a message at least. */
const batchAndPart = fc
  .tuple(batches, parts)
  .filter(([{ records }]) => records.length > 0)
  .map(([batch, [one, other]]) => {
    const from = Math.floor(Math.min(one, other) * (batch.records.length - 0.5))
    return { batch, from, to: Math.max(from + 1, Math.ceil(Math.max(one, other) * batch.records.length)) }
  })

test('a part of a batch is packed as a list of its messages is', async () => {
  await fc.assert(
    fc.asyncProperty(batchAndPart, async ({ batch, from, to }) => {
      const stretch = new FetchedBatch(await encoded(batch, APPEND_TIME))
      const messages = new PiecedMessages([{ stretch, from, to }])
      const { index, bytes } = packMessages(messages)
      expect(index.length).toBe((to - from) * INDEX_STEP)
      ;[...messages].forEach(({ offset, appended_at, value }, n) => {
        const [has_offset, has_time, start, end] = index.subarray(n * INDEX_STEP)
        expectSame([has_offset, has_time], [offset, appended_at])
        expectSame(Buffer.from(bytes.subarray(start, end)), value ?? Buffer.alloc(0))
      })
    }),
  )
})

test('two parts of a batch take what both take together, and no less than their bytes', async () => {
  await fc.assert(
    fc.asyncProperty(batchAndPart, async ({ batch, from }) => {
      const stretch = new FetchedBatch(await encoded(batch, APPEND_TIME))
      expect(stretch.bytesOf(0, from) + stretch.bytesOf(from, stretch.length)).toBe(stretch.bytesOf(0, stretch.length))
      const bytes = batch.records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0)
      expect(stretch.bytesOf(0, stretch.length)).toBeGreaterThanOrEqual(bytes)
    }),
  )
})

/** One of Kafka's answers that holds these batches, in memory of its own. */
function answered(batches_sent: readonly Buffer[]): Buffer {
  const all = Buffer.concat(batches_sent)
  const answer = Buffer.alloc(8 + all.length)
  answer.writeInt32BE(4 + all.length)
  answer.writeInt32BE(all.length, 4)
  all.copy(answer, 8)
  let got: Buffer = answer
  newAnswers(
    whole => {
      got = whole
    },
    error => expect.unreachable(error.message),
  ).take(answer)
  return got.subarray(4)
}

const large = (name: string): Batch => ({
  ...{ first: 7n, stamp: 1, every: 1 },
  records: [{ key: Buffer.from('k'), value: Buffer.alloc(50_000, name), headers: {}, early_ms: 0 }],
})

test('an answer is freed with its last batch, once, and says so', async () => {
  const sent = await Promise.all(['a', 'b'].map(name => encoded(large(name), APPEND_TIME)))
  const [a, b] = (await decodeMessages(new Decoder(answered(sent)))) as [FetchedBatch, FetchedBatch]
  a.free()
  a.free()
  expect(String(b.message(0).value)).toBe('b'.repeat(50_000))
  const { value } = b.message(0)
  b.free()
  expect(value?.length).toBe(0)
  expect(() => b.message(0)).toThrow('given back already')
  expect(() => b.message(1)).toThrow('record 1 of 1')
  expect(b.offset).toBe('7')
})

test('an answer with a batch that kafkajs has read is never freed', async () => {
  const sent = await Promise.all([encoded(large('a'), APPEND_TIME), encoded(large('b'), 0)])
  const [a, b] = (await decodeMessages(new Decoder(answered(sent)))) as [FetchedBatch, { value: Buffer }]
  a.free()
  expect(String(b.value)).toBe('b'.repeat(50_000))
})

test('an aborted transaction of somebody else beside it does no harm', async () => {
  const records = await decodeMessages(new Decoder(answered([await encoded(large('a'), APPEND_TIME)])))
  const abortedTransactions = [{ producerId: '4', firstOffset: '0' }]
  const batch = new KafkaBatch('topic', '0', {
    partition: 0,
    highWatermark: '8',
    messages: records,
    abortedTransactions,
  })
  expect(messagesOf(batch.messages).map(({ offset }) => offset)).toEqual([7])
})

test('a count of records that cannot be is told', async () => {
  const buffer = await encoded(large('a'), APPEND_TIME)
  for (const count of [-1, 2 ** 31 - 1]) {
    buffer.writeInt32BE(count, 57)
    expect(() => new FetchedBatch(buffer)).toThrow(`the record batch at offset 7 says that it has ${count} records`)
  }
})

test('a consumer that is not our reader is told that it sees whole batches', async () => {
  const record = { key: null, value: Buffer.from('value'), headers: {}, early_ms: 0 }
  const { records } = await ours(
    new Decoder(await encoded({ first: 7n, stamp: 1, records: [record], every: 1 }, APPEND_TIME)),
  )
  expect(() => records[0].value).toThrow('read with openReader')
  expect(() => records[0].headers).toThrow('read with openReader')
})
