import { describe, expect, test } from 'vitest'
import { packed, type Routing, routed, ZONE } from '../../world/races/stage.ts'
import type { MoveView } from '../contract.ts'
import {
  accept,
  as,
  couriers,
  doors,
  eventsOf,
  fleet,
  hand,
  read,
  say,
  setMode,
  stage,
  trips,
  until,
} from '../hand/hand.testing.ts'

/** What a plan still changes of a trip while its courier is on the way to the warehouse, or waits there. On the real service. */

let made = 0
/** Routed and not packed, to be ready so soon that trips with it are due. */
async function coming(routing: Routing = {}): Promise<string> {
  const id = `r${made++}`
  await stage.decide(routed(id, { ready_s: 40, ...routing }))
  await until(`${id} to be routed`, async () => (await read(id)).state === 'routed')
  return id
}
const carrier = async (id: string) => (await read(id)).courier_id
const offered = (courier: string) =>
  until(`an offer to ${courier}`, async () => (await trips(courier)).find(trip => trip.state === 'offered'))

describe('a trip that is not fetched yet', () => {
  test('takes along what comes for the same way, and the courier finds it there', async () => {
    await couriers('p1')
    await setMode('on')
    const first = await coming()
    await offered('p1')
    const trip = await accept('p1')
    expect((await say('p1', `orders/${first}/arrived`, { at: 'pickup' })).status).toBe(200)
    const second = await coming()
    await until('both to be on one trip', async () => (await read(second)).trip_id === trip.trip_id)
    const [now] = await trips('p1')
    expect([now?.state, doors(now)?.toSorted()]).toEqual(['accepted', [first, second].toSorted()])
    const at_store = now?.stops.filter(stop => stop.kind === 'pickup').map(stop => stop.arrived_at)
    expect(new Set(at_store).size, 'who stands there does so for both').toBe(1)
    await stage.decide(packed(first), packed(second))
    await until('both to be packed', async () => (await read(second)).state === 'packed')
    for (const id of [first, second]) {
      expect((await say('p1', `orders/${id}/picked_up`)).status).toBe(200)
      expect((await say('p1', `orders/${id}/delivered`)).body.state).toBe('delivered')
    }
    expect((await trips('p1')).map(one => one.state)).toEqual(['done'])
    const changed = (await eventsOf(trip.trip_id)).filter(one => one.type === 'trip.changed')
    expect(changed.at(-1)).toMatchObject({ actor: 'dispatch:solver', data: { reason: 'replanned', pinned: false } })
  })

  test('is left alone once a dispatcher has pinned it, or something of it was picked up', async () => {
    await couriers('q1', 'q2')
    await setMode('on')
    const first = await coming()
    const trip = await until('an offer', async () =>
      [...(await trips('q1')), ...(await trips('q2'))].find(one => one.state === 'offered'),
    )
    expect((await hand('pin', first, (await read(first)).version)).status).toBe(200)
    const [busy, other] = trip.courier_id === 'q1' ? ['q1', 'q2'] : ['q2', 'q1']
    const second = await coming()
    await until('the other courier to have the other one', async () => (await carrier(second)) === other)
    expect((await read(first)).trip_id).toBe(trip.trip_id)
    await accept(busy ?? '')
    await accept(other ?? '')
    await stage.decide(packed(second))
    await until('it to be packed', async () => (await read(second)).state === 'packed')
    expect((await say(other ?? '', `orders/${second}/picked_up`)).status).toBe(200)
    const third = await coming()
    const rounds = await stage.metric('waggle_dispatch_ticks_total')
    await until('three rounds', async () => (await stage.metric('waggle_dispatch_ticks_total')) >= rounds + 3)
    expect(await read(third)).toMatchObject({ trip_id: null })
  })
})

/** Five minutes' ride from the store. */
const AWAY = { lat: 41.8937, lng: -87.6289 }

describe('an idle courier', () => {
  const FAR = { lat: 41.9037, lng: -87.6289 }
  const me = async (courier: string) =>
    (await stage.call<{ move: MoveView | null }>('GET', '/v1/couriers/me', undefined, as(`courier:${courier}`))).body

  test('is told to wait at the warehouse that it is tied to, until it has a trip', async () => {
    Object.assign(fleet, { m1: { capacity: 3, point: FAR, home_warehouse_id: 'w2' }, m2: { capacity: 3 } })
    await stage.showFleet(fleet)
    await setMode('on')
    const id = await coming()
    const move = await until('an advice', async () => (await me('m1')).move)
    expect(move).toMatchObject({ warehouse_id: 'w2', why: 'home', version: 1 })
    await until('the other one to have the order', async () => (await carrier(id)) === 'm2')
    const own = await coming({ warehouses: ['w2'] })
    await until('an offer', async () => (await carrier(own)) === 'm1')
    expect((await me('m1')).move).toBeNull()
    const rows = () => stage.pool.query(`SELECT 1 FROM courier_moves WHERE courier_id = 'm1'`)
    await until('the advice to be forgotten', async () => (await rows()).rowCount === 0)
  })

  test('whose shift ends before it could be back is given nothing', async () => {
    const soon = Date.now() + 120_000
    Object.assign(fleet, { s1: { capacity: 3, shift_ends_at: soon }, s2: { capacity: 3, point: FAR } })
    await stage.showFleet(fleet)
    await setMode('on')
    const id = await coming()
    expect(await until('an offer', () => carrier(id))).toBe('s2')
  })
})

test('where a zone weighs fairness, an order goes to who had few, though another is nearer', async () => {
  const shift_started_at = Date.now() - 3_600_000
  const had = { capacity: 3, shift_started_at }
  await stage.showFleet(Object.assign(fleet, { f1: had }))
  await setMode('on')
  const first = await coming()
  await offered('f1')
  await accept('f1')
  await stage.decide(packed(first))
  await until('it to be packed', async () => (await read(first)).state === 'packed')
  for (const step of ['picked_up', 'delivered']) expect((await say('f1', `orders/${first}/${step}`)).status).toBe(200)
  const path = `/v1/dispatch/zones/${ZONE}/weights`
  const put = async (weights: object) => {
    const { version } = (await stage.call<{ version: number }>('GET', path)).body
    await stage.call('PUT', path, { weights, reason: 'balance_load' }, { 'if-match': String(version) })
  }
  await put({ fairness: 50 })
  await stage.showFleet(Object.assign(fleet, { f2: { ...had, point: AWAY } }))
  try {
    const second = await coming()
    expect(await until('an offer', () => carrier(second))).toBe('f2')
  } finally {
    await put({})
  }
})

test('a shift is told with its end and breaks, and a break that can not be is refused', async () => {
  await stage.showFleet({})
  const now = Date.now()
  const shift = (breaks: object[]) => ({
    ...{
      point: { lat: 41.88, lng: -87.63 },
      vehicle: 'bicycle',
      capacity: 2,
      has: [],
      ends_at: now + 3_600_000,
      breaks,
    },
  })
  const lunch = { from: now + 600_000, to: now + 1_200_000 }
  for (const wrong of [
    { from: lunch.to, to: lunch.from },
    { from: lunch.from, to: now + 3_700_000 },
  ]) {
    const answer = await say('t1', 'shift', shift([lunch, wrong]))
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining({ pointer: '/breaks/1' })])
  }
  expect((await say('t1', 'shift', shift([lunch]))).status).toBe(202)
})

test('a warehouse is known by what it did: its preparation is learnt once an order, and kept over a kill -9', async () => {
  await couriers()
  const rows = async () => {
    const sql = `SELECT what, seen, mean_s FROM learned_times WHERE warehouse_id = 'w2' ORDER BY what`
    return (await stage.pool.query<{ what: string; seen: number; mean_s: number }>(sql)).rows
  }
  const before = new Map((await rows()).map(row => [row.what, row.seen]))
  const id = `l${made++}`
  const ready_s = -200
  const { placed_at } = routed(id)
  await stage.decide({ ...routed(id, { warehouses: ['w2'], ready_s }), placed_at: placed_at - 500_000 })
  const done = { ...packed(id), warehouse_id: 'w2' }
  await stage.decide(done)
  await until('it to be learnt', async () => (await rows()).length >= 2)
  await stage.decide({ ...done, packed_at: done.packed_at + 900_000 })
  await until('it to be read', async () => (await read(id)).state === 'packed')
  await stage.kill()
  await stage.ready()
  const after = await rows()
  for (const { what, seen } of after) expect([what, seen - (before.get(what) ?? 0)]).toEqual([what, 1])
  if (before.size === 0) {
    expect(after.map(row => [row.what, Math.round(row.mean_s / 20) * 20])).toEqual([
      ['plan_error', 200],
      ['preparation', 500],
    ])
  }
})
