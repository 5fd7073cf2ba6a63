import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOME, openScene, order, type Scene, warehouse } from '../command.testing.ts'
import { EXPLAIN } from './explain.ts'

/** Against a log of known events that a real engine has decided about. */

let scene: Scene
const run = (...args: string[]) => scene.call(EXPLAIN, ...args)
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

const places: Record<string, number> = {}
const say = async (name: string, type: Parameters<Scene['event']>[0], data: unknown): Promise<number> => {
  const offset = await scene.append(scene.event(type, data))
  places[name] = offset
  return offset
}
const milk = { sku: 'milk', unit: 'each' }

beforeAll(async () => {
  scene = await openScene('explain')
  await scene.startEngine()
  await say('w1', 'warehouse.upserted', warehouse('w1'))
  await say('w2', 'warehouse.upserted', warehouse('w2', -87.63))
  await say('count', 'stock.counted', { warehouse_id: 'w1', ...milk, quantity: 3, as_of: Date.now(), safety: 1 })
  await say('received', 'stock.received', { warehouse_id: 'w2', ...milk, quantity: 10, reference: 'po-7' })
  await say('one', 'order.placed', order('one', { milk: 2 }))
  await scene.decided(await say('two', 'order.placed', order('two', { milk: 2 }, { on_shortfall: 'shorten' })))
  await say('none', 'order.placed', order('none', { milk: 50 }))
  await say('hold', 'hold.asked', { ...order('x', { milk: 3 }), hold_id: 'h1', ttl_s: 600 })
  await say('let_go', 'hold.released', { hold_id: 'h1', reason: 'basket_left' })
  const part = { order_id: 'two', fulfilment_id: 'two.1', warehouse_id: 'w2' }
  await say('start', 'pick.started', part)
  await say('short', 'line.short', { ...part, line_id: 'l1', quantity: 1 })
  await say('picked', 'line.picked', { ...part, line_id: 'l1', quantity: 1 })
  await scene.decided(await say('packed', 'order.packed', part))
})
afterAll(() => scene[Symbol.asyncDispose]())

describe('an order', () => {
  test('is told step by step, with the warehouses that were looked at and why not', async () => {
    const { code, stdout, stderr } = await scene.run('engine/explain/main.ts', '--order', 'two')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`order two · zone chicago · tenant demo · operations/${HOME}`)
    expect(stdout).toMatch(
      /order\.placed .*\n +→ routed to w2 \(two\.1\).*\n +1\. +w1 .*refused: out_of_stock of line l1.*\n +2\. +w2 .*taken/,
    )
    for (const told of [
      'two.1 is being picked at w2',
      'line l1 (milk) at w2 shortened from 2 to 1',
      'two.1 is packed at w2',
    ])
      expect(stdout).toContain(told)
    expect(stdout).toMatch(/two\.1 +w2 +packed +l1 +milk +2 +1 +1 +0 +0 +0/)
  })

  test('is the same as an object', async () => {
    const life = await json('--order', 'two', '--zone', 'chicago')
    expect(
      life.steps.map(({ event, offset }: { event: { type: string }; offset: number }) => [event.type, offset]),
    ).toEqual([
      ['order.placed', places.two],
      ['pick.started', places.start],
      ['line.short', places.short],
      ['line.picked', places.picked],
      ['order.packed', places.packed],
    ])
    expect(life.state).toMatchObject({ state: 'packed', attempt: 1 })
  })

  test('that was refused says why', async () => {
    expect((await run('--order', 'none')).stdout).toMatch(
      /rejected: out_of_stock of line l1 \(.*\); may be tried again/,
    )
  })

  test('can be seen as it was before', async () => {
    const life = await json('--order', 'two', '--at', String(places.start))
    expect(life.steps).toHaveLength(2)
    expect(life.state.fulfilments[0]).toMatchObject({ state: 'picking', lines: [{ granted: 2, picked: 0, short: 0 }] })
    const early = await run('--order', 'two', '--at', String(places.one))
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('was not known then')])
  })

  test('that nobody has heard of is an error', async () => {
    const { code, stderr } = await run('--order', 'nobody')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/order nobody is not known: \d+ records/)])
  })
})

describe('stock', () => {
  test('is told with what is promised to whom, and with every movement and its cause', async () => {
    const { code, stdout, stderr } = await run('--warehouse', 'w1', '--sku', 'milk')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('on hand 3 · reserved 2 · kept back 1 · available 0 each')
    expect(stdout).toMatch(/order one +one\.1 +l1 +2 +reserved/)
    expect(stdout).toMatch(/\+3 → 3 +→ 0 +2 +count/)
    expect(stdout).toMatch(/→ 3 +\+2 → 2 +0 +reserved one +order\.placed by test:tools/)
  })

  test('of any offset is the fold up to it, from the log and from a checkpoint alike', async () => {
    const levels = async (at: number) => {
      const { at: then } = await json('--warehouse', 'w2', '--sku', 'milk', '--at', String(at))
      return [then.on_hand, then.reserved, then.available]
    }
    expect(await levels(places.received ?? 0)).toEqual([10, 0, 10])
    expect(await levels(places.two ?? 0)).toEqual([10, 2, 8])
    expect(await levels(places.hold ?? 0)).toEqual([10, 5, 5])
    // The picker found nothing more on the shelf than the one piece that was then taken.
    expect(await levels(places.short ?? 0)).toEqual([1, 1, 0])
    expect(await levels(places.packed ?? 0)).toEqual([0, 0, 0])
    await scene.stopEngine() // ends with a checkpoint
    const [whole, short] = [
      await json('--warehouse', 'w2', '--sku', 'milk', '--from', 'log'),
      await json('--warehouse', 'w2', '--sku', 'milk', '--from', 'checkpoint'),
    ]
    expect(short.at).toEqual(whole.at)
    expect(short.since_offset).toBeGreaterThan(0)
    expect(whole.since_offset).toBe(0)
    expect(whole.story.moved_count).toBeGreaterThan(short.story.moved_count)
  })

  test('of a moment without a log, ahead of the clock, or nowhere is an error that says what is', async () => {
    const failing = async (...args: string[]) => {
      const { code, stderr } = await run(...args)
      expect(code).toBe(1)
      return stderr
    }
    const there = ['--warehouse', 'w1', '--sku', 'milk', '--at']
    expect(await failing(...there, '2020-01-01T00:00:00Z')).toContain('begins after that, at ')
    expect(await failing(...there, '2999-01-01T00:00:00Z')).toContain('is not reached yet: by the business clock it is')
    expect(await failing(...there, '100000')).toContain('is not reached yet: operations/')
    expect(await failing(...there, '0')).toContain('had never had milk then')
    expect(await failing('--warehouse', 'w9', '--sku', 'milk')).toContain('warehouse w9 is not known')
    expect(await failing('--warehouse', 'w1', '--sku', 'mil')).toContain('it had 1 SKUs, such as milk')
    const wrong = await run('--warehouse', 'w1')
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('go together')])
  })
})
