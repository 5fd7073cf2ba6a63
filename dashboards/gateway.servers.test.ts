import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { latLngToCell } from 'h3-js'
import { Client } from 'pg'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { partitionOf, type Topic, topicName } from '../ingest/contract.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import { createTopics, deleteTopics, kafkaClient } from '../ingest/io/kafka.ts'
import { DEVELOPMENT_KEY } from '../ingest/io/keys.ts'
import { openProducer, type Producer } from '../ingest/io/producer.ts'
import { migrateClickhouse, migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import { openTroubleDoor, type TroubleDoor } from '../world/trouble_door.ts'
import type { ClientToServer, ServerToClient } from './contract.ts'
import { openWorld } from './io/world.ts'
import { EMPTY_ROOM, type Room, step } from './web/room.ts'

/**
 * The real gateway and the real dispatch as processes on the real servers, and the page's own fold at the other end. What the
 * engine and couriers would write is published here, in the log's real format.
 */

const servers = testServers()
const namespace = freshNamespace('gateway')
const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'gateway-test' })
const ZONE = 'chicago'
const POINT = { lat: 41.8837, lng: -87.6289 }
const CELL = latLngToCell(POINT.lat, POINT.lng, 9)
const START_MS = Date.UTC(2026, 4, 8, 23, 30)
const RAIN = 'It begins to rain'

let database: FreshDatabase
let postgres: Client
let producer: Producer
let dispatch: Service
let gateway: Service
let world: TroubleDoor
const wires: Socket[] = []

// ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface Service {
  child: ChildProcess
  url: string
  stop(signal?: NodeJS.Signals): Promise<void>
}

async function begin(room: string, env: Record<string, string>): Promise<Service> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../${room}/main.ts`, import.meta.url))], {
    env: {
      ...process.env,
      WAGGLE_KAFKA_BROKERS: servers.kafka_brokers,
      WAGGLE_REDIS_URL: servers.redis_url,
      WAGGLE_CLICKHOUSE_URL: servers.clickhouse_url,
      WAGGLE_POSTGRES_URL: database.url,
      WAGGLE_NAMESPACE: namespace,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', data => {
      output = (output + String(data)).slice(-20_000)
    })
  }
  const ready = await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`${room} ended: ${output}`)
      return /"url":"([^"]+)".*"ready"/.exec(output)?.[1]
    },
    { timeout_ms: 60_000, what: `${room} to be ready` },
  )
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return { child, url: ready, stop }
}

const beginGateway = (port = '0') =>
  begin('dashboards', {
    ...{ WAGGLE_DASHBOARDS_PORT: port, WAGGLE_DISPATCH_URL: dispatch.url, WAGGLE_WORLD_URL: world.url },
    WAGGLE_DASHBOARDS_HZ: '10',
  })

// ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Page {
  wire: Socket<ServerToClient, ClientToServer>
  room(): Room
  snapshots(): number
  /** the next deltas that are to be lost on the way */
  lose(count: number): void
}

function openPage(url: string): Page {
  const wire: Page['wire'] = io(url, { transports: ['websocket'], forceNew: true, reconnectionDelay: 100 })
  wires.push(wire)
  let room = EMPTY_ROOM
  let [snapshots, lost] = [0, 0]
  wire.on('connect', () => {
    room = { ...room, phase: 'lost' }
    wire.emit('join', { room: 'network' }, () => {})
  })
  wire.on('snapshot', snapshot => {
    snapshots += 1
    room = step(room, { type: 'snapshot', snapshot }).room
  })
  wire.on('delta', delta => {
    if (lost > 0) {
      lost -= 1
      return
    }
    const next = step(room, { type: 'delta', delta })
    room = next.room
    if (next.resync) wire.emit('resync', { room: 'network', seq: room.seq })
  })
  return { wire, room: () => room, snapshots: () => snapshots, lose: count => (lost = count) }
}

/** What is on the screen, without what depends on the moment of looking. */
function screen({ room }: Page) {
  const { orders, warehouses, couriers, demand, feed, incidents, counters, fleet, phase } = room()
  const sorted = <Row>(rows: ReadonlyMap<string, Row>) => [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const { events_per_s: _events, lag_ms_max: _lag, ...counted } = counters
  const places = sorted(couriers).map(([id, { index }]) => [
    id,
    fleet.position[2 * index],
    fleet.position[2 * index + 1],
    fleet.seen_at[index],
  ])
  const [o, w, c] = [sorted(orders), sorted(warehouses), sorted(couriers)]
  return { phase, orders: o, warehouses: w, couriers: c, demand, feed, incidents, counted, places }
}

const see = <T>(what: string, look: () => T) => waitFor(() => look(), { timeout_ms: 20_000, what })

async function sameAsFresh(page: Page): Promise<void> {
  const fresh = openPage(gateway.url)
  await see('the fresh page', () => fresh.room().phase === 'following')
  await see('both pages to agree', () => {
    expect(screen(page)).toEqual(screen(fresh))
    return true
  })
  fresh.wire.disconnect()
}

// ── The log ─────────────────────────────────────────────────────────────────────────────────────────────────────────

let source_offset = 0
let now = START_MS

async function publish(topic: Topic, key: string, value: object, partition = partitionOf(key, 8)): Promise<void> {
  await producer.send(topicName(namespace, topic), { partition, key, value: Buffer.from(JSON.stringify(value)) })
}

const own = (epoch: number) =>
  publish('decisions', ZONE, { kind: 'owner', epoch, fold_version: '1', owner: `test ${epoch}` })

async function decide(decisions: object[], epoch = 1): Promise<void> {
  source_offset += 1
  now += 1_000
  await publish('decisions', ZONE, {
    ...{ kind: 'decided', epoch, fold_version: '1', tenant_id: 'demo', zone_id: ZONE, decided_at: now, decisions },
    ...{ source_offset: String(source_offset), causation_id: randomUUIDv7(), correlation_id: 'c' },
  })
}

const lines = [{ line_id: 'l1', sku: 'oat-milk', quantity: 2, unit: 'each' }]

const routed = (order_id: string, warehouse_id: string, attempt = 1) => ({
  type: attempt === 1 ? 'order.routed' : 'order.rerouted',
  order_id,
  attempt,
  fulfilments: [{ fulfilment_id: `${order_id}-${attempt}`, warehouse_id, lines, ready_at: now + 300_000 }],
  promise: { ready_at: now + 300_000, deliver_by: now + 1_500_000 },
  candidates: [{ warehouse_id, promise_s: 1_500, travel_s: 300 }],
  ...(attempt === 1
    ? { order: { order_id, customer_ref: 'x', point: POINT, cell: CELL, lines }, placed_at: now }
    : { cause: 'count', replaced: [`${order_id}-${attempt - 1}`] }),
})

const envelope = (type: string, data: object, actor = 'solver:main') => ({
  ...{ event_id: randomUUIDv7(), type, schema_version: 1, tenant_id: 'demo', zone_id: ZONE, occurred_at: now },
  ...{ received_at: Date.now(), source: 'test', actor, correlation_id: 'c', data },
})

const trip = (type: string, version: number, order_id: string, more: object = {}) => {
  const head = { trip_id: `trip-${order_id}`, version, courier_id: 'c1', warehouse_id: 'w1' }
  const stop = { fulfilment_id: `${order_id}-1`, order_id, point: POINT, eta: now }
  const stops = [
    { ...stop, kind: 'pickup' },
    { ...stop, kind: 'dropoff' },
  ]
  const data = type.startsWith('trip.') ? { ...head, stops } : { ...head, order_id, fulfilment_id: `${order_id}-1` }
  return publish('deliveries', ZONE, envelope(type, { ...data, ...more }))
}

async function moveCourier(courier_id: string, lat: number): Promise<void> {
  now += 1_000
  const at = { point: { lat, lng: POINT.lng }, cell: CELL }
  await publish('couriers', courier_id, envelope('courier.moved', { courier_id, ...at }))
}

const startShift = (courier_id: string) =>
  publish(
    'couriers',
    courier_id,
    envelope('shift.started', { courier_id, point: POINT, cell: CELL, vehicle: 'bicycle', capacity: 2, has: [] }),
  )

// ── Before and after ────────────────────────────────────────────────────────────────────────────────────────────────

beforeAll(async () => {
  database = await freshDatabase(servers, migratePostgres)
  postgres = new Client({ connectionString: database.url })
  await postgres.connect()
  await postgres.query('INSERT INTO zones (zone_id, tenant_id, name, time_zone, policy) VALUES ($1, $2, $3, $4, $5)', [
    ...[ZONE, 'demo', 'Chicago', 'America/Chicago', DEFAULT_POLICY],
  ])
  for (const [id, name] of [
    ['w1', 'Loop'],
    ['w2', 'Old Town'],
  ]) {
    await postgres.query(
      `INSERT INTO warehouses (warehouse_id, zone_id, tenant_id, name, lat, lng, cell, time_zone, utc_offset_s, radius_m,
         pickers, pick_s_per_line, pack_s) VALUES ($1, $2, 'demo', $3, $4, $5, $6, 'America/Chicago', -18000, 5000, 4, 20, 60)`,
      [id, ZONE, name, POINT.lat, POINT.lng, CELL],
    )
  }
  await postgres.query(`INSERT INTO clock VALUES (true, $1, $2, 1, 'test')`, [Date.now(), START_MS])
  await migrateClickhouse(servers.clickhouse_url, namespace)
  await createTopics(kafka, namespace, 8)
  producer = await openProducer(kafka)
  dispatch = await begin('dispatch', { WAGGLE_DISPATCH_PORT: '0' })
  world = await openTroubleDoor()
  gateway = await beginGateway()
})

afterAll(async () => {
  for (const wire of wires) wire.disconnect()
  await gateway?.stop()
  await world?.[Symbol.asyncDispose]()
  await dispatch?.stop()
  await producer?.close()
  await postgres?.end()
  await deleteTopics(kafka, namespace)
  await database?.drop()
})

describe('a page', () => {
  test('sees what is decided, carried and moved, in order, and a fresh one sees the same', async () => {
    const page = openPage(gateway.url)
    await own(1)
    await decide([routed('order-aaaa', 'w1')])
    await decide([routed('order-bbbb', 'w1')])
    await startShift('c1')
    await moveCourier('c1', 41.9)
    await trip('trip.assigned', 1, 'order-aaaa')
    await see('the order with its courier', () => page.room().orders.get('order-aaaa')?.courier_id === 'c1')
    await see('the courier in its place', () => {
      const { fleet, couriers } = page.room()
      return Math.abs((fleet.position[2 * (couriers.get('c1')?.index ?? 99) + 1] ?? 0) - 41.9) < 1e-4
    })
    await see('the courier on its trip', () => page.room().couriers.get('c1')?.trip_id === 'trip-order-aaaa')
    expect(page.room().warehouses.get('w1')).toMatchObject({ name: 'Loop', open_orders: 2, paused: false })
    expect(page.room().feed.map(item => item.text)).toContain('Order AAAA: Loop will pack it, at the door by 18:55')
    expect(page.room().counters).toMatchObject({ placed: 2, routed: 2, open: 2, couriers_on_trip: 1 })
    await see('the line from ClickHouse', () => page.room().minutes?.length)
    await sameAsFresh(page)
  })

  test('that lost a delta asks again and sees what a fresh one sees', async () => {
    const page = openPage(gateway.url)
    await see('the first snapshot', () => page.room().phase === 'following')
    page.lose(2)
    await decide([routed('order-cccc', 'w2')])
    await decide([
      {
        type: 'order.cancelled',
        order_id: 'order-bbbb',
        attempt: 1,
        reason: 'changed_mind',
        by: 'customer',
        to_put_back: [],
      },
    ])
    await see('the snapshot after the gap', () => page.snapshots() >= 2 && page.room().phase === 'following')
    await see('what it missed', () => page.room().orders.get('order-cccc')?.state === 'routed')
    await see('what it missed', () => page.room().orders.get('order-bbbb')?.state === 'cancelled')
    await sameAsFresh(page)
  })

  test('hears what is written into the shift log, and finds it in the past', async () => {
    const page = openPage(gateway.url)
    await see('the first snapshot', () => page.room().phase === 'following')
    const answer = await fetch(`${dispatch.url}/v1/dispatch/notes`, {
      method: 'POST',
      headers: {
        ...{ authorization: `Bearer ${DEVELOPMENT_KEY}`, 'x-waggle-actor': 'partner:weather' },
        'content-type': 'application/json',
      },
      body: JSON.stringify({ zone_id: ZONE, text: RAIN, tone: 'warn', warehouse_id: 'w1', point: POINT }),
    })
    const note = await answer.json()
    expect(answer.status, JSON.stringify(note)).toBe(201)
    const item = {
      ...{ id: note.note_id, at: note.posted_at, tone: 'warn', text: RAIN, warehouse_id: 'w1', point: POINT },
      scene: true,
    }
    expect(await see('the note', () => page.room().feed.find(one => one.text === RAIN))).toEqual(item)
    await sameAsFresh(page)
    const [from, to] = [note.posted_at - 60_000, note.posted_at + 1]
    const past = await (await fetch(`${gateway.url}/api/history?from=${from}&to=${to}`)).json()
    expect(past.notes).toEqual([item])
  })

  test('that stays while the gateway is killed sees what a fresh one sees', async () => {
    const page = openPage(gateway.url)
    await see('the first snapshot', () => page.room().phase === 'following')
    const [{ epoch }, { port }] = [page.room(), new URL(gateway.url)]
    await gateway.stop('SIGKILL')
    await decide([
      routed('order-aaaa', 'w2', 2),
      { type: 'stock.shortfall', warehouse_id: 'w1', sku: 'oat-milk', missing: 2, cause: 'count' },
    ])
    await moveCourier('c1', 41.95)
    // The book is ahead of what the page has seen, and the gateway begins with the book.
    await see('the book', async () => {
      const { rows } = await postgres.query(`SELECT attempt FROM orders WHERE order_id = 'order-aaaa'`)
      return rows[0]?.attempt === 2
    })
    gateway = await beginGateway(port)
    await see('another life', () => page.room().epoch !== epoch && page.room().phase === 'following')
    await see('the new warehouse', () => page.room().orders.get('order-aaaa')?.warehouse_id === 'w2')
    expect(page.room().counters).toMatchObject({ placed: 3, routed: 3, rerouted: 1, cancelled: 1, open: 2 })
    expect(page.room().feed.map(item => item.text)).toContain('Loop is out of oat milk: order AAAA moved to Old Town')
    expect(page.room().feed.map(item => item.text)).toContain('Order AAAA: Loop will pack it, at the door by 18:55')
    await see('the note', () => page.room().feed.some(item => item.text === RAIN))
    expect(
      await see('what followed from it', () => page.room().incidents.find(one => one.text === RAIN)),
    ).toMatchObject({
      warehouse_id: 'w1',
      answers: [{ did: 'moved', orders: 1, order_id: 'order-aaaa', to_warehouse_id: 'w2' }],
      orders: { under_way: 1 },
    })
    await see('the courier', () => page.room().couriers.get('c1')?.trip_id === 'trip-order-aaaa')
    await sameAsFresh(page)
  })

  test('hears nothing of void decisions, repeats and bytes nobody understands', async () => {
    const page = openPage(gateway.url)
    await see('the first snapshot', () => page.room().phase === 'following')
    await own(2)
    const offset = source_offset
    await decide(
      [{ type: 'order.cancelled', order_id: 'order-cccc', attempt: 1, reason: 'void', by: 'load', to_put_back: [] }],
      1,
    )
    source_offset = offset
    await publish('decisions', ZONE, { kind: 'decided', nonsense: true })
    await producer.send(topicName(namespace, 'couriers'), { partition: 0, key: 'x', value: Buffer.from('{') })
    for (let time = 0; time < 2; time += 1) {
      source_offset = offset
      await decide(
        [
          {
            type: 'order.packed',
            order_id: 'order-cccc',
            attempt: 1,
            fulfilment_id: 'order-cccc-1',
            warehouse_id: 'w2',
            packed_at: now,
          },
        ],
        2,
      )
    }
    await see('what came after it', () => page.room().orders.get('order-cccc')?.state === 'packed')
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(metrics).toMatch(/waggle_gateway_skipped_total\{topic="decisions",service="dashboards"\} 1/)
    await sameAsFresh(page)
  })

  test('sees a delivery that came late, told in plain words', async () => {
    const page = openPage(gateway.url)
    await trip('delivery.picked_up', 2, 'order-aaaa', { picked_up_at: now })
    now += 3_600_000
    await trip('delivery.delivered', 3, 'order-aaaa', { delivered_at: now, late_s: 2_100 })
    await see('the end', () => page.room().orders.get('order-aaaa')?.state === 'delivered')
    expect(page.room().feed.at(-1)).toMatchObject({ tone: 'bad', text: 'Order AAAA was delivered 35 min late' })
    await see('the count', () => page.room().counters.late === 1)
    await see('the courier is free', () => page.room().couriers.get('c1')?.trip_id === null)
    await sameAsFresh(page)
  })

  test('tells how long a delta took to its screen', async () => {
    const page = openPage(gateway.url)
    await see('the first snapshot', () => page.room().phase === 'following')
    page.wire.on('delta', ({ seq, sent_wall_ms }) => {
      page.wire.emit('shown', { seq, latency_ms: Math.max(0, Date.now() - sent_wall_ms) })
    })
    await moveCourier('c1', 41.91)
    const stats = await see('a figure', async () => {
      const answer = await (await fetch(`${gateway.url}/api/stats`)).json()
      return answer.event_to_screen_reports > 0 ? answer : null
    })
    expect(stats).toMatchObject({ connected: true, clients: expect.any(Number) })
    expect(stats.event_to_screen_ms_p50).toBeGreaterThanOrEqual(0)
    expect(stats.event_to_screen_ms_p99).toBeLessThan(20_000)
  })
})

describe('commands', () => {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })

  test('pause a warehouse in dispatch, and the page hears of it; the second of two gets the 409 as it is', async () => {
    const page = openPage(gateway.url)
    const warehouse = await see('the warehouse', () => page.room().warehouses.get('w1'))
    const if_match = { 'if-match': String(warehouse.version) }
    const first = await post('/api/warehouses/w1/pause', { reason: 'power_cut' }, if_match)
    expect(first.status).toBe(200)
    await see('the pause', () => page.room().warehouses.get('w1')?.paused)
    await see('the sentence', () => page.room().feed.some(item => item.text === 'Loop is paused: power cut'))
    const second = await post('/api/warehouses/w1/resume', { reason: 'by_hand' }, if_match)
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ reason: expect.any(String), detail: expect.any(String) })
    await sameAsFresh(page)
  })

  test('show an order from the book, with places by their names', async () => {
    const answer = await fetch(`${gateway.url}/api/orders/order-cccc`)
    const detail = await answer.json()
    expect(detail).toMatchObject({ order_id: 'order-cccc', state: 'packed', warehouse_id: 'w2', ...POINT, lines })
    expect(detail.history[0].text).toContain('Old Town')
    expect((await fetch(`${gateway.url}/api/orders/nobody`)).status).toBe(404)
  })

  test('carry the operator and the correlation id to dispatch', async () => {
    const headers = { 'x-correlation-id': 'seen-by-all' }
    const answer = await post('/api/orders/order-cccc/cancel', { reason: 'customer_called' }, headers)
    expect(answer.headers.get('x-correlation-id')).toBe('seen-by-all')
    expect([200, 202]).toContain(answer.status)
    const { rows } = await postgres.query(
      `SELECT actor, correlation_id FROM order_history WHERE order_id = 'order-cccc'`,
    )
    expect(rows).toContainEqual({ actor: 'dispatcher:operator', correlation_id: 'seen-by-all' })
  })

  test('make trouble in the world outside, whose answers come back as they are', async () => {
    expect(await (await fetch(`${gateway.url}/api/config`)).json()).toMatchObject({ world: true })
    const breakDown = (courier_id: string) => post('/api/world/courier', { courier_id })
    expect((await breakDown('c1')).status, 'the city has not begun').toBe(503)
    const broken = { outcome: 'gave_back' as const, order_ids: ['o1'], back_at: now }
    world.open({
      breakDown: async id =>
        id === 'c1' ? broken : { impossible: 'unknown_courier', detail: `nobody is called ${id}` },
      surge: () => ({ impossible: 'not_served', detail: 'no warehouse serves this place' }),
      possible: () => ({ time_ms: now, courier_ids: ['c1'], surge: null }),
    })
    expect(await (await fetch(`${gateway.url}/api/world`)).json()).toMatchObject({ courier_ids: ['c1'] })
    expect(await (await breakDown('c1')).json()).toEqual(broken)
    const nobody = await breakDown('c9')
    expect([nobody.status, await nobody.json()]).toMatchObject([404, { reason: 'unknown_courier' }])
    const surge = await post('/api/world/surge', POINT)
    expect([surge.status, await surge.json()]).toMatchObject([422, { reason: 'not_served' }])
    expect((await post('/api/world/surge', POINT, { origin: 'http://evil.example' })).status).toBe(403)
    await world[Symbol.asyncDispose]()
    const silent = await breakDown('c1')
    expect([silent.status, await silent.json()]).toMatchObject([502, { reason: 'world_silent' }])
  })

  test('make no trouble where there is no world', async () => {
    const asked = openWorld(undefined)({ method: 'GET', path: '/trouble', correlation_id: 'c' })
    await expect(asked).rejects.toMatchObject({ statusCode: 404, reason: 'no_world' })
  })

  test('of another site are refused, and say so when dispatch is away', async () => {
    expect(
      (await post('/api/orders/order-cccc/cancel', { reason: 'x' }, { origin: 'http://evil.example' })).status,
    ).toBe(403)
    await dispatch.stop()
    const away = await post('/api/orders/order-cccc/cancel', { reason: 'x' })
    expect(away.status).toBe(503)
    expect(away.headers.get('retry-after')).toBe('2')
    expect(await away.json()).toMatchObject({
      reason: 'dispatch_away',
      detail: expect.stringContaining('nothing was changed'),
    })
  })
})
