import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { latLngToCell } from 'h3-js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CourierView } from '../engine/contract.ts'
import { openRedis, writeViews } from '../engine/io/redis.ts'
import { partitionOf, topicName } from '../ingest/contract.ts'
import type { Decision, DecisionRecord, OwnerMarker } from '../ingest/events/decisions.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import type { OrderRequest } from '../ingest/events/orders.ts'
import { createTopics, deleteTopics, kafkaClient, topicEnds } from '../ingest/io/kafka.ts'
import { openPostgres, type Pool } from '../ingest/io/postgres.ts'
import { openProducer, type Producer } from '../ingest/io/producer.ts'
import { migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import type { OrderView, PlacedAnswer, TripView, WorkSnapshot } from './contract.ts'

/** The real service as its own process, on the real servers. The test writes decisions as the engine does. */

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const servers = testServers()
const namespace = freshNamespace('dispatch')
const PARTITIONS = 2
const ZONE = 'chicago'
const PARTITION = partitionOf(ZONE, PARTITIONS)
const STORE = { lat: 41.8837, lng: -87.6289 }
const DOOR = { lat: 41.8917, lng: -87.6343 }
const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'dispatch-test' })
const redis = openRedis(servers.redis_url)

interface Service {
  child: ChildProcess
  output: string[]
  url: string
}

let database: FreshDatabase
let pool: Pool
let producer: Producer
let service: Service
let fence = 0
let published = -1
const fleet = new Map<string, CourierView>()

async function begin(env: Record<string, string> = {}, status = 200): Promise<Service> {
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', MAIN], {
    env: {
      ...process.env,
      WAGGLE_KAFKA_BROKERS: servers.kafka_brokers,
      WAGGLE_POSTGRES_URL: database.url,
      WAGGLE_REDIS_URL: servers.redis_url,
      WAGGLE_NAMESPACE: namespace,
      WAGGLE_PARTITIONS: String(PARTITIONS),
      WAGGLE_DISPATCH_PORT: '0',
      WAGGLE_DISPATCH_OFFER_S: '3',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => output.push(String(data)))
  const ready = await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${output.join('')}`)
      return /"url":"([^"]+)".*"ready"/.exec(output.join(''))
    },
    { timeout_ms: 20_000, what: 'dispatch to listen' },
  )
  const begun = { child, output, url: ready[1] ?? '' }
  await waitFor(async () => (await fetch(`${begun.url}/readyz`)).status === status, {
    timeout_ms: 20_000,
    what: 'dispatch to be ready',
  })
  return begun
}

async function end(one: Service, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(one.child, 'exit')
  one.child.kill(signal)
  await ended
  return one.child.exitCode
}

beforeAll(async () => {
  database = await freshDatabase(servers, migratePostgres)
  pool = openPostgres(database.url, { max: 5, service: 'test' })
  await writeNetwork()
  await createTopics(kafka, namespace, PARTITIONS)
  producer = await openProducer(kafka)
  await publish({ kind: 'owner', epoch: 2, fold_version: 'test', owner: 'the test' })
  service = await begin()
})

afterAll(async () => {
  if (service) expect(await end(service, 'SIGTERM')).toBe(0)
  await producer?.close()
  redis.disconnect()
  await deleteTopics(kafka, namespace)
  await pool?.end()
  await database?.drop()
})

/** The next test has the couriers for itself. */
afterEach(async () => {
  await caughtUp()
  const open = async () => {
    const { rows } = await pool.query<{ order_id: string }>(
      `SELECT order_id FROM orders WHERE closed_at IS NULL AND state <> 'picked_up'`,
    )
    return rows
  }
  for (const { order_id } of await open()) await decide([cancelled(order_id)])
  await waitFor(async () => (await open()).length === 0, { timeout_ms: 15_000, what: 'nothing to be open' })
})

/** Everything that was published is in the book. */
async function caughtUp(): Promise<void> {
  const look = async () => {
    const { rows } = await pool.query('SELECT 1 FROM book_positions WHERE next_offset = $1', [published + 1])
    return rows.length === 1
  }
  await waitFor(look, { timeout_ms: 15_000, what: 'the book to catch up' })
}

async function writeNetwork(): Promise<void> {
  await pool.query('INSERT INTO zones (zone_id, tenant_id, name, time_zone, policy) VALUES ($1, $2, $3, $4, $5)', [
    ZONE,
    'demo',
    'Chicago',
    'America/Chicago',
    JSON.stringify(DEFAULT_POLICY),
  ])
  await pool.query('INSERT INTO zone_cells (tenant_id, cell, zone_id) SELECT $1, unnest($2::text[]), $3', [
    'demo',
    [...new Set([STORE, DOOR].map(({ lat, lng }) => latLngToCell(lat, lng, 7)))],
    ZONE,
  ])
  for (const id of ['w1', 'w2']) {
    await pool.query(
      `INSERT INTO warehouses (warehouse_id, zone_id, tenant_id, name, lat, lng, cell, time_zone, utc_offset_s, radius_m,
         pickers, pick_s_per_line, pack_s)
       VALUES ($1, $2, 'demo', $1, $3, $4, $5, 'America/Chicago', -18000, 5000, 4, 30, 60)`,
      [id, ZONE, STORE.lat, STORE.lng, cellOf(STORE)],
    )
  }
}

// ── What the engine would do ────────────────────────────────────────────────────────────────────────────────────────

async function publish(record: DecisionRecord | OwnerMarker): Promise<number> {
  const value = Buffer.from(JSON.stringify(record))
  const topic = topicName(namespace, 'decisions')
  const { offset } = await producer.send(topic, { partition: PARTITION, key: ZONE, value })
  published = Math.max(published, offset)
  return offset
}

let decided = 0

function decide(decisions: unknown[], epoch = 2, source_offset = decided++): Promise<number> {
  return publish({
    kind: 'decided',
    epoch,
    fold_version: 'test',
    tenant_id: 'demo',
    zone_id: ZONE,
    source_offset: String(source_offset),
    causation_id: randomUUIDv7(),
    correlation_id: 'test',
    decided_at: Date.now(),
    decisions: decisions as Decision[],
  } as DecisionRecord)
}

const orderOf = (order_id: string): OrderRequest =>
  ({
    order_id,
    external_id: `x-${order_id}`,
    customer_ref: 'somebody',
    point: DOOR,
    cell: cellOf(DOOR),
    lines: [{ line_id: 'l1', sku: 'milk', quantity: 2, unit: 'each' }],
  }) as OrderRequest

function routed(order_id: string, order = orderOf(order_id), warehouse_id = 'w1') {
  const now = Date.now()
  const part = { fulfilment_id: `${order_id}.1`, warehouse_id, lines: order.lines, ready_at: now + 60_000 }
  return {
    type: 'order.routed',
    order_id,
    attempt: 1,
    fulfilments: [part],
    promise: { ready_at: now + 60_000, deliver_by: now + 1_800_000 },
    candidates: [{ warehouse_id, promise_s: 1_800, travel_s: 300 }],
    order,
    placed_at: now,
  }
}

const packed = (order_id: string) => ({
  type: 'order.packed',
  order_id,
  attempt: 1,
  fulfilment_id: `${order_id}.1`,
  warehouse_id: 'w1',
  packed_at: Date.now(),
})

const cancelled = (order_id: string) => ({
  type: 'order.cancelled',
  order_id,
  attempt: 1,
  reason: 'changed_mind',
  by: 'customer',
  to_put_back: [],
})

/** Writes the whole fleet as the engine does. */
async function showFleet(...courier_ids: string[]): Promise<void> {
  fleet.clear()
  for (const courier_id of courier_ids) {
    fleet.set(courier_id, {
      courier_id: courier_id as CourierView['courier_id'],
      tenant_id: 'demo',
      zone_id: ZONE,
      state: 'available',
      point: STORE,
      cell: cellOf(STORE),
      seen_at: Date.now() + 3_600_000,
      vehicle: 'bicycle',
      capacity: 2,
      has: [],
      shift_started_at: 0,
    })
  }
  fence += 1
  const fields = [...fleet.values()].flatMap(courier => [courier.courier_id, JSON.stringify(courier)])
  const write = { view: { kind: 'fleet', partition: 0 } as const, expects: null, fence: { epoch: 1, offset: fence } }
  expect(await writeViews(redis, namespace, [{ ...write, meta: null, fields }])).toEqual(['ok'])
}

// ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Problem {
  reason: string
  detail: string
  current?: { version: number }
  changed_by?: string
}

async function call<Body = Problem>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      authorization: 'Bearer waggle-dev-key',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Body }
}

const as = (actor: string) => ({ 'x-waggle-actor': actor })
const say = (courier: string, path: string, body?: object) =>
  call<OrderView & TripView & Problem>('POST', `/v1/couriers/me/${path}`, body, as(`courier:${courier}`))
const readOrder = async (id: string) =>
  (await call<OrderView & { history: { text: string }[] }>('GET', `/v1/orders/${id}`)).body

const until = <Value>(what: string, look: () => Promise<Value>) => waitFor(look, { timeout_ms: 15_000, what })
const reaches = (id: string, state: OrderView['state']) =>
  until(`${id} to be ${state}`, async () => (await readOrder(id)).state === state)
const offered = (id: string) =>
  until(`${id} to be offered`, async () => {
    const { trip_id, courier_id } = await readOrder(id)
    return trip_id && courier_id ? { trip_id, courier_id } : null
  })

let orders = 0
const freshOrder = (): string => {
  orders += 1
  return `o${orders}`
}

/** Routed and packed, with a courier who accepted. */
async function acceptedOrder(courier: string): Promise<{ id: string; trip_id: string }> {
  const id = freshOrder()
  await showFleet(courier)
  await decide([routed(id), packed(id)])
  const { trip_id } = await offered(id)
  expect((await say(courier, `trips/${trip_id}/accept`)).status).toBe(200)
  return { id, trip_id }
}

async function eventsOf(type: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { rows } = await pool.query('SELECT event FROM outbox WHERE event ->> $1 = $2 ORDER BY id', ['type', type])
  return rows.map(row => row.event)
}

const content = (external_id: string, quantity = 1) => ({
  external_id,
  point: DOOR,
  lines: [{ sku: 'milk', quantity }],
  contact: { name: 'Ada', phone: '1' },
})

/** Waits until the order is in the log, as the engine would read it. */
const placedInLog = (external_id: string) =>
  until(`${external_id} to be published`, async () => {
    const { rows } = await pool.query<{ order_id: string; event: OrderRequest }>(
      'SELECT order_id, event FROM order_requests WHERE external_id = $1 AND log_offset IS NOT NULL',
      [external_id],
    )
    return rows[0]
  })

describe('placing an order', () => {
  test('answers with the decision, once, however often it is asked', async () => {
    const asking = Promise.all([1, 2, 3].map(() => call<PlacedAnswer>('POST', '/v1/orders', content('p-1'))))
    const { order_id, event } = await placedInLog('p-1')
    await decide([routed(order_id, event)])
    const answers = await asking
    expect(answers.map(one => one.status).sort()).toEqual([200, 200, 201])
    expect(new Set(answers.map(one => one.body.order_id))).toEqual(new Set([order_id]))
    expect(answers[0]?.body).toMatchObject({ decided: true, state: 'routed', warehouse_id: 'w1', partition: PARTITION })
    expect((await call<PlacedAnswer>('POST', '/v1/orders', content('p-1'))).body).toEqual(answers[0]?.body)
    const { rows } = await pool.query('SELECT name FROM contacts WHERE order_id = $1', [order_id])
    expect(rows).toEqual([{ name: 'Ada' }])
    expect(JSON.stringify(event)).not.toContain('Ada')
    const erased = await fetch(`${service.url}/v1/orders/${order_id}/contact`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer waggle-dev-key' },
    })
    expect(erased.status).toBe(204)
    expect((await pool.query('SELECT 1 FROM contacts WHERE order_id = $1', [order_id])).rowCount).toBe(0)
  })

  test('refuses the same external_id with other content', async () => {
    const asking = call('POST', '/v1/orders', content('p-2'))
    const { order_id, event } = await placedInLog('p-2')
    await decide([routed(order_id, event)])
    await asking
    expect(await call('POST', '/v1/orders', content('p-2', 5))).toMatchObject({
      status: 409,
      body: { reason: 'other_content' },
    })
  })

  test('tells a rejection with its reason', async () => {
    const asking = call<PlacedAnswer>('POST', '/v1/orders', content('p-3'))
    const { order_id, event: order } = await placedInLog('p-3')
    const why = { reason: 'out_of_stock', retryable: true, line_id: 'l1', candidates: [] }
    await decide([{ type: 'order.rejected', order_id, attempt: 1, ...why, order, placed_at: Date.now() }])
    expect(await asking).toMatchObject({
      status: 201,
      body: { decided: true, state: 'rejected', reason: 'out_of_stock', retryable: true, line_id: 'l1' },
    })
    await reaches(order_id, 'rejected')
  })

  test('says 202 while nothing is decided, shows the order as placed, and answers when asked again', async () => {
    const first = await call<PlacedAnswer>('POST', '/v1/orders', content('p-4'))
    expect(first).toMatchObject({ status: 202, body: { decided: false, state: 'placed' } })
    const { order_id } = first.body
    expect(await readOrder(order_id)).toMatchObject({ state: 'placed', version: 0, external_id: 'p-4' })
    await decide([routed(order_id, (await placedInLog('p-4')).event)])
    await reaches(order_id, 'routed')
    expect(await call('POST', '/v1/orders', content('p-4'))).toMatchObject({ status: 200, body: { state: 'routed' } })
  })

  test('refuses what is no order', async () => {
    expect(await call('POST', '/v1/orders', { ...content('p-5'), colour: 'red' })).toMatchObject({
      status: 400,
      body: { reason: 'unknown_field' },
    })
    const line = { line_id: 'a', sku: 'milk', quantity: 1 }
    expect(await call('POST', '/v1/orders', { ...content('p-5'), lines: [line, line] })).toMatchObject({ status: 400 })
    expect((await call('GET', '/v1/orders/nobody')).status).toBe(404)
  })
})

describe('the book', () => {
  test('ignores owners that were replaced, and decisions that can not be', async () => {
    const id = freshOrder()
    await decide([routed(id)])
    await decide([cancelled(id)], 1)
    await decide([packed('never-seen')])
    await decide([packed(id)])
    await reaches(id, 'packed')
    expect(await readOrder(id)).toMatchObject({ version: 2, reason: null })
  })

  test('applies a record once that its producer sent twice', async () => {
    const id = freshOrder()
    await decide([routed(id)])
    const rerouting = {
      ...{ ...routed(id, orderOf(id), 'w2'), type: 'order.rerouted', attempt: 2, cause: 'warehouse_paused' },
      replaced: [`${id}.1`],
    }
    const [part] = rerouting.fulfilments
    rerouting.fulfilments = part ? [{ ...part, fulfilment_id: `${id}.2` }] : []
    const source_offset = decided++
    await decide([rerouting], 2, source_offset)
    await decide([rerouting], 2, source_offset)
    await caughtUp()
    const order = await readOrder(id)
    expect(order).toMatchObject({ version: 2, attempt: 2, warehouse_id: 'w2' })
    expect(order.lines).toHaveLength(1)
    expect(order.history).toHaveLength(2)
  })

  test('applies each record once, over a kill -9 in the middle', async () => {
    const ids = Array.from({ length: 40 }, freshOrder)
    await Promise.all(ids.map(id => decide([routed(id)])))
    await end(service, 'SIGKILL')
    await Promise.all(ids.map(id => decide([{ ...packed(id), type: 'order.picking', started_at: 1, ready_at: 2 }])))
    service = await begin()
    for (const id of ids) await reaches(id, 'picking')
    const { rows } = await pool.query(
      `SELECT version, (SELECT count(*)::int FROM order_history h WHERE h.order_id = o.order_id) AS told
       FROM orders o WHERE order_id = ANY($1)`,
      [ids],
    )
    expect(rows).toEqual(ids.map(() => ({ version: 2, told: 2 })))
    const [end_of_log] = (await topicEnds(kafka, topicName(namespace, 'decisions'))).slice(PARTITION)
    const position = await pool.query('SELECT epoch, next_offset FROM book_positions WHERE log_partition = $1', [
      PARTITION,
    ])
    expect(position.rows).toEqual([{ epoch: 2, next_offset: end_of_log?.high }])
  })
})

describe('a courier', () => {
  test('is offered the order, fetches it when it is packed, and brings it', async () => {
    const id = freshOrder()
    await showFleet('anna')
    await decide([routed(id)])
    const { trip_id, courier_id } = await offered(id)
    expect(courier_id).toBe('anna')
    expect(await say('bert', `trips/${trip_id}/accept`)).toMatchObject({ status: 409, body: { reason: 'not_yours' } })
    expect(await say('anna', `trips/${trip_id}/accept`)).toMatchObject({ status: 200, body: { state: 'accepted' } })
    expect(await say('anna', `trips/${trip_id}/accept`)).toMatchObject({ status: 200, body: { version: 2 } })
    expect(await say('anna', `orders/${id}/picked_up`)).toMatchObject({
      status: 409,
      body: { reason: 'not_packed', current: { state: 'routed' } },
    })
    expect((await say('anna', `orders/${id}/delivered`)).body.reason).toBe('not_picked_up')
    await decide([packed(id)])
    await reaches(id, 'packed')
    const taken = await say('anna', `orders/${id}/picked_up`)
    expect(taken).toMatchObject({ status: 200, body: { state: 'picked_up' } })
    expect(await say('anna', `orders/${id}/picked_up`)).toEqual(taken)
    expect(await call('POST', `/v1/orders/${id}/cancel`, { reason: 'too_slow' })).toMatchObject({
      status: 409,
      body: { reason: 'too_late' },
    })
    const brought = await say('anna', `orders/${id}/delivered`)
    expect(brought).toMatchObject({ status: 200, body: { state: 'delivered' } })
    expect(await say('anna', `orders/${id}/delivered`)).toEqual(brought)
    const [event] = (await eventsOf('delivery.delivered')).filter(one => one.data.order_id === id)
    expect(event?.data).toMatchObject({ trip_id, version: 4, courier_id: 'anna' })
    expect(event?.data.late_s).toBeLessThan(0)
    const trips = await pool.query('SELECT state FROM trips WHERE trip_id = $1', [trip_id])
    expect(trips.rows).toEqual([{ state: 'done' }])
    expect((await readOrder(id)).history.map(one => one.text)).toEqual([
      'Routed to w1.',
      'Offered to anna.',
      'anna accepted.',
      'Packed at w1.',
      'anna picked it up.',
      'Delivered in time.',
    ])
  })

  test('who declines, or does not answer, is not asked for the same order again', async () => {
    const id = freshOrder()
    await showFleet('carl', 'dora', 'emil')
    await decide([routed(id), packed(id)])
    const first = await offered(id)
    expect(first.courier_id).toBe('carl')
    expect((await say('carl', `trips/${first.trip_id}/decline`, { reason: 'flat_tyre' })).body.state).toBe('cancelled')
    await until('dora to be asked', async () => (await readOrder(id)).courier_id === 'dora')
    await until('emil to be asked, since dora says nothing', async () => (await readOrder(id)).courier_id === 'emil')
    await decide([cancelled(id)])
    await reaches(id, 'cancelled')
  })

  test('can fail to deliver, with a reason', async () => {
    const { id } = await acceptedOrder('frank')
    await say('frank', `orders/${id}/picked_up`)
    expect(await say('frank', `orders/${id}/failed`, { reason: 'nobody_home' })).toMatchObject({
      status: 200,
      body: { state: 'failed', reason: 'nobody_home' },
    })
    expect((await say('frank', `orders/${id}/delivered`)).status).toBe(409)
  })

  test('is free again when the order is cancelled or goes to another warehouse', async () => {
    const { id, trip_id } = await acceptedOrder('gina')
    await decide([cancelled(id)])
    await reaches(id, 'cancelled')
    expect((await say('gina', `trips/${trip_id}/accept`)).body.reason).toBe('trip_cancelled')
    const moved = freshOrder()
    await decide([routed(moved)])
    const first = await offered(moved)
    const again = {
      ...routed(moved, orderOf(moved), 'w2'),
      type: 'order.rerouted',
      attempt: 2,
      cause: 'warehouse_paused',
    }
    const fulfilments = again.fulfilments.map(part => ({ ...part, fulfilment_id: `${moved}.2` }))
    await decide([{ ...again, fulfilments, replaced: [`${moved}.1`] }])
    await until('another trip', async () => {
      const order = await readOrder(moved)
      return order.warehouse_id === 'w2' && order.trip_id !== null && order.trip_id !== first.trip_id
    })
    const gone = (await eventsOf('trip.cancelled')).find(one => one.data.trip_id === first.trip_id)
    expect(gone?.data).toMatchObject({ reason: 'order_moved', version: 2 })
    await decide([{ ...cancelled(moved), attempt: 2 }])
    await reaches(moved, 'cancelled')
  })
})

describe('cancelling', () => {
  test('answers 200 when the engine has decided, and 202 before', async () => {
    const [undecided, decided] = [freshOrder(), freshOrder()]
    await showFleet()
    await decide([routed(undecided), routed(decided)])
    await reaches(decided, 'routed')
    const cancel = (id: string) => call('POST', `/v1/orders/${id}/cancel`, { reason: 'changed_mind' })
    const asked = async (id: string) =>
      (await eventsOf('order.cancel_asked')).filter(one => one.data.order_id === id).length
    const asking = Promise.all([cancel(undecided), cancel(undecided), cancel(decided)])
    await until('the wish to be written down', async () => (await asked(decided)) > 0)
    await decide([cancelled(decided)])
    const [first, second, answered] = await asking
    expect([first.status, second.status]).toEqual([202, 202])
    expect(answered).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect([await asked(undecided), await asked(decided)]).toEqual([1, 1])
  })

  test('and picking up never both win', async () => {
    for (let round = 0; round < 5; round += 1) {
      const courier = `hans${round}`
      const { id } = await acceptedOrder(courier)
      const [cancel, pickup] = await Promise.all([
        call('POST', `/v1/orders/${id}/cancel`, { reason: 'changed_mind' }),
        say(courier, `orders/${id}/picked_up`),
      ])
      const order = await readOrder(id)
      if (pickup.status === 200) {
        expect([cancel.status, order.state, order.cancel_asked]).toEqual([409, 'picked_up', false])
      } else {
        expect([cancel.status, pickup.body.reason, order.cancel_asked]).toEqual([202, 'cancel_asked', true])
      }
      await decide([cancelled(id)])
      if (pickup.status === 200) await say(courier, `orders/${id}/delivered`)
      else await reaches(id, 'cancelled')
    }
  })
})

describe('dispatchers', () => {
  const reassign = (id: string, version: number, courier_id: string, who = 'one', headers = {}) =>
    call<OrderView & Problem>(
      'POST',
      `/v1/dispatch/orders/${id}/reassign`,
      { courier_id, reason: 'closer' },
      { 'if-match': String(version), ...as(`dispatcher:${who}`), ...headers },
    )

  test('of fifty on one order exactly one wins, and the others learn who', async () => {
    const { id } = await acceptedOrder('ida')
    const rivals = Array.from({ length: 50 }, (_, n) => `rival${n}`)
    await showFleet('ida', ...rivals)
    const { version } = await readOrder(id)
    const answers = await Promise.all(rivals.map(rival => reassign(id, version, rival, rival)))
    const won = answers.filter(one => one.status === 200)
    const lost = answers.filter(one => one.status === 409)
    expect([won.length, lost.length]).toEqual([1, 49])
    const order = await readOrder(id)
    expect(order).toMatchObject({ version: version + 1, pinned: true, courier_id: won[0]?.body.courier_id })
    for (const { body } of lost) {
      expect(body).toMatchObject({ reason: 'changed', changed_by: `dispatcher:${order.courier_id}` })
      expect(body.current?.version).toBe(version + 1)
    }
    expect((await eventsOf('trip.reassigned')).at(-1)?.data).toMatchObject({
      from_courier_id: 'ida',
      courier_id: order.courier_id,
    })
    const audit = await pool.query('SELECT actor, before, after FROM audit WHERE subject = $1', [`order:${id}`])
    expect(audit.rows).toMatchObject([{ before: { courier_id: 'ida' }, after: { courier_id: order.courier_id } }])
    // Longer than an offer stands: the solver leaves a pinned one alone.
    const seen = (await metric('waggle_dispatch_ticks_total')) + 5
    await until('five more rounds', async () => (await metric('waggle_dispatch_ticks_total')) >= seen)
    expect(await readOrder(id)).toMatchObject({ version: version + 1, courier_id: order.courier_id })
  })

  test('a courier is never on two trips', async () => {
    const { id } = await acceptedOrder('jens')
    const other = freshOrder()
    await decide([routed(other)])
    await reaches(other, 'routed')
    const { version } = await readOrder(other)
    expect(await reassign(other, version, 'jens')).toMatchObject({ status: 409, body: { reason: 'courier_busy' } })
    expect((await readOrder(id)).courier_id).toBe('jens')
  })

  test('must name the version, and may send a command twice', async () => {
    await showFleet('kurt')
    const id = freshOrder()
    await decide([routed(id)])
    await offered(id)
    await showFleet('kurt', 'lisa')
    const body = { courier_id: 'lisa', reason: 'closer' }
    expect((await call('POST', `/v1/dispatch/orders/${id}/reassign`, body)).status).toBe(428)
    const { version } = await readOrder(id)
    const first = await reassign(id, version, 'lisa', 'one', { 'idempotency-key': `k-${id}` })
    expect(first).toMatchObject({ status: 200, body: { courier_id: 'lisa', pinned: true } })
    expect(await reassign(id, version, 'lisa', 'one', { 'idempotency-key': `k-${id}` })).toEqual(first)
    expect(await reassign(id, version + 1, 'nobody')).toMatchObject({
      status: 404,
      body: { reason: 'unknown_courier' },
    })
    const choices = await call('GET', `/v1/dispatch/orders/${id}/couriers`)
    expect(choices.body).toMatchObject({
      order_id: id,
      version: version + 1,
      best: [{ courier_id: 'kurt', free: true, onto: 'new', distance_m: 0, load: 0, state: 'available' }],
      others: [{ courier_id: 'lisa', free: false, why_not: 'on_trip', load: 1, state: 'offered' }],
    })
  })

  test('pause a warehouse against its version, and the fold is told', async () => {
    const path = '/v1/dispatch/warehouses/w2'
    const paused = await call('POST', `${path}/pause`, { reason: 'fire_alarm' }, { 'if-match': '1' })
    expect(paused).toMatchObject({ status: 200, body: { paused: true, version: 2, paused_reason: 'fire_alarm' } })
    expect(await call('POST', `${path}/resume`, { reason: 'false_alarm' }, { 'if-match': '1' })).toMatchObject({
      status: 409,
      body: { reason: 'changed' },
    })
    expect(await call('POST', `${path}/resume`, { reason: 'false_alarm' })).toMatchObject({ body: { paused: false } })
    const types = [...(await eventsOf('warehouse.paused')), ...(await eventsOf('warehouse.resumed'))].map(
      one => one.type,
    )
    expect(types).toEqual(['warehouse.paused', 'warehouse.resumed'])
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  const values = text.split('\n').filter(line => line.startsWith(name) && !line.startsWith('#'))
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

describe('the stream of work', () => {
  test('begins with everything open and tells each change after it', async () => {
    const before = freshOrder()
    await showFleet('mona')
    await decide([routed(before)])
    await offered(before)
    const abort = new AbortController()
    const response = await fetch(`${service.url}/v1/work/stream`, {
      headers: { authorization: 'Bearer waggle-dev-key' },
      signal: abort.signal,
    })
    const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    const reader = events?.getReader()
    const next = async () => {
      const event = (await reader?.read())?.value
      return { event: event?.event, data: JSON.parse(event?.data ?? 'null') }
    }
    const first = await next()
    expect(first.event).toBe('snapshot')
    const snapshot: WorkSnapshot = first.data
    expect(snapshot.orders.find(one => one.order_id === before)).toMatchObject({ courier_id: 'mona' })
    expect(snapshot.trips.find(one => one.courier_id === 'mona')).toMatchObject({ state: 'offered', version: 1 })
    expect(snapshot.orders.every(one => one.closed_at === null)).toBe(true)
    await decide([cancelled(before)])
    for (;;) {
      const { event, data } = await next()
      if (event !== 'order' || data.order_id !== before || data.state !== 'cancelled') continue
      expect(data).toMatchObject({ trip_id: null, courier_id: null })
      break
    }
    abort.abort()
  })
})

describe('availability', () => {
  test('is what the engine wrote, and says when it is behind', async () => {
    const meta = {
      warehouse_id: 'w1',
      zone_id: ZONE,
      tenant_id: 'demo',
      name: 'w1',
      point: STORE,
      radius_m: 5_000,
      paused: false,
      ready_in_s: 120,
      pick_s_per_line: 30,
      open_lines: 0,
      road_factor: 1.35,
      speed_mps: 5.5,
      fixed_s: 300,
      promise_s_max: 3_600,
      as_of: Date.now(),
    }
    const view = (warehouse_id: string) => ({
      view: { kind: 'warehouse', warehouse_id } as const,
      expects: null,
      fence: { epoch: 2, offset: 41 },
      meta: JSON.stringify({ ...meta, warehouse_id, radius_m: warehouse_id === 'w1' ? 5_000 : 100 }),
      fields: ['milk', '10 3 1 each'],
    })
    expect(await writeViews(redis, namespace, [view('w1')])).toEqual(['ok'])
    const ask = (more: string) =>
      call('GET', `/v1/availability?lat=${DOOR.lat}&lng=${DOOR.lng}&sku=milk&sku=tea${more}`)
    expect((await ask('')).body, 'the view of w2 is missing').toMatchObject({ stale: true })
    expect(await writeViews(redis, namespace, [view('w2')])).toEqual(['ok'])
    expect(await ask(''), 'w2 does not reach the door').toMatchObject({
      status: 200,
      body: {
        zone_id: ZONE,
        stale: false,
        warehouses: [
          {
            warehouse_id: 'w1',
            items: [
              { sku: 'milk', available: 6 },
              { sku: 'tea', available: 0 },
            ],
          },
        ],
      },
    })
    expect((await ask(`&at_least=${PARTITION}:41`)).body).toMatchObject({ stale: false })
    expect((await ask(`&at_least=${PARTITION}:42`)).body).toMatchObject({ stale: true })
    expect((await ask('&at_least=now')).status).toBe(400)
    expect((await call('GET', '/v1/availability?lat=0&lng=0')).body).toMatchObject({
      zone_id: 'nowhere',
      warehouses: [],
    })
  })
})

describe('without Redis', () => {
  test('nothing is guessed and nobody is assigned, but orders are followed', async () => {
    const with_redis = service
    service = await begin({ WAGGLE_REDIS_URL: 'redis://127.0.0.1:1' }, 503)
    try {
      const state = await fetch(`${service.url}/readyz`)
      const failing = ((await state.json()) as { checks: { name: string; ok: boolean }[] }).checks
      const names = failing.filter(one => !one.ok).map(one => one.name)
      expect(names).toContain('redis')
      expect(names).not.toContain('book')
      await until('assignment to say so', async () => {
        const text = await (await fetch(`${service.url}/readyz`)).text()
        return /"assignment","ok":false/.test(text)
      })
      expect(await call('GET', `/v1/availability?lat=${DOOR.lat}&lng=${DOOR.lng}&sku=milk`)).toMatchObject({
        status: 503,
        body: { reason: 'views_unreachable' },
      })
      const id = freshOrder()
      await decide([routed(id)])
      await reaches(id, 'routed')
    } finally {
      expect(await end(service, 'SIGTERM')).toBe(0)
      service = with_redis
    }
  })
})
