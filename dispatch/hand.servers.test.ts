import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CourierView } from '../engine/contract.ts'
import { migratePostgres } from '../sql/migrate.ts'
import {
  type Answer,
  cancelled,
  openStage,
  type Problem,
  packed,
  type Routing,
  routed,
  type Stage,
  ZONE,
} from '../world/races/stage.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import type { CourierChoices, OrderView, OrderWithHistory, QueueRow, ReturnView, TripView } from './contract.ts'

/** What dispatchers and couriers can do by hand, on the real service. Nothing is assigned by itself unless a test says so. */

const log_dir = mkdtempSync(join(tmpdir(), 'waggle-hand-'))
let database: FreshDatabase
let stage: Stage
const SILENT_S = 120

beforeAll(async () => {
  database = await freshDatabase(testServers(), migratePostgres)
  const urls = { ...testServers(), postgres_url: database.url }
  const env = { WAGGLE_DISPATCH_UNREACHABLE_S: String(SILENT_S), WAGGLE_DISPATCH_OFFER_S: '3600' }
  stage = await openStage({ urls, namespace: freshNamespace('hand'), log_dir, env, log: () => {} })
})
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]()
  await database?.drop()
  rmSync(log_dir, { recursive: true, force: true })
})
/** Every test has the couriers and the queue for itself. */
beforeEach(async () => {
  await setMode('off')
  for (const name of Object.keys(fleet)) delete fleet[name]
  const open = async () => {
    const sql = `SELECT order_id FROM orders WHERE closed_at IS NULL AND state <> 'picked_up'`
    return (await stage.pool.query<{ order_id: string }>(sql)).rows
  }
  for (const { order_id } of await open()) await stage.decide(cancelled(order_id))
  await until('nothing to be open', async () => (await open()).length === 0)
})

// ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type Body = OrderView & TripView & Problem
type Headers_ = Record<string, string>
const until = <Value>(what: string, look: () => Promise<Value>) => waitFor(look, { timeout_ms: 20_000, what })
const as = (actor: string): Headers_ => ({ 'x-waggle-actor': actor })
const zones = () => stage.call<{ zone_id: string; mode: string; version: number }[]>('GET', '/v1/dispatch/zones')

async function setMode(mode: 'on' | 'off' | 'suggest'): Promise<void> {
  const [zone] = (await zones()).body
  if (zone?.mode === mode) return
  const path = `/v1/dispatch/zones/${ZONE}/assignment`
  const answer = await stage.call('PUT', path, { mode, reason: 'by_hand' }, { 'if-match': String(zone?.version) })
  expect(answer.status).toBe(200)
}

const read = async (id: string) => (await stage.call<OrderWithHistory>('GET', `/v1/orders/${id}`)).body
const hand = (verb: string, id: string, version: number, body: object = {}, headers: Headers_ = {}) =>
  stage.call<Body>(
    'POST',
    `/v1/dispatch/orders/${id}/${verb}`,
    { reason: 'by_hand', ...body },
    {
      ...{ 'if-match': `"${version}"`, ...as('dispatcher:ann') },
      ...headers,
    },
  )
const say = (courier: string, path: string, body?: object) =>
  stage.call<Body & { returns: ReturnView[] }>('POST', `/v1/couriers/me/${path}`, body, as(`courier:${courier}`))
const trips = async (courier_id: string): Promise<TripView[]> => {
  const { rows } = await stage.pool.query(`SELECT * FROM trips WHERE courier_id = $1 ORDER BY trip_id`, [courier_id])
  return rows
}
const doors = (trip: TripView | undefined) =>
  trip?.stops.filter(stop => stop.kind === 'dropoff').map(stop => stop.order_id as string)

let made = 0
/** Ids of orders that are packed. */
async function orders(count: number, routing: Routing = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `h${made++}`)
  const parts = (routing.warehouses ?? ['w1']).map((_, n) => n + 1)
  for (const id of ids) await stage.decide(routed(id, routing), ...parts.map(part => packed(id, part)))
  for (const id of ids) await until(`${id} to be packed`, async () => (await read(id)).state === 'packed')
  return ids
}
const order = async (routing?: Routing): Promise<string> => (await orders(1, routing))[0] ?? ''

const fleet: Record<string, Partial<CourierView>> = {}
/** Couriers of this test, at the store. */
async function couriers(...names: string[]): Promise<void> {
  for (const name of names) fleet[name] = { capacity: 3 }
  await stage.showFleet(fleet)
}

async function given(id: string, courier_id: string, more: object = {}): Promise<Answer<Body>> {
  const answer = await hand('assign', id, (await read(id)).version, { courier_id, ...more })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer
}

async function accept(courier: string): Promise<TripView> {
  const trip = (await trips(courier)).find(one => one.state === 'offered')
  const answer = await say(courier, `trips/${trip?.trip_id}/accept`)
  expect(answer).toMatchObject({ status: 200, body: { state: 'accepted' } })
  return answer.body
}

const eventsOf = async (trip_id: string) => {
  const { rows } = await stage.pool.query(
    `SELECT event ->> 'type' AS type, event ->> 'actor' AS actor, event -> 'data' AS data FROM outbox
     WHERE event -> 'data' ->> 'trip_id' = $1 ORDER BY id`,
    [trip_id],
  )
  return rows as { type: string; actor: string; data: Record<string, unknown> }[]
}

// ── Dispatchers ─────────────────────────────────────────────────────────────────────────────────────────────────────

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

describe('the queue', () => {
  test('is ordered by slack, filtered, and comes in pages; the choices say who is best and why not the others', async () => {
    fleet.q3 = { state: 'break' }
    await couriers('q1', 'q2')
    const urgent = await order({ deliver_s: 60 })
    const [calm = '', calmer = ''] = await orders(2, { deliver_s: 9_000 })
    await given(calmer, 'q2')
    const page = async (query: string) =>
      (
        await stage.call<{ rows: QueueRow[]; next_cursor: string | null; total: number }>(
          'GET',
          `/v1/dispatch/queue?${query}`,
        )
      ).body
    const whole = await page(`zone_id=${ZONE}&limit=200`)
    const ids = whole.rows.map(row => row.order_id as string)
    expect(ids.indexOf(urgent)).toBeLessThan(ids.indexOf(calm))
    expect(whole.rows.find(row => row.order_id === urgent)?.attention).toEqual(['late', 'no_courier'])
    const slack = whole.rows.map(row => row.slack_s)
    expect(slack).toEqual(slack.toSorted((a, b) => a - b))
    const first = await page('limit=1')
    const second = await page(`limit=200&cursor=${first.next_cursor}`)
    expect([...first.rows, ...second.rows].map(row => row.order_id)).toEqual(ids)
    expect((await page('assigned=offered&courier_id=q2')).rows.map(row => row.order_id)).toEqual([calmer])
    expect((await stage.call('GET', '/v1/dispatch/queue?cursor=nonsense')).status).toBe(400)
    expect((await stage.call('GET', '/v1/dispatch/queue?colour=red')).status).toBe(400)

    const { body: choices } = await stage.call<CourierChoices>('GET', `/v1/dispatch/orders/${calm}/couriers`)
    expect(choices.best.length).toBeLessThanOrEqual(5)
    expect(choices.best.every(one => one.free && one.why.length > 0)).toBe(true)
    const all = [...choices.best, ...choices.others]
    expect(all.find(one => one.courier_id === 'q2')).toMatchObject({ load: 1, onto: 'present', state: 'offered' })
    expect(all.find(one => one.courier_id === 'q3')).toMatchObject({ why_not: 'on_break' })
  })
})

describe('a zone', () => {
  test('is assigned by itself, or only with suggestions, or not at all; one dispatcher at a time decides it', async () => {
    await couriers('z1')
    const id = await order()
    await setMode('suggest')
    const suggested = await until('a suggestion', async () => {
      const { body } = await stage.call<{ trips: { order_ids: string[]; courier_id: string }[] }>(
        'GET',
        `/v1/dispatch/zones/${ZONE}/suggestions`,
      )
      return body.trips.find(trip => trip.order_ids.includes(id))
    })
    expect(suggested.courier_id).toBe('z1')
    const { body } = await stage.call<{ rows: QueueRow[] }>('GET', '/v1/dispatch/queue?limit=200')
    expect(body.rows.find(row => row.order_id === id)).toMatchObject({ suggested_courier_id: 'z1', courier_id: null })
    const [zone] = (await zones()).body
    const put = (mode: string) =>
      stage.call(
        'PUT',
        `/v1/dispatch/zones/${ZONE}/assignment`,
        { mode, reason: 'by_hand' },
        {
          ...{ 'if-match': String(zone?.version), ...as('dispatcher:ann') },
        },
      )
    const both = await Promise.all([put('on'), put('on')])
    expect(both.map(one => one.status).sort()).toEqual([200, 409])
    expect(both.find(one => one.status === 409)?.body).toMatchObject({
      reason: 'changed',
      changed_by: 'dispatcher:ann',
    })
    await until('an offer', async () => (await read(id)).courier_id === 'z1')
  })
})

// ── Couriers ────────────────────────────────────────────────────────────────────────────────────────────────────────

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
