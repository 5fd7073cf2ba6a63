import fc from 'fast-check'
import { expect, test } from 'vitest'
import { letGo, need, needForEver, newAnswers } from './answers.ts'

/** An answer with its length before it. */
function answerOf(bytes: number, fill: number): Buffer {
  const answer = Buffer.alloc(4 + bytes, fill)
  answer.writeInt32BE(bytes)
  return answer
}

const unreachable = () => expect.unreachable()

test('however the bytes come in, the same answers come out', () => {
  const answers = fc.array(
    fc.tuple(fc.nat(300), fc.nat(255)).map(([bytes, fill]) => answerOf(bytes, fill)),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(answers, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sent, sizes) => {
      const got: Buffer[] = []
      const { take } = newAnswers(answer => got.push(answer), unreachable)
      const all = Buffer.concat(sent)
      // Node reads all pieces of a socket into the same memory.
      const piece = Buffer.alloc(400)
      for (let at = 0, n = 0; at < all.length; n += 1) {
        const bytes = all.copy(piece, 0, at, at + (sizes[n % sizes.length] ?? 1))
        take(piece.subarray(0, bytes))
        at += bytes
      }
      expect(got).toEqual(sent)
    }),
    { numRuns: 300 },
  )
})

test('a length that none of Kafka has is told', () => {
  for (const [sent, bytes] of [
    [Buffer.from('HTTP/1.1 400'), 1_213_486_160],
    [Buffer.alloc(20, 0xff), -1],
  ] as const) {
    const errors: string[] = []
    const { take } = newAnswers(unreachable, error => errors.push(error.message))
    take(sent)
    take(sent)
    expect(errors).toEqual([`an answer of ${bytes} bytes: is this a broker of Kafka?`])
  }
})

function taken(bytes: number): Buffer {
  let got: Buffer | undefined
  newAnswers(answer => {
    got = answer
  }, unreachable).take(answerOf(bytes, 7))
  if (!got) throw new Error('no answer')
  return got
}

test('an answer is freed when the last of who needs it lets go', () => {
  const answer = taken(100_000)
  const [first, second] = [answer.subarray(4, 100), answer.subarray(100)]
  need(first)
  need(second)
  letGo(first)
  expect(second[0]).toBe(7)
  letGo(second)
  expect(second.length).toBe(0)
})

test('it is not freed while nobody knows who needs it, and never if somebody needs it for ever', () => {
  const unknown = taken(100_000)
  letGo(unknown)
  expect(unknown[4]).toBe(7)
  const kept = taken(100_000)
  need(kept)
  needForEver(kept)
  need(kept)
  for (let n = 0; n < 3; n += 1) letGo(kept)
  expect(kept[4]).toBe(7)
})

test('memory that an answer shares with others, or that is not one, is not freed', () => {
  const small = taken(10)
  need(small)
  letGo(small)
  expect(small[4]).toBe(7)
  const other = Buffer.alloc(100_000, 7)
  need(other)
  letGo(other)
  expect(other[0]).toBe(7)
})
