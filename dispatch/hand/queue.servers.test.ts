import { describe, expect, test } from 'vitest'
import { cancelled, type Problem, ZONE } from '../../world/races/stage.ts'
import type { CourierChoices, QueueRow, Suggestion } from '../contract.ts'
import { WEIGHTS, type Weights } from '../solver/objective.ts'
import {
  as,
  couriers,
  fleet,
  given,
  order,
  orders,
  read,
  SILENT_S,
  setMode,
  stage,
  until,
  zones,
} from './hand.testing.ts'

/** What dispatchers look at, and how far a zone is assigned by itself, on the real service. */

type Weighed = Problem & { version: number; set: Partial<Weights>; weights: Weights }

const suggestions = async (): Promise<Suggestion[]> => {
  const path = `/v1/dispatch/zones/${ZONE}/suggestions`
  return (await stage.call<{ trips: Suggestion[] }>('GET', path)).body.trips
}

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
    const suggested = await until('a suggestion', async () =>
      (await suggestions()).find(trip => trip.order_ids.some(one => one === id)),
    )
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

  test('shows no suggestion any more for what is gone', async () => {
    await couriers('y1')
    const id = await order()
    await setMode('suggest')
    await until('a suggestion', async () => (await suggestions()).length === 1)
    await stage.decide(cancelled(id))
    await until('nothing to be suggested', async () => (await suggestions()).length === 0)
  })

  test('suggests somebody else for what a courier who vanished was to fetch', async () => {
    await couriers('v1')
    const id = await order()
    await given(id, 'v1', { pin: false })
    Object.assign(fleet, { v1: { capacity: 3, seen_at: Date.now() - (SILENT_S + 1) * 1_000 }, v2: { capacity: 3 } })
    await stage.showFleet(fleet)
    await setMode('suggest')
    const holds = (one: Suggestion) => one.order_ids.some(order_id => order_id === id)
    const other = await until('a suggestion', async () => (await suggestions()).find(holds))
    expect(other.courier_id).toBe('v2')
    expect((await read(id)).courier_id, 'people decide').toBe('v1')
  })

  test('says what its plans are to be good at, one dispatcher at a time, and is told of every slip', async () => {
    const path = `/v1/dispatch/zones/${ZONE}/weights`
    const put = (weights: object, version: number) =>
      stage.call<Weighed>('PUT', path, { weights, reason: 'balance_load' }, { 'if-match': String(version) })
    expect((await stage.call<Weighed>('GET', path)).body).toMatchObject({ version: 0, set: {}, weights: WEIGHTS })
    for (const [weights, told] of [
      [{ hurry: 3 }, 'hurry'],
      [{ excess: -1 }, '/weights/excess'],
      [{ excess: 'much' }, '/weights/excess'],
      [{ undelivered: 0 }, '/weights/undelivered'],
    ] as const) {
      const slip = await put(weights, 0)
      expect([slip.status, slip.body.detail]).toEqual([400, expect.stringContaining(told)])
    }
    const both = await Promise.all([put({ excess: 0.1 }, 0), put({ lateness: 4 }, 0)])
    expect(both.map(one => one.status).sort()).toEqual([200, 409])
    const done = await put({ lateness: 4 }, 1)
    expect(done.body).toMatchObject({ version: 2, set: { lateness: 4 }, weights: { ...WEIGHTS, lateness: 4 } })
    expect((await stage.call<Weighed>('GET', path)).body).toEqual(done.body)
    expect((await stage.call('GET', '/v1/dispatch/zones/atlantis/weights')).status).toBe(404)
    const audit = await stage.pool.query(`SELECT after FROM audit WHERE action = 'zone.weights' ORDER BY id`)
    expect(audit.rows.at(-1)).toMatchObject({ after: { weights: { lateness: 4 }, version: 2 } })
  })

  test('plans with new weights from the next round on', async () => {
    const path = `/v1/dispatch/zones/${ZONE}/weights`
    const put = async (weights: object) => {
      const { version } = (await stage.call<Weighed>('GET', path)).body
      await stage.call('PUT', path, { weights, reason: 'balance_load' }, { 'if-match': String(version) })
    }
    await couriers('x1')
    const [a, b] = await orders(2)
    await setMode('suggest')
    const doors = async () => (await suggestions()).map(trip => trip.order_ids.length)
    await until('one trip with both', async () => (await doors()).join() === '2')
    // So dear is the road now that waiting is better than riding for either.
    await put({ travel: 100_000, undelivered: 200 })
    await until('nothing to be worth its way', async () => (await doors()).length === 0)
    await put({})
    await until('both to be worth it again', async () => (await doors()).join() === '2')
    expect([(await read(a ?? '')).trip_id, (await read(b ?? '')).trip_id]).toEqual([null, null])
  })
})
