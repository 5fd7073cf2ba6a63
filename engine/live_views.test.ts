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
