import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListedMessages, type LogMessage, PiecedMessages } from './log_messages.ts'
import { MessageQueue } from './message_queue.ts'

/** Beside a plain list of the messages. */

/** Of a message: 100 and its value, see log_messages.ts. */
const bytesOf = (offset: number): number => 100 + (offset % 7) * 40

const messageAt = (offset: number): LogMessage => ({
  ...{ offset, appended_at: 1, key: null, headers: {} },
  value: Buffer.alloc(bytesOf(offset) - 100),
})

/** Offsets as a fetch may bring them: some from before, a hole now and then. */
const fetches = fc.array(
  fc.record({
    back: fc.nat(6),
    steps: fc.array(fc.constantFrom(1, 1, 1, 1, 1, 1, 2), { maxLength: 12 }),
    stretches: fc.integer({ min: 1, max: 3 }),
    messages_max: fc.integer({ min: 1, max: 9 }),
    bytes_max: fc.integer({ min: 1, max: 2_000 }),
    drops: fc.boolean(),
  }),
  { maxLength: 30 },
)

const START = 1_000
const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)

test('takes in what goes on, gives at most so many and so large, and keeps what is not dropped', () => {
  fc.assert(
    fc.property(fetches, all => {
      const queue = new MessageQueue(START)
      let list: number[] = []
      let end = START
      for (const { back, steps, stretches, messages_max, bytes_max, drops } of all) {
        const offsets = steps.map((_, n) => end - back - 1 + sum(steps.slice(0, n + 1)))
        const size = Math.ceil(offsets.length / stretches) || 1
        const found = queue.push(
          Array.from(
            { length: stretches },
            (_, n) => new ListedMessages(offsets.slice(n * size, (n + 1) * size).map(messageAt)),
          ),
        )
        let missing: number | undefined
        for (const offset of offsets) {
          if (offset > end) {
            missing = offset
            break
          }
          if (offset < end) continue
          list.push(offset)
          end += 1
        }
        expect(found).toBe(missing)
        expect(queue.end).toBe(end)

        const pieces = queue.first(messages_max, bytes_max)
        const given = [...new PiecedMessages(pieces)].map(({ offset }) => offset)
        let count = 0
        for (let bytes = 0; count < Math.min(messages_max, list.length); count += 1) {
          bytes += bytesOf(list[count] ?? 0)
          if (count > 0 && bytes > bytes_max) break
        }
        expect(given).toEqual(list.slice(0, count))
        if (drops) {
          queue.drop(pieces)
          list = list.slice(count)
        }
        expect(queue.isEmpty).toBe(list.length === 0)
        expect(queue.bytes).toBe(sum(list.map(bytesOf)))
      }
      const rest = [...new PiecedMessages(queue.first(1e9, 1e9))].map(({ offset }) => offset)
      expect(rest).toEqual(list)
    }),
    { numRuns: 500 },
  )
})

test('a stretch is done when its last message is dropped, and not before', () => {
  const queue = new MessageQueue(5)
  const stretches = [[3, 4, 5, 6, 7], [8], [9, 10]].map(offsets => new ListedMessages(offsets.map(messageAt)))
  queue.push(stretches)
  expect(queue.drop(queue.first(2, 1e9))).toEqual([])
  expect(queue.drop(queue.first(3, 1e9))).toEqual(stretches.slice(0, 2))
  expect(queue.drop(queue.first(9, 1e9))).toEqual(stretches.slice(2))
})
