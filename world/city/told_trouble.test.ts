import { expect, test } from 'vitest'
import type { PostNote } from '../../dispatch/contract.ts'
import { PLACES } from './chicago.ts'
import { toldTrouble } from './told_trouble.ts'
import type { Trouble } from './trouble.ts'

const POINT = { lat: 41.9484, lng: -87.6553 }
const BACK_AT = 9_000

/** A city in which c1 rides and c2 stands, and what is done and noted there, in its order. */
function city() {
  const done: string[] = []
  const waits = new Map<number, () => void>()
  const trouble: Trouble = {
    breakDown: async courier_id => {
      done.push(`breaks ${courier_id}`)
      if (courier_id !== 'c1') return { impossible: 'broken_down', detail: 'no' }
      return { outcome: 'gave_back', order_ids: ['o1'], back_at: BACK_AT }
    },
    surge: ({ lat }) =>
      lat === POINT.lat
        ? { orders: 90, cells: [], warehouse_ids: [], until: 7, calm_at: BACK_AT, ordered: Promise.resolve([]) }
        : { impossible: 'not_served', detail: 'no' },
    possible: () => ({ time_ms: 1, courier_ids: [], surge: null }),
  }
  const told = toldTrouble(trouble, {
    town: { places: PLACES, zone_id: 'chicago' },
    clock: { until: (at: number) => new Promise<void>(resolve => waits.set(at, resolve)) },
    doors: {
      ops: {
        note: async ({ tone, text, courier_id, point }: PostNote) =>
          void done.push([tone, text, courier_id ?? point?.lat].join(': ')),
      },
    },
    spawn: () => {},
    seen: () => ['c1', 'c2'].map(courier_id => ({ courier_id, point: POINT, broken: courier_id === 'c2' })),
  })
  return { told, done, wakeAt: (at: number) => waits.get(at)?.() }
}

test('a breakdown is noted before it happens, and its end when it is over', async () => {
  const { told, done, wakeAt } = city()
  expect(await told.breakDown('c1')).toMatchObject({ outcome: 'gave_back' })
  const noted = 'bad: Courier c1 breaks down: somebody at a screen wanted it so: c1'
  expect(done).toEqual([noted, 'breaks c1'])
  wakeAt(BACK_AT)
  await Promise.resolve()
  expect(done.slice(2)).toEqual(['good: Courier c1 is back on the road: c1'])
})

test('a crowd is noted with its place, and that it has gone', async () => {
  const { told, done, wakeAt } = city()
  expect(told.surge(POINT)).toMatchObject({ orders: 90 })
  expect(done).toEqual([expect.stringMatching(/^warn: A crowd near Lakeview: 90 people .*: 41.9484$/)])
  wakeAt(BACK_AT)
  await Promise.resolve()
  expect(done[1]).toMatch(/^good: The crowd near Lakeview has gone home: 41.9484$/)
})

test('what can not be is not noted', async () => {
  const { told, done } = city()
  expect(await told.breakDown('c2')).toMatchObject({ impossible: 'broken_down' })
  expect(await told.breakDown('nobody')).toMatchObject({ impossible: 'broken_down' })
  expect(told.surge({ lat: 0, lng: 0 })).toMatchObject({ impossible: 'not_served' })
  expect(done).toEqual(['breaks c2', 'breaks nobody'])
})
