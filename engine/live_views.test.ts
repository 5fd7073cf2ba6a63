import { expect, test } from 'vitest'
import type { ViewWrite } from './io/redis.ts'
import { openLiveViews } from './live_views.ts'

const VIEW = { kind: 'warehouse' as const, warehouse_id: 'w1' }
const change = (on_hand: number) => ({ view: VIEW, meta: null, fields: ['milk', `${on_hand} 0 0 each`] })

test('what changes while the fences are read is written, though nothing changes after it', async () => {
  const written: ViewWrite[] = []
  const reading = Promise.withResolvers<(string | null)[]>()
  const views = openLiveViews({
    async writeViews(writes) {
      written.push(...writes)
      return writes.map(() => 'ok')
    },
    readFences: () => reading.promise,
    metrics: { viewWritten: () => undefined },
  })
  const fence = { epoch: 1, offset: 1 }
  await views.replace([change(1)], { operations: fence, couriers: fence })
  const probe = views.probe()
  views.change([change(2)], { epoch: 1, offset: 2 })
  reading.resolve(['1:1'])
  await probe
  await views.idle()
  expect(written.at(-1)?.fields).toEqual(['milk', '2 0 0 each'])
})

test('a change that the whole view has already is not written behind it, and leaves no trouble', async () => {
  let away = true
  let fence = { epoch: 0, offset: 0 }
  const views = openLiveViews({
    async writeViews(writes) {
      return writes.map(write => {
        if (away) return new Error('Redis is away')
        if (write.fence.offset < fence.offset) return 'older'
        fence = write.fence
        return 'ok'
      })
    },
    readFences: async () => [`${fence.epoch}:${fence.offset}`],
    metrics: { viewWritten: () => undefined },
  })
  const at = (offset: number) => ({ operations: { epoch: 1, offset }, couriers: { epoch: 1, offset } })
  await views.replace([change(1)], at(1))
  views.change([change(2)], { epoch: 1, offset: 2 })
  away = false
  await views.replace([change(2)], at(3))
  await views.idle()
  expect(views.trouble()).toBeNull()
  views.change([change(3)], { epoch: 1, offset: 4 })
  await views.idle()
  expect([views.trouble(), fence.offset]).toEqual([null, 4])
})

test('while Redis is away nobody is asked for whole views; a probe that is answered asks for them again', async () => {
  let away = false
  const gone = <Answer>(answer: Answer) => (away ? new Error('Redis is away') : answer)
  const views = openLiveViews({
    writeViews: async writes => writes.map(() => gone('ok' as const)),
    readFences: async known => known.map(() => gone('')),
    metrics: { viewWritten: () => undefined },
  })
  const at = (offset: number) => ({ operations: { epoch: 1, offset }, couriers: { epoch: 1, offset } })
  await views.replace([change(1)], at(1))
  away = true
  views.change([change(2)], { epoch: 1, offset: 2 })
  await views.idle()
  expect(views.wanting()).toBeNull()
  await views.probe()
  expect([views.wanting(), views.trouble()]).toEqual([null, 'Redis is away'])
  away = false
  await views.probe()
  expect(views.wanting()).toEqual({ warehouse_ids: ['w1'], fleet: false })
  await views.replace([change(2)], at(2))
  expect([views.wanting(), views.trouble()]).toEqual([null, null])
})
