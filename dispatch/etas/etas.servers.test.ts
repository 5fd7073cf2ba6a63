import { expect, test } from 'vitest'
import { packed, routed } from '../../world/races/stage.ts'
import type { OrderWithHistory } from '../contract.ts'
import {
  accept,
  couriers,
  eventsOf,
  fleet,
  given,
  order,
  read,
  say,
  stage,
  trips,
  until,
} from '../hand/hand.testing.ts'
import { rememberTold } from '../io/etas.ts'

/** When couriers will be where: told with bounds, told anew as it changes, and held against what came. On the real service. */

const FAR = { lat: 41.9437, lng: -87.6289 }
const etaOf = async (id: string): Promise<OrderWithHistory['eta']> => (await read(id)).eta
const told = async (id: string) => {
  const sql = 'SELECT phase, eta, eta_from, eta_to, actual_at FROM eta_told WHERE order_id = $1 ORDER BY phase'
  return (
    await stage.pool.query<{ phase: string; eta: number; eta_from: number; eta_to: number; actual_at: number }>(sql, [
      id,
    ])
  ).rows
}

test('an order on a trip is told with bounds, which follow the courier, and what came is counted once', async () => {
  await couriers('e1')
  const id = await order()
  expect(await etaOf(id)).toEqual({ pickup: null, door: null })
  await given(id, 'e1')
  const near = await until('bounds', async () => {
    const { pickup, door } = await etaOf(id)
    return pickup?.to && door?.to ? { pickup, door } : null
  })
  expect(near.door.from).toBeLessThanOrEqual(near.door.at)
  expect(near.door.to).toBeGreaterThan(near.door.at)
  expect(near.pickup.at).toBeLessThan(near.door.at)
  const trip = await accept('e1')
  // Somebody rides the other way.
  fleet.e1 = { capacity: 3, point: FAR }
  await stage.showFleet(fleet)
  await until('the door to be told later', async () => ((await etaOf(id)).door?.at ?? 0) > near.door.at + 300_000)
  const retimed = (await eventsOf(trip.trip_id, { retimed: true })).filter(one => one.type === 'trip.retimed')
  expect(retimed.at(-1)).toMatchObject({ actor: 'dispatch:etas' })
  expect((await told(id)).map(row => [row.phase, row.actual_at])).toEqual([
    ['door_ahead', null],
    ['pickup', null],
  ])
  const first = (await told(id))[0]
  expect(first?.eta, 'the first word is what counts').toBeLessThan(near.door.at + 60_000)
  const counted = () => stage.metric('waggle_dispatch_etas_total')
  const before = await counted()
  expect((await say('e1', `orders/${id}/picked_up`)).status).toBe(200)
  await until('the way with it to be told', async () => (await told(id)).some(row => row.phase === 'door_leaving'))
  expect((await etaOf(id)).pickup).toBeNull()
  expect((await say('e1', `orders/${id}/delivered`)).status).toBe(200)
  await until('all three to be learnt', async () => (await counted()) === before + 3)
  const { rows } = await stage.pool.query<{ phase: string; seen: number }>(
    'SELECT phase, seen FROM eta_errors ORDER BY phase',
  )
  expect(rows.map(row => row.phase)).toEqual(['door_ahead', 'door_leaving', 'pickup'])
  expect((await told(id)).every(row => row.actual_at !== null)).toBe(true)
  expect(await etaOf(id)).toEqual({ pickup: null, door: null })
})

test('a bag that is not ready is awaited, also where a dispatcher pinned it', async () => {
  await couriers('f1')
  const id = `slow-${Date.now()}`
  await stage.decide(routed(id, { ready_s: 900 }))
  await until('it to be routed', async () => (await read(id)).state === 'routed')
  await given(id, 'f1')
  const ready_at = (await read(id)).fulfilments[0]?.ready_at ?? 0
  await until('bounds', async () => (await etaOf(id)).pickup?.to)
  expect((await etaOf(id)).pickup?.at).toBeGreaterThan(ready_at - 300_000)
  await stage.decide(packed(id))
  await until(
    'the pickup to be told earlier',
    async () => ((await etaOf(id)).pickup?.at ?? ready_at) < ready_at - 600_000,
  )
  expect((await trips('f1'))[0]).toMatchObject({ state: 'offered', pinned: true })
})

test('an order that two trips name is told of once: by the newer one', async () => {
  const row = (trip_id: string, eta: number) => ({
    ...{ tenant_id: 'two-trips', order_id: 'o1', phase: 'door_ahead' as const, zone_id: 'chicago', trip_id },
    ...{ told_at: 1, raw_at: eta, eta, eta_from: eta, eta_to: eta },
  })
  await rememberTold(stage.pool, [row('0002', 20), row('0001', 10)])
  expect((await told('o1')).map(one => one.eta)).toEqual([20])
})
