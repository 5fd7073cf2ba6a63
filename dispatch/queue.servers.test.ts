import { describe, expect, test } from 'vitest'
import { cancelled, ZONE } from '../world/races/stage.ts'
import type { CourierChoices, QueueRow, Suggestion } from './contract.ts'
import { as, couriers, fleet, given, order, orders, read, setMode, stage, until, zones } from './hand.testing.ts'

/** What dispatchers look at, and how far a zone is assigned by itself, on the real service. */

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
})
