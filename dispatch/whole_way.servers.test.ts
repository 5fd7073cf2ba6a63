import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { latLngToCell } from 'h3-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteTopics, kafkaClient } from '../ingest/io/kafka.ts'
import { migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import type { AvailabilityAnswer, OrderView, PlacedAnswer, TripView } from './contract.ts'

/** ingest, engine and dispatch as processes of their own: an order from the door to the door. */

const servers = testServers()
const namespace = freshNamespace('whole_way')
const STORE = { lat: 41.8837, lng: -87.6289 }
const DOOR = { lat: 41.8917, lng: -87.6343 }
const processes: ChildProcess[] = []
let database: FreshDatabase
let ingest = ''
let dispatch = ''
let engine: Started

interface Started {
  child: ChildProcess
  url: string
}

async function start(room: string): Promise<Started> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', fileURLToPath(new URL(`../${room}/main.ts`, import.meta.url))],
    {
      env: {
        ...process.env,
        WAGGLE_KAFKA_BROKERS: servers.kafka_brokers,
        WAGGLE_POSTGRES_URL: database.url,
        WAGGLE_REDIS_URL: servers.redis_url,
        WAGGLE_NAMESPACE: namespace,
        WAGGLE_PARTITIONS: '2',
        [`WAGGLE_${room.toUpperCase()}_PORT`]: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  processes.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (output += String(data)))
  const look = async () => {
    if (child.exitCode !== null) throw new Error(`${room} ended with ${child.exitCode}: ${output}`)
    const [, url] = /listening at (http:\S+?)"/.exec(output) ?? []
    return url && (await fetch(`${url}/readyz`)).ok ? url : null
  }
  return { child, url: await waitFor(look, { timeout_ms: 30_000, what: `${room} to be ready` }) }
}

beforeAll(async () => {
  database = await freshDatabase(servers, migratePostgres)
  ingest = (await start('ingest')).url
  engine = await start('engine')
  dispatch = (await start('dispatch')).url
  const time_zone = 'America/Chicago'
  const cells = [...new Set([STORE, DOOR].map(({ lat, lng }) => latLngToCell(lat, lng, 7)))]
  await must(ask('PUT', `${ingest}/v1/zones/chicago`, { name: 'Chicago', time_zone, cells }))
  const warehouse = { zone_id: 'chicago', name: 'Loop', point: STORE, time_zone, radius_m: 5_000 }
  await must(ask('PUT', `${ingest}/v1/warehouses/loop`, { ...warehouse, pickers: 4, pick_s_per_line: 10, pack_s: 10 }))
  await tell('stock.received', { warehouse_id: 'loop', sku: 'milk', unit: 'each', quantity: 10 })
  const shift = { courier_id: 'anna', point: STORE, vehicle: 'bicycle', capacity: 1, has: [] }
  await tell('shift.started', shift)
})

afterAll(async () => {
  await Promise.all(
    processes
      .filter(child => child.exitCode === null && child.signalCode === null)
      .map(child => ended(child, 'SIGTERM')),
  )
  await deleteTopics(kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'test' }), namespace)
  await database.drop()
})

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const end = once(child, 'exit')
  child.kill(signal)
  await end
}

async function ask<Body>(method: string, url: string, body?: object, actor?: string) {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: 'Bearer waggle-dev-key',
      ...(body && { 'content-type': 'application/json' }),
      ...(actor && { 'x-waggle-actor': actor }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Body }
}

async function must<Body>(asking: Promise<{ status: number; body: Body }>): Promise<Body> {
  const { status, body } = await asking
  if (status >= 300) throw new Error(`answered ${status}: ${JSON.stringify(body)}`)
  return body
}

const tell = (type: string, data: object) => must(ask('POST', `${ingest}/v1/events`, { type, data }))
const anna = (path: string) =>
  ask<OrderView & TripView>('POST', `${dispatch}/v1/couriers/me/${path}`, undefined, 'courier:anna')
const place = (external_id: string, quantity: number) =>
  ask<PlacedAnswer>('POST', `${dispatch}/v1/orders`, { external_id, point: DOOR, lines: [{ sku: 'milk', quantity }] })
const order = (id: string) => must(ask<OrderView>('GET', `${dispatch}/v1/orders/${id}`))
const until = <Value>(what: string, look: () => Promise<Value>) => waitFor(look, { timeout_ms: 20_000, what })

describe('the whole way', () => {
  test('an order is decided, picked, carried and delivered', async () => {
    const placed = await place('a', 3)
    expect(placed).toMatchObject({ status: 201, body: { decided: true, state: 'routed', warehouse_id: 'loop' } })
    const { order_id, partition, offset } = placed.body
    const question = `lat=${DOOR.lat}&lng=${DOOR.lng}&sku=milk&at_least=${partition}:${offset}`
    const there = await until('availability as new as the order', async () => {
      const answer = await must(ask<AvailabilityAnswer>('GET', `${dispatch}/v1/availability?${question}`))
      return answer.stale ? null : answer
    })
    expect(there).toMatchObject({ warehouses: [{ warehouse_id: 'loop', items: [{ available: 7 }] }] })

    const { trip_id } = await until('anna to be asked', async () => {
      const { trip_id, courier_id } = await order(order_id)
      return courier_id === 'anna' && trip_id ? { trip_id } : null
    })
    expect((await anna(`trips/${trip_id}/accept`)).status).toBe(200)
    expect((await anna(`orders/${order_id}/picked_up`)).status).toBe(409)

    const { fulfilment_id, lines } = await order(order_id)
    const part = { order_id, fulfilment_id, warehouse_id: 'loop' }
    await tell('pick.started', part)
    for (const { line_id, quantity } of lines) await tell('line.picked', { ...part, line_id, quantity })
    await tell('order.packed', part)
    await until('the order to be packed', async () => (await order(order_id)).state === 'packed')
    expect((await anna(`orders/${order_id}/picked_up`)).body.state).toBe('picked_up')
    expect((await anna(`orders/${order_id}/delivered`)).body).toMatchObject({ state: 'delivered', trip_id })
  })

  test('an order that no warehouse can cover is rejected, and one outside of every zone too', async () => {
    expect(await place('b', 100)).toMatchObject({
      status: 201,
      body: { decided: true, state: 'rejected', reason: 'out_of_stock', retryable: true },
    })
    const nowhere = { external_id: 'c', point: { lat: 0, lng: 0 }, lines: [{ sku: 'milk', quantity: 1 }] }
    expect(await ask('POST', `${dispatch}/v1/orders`, nowhere)).toMatchObject({
      status: 201,
      body: { state: 'rejected', reason: 'outside_service_area' },
    })
  })

  test('cancelling gives the goods back, and a pause stops the warehouse', async () => {
    const { body } = await place('d', 2)
    expect(
      await ask('POST', `${dispatch}/v1/orders/${body.order_id}/cancel`, { reason: 'changed_mind' }),
    ).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    })
    await must(ask('POST', `${dispatch}/v1/dispatch/warehouses/loop/pause`, { reason: 'fire_alarm' }))
    await until('orders to be refused', async () => {
      const { body } = await place(`paused-${performance.now()}`, 1)
      return body.reason === 'warehouse_paused'
    })
    await must(ask('POST', `${dispatch}/v1/dispatch/warehouses/loop/resume`, { reason: 'false_alarm' }))
    await until('orders to be taken', async () => (await place(`back-${performance.now()}`, 1)).body.state === 'routed')
  })

  test('while the engine is away an order is taken and answered 202; it is decided when it is back', async () => {
    await ended(engine.child, 'SIGKILL')
    const asked = await place('e', 1)
    expect(asked).toMatchObject({ status: 202, body: { decided: false, state: 'placed' } })
    engine = await start('engine')
    await until('the order to be decided', async () => (await order(asked.body.order_id)).state === 'routed')
    expect(await place('e', 1)).toMatchObject({ status: 200, body: { state: 'routed', order_id: asked.body.order_id } })
  })
})
