import { expect, test } from 'vitest'
import { openAnswers } from './answers.ts'
import type { DecisionMessage } from './projection.ts'

const cancelled = (offset: number, source_offset: number, epoch = 2) =>
  ({
    offset,
    record: {
      kind: 'decided',
      epoch,
      tenant_id: 't',
      source_offset: String(source_offset),
      decisions: [{ type: 'order.cancelled', order_id: 'o' }],
    },
  }) as unknown as DecisionMessage

/** Where the answer came from; undefined: none of these records is one. */
async function answerAmong(...messages: DecisionMessage[]): Promise<number | undefined> {
  const answers = openAnswers()
  answers.startAt(0, { epoch: 2, source_offset: 10 })
  const expected = answers.expect('t', 'o', ['order.cancelled'], 60_000)
  answers.hear(0, messages)
  expected.end()
  return (await expected.answer)?.offset
}

test('an answer is neither void nor a repeat', async () => {
  expect(await answerAmong(cancelled(7, 10), cancelled(8, 12, 1), cancelled(9, 11))).toBe(9)
  expect(await answerAmong(cancelled(7, 10))).toBe(undefined)
})

test('a record sent twice answers nobody who asks after the first', async () => {
  const answers = openAnswers()
  answers.hear(0, [cancelled(7, 0)])
  const late = answers.expect('t', 'o', ['order.cancelled'], 60_000)
  answers.hear(0, [cancelled(8, 0)])
  late.end()
  expect(await late.answer).toBe(undefined)
})
