import { describe, expect, test } from 'vitest'
import type { Problem } from '../../world/races/stage.ts'
import { as, couriers, given, hand, order, orders, read, stage, trips } from './hand.testing.ts'

/** What a dispatcher's command does to trips beside what it was given for, and what is left when it fails. */

const statesOf = async (courier: string) => (await trips(courier)).map(trip => trip.state)
const isPinned = async (courier: string) => (await trips(courier)).at(-1)?.pinned

describe('a trip', () => {
  test('stays pinned while one of its orders is, and no longer', async () => {
    await couriers('p1')
    const [pinned = '', free = ''] = await orders(2)
    await given(pinned, 'p1')
    await given(free, 'p1', { onto: 'present', pin: false })
    expect(await isPinned('p1')).toBe(true)
    expect((await hand('unassign', pinned, (await read(pinned)).version)).status).toBe(200)
    expect(await isPinned('p1')).toBe(false)
    expect((await read(free)).courier_id).toBe('p1')
  })

  test('that is planned has its turn when the last order comes off the one before it', async () => {
    await couriers('n1')
    const [now = '', later = ''] = await orders(2)
    await given(now, 'n1')
    await given(later, 'n1', { onto: 'next' })
    expect(await statesOf('n1')).toEqual(['offered', 'planned'])
    expect((await hand('unassign', now, (await read(now)).version)).status).toBe(200)
    expect(await statesOf('n1')).toEqual(['cancelled', 'offered'])
  })
})

describe('a command', () => {
  test('that is refused after some of it was done stays so for its key', async () => {
    await couriers('r1')
    const [done = '', untouched = ''] = await orders(2)
    await given(done, 'r1')
    const versions = await Promise.all(
      [done, untouched].map(async order_id => ({ order_id, version: (await read(order_id)).version })),
    )
    const undo = () =>
      stage.call<Problem>(
        'POST',
        '/v1/dispatch/undo',
        { orders: versions, reason: 'mistake' },
        { ...as('dispatcher:ann'), 'idempotency-key': 'r-undo' },
      )
    const refused = { status: 409, body: { reason: 'nothing_to_undo' } }
    expect(await undo()).toMatchObject(refused)
    // Now there would be something, and the version another one.
    await given(untouched, 'r1', { onto: 'present' })
    expect(await undo()).toMatchObject(refused)
    expect((await read(done)).courier_id).toBe('r1')
  })

  test('whose events can not be kept changes nothing', async () => {
    await couriers('k1')
    const id = await order()
    const { version } = await read(id)
    await stage.pool.query(`
      CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
      CREATE TRIGGER refuse_event BEFORE INSERT ON outbox FOR EACH ROW
        WHEN (NEW.event -> 'data' ->> 'courier_id' = 'k1') EXECUTE FUNCTION refuse_event()`)
    try {
      expect((await hand('assign', id, version, { courier_id: 'k1' })).status).toBe(500)
    } finally {
      await stage.pool.query('DROP FUNCTION refuse_event CASCADE')
    }
    expect(await read(id)).toMatchObject({ version, courier_id: null })
    expect(await trips('k1')).toEqual([])
    expect((await hand('assign', id, version, { courier_id: 'k1' })).status).toBe(200)
  })
})
