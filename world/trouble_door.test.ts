import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEVELOPMENT_KEY } from '../ingest/io/keys.ts'
import type { Trouble } from './city/trouble.ts'
import { openTroubleDoor, type TroubleDoor } from './trouble_door.ts'

/** The door over HTTP, and a made-up city behind it. */

let door: TroubleDoor
beforeAll(async () => {
  door = await openTroubleDoor()
})
afterAll(() => door[Symbol.asyncDispose]())

const POINT = { lat: 41.9, lng: -87.6 }
const city: Trouble = {
  breakDown: async courier_id =>
    courier_id === 'c001'
      ? { outcome: 'gave_back', order_ids: ['o1'], back_at: 7 }
      : { impossible: courier_id === 'c002' ? 'broken_down' : 'unknown_courier', detail: 'no' },
  surge: ({ lat }) =>
    lat === POINT.lat
      ? { orders: 90, cells: ['c'], warehouse_ids: ['loop'], until: 7, calm_at: 8, ordered: new Promise(() => {}) }
      : { impossible: 'not_served', detail: 'no warehouse serves this place' },
  possible: () => ({ time_ms: 1, courier_ids: ['c001'], surge: null }),
}

async function ask(method: string, path: string, body?: object, key = DEVELOPMENT_KEY) {
  const response = await fetch(`${door.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return [response.status, await response.json()] as const
}

test('says so before the city has begun', async () => {
  expect(await ask('GET', '/trouble')).toMatchObject([503, { reason: 'not_yet' }])
})

test('makes trouble, says why it can not be, and lets in nobody else', async () => {
  door.open(city)
  expect(await ask('GET', '/trouble')).toEqual([200, city.possible()])
  const broken = { outcome: 'gave_back', order_ids: ['o1'], back_at: 7 }
  expect(await ask('POST', '/trouble/courier', { courier_id: 'c001' })).toEqual([200, broken])
  expect(await ask('POST', '/trouble/courier', { courier_id: 'c002' })).toMatchObject([422, { reason: 'broken_down' }])
  expect(await ask('POST', '/trouble/courier', { courier_id: 'x' })).toMatchObject([404, { reason: 'unknown_courier' }])
  expect(await ask('POST', '/trouble/courier', {})).toMatchObject([400, { reason: 'wrong_shape' }])
  const surge = { orders: 90, cells: ['c'], warehouse_ids: ['loop'], until: 7, calm_at: 8 }
  expect(await ask('POST', '/trouble/surge', POINT)).toEqual([200, surge])
  expect(await ask('POST', '/trouble/surge', { lat: 0, lng: 0 })).toMatchObject([422, { reason: 'not_served' }])
  for (const [method, path, body] of [
    ['GET', '/trouble', undefined],
    ['POST', '/trouble/courier', { courier_id: 'c001' }],
    ['POST', '/trouble/surge', POINT],
  ] as const)
    expect(await ask(method, path, body, 'nobodys-secret'), path).toMatchObject([401, {}])
})
