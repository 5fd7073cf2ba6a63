import { expect, test } from 'vitest'
import { packMessages } from '../../ingest/io/log_messages.ts'
import { type GatheredAnswer, newGatherer } from './gather.ts'
import type { WorkerRequest } from './protocol.ts'

/** What goes to a worker thread together. */

const fold = (partition: number, events = 1): WorkerRequest => {
  const message = { appended_at: 1, key: null, value: Buffer.from('{}'), headers: {} }
  const messages = packMessages(Array.from({ length: events }, (_, offset) => ({ ...message, offset })))
  return { kind: 'fold', topic: 'operations', partition, epoch: 1, messages, adopted: null }
}
const cut = (partition: number): WorkerRequest => ({ kind: 'cut', partition, epoch: 1 })

/** A worker that answers each request with the names of its partition; every name that was posted, a message a list. */
function worker(answer: (partition: number) => GatheredAnswer = partition => ({ answer: [`p${partition}`] })) {
  const posted: string[][] = []
  const gatherer = newGatherer(async requests => {
    posted.push(requests.map(({ kind, partition }) => `${kind} ${partition}`))
    return requests.map(({ partition }) => answer(partition))
  })
  return { ...gatherer, posted }
}

test('folds that are asked for within one turn go together, and each gets its own answer', async () => {
  const { ask, posted } = worker()
  const first = [ask(fold(1)), ask(fold(2)), Promise.resolve().then(() => ask(fold(3)))]
  expect(await Promise.all(first)).toEqual([['p1'], ['p2'], ['p3']])
  expect(await ask(fold(4))).toEqual(['p4'])
  expect(posted).toEqual([['fold 1', 'fold 2', 'fold 3'], ['fold 4']])
})

test('what is no fold goes alone, in its place: no other answer waits for it', async () => {
  const { ask, posted } = worker()
  await Promise.all([ask(fold(1)), ask(fold(2)), ask(cut(1)), ask(fold(1)), ask(fold(3))])
  expect(posted).toEqual([['fold 1', 'fold 2'], ['cut 1'], ['fold 1', 'fold 3']])
})

test('a backlog goes batch by batch, so that one is published while the next is folded', async () => {
  const { ask, posted } = worker()
  await Promise.all([ask(fold(1, 5_000)), ask(fold(2, 5_000)), ask(fold(3, 500)), ask(fold(4, 5_000)), ask(fold(5))])
  expect(posted).toEqual([['fold 1'], ['fold 2'], ['fold 3', 'fold 4'], ['fold 5']])
})

test('what one partition fails with is not told to the others', async () => {
  const { ask } = worker(partition =>
    partition === 2 ? { error: new Error('broken') } : { answer: [`p${partition}`] },
  )
  const answers = await Promise.allSettled([ask(fold(1)), ask(fold(2)), ask(fold(3))])
  expect(answers).toEqual([
    { status: 'fulfilled', value: ['p1'] },
    { status: 'rejected', reason: new Error('broken') },
    { status: 'fulfilled', value: ['p3'] },
  ])
})

test('a thread that is gone fails all that it was asked', async () => {
  const gone = newGatherer(async () => Promise.reject(new Error('the thread is gone')))
  const answers = await Promise.allSettled([gone.ask(fold(1)), gone.ask(fold(2)), gone.ask(cut(2))])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
})
