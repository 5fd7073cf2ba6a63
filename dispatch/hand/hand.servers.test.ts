import { describe, expect, test } from 'vitest'
import type { Problem } from '../../world/races/stage.ts'
import type { OrderView } from '../contract.ts'
import {
  as,
  couriers,
  doors,
  eventsOf,
  fleet,
  given,
  hand,
  order,
  orders,
  read,
  say,
  stage,
  trips,
} from './hand.testing.ts'

/** What dispatchers can do by hand, on the real service. */

describe('a dispatcher', () => {
  test('assigns, pins, unpins, reassigns, unassigns, and undoes each of it back to the beginning', async () => {
    await couriers('a1', 'a2')
    const id = await order()
    const facts = async () => {
      const { courier_id, pinned } = await read(id)
      return { courier_id, pinned }
    }
    const begun = (await read(id)).version
    expect((await given(id, 'a1')).body).toMatchObject({ courier_id: 'a1', pinned: true, version: begun + 1 })
    expect(await hand('assign', id, begun + 1, { courier_id: 'a2' })).toMatchObject({
      ...{ status: 409, body: { reason: 'already_assigned' } },
    })
    expect((await hand('unpin', id, begun + 1)).body).toMatchObject({ courier_id: 'a1', pinned: false })
    expect((await hand('pin', id, begun + 2)).body).toMatchObject({ pinned: true })
    const moved = await hand('reassign', id, begun + 3, { courier_id: 'a2', pin: false, reason: 'closer' })
    expect(moved.body).toMatchObject({ courier_id: 'a2', pinned: false })
    expect(moved.headers.get('etag')).toBe(`"${begun + 4}"`)
    expect((await hand('unassign', id, begun + 4)).body).toMatchObject({ courier_id: null, trip_id: null })
    const before = [
      { courier_id: 'a2', pinned: false },
      { courier_id: 'a1', pinned: true },
      { courier_id: 'a1', pinned: false },
      { courier_id: 'a1', pinned: true },
      { courier_id: null, pinned: false },
    ]
    for (const wanted of before) {
      const undone = await hand('undo', id, (await read(id)).version, { reason: 'mistake' })
      expect(undone.status, JSON.stringify(undone.body)).toBe(200)
      expect(await facts()).toEqual(wanted)
    }
    expect((await hand('undo', id, (await read(id)).version)).body.reason).toBe('nothing_to_undo')
    const audit = await stage.pool.query('SELECT action FROM audit WHERE subject = $1 ORDER BY id', [`order:${id}`])
    expect(audit.rows.map(row => row.action)).toEqual([
      ...['assign', 'unpin', 'pin', 'reassign', 'unassign', 'undo', 'undo', 'undo', 'undo', 'undo'].map(
        action => `order.${action}`,
      ),
    ])
    expect((await trips('a1')).concat(await trips('a2')).every(trip => trip.state === 'cancelled')).toBe(true)
  })

  test('can not undo what somebody else has changed since', async () => {
    await couriers('b1', 'b2')
    const id = await order()
    await given(id, 'b1')
    const trip = (await trips('b1'))[0]
    await say('b1', `trips/${trip?.trip_id}/decline`, { reason: 'too_far' })
    expect(await hand('undo', id, (await read(id)).version)).toMatchObject({
      status: 409,
      body: { reason: 'moved_on' },
    })
  })

  test('who loses is told what changed since then, and who did it', async () => {
    await couriers('c1', 'c2')
    const id = await order()
    const { version } = await read(id)
    await hand('assign', id, version, { courier_id: 'c1' }, as('dispatcher:bob'))
    await hand('unpin', id, version + 1, {}, as('dispatcher:eve'))
    const lost = await hand('assign', id, version, { courier_id: 'c2' })
    expect(lost.status).toBe(409)
    expect(lost.body).toMatchObject({
      ...{ reason: 'changed', changed_by: 'dispatcher:eve', current: { courier_id: 'c1', version: version + 2 } },
      changes: [
        { text: 'Given to c1: by hand.', actor: 'dispatcher:bob' },
        { text: 'Unpinned.', actor: 'dispatcher:eve' },
      ],
    })
  })

  test('learns the outcome of a key by asking again, the refusals too; another command is refused under it', async () => {
    await couriers('d1', 'd2')
    const id = await order()
    const { version } = await read(id)
    const key = (text: string) => ({ 'idempotency-key': text })
    const lost = await hand('pin', id, version, {}, key('d-lost'))
    expect(lost).toMatchObject({ status: 409, body: { reason: 'not_assigned' } })
    const won = await hand('assign', id, version, { courier_id: 'd1' }, key('d-won'))
    expect(won.headers.get('idempotency-replayed')).toBeNull()
    await hand('unassign', id, version + 1)
    delete fleet.d1
    await stage.showFleet(fleet)
    const again = await hand('assign', id, version, { courier_id: 'd1' }, key('d-won'))
    expect([again.status, again.body]).toEqual([200, won.body])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await hand('pin', id, version, {}, key('d-lost'))).body.reason).toBe('not_assigned')
    expect(await hand('assign', id, version, { courier_id: 'd2' }, key('d-won'))).toMatchObject({
      ...{ status: 422, body: { reason: 'key_used' } },
    })
    const other = await hand(
      'assign',
      id,
      version + 2,
      { courier_id: 'd2' },
      { ...key('d-won'), ...as('dispatcher:bob') },
    )
    expect(other.status, 'the key of another person is another key').toBe(200)
  })

  test('one key asked ten times at once is one command', async () => {
    await couriers('e1')
    const id = await order()
    const { version } = await read(id)
    const asking = Array.from({ length: 10 }, () =>
      hand('assign', id, version, { courier_id: 'e1' }, { 'idempotency-key': 'e-once' }),
    )
    const answers = await Promise.all(asking)
    expect(answers.map(one => one.status)).toEqual(answers.map(() => 200))
    expect((await read(id)).version).toBe(version + 1)
    const { rowCount } = await stage.pool.query('SELECT 1 FROM audit WHERE subject = $1', [`order:${id}`])
    expect(rowCount).toBe(1)
  })

  test('gives only what can be carried, unless told to overrule', async () => {
    await couriers('f1')
    fleet.f2 = { state: 'break' }
    await stage.showFleet(fleet)
    const cold = await order({ order: { requires: ['cold'] } })
    const { version } = await read(cold)
    const refused = await hand('assign', cold, version, { courier_id: 'f1' })
    expect(refused).toMatchObject({ status: 409, body: { reason: 'requirement' } })
    expect((await hand('assign', cold, version, { courier_id: 'f2' })).body.reason).toBe('on_break')
    expect((await hand('assign', cold, version, { courier_id: 'nobody' })).status).toBe(404)
    expect((await hand('assign', cold, version, { courier_id: 'f1', overrule: true })).status).toBe(200)
    const unsaid = await hand('assign', cold, version, { courier_id: 'f1', reason: 'why_not' })
    expect([unsaid.status, unsaid.body.detail]).toEqual([400, expect.stringContaining('"closer", "late"')])
  })

  test('moves several orders at once, in their sequence, or none of them', async () => {
    await couriers('g1', 'g2')
    const [a = '', b = '', c = ''] = await orders(3)
    await given(a, 'g1')
    await given(b, 'g1', { onto: 'present' })
    await given(c, 'g1', { onto: 'present' })
    const [full] = await trips('g1')
    expect(doors(full)).toEqual([a, b, c])
    expect((await given(await order(), 'g1', { onto: 'next' })).status).toBe(200)
    const versions = async (...ids: string[]) =>
      Promise.all(ids.map(async order_id => ({ order_id, version: (await read(order_id)).version })))
    const move = (list: object[], key?: string) =>
      stage.call<{ orders: OrderView[] } & Problem>(
        'POST',
        '/v1/dispatch/move',
        { orders: list, courier_id: 'g2', reason: 'balance_load' },
        { ...as('dispatcher:ann'), ...(key && { 'idempotency-key': key }) },
      )
    const stale = (await versions(c, a)).map((one, n) => ({ ...one, version: one.version - n }))
    expect(await move(stale)).toMatchObject({ status: 409, body: { reason: 'changed' } })
    expect(doors((await trips('g1'))[0])).toEqual([a, b, c])
    const asked = await versions(c, a)
    const moved = await move(asked, 'g-move')
    expect(moved.status, JSON.stringify(moved.body)).toBe(200)
    expect((await move(asked, 'g-move')).body).toEqual(moved.body)
    expect(doors((await trips('g2'))[0])).toEqual([a, c])
    const [left, next] = await trips('g1')
    expect([doors(left), left?.state, next?.state]).toEqual([[b], 'offered', 'planned'])
    // The last one: a trip that has exactly these orders changes hands as it is, and the next one has its turn.
    const whole = await move((await versions(b)).map(one => ({ ...one })))
    expect(whole.body.reason).toBe('courier_busy')
    const { version } = await read(b)
    await couriers('g3')
    expect((await hand('reassign', b, version, { courier_id: 'g3' })).body).toMatchObject({ trip_id: left?.trip_id })
    expect((await trips('g1')).map(trip => trip.state)).toEqual(['offered'])
    const told = await eventsOf(left?.trip_id ?? '')
    expect(told.map(one => one.type)).toEqual([
      ...['trip.assigned', 'trip.changed', 'trip.changed', 'trip.changed', 'trip.reassigned'],
    ])
  })

  test('undoes what went together at once, and it comes back together; or none of it', async () => {
    await couriers('u1', 'u2')
    const [a = '', b = '', c = ''] = await orders(3)
    await given(a, 'u1')
    await given(b, 'u1', { onto: 'present' })
    const seen = (...ids: string[]) =>
      Promise.all(ids.map(async order_id => ({ order_id, version: (await read(order_id)).version })))
    type Several = { orders: OrderView[] } & Problem
    const ann = as('dispatcher:ann')
    const move = { orders: await seen(a, b), courier_id: 'u2', reason: 'balance_load' }
    await stage.call<Several>('POST', '/v1/dispatch/move', move, ann)
    expect(doors((await trips('u2'))[0])).toEqual([a, b])
    const undo = async (...ids: string[]) =>
      stage.call<Several>('POST', '/v1/dispatch/undo', { orders: await seen(...ids), reason: 'mistake' }, ann)
    expect(await undo(a, c)).toMatchObject({ status: 409, body: { reason: 'nothing_to_undo' } })
    expect((await read(a)).courier_id, 'none of it').toBe('u2')
    const undone = await undo(a, b)
    expect(undone.body.orders.map(one => one.courier_id)).toEqual(['u1', 'u1'])
    const [first, second] = [await read(a), await read(b)]
    expect([first.courier_id, second.trip_id]).toEqual(['u1', first.trip_id])
    expect((await trips('u2')).map(trip => trip.state)).toEqual(['cancelled'])
    const audit = await stage.pool.query(`SELECT action FROM audit WHERE subject = $1 ORDER BY id`, [`order:${b}`])
    expect(audit.rows.map(row => row.action)).toEqual(['order.assign', 'order.move', 'order.undo'])
  })

  test('commands many rows, each with a result of its own, and asks for the rest again after a cut', async () => {
    await couriers('i1', 'i2')
    const [a = '', b = '', c = ''] = await orders(3)
    const version = (await read(a)).version
    const commands = [
      { action: 'assign', order_id: a, version, courier_id: 'i1', reason: 'late' },
      { action: 'assign', order_id: b, version: version + 7, courier_id: 'i2', reason: 'late' },
      { action: 'pin', order_id: c, version, reason: 'late' },
      { action: 'assign', order_id: c, version, courier_id: 'i2', reason: 'late' },
    ]
    const bulk = (list: object[]) =>
      stage.call<{ results: { status: number; reason?: string }[] }>(
        'POST',
        '/v1/dispatch/bulk',
        { commands: list },
        {
          ...{ ...as('dispatcher:ann'), 'idempotency-key': 'i-bulk' },
        },
      )
    const first = await bulk(commands.slice(0, 2))
    expect(first.body.results.map(row => [row.status, row.reason])).toEqual([
      [200, undefined],
      [409, 'changed'],
    ])
    const all = await bulk(commands)
    expect(all.body.results.map(row => row.status)).toEqual([200, 409, 409, 200])
    expect((await read(a)).version).toBe(version + 1)
  })
})
