import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { CourierView } from '../../engine/contract.ts'
import { migratePostgres } from '../../sql/migrate.ts'
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
} from '../../world/races/stage.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import type { OrderView, OrderWithHistory, ReturnView, TripView } from '../contract.ts'

/**
 * The real service, and what a test says to it as a dispatcher or a courier. Nothing is assigned by itself unless a test says
 * so; every test has the couriers and the queue for itself.
 */

export const SILENT_S = 120
export const log_dir = mkdtempSync(join(tmpdir(), 'waggle-hand-'))
export let stage: Stage
let database: FreshDatabase

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

export type Body = OrderView & TripView & Problem
type Headers_ = Record<string, string>
export const until = <Value>(what: string, look: () => Promise<Value>) => waitFor(look, { timeout_ms: 20_000, what })
export const as = (actor: string): Headers_ => ({ 'x-waggle-actor': actor })
export const zones = () => stage.call<{ zone_id: string; mode: string; version: number }[]>('GET', '/v1/dispatch/zones')

export async function setMode(mode: 'on' | 'off' | 'suggest'): Promise<void> {
  const [zone] = (await zones()).body
  if (zone?.mode === mode) return
  const path = `/v1/dispatch/zones/${ZONE}/assignment`
  const answer = await stage.call('PUT', path, { mode, reason: 'by_hand' }, { 'if-match': String(zone?.version) })
  expect(answer.status).toBe(200)
}

export const read = async (id: string) => (await stage.call<OrderWithHistory>('GET', `/v1/orders/${id}`)).body
export const hand = (verb: string, id: string, version: number, body: object = {}, headers: Headers_ = {}) =>
  stage.call<Body>(
    'POST',
    `/v1/dispatch/orders/${id}/${verb}`,
    { reason: 'by_hand', ...body },
    {
      ...{ 'if-match': `"${version}"`, ...as('dispatcher:ann') },
      ...headers,
    },
  )
export const say = (courier: string, path: string, body?: object) =>
  stage.call<Body & { returns: ReturnView[] }>('POST', `/v1/couriers/me/${path}`, body, as(`courier:${courier}`))
export const trips = async (courier_id: string): Promise<TripView[]> => {
  const { rows } = await stage.pool.query(`SELECT * FROM trips WHERE courier_id = $1 ORDER BY trip_id`, [courier_id])
  return rows
}
export const doors = (trip: TripView | undefined) =>
  trip?.stops.filter(stop => stop.kind === 'dropoff').map(stop => stop.order_id as string)

let made = 0
/** Ids of orders that are packed. */
export async function orders(count: number, routing: Routing = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `h${made++}`)
  const parts = (routing.warehouses ?? ['w1']).map((_, n) => n + 1)
  for (const id of ids) await stage.decide(routed(id, routing), ...parts.map(part => packed(id, part)))
  for (const id of ids) await until(`${id} to be packed`, async () => (await read(id)).state === 'packed')
  return ids
}
export const order = async (routing?: Routing): Promise<string> => (await orders(1, routing))[0] ?? ''

export const fleet: Record<string, Partial<CourierView>> = {}
/** Couriers of this test, at the store. */
export async function couriers(...names: string[]): Promise<void> {
  for (const name of names) fleet[name] = { capacity: 3 }
  await stage.showFleet(fleet)
}

export async function given(id: string, courier_id: string, more: object = {}): Promise<Answer<Body>> {
  const answer = await hand('assign', id, (await read(id)).version, { courier_id, ...more })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer
}

export async function accept(courier: string): Promise<TripView> {
  const trip = (await trips(courier)).find(one => one.state === 'offered')
  const answer = await say(courier, `trips/${trip?.trip_id}/accept`)
  expect(answer).toMatchObject({ status: 200, body: { state: 'accepted' } })
  return answer.body
}

/** Of a trip, in their order; its times are told whenever they change, and are left out unless asked for. */
export const eventsOf = async (trip_id: string, { retimed = false } = {}) => {
  const { rows } = await stage.pool.query(
    `SELECT event ->> 'type' AS type, event ->> 'actor' AS actor, event -> 'data' AS data FROM outbox
     WHERE event -> 'data' ->> 'trip_id' = $1 AND ($2 OR event ->> 'type' <> 'trip.retimed') ORDER BY id`,
    [trip_id, retimed],
  )
  return rows as { type: string; actor: string; data: Record<string, unknown> }[]
}
