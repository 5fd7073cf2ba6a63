import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cancelled } from '../../world/races/stage.ts'
import type { QueueRow, ReturnView } from '../contract.ts'
import {
  accept,
  as,
  type Body,
  couriers,
  doors,
  eventsOf,
  fleet,
  given,
  hand,
  log_dir,
  order,
  orders,
  read,
  SILENT_S,
  say,
  setMode,
  stage,
  trips,
  until,
} from '../hand/hand.testing.ts'

/** What couriers say, on the real service. */

describe('a courier', () => {
  test('with two orders keeps one when the other is cancelled, and then has what comes next', async () => {
    await couriers('k1')
    const [a = '', b = '', c = ''] = await orders(3)
    await given(a, 'k1')
    await given(b, 'k1', { onto: 'present' })
    const trip = await accept('k1')
    await given(c, 'k1', { onto: 'next' })
    await stage.decide(cancelled(a))
    await until('a to be cancelled', async () => (await read(a)).state === 'cancelled')
    const [now] = await trips('k1')
    expect([now?.trip_id, now?.state, doors(now)]).toEqual([trip.trip_id, 'accepted', [b]])
    expect((await say('k1', `orders/${a}/picked_up`)).status).toBe(409)
    expect((await say('k1', `orders/${b}/arrived`, { at: 'pickup' })).status).toBe(200)
    expect((await say('k1', `orders/${b}/picked_up`)).status).toBe(200)
    expect((await hand('unassign', b, (await read(b)).version)).body.reason).toBe('too_late')
    expect((await say('k1', `orders/${b}/arrived`, { at: 'dropoff' })).status).toBe(200)
    expect((await say('k1', `orders/${b}/delivered`)).body.state).toBe('delivered')
    expect((await trips('k1')).map(one => one.state)).toEqual(['done', 'offered'])
    expect(await read(b)).toMatchObject({
      fulfilments: [{ state: 'delivered' }],
      attempts: [{ number: 1, state: 'delivered', courier_id: 'k1', arrived_at: expect.any(Number) }],
    })
    const types = (await eventsOf(trip.trip_id)).map(one => one.type)
    expect(types).toEqual([
      ...['trip.assigned', 'trip.changed', 'trip.accepted', 'trip.changed', 'delivery.arrived', 'delivery.picked_up'],
      ...['delivery.arrived', 'delivery.delivered'],
    ])
    const versions = (await eventsOf(trip.trip_id)).map(one => Number(one.data.version))
    expect(versions).toEqual(versions.toSorted((x, y) => x - y))
    expect(new Set(versions).size).toBe(versions.length)
  })

  test('tries three times, brings the goods back, and is given nothing in between', async () => {
    await couriers('m1')
    const id = await order()
    await given(id, 'm1')
    await accept('m1')
    await say('m1', `orders/${id}/picked_up`)
    const fail = (again: boolean) => say('m1', `orders/${id}/failed`, { reason: 'nobody_home', again })
    expect((await fail(true)).body.state).toBe('picked_up')
    expect((await fail(true)).body.state).toBe('picked_up')
    expect(await fail(true)).toMatchObject({ status: 409, body: { reason: 'no_more_attempts' } })
    expect((await fail(false)).body).toMatchObject({ state: 'failed', reason: 'nobody_home' })
    expect((await say('m1', `orders/${id}/delivered`)).status).toBe(409)
    const after = await read(id)
    expect(after.attempts.map(one => one.state)).toEqual(['failed', 'failed', 'failed'])
    expect(after.returns).toMatchObject([{ state: 'with_courier', courier_id: 'm1', warehouse_id: 'w1' }])
    const me = await stage.call('GET', '/v1/couriers/me', undefined, as('courier:m1'))
    expect(me.body).toMatchObject({ state: 'returning', trips: [], returns: [{ order_id: id }] })
    const other = await order()
    expect((await hand('assign', other, (await read(other)).version, { courier_id: 'm1' })).body.reason).toBe(
      'returning',
    )
    expect(await say('m1', `orders/${id}/returned`)).toMatchObject({
      ...{ status: 200, body: { returns: [{ state: 'received', version: 2 }] } },
    })
    expect((await say('m1', `orders/${id}/returned`)).body.returns).toMatchObject([{ state: 'received', version: 2 }])
    const [trip] = await trips('m1')
    const told = (await eventsOf(trip?.trip_id ?? '')).map(one => one.type)
    expect(told.filter(type => type === 'delivery.attempt_failed')).toHaveLength(2)
    expect(told.at(-1)).toBe('delivery.returned')
    expect((await given(other, 'm1')).status).toBe(200)
  })

  test('picks a split order up part by part, and sees the contact only while bringing it', async () => {
    await couriers('n1')
    const id = await order({ warehouses: ['w1', 'w2'] })
    await stage.pool.query(`INSERT INTO contacts (tenant_id, order_id, phone) VALUES ('demo', $1, 'ring-0199')`, [id])
    const contact = () => stage.call<Body>('GET', `/v1/couriers/me/orders/${id}`, undefined, as('courier:n1'))
    await given(id, 'n1')
    expect((await contact()).status).toBe(404)
    await accept('n1')
    expect((await contact()).body).toMatchObject({ order_id: id, contact: { phone: 'ring-0199' } })
    expect((await say('n1', `orders/${id}/picked_up`, { fulfilment_id: 'other' })).status).toBe(404)
    expect((await say('n1', `orders/${id}/picked_up`, { fulfilment_id: `${id}.1` })).body).toMatchObject({
      ...{ state: 'picked_up', fulfilments: [{ state: 'picked_up' }, { state: 'packed' }] },
    })
    expect((await stage.call('POST', `/v1/orders/${id}/cancel`, { reason: 'too_slow' })).status).toBe(409)
    expect((await say('n1', `orders/${id}/delivered`)).body.reason).toBe('not_picked_up')
    expect((await say('n1', `orders/${id}/picked_up`)).status).toBe(200)
    expect((await say('n1', `orders/${id}/delivered`)).body.state).toBe('delivered')
    expect((await contact()).status).toBe(404)
    const asked = await stage.call<{ returns: ReturnView[] }>('POST', `/v1/dispatch/orders/${id}/returns`, {
      reason: 'spoilt',
    })
    expect(asked.body.returns.map(one => [one.state, one.warehouse_id])).toEqual([
      ['asked', 'w1'],
      ['asked', 'w2'],
    ])
    const settle = (event: string, version: number) =>
      stage.call('POST', `/v1/dispatch/returns/${asked.body.returns[0]?.return_id}/${event}`, undefined, {
        'if-match': String(version),
      })
    expect((await settle('lost', 1)).body).toMatchObject({ reason: 'not_possible' })
    expect((await settle('received', 1)).body).toMatchObject({ state: 'received', version: 2 })
    expect((await settle('withdrawn', 1)).status).toBe(409)
    expect((await read(id)).state, 'a return is a record of its own').toBe('delivered')
    const told = (await eventsOf((await trips('n1'))[0]?.trip_id ?? '')).map(one => one.type)
    expect(told.slice(-4)).toEqual(['delivery.delivered', 'return.asked', 'return.asked', 'delivery.returned'])
  })

  test('who can not go on gives the trip back, is not asked for it again, and the next one has its turn', async () => {
    await couriers('gb1', 'gb2')
    const [a = '', b = ''] = await orders(2)
    await given(a, 'gb1')
    const trip = await accept('gb1')
    await given(b, 'gb1', { onto: 'next' })
    const giveBack = (courier: string) => say(courier, `trips/${trip.trip_id}/give_back`, { reason: 'flat_tyre' })
    expect((await giveBack('gb2')).body.reason).toBe('not_yours')
    expect((await giveBack('gb1')).body.state).toBe('cancelled')
    expect((await giveBack('gb1')).body.state, 'said again').toBe('cancelled')
    expect(await read(a)).toMatchObject({ courier_id: null, trip_id: null, state: 'packed' })
    const [, next] = await trips('gb1')
    expect([next?.state, doors(next)]).toEqual(['offered', [b]])
    expect((await eventsOf(trip.trip_id)).at(-1)).toMatchObject({
      ...{ type: 'trip.cancelled', actor: 'courier:gb1', data: { reason: 'flat_tyre', order_ids: [a] } },
    })
    expect((await hand('assign', a, (await read(a)).version, { courier_id: 'gb1', onto: 'next' })).body.reason).toBe(
      'declined',
    )
    await accept('gb1')
    await say('gb1', `orders/${b}/picked_up`)
    const late = await say('gb1', `trips/${next?.trip_id}/give_back`, { reason: 'flat_tyre' })
    expect(late).toMatchObject({ status: 409, body: { reason: 'under_way' } })
    await say('gb1', `orders/${b}/delivered`)
  })

  test('who declines while an order is put on the trip gives that one back, too', async () => {
    await couriers('w1')
    const [a = '', b = ''] = await orders(2)
    await given(a, 'w1')
    const [trip] = await trips('w1')
    const slow = await stage.pool.connect()
    try {
      await slow.query('BEGIN')
      await slow.query('SELECT 1 FROM orders WHERE order_id = $1 FOR UPDATE', [a])
      const declining = say('w1', `trips/${trip?.trip_id}/decline`, { reason: 'too_far' })
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM orders o%FOR UPDATE%'`
      await until('the decline to wait', async () => ((await stage.pool.query(waiting)).rowCount ?? 0) > 0)
      const door = `jsonb_build_array(jsonb_build_object('kind', 'dropoff', 'order_id', $2::text, 'fulfilment_id', $2 || '.1',
        'point', '{"lat": 41.9, "lng": -87.6}'::jsonb, 'eta', 0))`
      await slow.query(`UPDATE trips SET stops = stops || ${door}, version = version + 1 WHERE trip_id = $1`, [
        trip?.trip_id,
        b,
      ])
      await slow.query(`INSERT INTO trip_orders VALUES ('demo', $1, $2, true)`, [trip?.trip_id, b])
      await slow.query(`UPDATE orders SET trip_id = $1, courier_id = 'w1' WHERE order_id = $2`, [trip?.trip_id, b])
      await slow.query('COMMIT')
      expect((await declining).body.state).toBe('cancelled')
    } finally {
      slow.release()
    }
    expect([(await read(a)).trip_id, (await read(b)).trip_id]).toEqual([null, null])
  })

  test('collects what a customer gives back, by the own word, and brings it', async () => {
    await couriers('o1', 'o2')
    const id = await order()
    await given(id, 'o1')
    await accept('o1')
    await say('o1', `orders/${id}/picked_up`)
    await say('o1', `orders/${id}/delivered`)
    const path = `/v1/dispatch/orders/${id}/returns`
    const asked = await stage.call<{ returns: ReturnView[] }>('POST', path, { reason: 'spoilt' })
    const { return_id } = asked.body.returns[0] ?? {}
    const by_hand = `/v1/dispatch/returns/${return_id}/collected`
    const stale = await stage.call('POST', by_hand, { courier_id: 'o2' }, { 'if-match': '7' })
    expect(stale.body.reason).toBe('changed')
    const collected = await say('o2', `returns/${return_id}/collected`)
    expect(collected).toMatchObject({ status: 200, body: { state: 'with_courier', courier_id: 'o2', version: 2 } })
    expect((await say('o2', `returns/${return_id}/collected`)).body.version, 'said again').toBe(2)
    expect((await say('o1', `returns/${return_id}/collected`)).body.reason).toBe('not_possible')
    const again = await stage.call('POST', by_hand, { courier_id: 'o1' }, { 'if-match': '2' })
    expect([again.status, again.body.reason]).toEqual([409, 'not_possible'])
    const me = await stage.call<{ state: string }>('GET', '/v1/couriers/me', undefined, as('courier:o2'))
    expect(me.body.state).toBe('returning')
    expect((await say('o2', `orders/${id}/returned`)).body.returns).toMatchObject([{ state: 'received' }])
    const types = (await eventsOf((await trips('o1'))[0]?.trip_id ?? '')).map(one => one.type)
    expect(types.slice(-3)).toEqual(['return.asked', 'return.collected', 'delivery.returned'])
  })

  test('who accepted and vanishes loses what is in the warehouse; what is pinned is only shown', async () => {
    await couriers('v1', 'v2', 'v3', 'v4', 'v5')
    const gone = { seen_at: Date.now() - (SILENT_S + 1) * 1_000, capacity: 3 }
    Object.assign(fleet, { v1: gone, v2: gone })
    await stage.showFleet(fleet)
    const [free = '', pinned = ''] = await orders(2)
    await given(free, 'v1', { pin: false, overrule: true })
    await given(pinned, 'v2', { overrule: true })
    await accept('v1')
    await accept('v2')
    const others = await orders(3)
    for (const [n, id] of others.entries()) await given(id, `v${n + 3}`)
    const { body } = await stage.call<{ rows: QueueRow[] }>('GET', '/v1/dispatch/queue?attention=courier_unreachable')
    expect(body.rows.map(row => row.order_id).sort()).toEqual([free, pinned].sort())
    expect(
      body.rows.every(row => row.trip_state === 'accepted'),
      'people hold the wheel',
    ).toBe(true)
    await setMode('on')
    await until('the order to be taken from v1', async () => (await read(free)).courier_id !== 'v1')
    const taken = await eventsOf((await trips('v1'))[0]?.trip_id ?? '')
    expect(taken.at(-1)).toMatchObject({ type: 'trip.cancelled', actor: 'dispatch:watch' })
    expect(taken.at(-1)?.data.reason).toBe('courier_unreachable')
    expect((await read(pinned)).courier_id).toBe('v2')
    expect((await hand('reassign', pinned, (await read(pinned)).version, { courier_id: 'v1' })).body.reason).toBe(
      'unreachable',
    )
  })

  test('tells shift, break and position, and can not leave with somebody waiting', async () => {
    await stage.showFleet({})
    const shift = { point: { lat: 41.88, lng: -87.63 }, vehicle: 'bicycle', capacity: 2, has: ['cold'] }
    expect(await say('s1', 'shift', shift)).toMatchObject({ status: 202, body: { published: true } })
    expect((await say('s1', 'shift', { ...shift, capacity: 0 })).status).toBe(400)
    expect(await say('s1', 'break')).toMatchObject({ status: 409, body: { reason: 'not_on_shift' } })
    await couriers('s1')
    expect(await say('s1', 'shift', shift)).toMatchObject({ status: 200, body: { published: false } })
    expect((await say('s1', 'position', { point: { lat: 41.881, lng: -87.63 }, speed_mps: 4 })).status).toBe(202)
    const id = await order()
    await given(id, 's1')
    const end = () => stage.call('DELETE', '/v1/couriers/me/shift', undefined, as('courier:s1'))
    await accept('s1')
    expect(await end()).toMatchObject({ status: 409, body: { reason: 'on_trip' } })
    expect(await say('s1', 'break')).toMatchObject({ status: 409, body: { reason: 'on_trip' } })
    await hand('unassign', id, (await read(id)).version)
    await given(id, 's1', { overrule: true })
    expect((await say('s1', 'break')).status).toBe(202)
    expect((await end()).status).toBe(202)
    expect((await read(id)).courier_id, 'an offer does not outlive the shift').toBeNull()
    expect((await stage.call('GET', '/v1/couriers/me', undefined, as('dispatcher:ann'))).status).toBe(403)
  })
})

test('no person is named in the log of the service', () => {
  expect(readFileSync(join(log_dir, 'dispatch.log'), 'utf8').includes('ring-0199')).toBe(false)
})
