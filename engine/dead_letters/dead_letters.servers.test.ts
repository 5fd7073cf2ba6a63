import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOME, openScene, order, PARTITIONS, type Ran, type Scene, warehouse } from '../command.testing.ts'
import { DEAD_LETTERS } from './desk.ts'

/** Against a log that a real engine reads. The tests build on one another. */

let scene: Scene
const run = (...args: string[]): Promise<Ran> => scene.call(DEAD_LETTERS, ...args)
const lines = (ran: Ran) => ran.stdout.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
const letter = async (id: string) => lines(await run('show', id, '--json'))[0]
const id = (offset: number, partition = HOME) => `operations/${partition}/${offset}`

beforeAll(async () => {
  scene = await openScene('dead_letters')
  await scene.startEngine()
  await scene.append(scene.event('warehouse.upserted', warehouse('w1')))
})
afterAll(() => scene[Symbol.asyncDispose]())

const received = (warehouse_id: string, more: Record<string, unknown> = {}) =>
  scene.event('stock.received', { warehouse_id, sku: 'milk', unit: 'each', quantity: 5 }, more)
/** A UUIDv7 that was born two hours ago. */
const oldId = () => {
  const born = (Date.now() - 7_200_000).toString(16).padStart(12, '0')
  return `${born.slice(0, 8)}-${born.slice(8)}-7000-8000-0000000000aa`
}

describe('the desk of dead letters', () => {
  let broken: number
  let unknown: number
  let late: number
  let astray: number
  const away = (HOME + 1) % PARTITIONS

  test('lists what died and why, and shows its bytes', async () => {
    expect((await run('list')).stdout).toBe('no dead letters\n')
    broken = await scene.append(Buffer.from([0x7b, 0xff, 0x00]))
    unknown = await scene.append(received('w2'))
    late = await scene.append(received('w1', { event_id: oldId() }))
    astray = await scene.append(received('w1'), away)
    await scene.dead(4)
    const listed = await run('list')
    expect(listed.code).toBe(0)
    expect(listed.stdout).toContain('4 dead letters: ')
    for (const [offset, reason] of [
      [broken, 'not_json'],
      [unknown, 'unknown_warehouse'],
      [late, 'too_late_to_tell'],
    ] as const)
      expect(listed.stdout).toMatch(new RegExp(`^${id(offset)} .* ${reason} .* no `, 'm'))
    expect(lines(await run('list', '--reason', 'wrong_partition', '--json'))).toMatchObject([
      { id: id(astray, away), reason: 'wrong_partition', redrive: null },
    ])
    expect((await run('show', id(broken))).stdout).toContain('00000000  7b ff 00')
    expect((await run('show', `${scene.namespace}.${id(unknown)}`)).stdout).toContain('"warehouse_id": "w2"')
    const unknown_id = await run('show', 'operations/0/99999')
    expect([unknown_id.code, unknown_id.stderr]).toEqual([1, expect.stringContaining('there is no dead letter')])
  })

  test('one that is sent again too early dies again, and the new letter points to the first', async () => {
    const ran = await run('redrive', id(unknown), '--as', 'ann', '--note', 'is it there now?')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    await scene.dead(5)
    const first = await letter(id(unknown))
    expect(first.redrive).toMatchObject({ actor: 'person:ann', note: 'is it there now?', edited: false })
    expect(first.died_again.reason).toBe('unknown_warehouse')
    expect((await letter(first.died_again.id)).redrive_of).toBe(id(unknown))
    expect((await run('redrive', id(unknown))).stdout).toContain('by person:ann before: nothing done')
  })

  test('two people at once, and again and again, have one effect', async () => {
    await scene.append(scene.event('warehouse.upserted', warehouse('w2')))
    const { died_again } = await letter(id(unknown))
    const both = await Promise.all([
      run('redrive', died_again.id, '--as', 'ann', '--json'),
      run('redrive', died_again.id, '--as', 'bob', '--json'),
    ])
    const told = both.flatMap(lines)
    expect(told.map(({ status }) => status).sort()).toEqual(['sent', 'sent_before'])
    expect(new Set(told.map(({ target_offset }) => target_offset)).size).toBe(1)
    // Five pieces of milk: an order of six is refused, so they came once; one of five is not.
    const six = await scene.decided(await scene.append(scene.event('order.placed', order('six', { milk: 6 }))))
    expect(six.record.decisions[0]).toMatchObject({ type: 'order.rejected' })
    const five = await scene.decided(await scene.append(scene.event('order.placed', order('five', { milk: 5 }))))
    expect(five.record.decisions[0]).toMatchObject({ type: 'order.routed', fulfilments: [{ warehouse_id: 'w2' }] })
  })

  test('--all passes over what came too late; asked for by name it gets a new event_id', async () => {
    const all = await run('redrive', '--all')
    expect(all.stderr).toContain('1 of too_late_to_tell are passed over')
    expect(all.stdout).toContain('2 sent again')
    expect((await letter(id(astray, away))).redrive).toMatchObject({ target_partition: HOME })
    const named = lines(await run('redrive', id(late), '--json'))
    expect(named).toMatchObject([{ status: 'sent', former_event_id: expect.stringMatching(/0000000000aa$/) }])
    // Those five and the five that had gone astray lie at w1 now.
    const ten = await scene.decided(await scene.append(scene.event('order.placed', order('ten', { milk: 10 }))))
    expect(ten.record.decisions[0]).toMatchObject({ type: 'order.routed', fulfilments: [{ warehouse_id: 'w1' }] })
  })

  test('bytes that are corrected go in once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'waggle-'))
    const file = join(dir, 'letter.json')
    const mended = scene.event('stock.received', { warehouse_id: 'w1', sku: 'eggs', unit: 'each', quantity: 12 })
    writeFileSync(file, mended)
    const dead = await scene.append(mended.slice(0, -9))
    await scene.dead(7)
    expect((await run('redrive', id(dead), '--edit', join(dir, 'none'))).code).toBe(2)
    expect((await run('redrive', id(dead), '--edit', file, '--dry-run')).stdout).toContain(`to operations/${HOME}`)
    expect((await run('redrive', id(dead), '--edit', file)).stdout).toContain(', edited')
    const eggs = await scene.decided(await scene.append(scene.event('order.placed', order('eggs', { eggs: 12 }))))
    expect(eggs.record.decisions[0]).toMatchObject({ type: 'order.routed' })
    expect((await letter(id(dead))).redrive).toMatchObject({ edited: true })
    rmSync(dir, { recursive: true })
  })

  test('is a process that says what it found, and what was called wrongly', async () => {
    const listed = await scene.run('engine/dead_letters/main.ts', 'list')
    expect(listed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('7 dead letters: ') })
    const help = await run('--help')
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('redrive ID…|--all')])
    const wrong = await run('show')
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('show takes one ID')])
  })
})

describe('a poison message', () => {
  /** kinds that a parser or a checker might choke on; the last is as large as the topic takes */
  const poisons = [
    Buffer.from('{"half":'),
    Buffer.from('['.repeat(500_000)),
    Buffer.from(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    Buffer.from(JSON.stringify({ type: 'order.placed', schema_version: 1, data: { lines: Array(50_000).fill({}) } })),
    Buffer.from(`{"type":"${'x'.repeat(700_000)}"}`),
    Buffer.alloc(1_048_400, 0xff),
  ]

  test('delays its partition by less than a second, of any kind', async () => {
    await scene.append(scene.event('stock.received', { warehouse_id: 'w1', sku: 'tea', unit: 'each', quantity: 1_000 }))
    const took: number[] = []
    for (const [place, poison] of [null, ...poisons].entries()) {
      const before = scene.append(scene.event('order.placed', order(`before-${place}`, { tea: 1 })))
      const dead = poison ? scene.append(poison) : null
      const after = scene.append(scene.event('order.placed', order(`after-${place}`, { tea: 1 })))
      const [first, , last] = [await before, await dead, await after]
      const [one, other] = [await scene.decided(first), await scene.decided(last)]
      took.push(other.appended_at - one.appended_at)
      if (poison) expect((await letter(id(first + 1))).id).toBe(id(first + 1))
    }
    console.info(`ms between the decisions before and after: none ${took[0]}, poisons ${took.slice(1).join(', ')}`)
    for (const ms of took) expect(ms).toBeLessThan(1_000)
  })
})
