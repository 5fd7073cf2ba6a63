import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openScene, order, type Scene, warehouse } from '../command.testing.ts'
import { WHAT_IF } from './what_if.ts'

/** Against a log of known events that a real engine has decided about: two warehouses, three orders, one after the other. */

let scene: Scene
let first = 0
const dir = mkdtempSync(join(tmpdir(), 'waggle-'))
const policy = (value: unknown): string => {
  const file = join(dir, 'policy.json')
  writeFileSync(file, JSON.stringify(value))
  return file
}

beforeAll(async () => {
  scene = await openScene('what_if')
  await scene.startEngine()
  await scene.append(scene.event('warehouse.upserted', warehouse('w1')))
  await scene.append(scene.event('warehouse.upserted', warehouse('w2', -87.63)))
  for (const [warehouse_id, quantity] of [
    ['w1', 1],
    ['w2', 9],
  ] as const)
    await scene.append(scene.event('stock.received', { warehouse_id, sku: 'milk', unit: 'each', quantity }))
  first = await scene.append(scene.event('order.placed', order('near', { milk: 1 })))
  await scene.append(scene.event('order.placed', order('far', { milk: 2 })))
  await scene.decided(await scene.append(scene.event('order.placed', order('much', { milk: 50 }))))
})
afterAll(async () => {
  rmSync(dir, { recursive: true })
  await scene[Symbol.asyncDispose]()
})

test('an order that only a warehouse far away can serve is refused where the promise may not be so long', async () => {
  const args = ['--zone', 'chicago', '--from', String(first), '--to', 'now', '--policy', policy({ promise_s_max: 800 })]
  const answer = JSON.parse((await scene.call(WHAT_IF, ...args, '--json')).stdout)
  expect(answer).toMatchObject({
    from_offset: first,
    events: 3,
    changes: ['promise_s_max 3600 → 800'],
    really: { granted: 2, rejected: 1, rejected_by: { out_of_stock: 1 } },
    other: { granted: 1, rejected: 2 },
    unlike_really: [],
    moved: [{ order_id: 'far', here: { warehouses: ['w2'] }, there: { outcome: 'rejected' } }],
  })
  expect(answer.again).toEqual(answer.really)
  const { code, stdout, stderr } = await scene.run('engine/what_if/main.ts', ...args)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/orders granted +2 +2 +1 +−1/)
  expect(stdout).toMatch(/1 +w2 → rejected: /)
})

test('what cannot be asked is told', async () => {
  const failing = async (...args: string[]) => {
    const { code, stderr } = await scene.call(WHAT_IF, ...args)
    expect(code).toBeGreaterThan(0)
    return stderr
  }
  const file = policy({ promise_s_max: 800 })
  expect(await failing('--from', '12:00', '--policy', file)).toContain('--from and --to are needed')
  expect(await failing('--from', '5', '--to', 'now', '--policy', file)).toContain('say --zone')
  expect(await failing('--from', '12:00', '--to', '13:00', '--policy', join(dir, 'none'))).toContain('--policy: ENOENT')
  const zone = ['--zone', 'chicago', '--policy', file]
  expect(await failing('--from', '9', '--to', '8', ...zone)).toContain('is not before')
  expect(await failing('--from', '2020-01-01', '--to', '2020-01-02', ...zone)).toContain('nothing to decide anew')
  expect(await failing('--from', '2999-01-01', '--to', '2999-01-02', ...zone)).toContain('is not reached yet')
  expect(
    await failing('--from', '12:00', '--to', 'now', '--zone', 'chicago', '--policy', policy({ speed: 1 })),
  ).toContain('speed is not a field')
})
