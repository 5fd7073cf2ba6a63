import fc from 'fast-check'
import { expect, test } from 'vitest'
import { INDEX_STEP, ListedMessages, type LogMessage, PiecedMessages, packMessages } from './log_messages.ts'

const values = fc.array(fc.option(fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes))), { maxLength: 30 })

const messagesOf = (all: readonly (Buffer | null)[], first = 10): LogMessage[] =>
  all.map((value, n) => ({
    offset: first + n,
    appended_at: 1_000 + n,
    key: Buffer.from('k'),
    value,
    headers: { n: `${n}` },
  }))

const others = messagesOf([Buffer.from('other'), null], 1e6)

/** In pieces of random length, of stretches that have other messages before and behind them. */
function piecesOf(messages: readonly LogMessage[], cuts: readonly number[]) {
  const pieces = []
  for (let from = 0, n = 0; from < messages.length; n += 1) {
    const to = Math.min(messages.length, from + (cuts[n % cuts.length] ?? 1))
    const stretch = new ListedMessages([...others, ...messages.slice(from, to), ...others])
    pieces.push({ stretch, from: others.length, to: others.length + to - from })
    from = to
  }
  return pieces
}

const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 })

test('pieces are what a list of the messages is: by place, from the end, in their order', () => {
  fc.assert(
    fc.property(values, cuts, fc.integer({ min: -40, max: 40 }), (all, sizes, place) => {
      const list = messagesOf(all)
      const pieced = new PiecedMessages(piecesOf(list, sizes))
      expect(pieced.length).toBe(list.length)
      expect([...pieced]).toEqual(list)
      expect(pieced.at(place)).toEqual(list.at(place))
    }),
  )
})

test('what is packed has every offset, time and value, whether it came as a list or in pieces', () => {
  fc.assert(
    fc.property(values, cuts, (all, sizes) => {
      const list = messagesOf(all)
      for (const messages of [list, new PiecedMessages(piecesOf(list, sizes))]) {
        const { index, bytes } = packMessages(messages)
        expect(index.length).toBe(list.length * INDEX_STEP)
        // It crosses to another thread with all of its memory.
        expect(bytes.buffer.byteLength).toBe(bytes.length)
        // A Buffer's slice would be a part of it, and the batch's memory is given back.
        expect(Buffer.isBuffer(bytes)).toBe(false)
        list.forEach(({ offset, appended_at, value }, n) => {
          const [has_offset, has_time, start, end] = index.subarray(n * INDEX_STEP)
          expect([has_offset, has_time]).toEqual([offset, appended_at])
          expect(Buffer.from(bytes.subarray(start, end))).toEqual(value ?? Buffer.alloc(0))
        })
      }
    }),
  )
})
