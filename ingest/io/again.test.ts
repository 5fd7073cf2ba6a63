import { expect, test, vi } from 'vitest'
import { again } from './again.ts'

/** A job of which the test decides when each run ends. */
function job() {
  const runs: PromiseWithResolvers<void>[] = []
  let at_once = 0
  let at_once_max = 0
  const work = async (): Promise<void> => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    at_once_max = Math.max(at_once_max, ++at_once)
    await run.promise.finally(() => at_once--)
  }
  return { runs, work, at_once_max: () => at_once_max }
}

test('many wishes during a run become one more run, never two at once', async () => {
  const { runs, work, at_once_max } = job()
  const repeated = again(work)
  const first = repeated.run()
  const second = repeated.run()
  const third = repeated.run()
  runs[0]?.resolve()
  await first
  await vi.waitFor(() => expect(runs.length).toBe(2))
  runs[1]?.resolve()
  await Promise.all([second, third])
  expect([runs.length, at_once_max()]).toEqual([2, 1])
})

test('a run that fails fails its callers only', async () => {
  const { runs, work } = job()
  const repeated = again(work)
  const first = repeated.run()
  const second = repeated.run()
  runs[0]?.reject(new Error('no'))
  await expect(first).rejects.toThrow('no')
  await vi.waitFor(() => expect(runs.length).toBe(2))
  runs[1]?.resolve()
  await expect(second).resolves.toBeUndefined()
})

test('close waits for what runs and starts nothing more', async () => {
  const { runs, work } = job()
  const repeated = again(work)
  const first = repeated.run()
  const second = repeated.run()
  const closed = repeated.close()
  runs[0]?.resolve()
  await Promise.all([first, second, closed, repeated.run()])
  expect(runs.length).toBe(1)
})
