import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { cellToChildren, gridDisk, latLngToCell } from 'h3-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migratePostgres } from '../sql/migrate.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../world/servers/testing.ts'
import type { LogEvent } from './accept.ts'
import { type EventAnswer, NOWHERE, partitionOf, topicName } from './contract.ts'
import { DEFAULT_POLICY } from './events/network.ts'
import { deleteTopics, kafkaClient } from './io/kafka.ts'

/** The real service as its own process, on the real servers. */

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const servers = testServers()
const namespace = freshNamespace('ingest')
const kafka = kafkaClient({ brokers: servers.kafka_brokers.split(','), client_id: 'ingest-test' })
const LOOP = { lat: 41.8837, lng: -87.6289 }
const stock = { warehouse_id: 'w1', sku: 'milk', unit: 'each', quantity: 4 }
const received = { type: 'stock.received', data: stock }

interface Service {
  child: ChildProcess
  output: string[]
  url: string
  stop(): Promise<number | null>
}

let database: FreshDatabase
let service: Service
const begun_ever: ChildProcess[] = []

function begin(env: Record<string, string>): Service {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      WAGGLE_KAFKA_BROKERS: servers.kafka_brokers,
      WAGGLE_POSTGRES_URL: database.url,
      WAGGLE_NAMESPACE: namespace,
      WAGGLE_INGEST_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => output.push(String(data)))
  begun_ever.push(child)
  const stop = async () => {
    const ended = once(child, 'exit')
    if (child.exitCode === null) child.kill('SIGTERM')
    else return child.exitCode
    await ended
    return child.exitCode
  }
  return { child, output, url: '', stop }
}

async function beginReady(env: Record<string, string> = {}): Promise<Service> {
  const begun = begin(env)
  const ready = await waitFor(() => /"url":"([^"]+)".*"ready"/.exec(begun.output.join('')), {
    timeout_ms: 20_000,
    what: 'ingest to be ready',
  })
  return { ...begun, url: ready[1] ?? '' }
}

beforeAll(async () => {
  database = await freshDatabase(servers, migratePostgres)
  service = await beginReady()
})
afterAll(async () => {
  for (const child of begun_ever) child.kill('SIGKILL')
  await deleteTopics(kafka, namespace)
  await database.drop()
})

const auth = { authorization: 'Bearer waggle-dev-key' }
type Headers = Record<string, string>

async function call(method: string, path: string, body?: unknown, headers: Headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: { ...auth, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: text }),
  })
  const answered = await answer.text()
  const type = answer.headers.get('content-type') ?? ''
  return {
    status: answer.status,
    headers: answer.headers,
    body: type.includes('ndjson') ? answered : JSON.parse(answered),
  }
}
const send = (body: unknown, headers?: Headers) => call('POST', '/v1/events', body, headers)
const sendLines = async (lines: readonly string[]) => {
  const answer = await send(lines.join('\n'), { 'content-type': 'application/x-ndjson' })
  expect(answer.status).toBe(200)
  return String(answer.body)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as EventAnswer)
}

interface Found {
  event: LogEvent
  partition: number
  offset: string
  key: string
  headers: Record<string, string>
}

/** Everything in a topic now, read with a group of its own. */
async function readTopic(topic: 'operations' | 'couriers', until: (found: Found[]) => boolean): Promise<Found[]> {
  const consumer = kafka.consumer({ groupId: freshNamespace('group'), maxWaitTimeInMs: 50 })
  const found: Found[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: topicName(namespace, topic), fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])
      const event = JSON.parse(String(message.value)) as LogEvent
      found.push({
        event,
        partition,
        offset: message.offset,
        key: String(message.key),
        headers: Object.fromEntries(headers),
      })
    },
  })
  await waitFor(() => until(found), { timeout_ms: 20_000, what: `the events of ${topic}` }).finally(() =>
    consumer.disconnect(),
  )
  return found
}

/** The broker removes topics after it has said so. */
async function untilGone(topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const gone = async () => !(await admin.listTopics()).includes(topic)
  await waitFor(gone, { timeout_ms: 10_000, what: `${topic} to be gone` }).finally(() => admin.disconnect())
}

const zone = { name: 'Chicago', time_zone: 'America/Chicago', cells: [latLngToCell(LOOP.lat, LOOP.lng, 7)] }
const warehouse = {
  zone_id: 'chicago',
  name: 'Loop',
  point: LOOP,
  time_zone: 'America/Chicago',
  radius_m: 3_000,
  pickers: 4,
  pick_s_per_line: 20,
  pack_s: 30,
}

describe('the network and the clock', () => {
  test('the clock is set, goes on, and does not step back', async () => {
    expect((await call('GET', '/v1/clock')).body).toMatchObject({ time_ms: 0, rate: 1 })
    const friday = Date.parse('2024-07-12T23:30Z')
    const set = await call('PUT', '/v1/clock', { time_ms: friday, rate: 60 })
    expect([set.status, set.body]).toMatchObject([200, { time_ms: friday, rate: 60 }])
    const back = await call('PUT', '/v1/clock', { time_ms: friday - 1, rate: 10 })
    expect([back.status, back.body]).toMatchObject([409, { reason: 'time_steps_back', pointer: '/time_ms' }])
    const slower = await call('PUT', '/v1/clock', { rate: 10 })
    expect(slower.body.time_ms).toBeGreaterThan(friday)
    expect((await call('GET', '/v1/clock')).body.now_ms).toBeGreaterThanOrEqual(slower.body.time_ms)
  })

  test('a zone and a warehouse are written, and stand in the log when the answer comes', async () => {
    const put = await call('PUT', '/v1/zones/chicago', zone)
    expect([put.status, put.body]).toMatchObject([
      200,
      { ...zone, zone_id: 'chicago', policy: DEFAULT_POLICY, version: 1 },
    ])
    const made = await call('PUT', '/v1/warehouses/w1', warehouse, { 'x-correlation-id': 'made-by-hand' })
    expect([made.status, made.body]).toMatchObject([200, { warehouse_id: 'w1', utc_offset_s: -18_000, version: 1 }])
    const counted = await send(received)
    expect(counted.status).toBe(200)

    const log = await readTopic('operations', found => found.length >= 6)
    const chicago = log.filter(one => one.key === 'chicago')
    expect(chicago.map(one => one.event.type)).toEqual([
      'clock.set',
      'policy.changed',
      'warehouse.upserted',
      'stock.received',
    ])
    expect(new Set(chicago.map(one => one.partition))).toEqual(new Set([partitionOf('chicago', 8)]))
    expect(chicago[2]?.event).toMatchObject({
      correlation_id: 'made-by-hand',
      data: { cell: latLngToCell(LOOP.lat, LOOP.lng, 9) },
    })
    expect(log.filter(one => one.key === NOWHERE).map(one => one.event.type)).toEqual(['clock.set', 'clock.set'])
  })

  test('a warehouse learns its offset anew when the clock is set beyond the end of summer time', async () => {
    const winter = Date.parse('2024-11-15T12:00Z')
    expect((await call('PUT', '/v1/clock', { time_ms: winter, rate: 10 })).status).toBe(200)
    const log = await readTopic('operations', found => found.filter(one => one.key === 'chicago').length >= 6)
    const chicago = log.filter(one => one.key === 'chicago').slice(-2)
    expect(chicago.map(one => one.event)).toMatchObject([
      { type: 'clock.set', data: { time_ms: winter } },
      { type: 'warehouse.upserted', data: { warehouse_id: 'w1', utc_offset_s: -21_600 } },
    ])
    expect((await call('GET', '/v1/warehouses')).body).toMatchObject([{ utc_offset_s: -21_600, version: 1 }])
  })

  test('writing again raises the version and keeps the policy', async () => {
    const policy = { ...DEFAULT_POLICY, candidates_max: 3 }
    expect((await call('PUT', '/v1/zones/chicago', { ...zone, policy })).body).toMatchObject({ version: 2, policy })
    expect((await call('PUT', '/v1/zones/chicago', zone)).body).toMatchObject({ version: 3, policy })
    expect((await call('PUT', '/v1/warehouses/w1', { ...warehouse, pickers: 5 })).body).toMatchObject({
      version: 2,
      pickers: 5,
    })
    expect((await call('GET', '/v1/zones')).body).toHaveLength(1)
    expect((await call('GET', '/v1/warehouses')).body).toMatchObject([
      { warehouse_id: 'w1', pickers: 5, paused: false },
    ])
  })

  test.each([
    [
      'a warehouse into another zone',
      '/v1/warehouses/w1',
      { ...warehouse, zone_id: 'lake' },
      409,
      'zone_is_fixed',
      '/zone_id',
    ],
    [
      'a warehouse into no zone',
      '/v1/warehouses/w9',
      { ...warehouse, zone_id: 'atlantis' },
      404,
      'unknown_zone',
      '/zone_id',
    ],
    [
      'a time zone that is none',
      '/v1/warehouses/w9',
      { ...warehouse, time_zone: 'Mars/One' },
      400,
      'wrong_shape',
      '/time_zone',
    ],
    [
      'a cell sent along',
      '/v1/warehouses/w9',
      { ...warehouse, cell: '891f1d48177ffff' },
      400,
      'unknown_field',
      '/cell',
    ],
    [
      'opening hours turned round',
      '/v1/warehouses/w9',
      { ...warehouse, opening: [{ from_minute: 9, to_minute: 8 }] },
      400,
      'wrong_shape',
      '/opening/0',
    ],
    ['a cell that is none', '/v1/zones/lake', { ...zone, cells: ['ffffffffffffeee'] }, 400, 'wrong_shape', '/cells/0'],
    ['a cell of a neighbour', '/v1/zones/lake2', zone, 409, 'cell_taken', '/cells'],
    ['a zone named nowhere', '/v1/zones/nowhere', { ...zone, cells: [] }, 400, 'wrong_shape', undefined],
    ['a zone with a bad name', '/v1/zones/a%20b', { ...zone, cells: [] }, 400, 'wrong_shape', '/zone_id'],
  ])('%s is refused', async (_name, path, body, status, reason, pointer) => {
    if (path === '/v1/warehouses/w1') await call('PUT', '/v1/zones/lake', { ...zone, cells: [] })
    const answer = await call('PUT', path, body)
    expect([answer.status, answer.body.reason, answer.body.pointer]).toEqual([status, reason, pointer])
  })

  test.each([
    ['a neighbour that is none', ['atlantis'], 404, 'unknown_zone', '/policy/neighbours/0'],
    ['its own neighbour', ['chicago'], 404, 'unknown_zone', '/policy/neighbours/0'],
    ['a neighbour twice', ['lake', 'lake'], 400, 'wrong_shape', '/policy/neighbours'],
  ])('%s is refused', async (_name, neighbours, status, reason, pointer) => {
    const answer = await call('PUT', '/v1/zones/chicago', { ...zone, policy: { ...DEFAULT_POLICY, neighbours } })
    expect([answer.status, answer.body.reason, answer.body.pointer]).toEqual([status, reason, pointer])
  })

  test('what is refused leaves nothing behind', async () => {
    expect((await call('GET', '/v1/zones')).body.map((one: { zone_id: string }) => one.zone_id)).toEqual([
      'chicago',
      'lake',
    ])
  })
})

describe('travel tables', () => {
  const cells = gridDisk(latLngToCell(LOOP.lat, LOOP.lng, 9), 45)
  const put = (body: unknown, warehouse_id = 'w1') => call('PUT', `/v1/warehouses/${warehouse_id}/travel`, body)

  test('go into the log in parts, with a version that rises', async () => {
    const seconds = cells.map((_, place) => place)
    const made = await put({ cells, seconds })
    expect([made.status, made.body]).toEqual([200, { warehouse_id: 'w1', version: 1, cells: 6_211, parts: 2 }])
    expect((await put({ cells: [], seconds: [] })).body).toMatchObject({ version: 2, parts: 1 })
    const isTravel = (one: Found) => one.event.type === 'travel.set'
    const log = await readTopic('operations', found => found.filter(isTravel).length >= 3)
    const parts = log.filter(isTravel).map(one => one.event.data as { version: number; part: number; cells: string[] })
    expect(parts.map(({ version, part, cells: { length } }) => [version, part, length])).toEqual([
      [1, 0, 5_000],
      [1, 1, 1_211],
      [2, 0, 0],
    ])
    expect(parts.flatMap(part => part.cells)).toEqual(cells)
  })

  const [cell = ''] = cells
  test.each([
    ['a warehouse that is none', { cells: [], seconds: [] }, 'w9', 404, 'unknown_warehouse', undefined],
    ['a cell that is none', { cells: ['ffffffffffffeee'], seconds: [1] }, 'w1', 400, 'wrong_shape', '/cells/0'],
    ['a cell too fine', { cells: [cellToChildren(cell, 10)[0]], seconds: [1] }, 'w1', 400, 'wrong_shape', '/cells/0'],
    ['a cell twice', { cells: [cell, cell], seconds: [1, 2] }, 'w1', 400, 'wrong_shape', '/cells/1'],
    ['a cell without seconds', { cells: [cell], seconds: [] }, 'w1', 400, 'wrong_shape', '/seconds'],
    ['half a second', { cells: [cell], seconds: [0.5] }, 'w1', 400, 'wrong_shape', '/seconds/0'],
  ])('%s is refused', async (_name, body, warehouse_id, status, reason, pointer) => {
    const answer = await put(body, warehouse_id)
    expect([answer.status, answer.body.reason, answer.body.pointer]).toEqual([status, reason, pointer])
  })

  test('are not written at the door of events', async () => {
    const data = { warehouse_id: 'w1', version: 9, part: 0, parts: 1, cells: [], seconds: [] }
    const [answer] = (await send([{ type: 'travel.set', data }])).body
    expect(answer).toMatchObject({ status: 'rejected', reason: 'not_at_the_door' })
  })
})

describe('events', () => {
  test('one event, with its id and correlation through to Kafka', async () => {
    const event_id = randomUUIDv7()
    const answer = await send({ ...received, event_id }, { 'x-correlation-id': 'hand-1' })
    expect([answer.status, answer.body]).toMatchObject([200, { status: 'accepted', event_id, zone_id: 'chicago' }])
    const log = await readTopic('operations', found => found.some(one => one.event.event_id === event_id))
    const found = log.find(one => one.event.event_id === event_id)
    expect(found).toMatchObject({
      key: 'chicago',
      partition: answer.body.partition,
      offset: answer.body.offset,
      headers: { correlation_id: 'hand-1' },
      event: { correlation_id: 'hand-1', tenant_id: 'demo', actor: 'developer:local', data: stock },
    })
    expect(service.output.join('')).toMatch(/"correlation_id":"hand-1".*"route":"\/v1\/events"/)
    const again = await send({ ...received, event_id })
    expect(again.body).toMatchObject({ status: 'accepted', event_id, duplicate_hint: true })
  })

  test('an array of good and bad ones is answered one by one', async () => {
    const mixed = await send([received, { ...received, colour: 1 }, 7])
    expect(mixed.status).toBe(207)
    expect(mixed.body).toMatchObject([
      { status: 'accepted' },
      { status: 'rejected', reason: 'unknown_field', pointer: '/colour' },
      { status: 'rejected', reason: 'not_an_object' },
    ])
    expect((await send([received, received])).status).toBe(200)
  })

  test.each([
    ['malformed JSON', '{"type": ', 400, { reason: 'not_json' }],
    ['nothing', '', 400, { reason: 'not_json' }],
    ['an empty array', '[]', 400, { reason: 'wrong_shape' }],
    ['a number', '5', 400, { reason: 'not_an_object' }],
    [
      'a wrong type',
      { ...received, data: { ...stock, quantity: '4' } },
      400,
      { reason: 'wrong_shape', pointer: '/data/quantity' },
    ],
    [
      'an unknown field',
      { ...received, data: { ...stock, x: 1 } },
      400,
      { reason: 'unknown_field', pointer: '/data/x' },
    ],
    [
      'an unknown warehouse',
      { ...received, data: { ...stock, warehouse_id: 'w404' } },
      400,
      { reason: 'unknown_warehouse', pointer: '/data/warehouse_id' },
    ],
    ['an unknown type', { ...received, type: 'stock.eaten' }, 400, { reason: 'unknown_type', pointer: '/type' }],
    ['an order', { type: 'order.placed', data: {} }, 400, { reason: 'not_at_the_door', pointer: '/type' }],
    ['ten megabytes', JSON.stringify({ ...received, padding: 'x'.repeat(10_000_000) }), 413, { reason: 'too_large' }],
  ])('%s is refused with a reason', async (_name, body, status, expected) => {
    const answer = await send(body)
    expect([answer.status, answer.body]).toMatchObject([status, { ...expected, detail: expect.any(String) }])
  })

  test('no key, no scope, no such actor', async () => {
    expect((await send(received, { authorization: '' })).status).toBe(401)
    expect((await send(received, { 'x-waggle-actor': 'king:1' })).status).toBe(403)
    const courier = { type: 'courier.moved', data: { courier_id: 'c17', point: LOOP } }
    expect((await send(courier, { 'x-waggle-actor': 'courier:c17' })).status).toBe(200)
    const [found] = await readTopic('couriers', all => all.length > 0)
    expect(found).toMatchObject({
      key: 'c17',
      partition: partitionOf('c17', 8),
      event: { actor: 'courier:c17', zone_id: 'chicago' },
    })
  })

  test('NDJSON is answered line by line, in order', async () => {
    const answers = await sendLines([
      JSON.stringify(received),
      '{"type": ',
      '',
      JSON.stringify({ ...received, data: { ...stock, warehouse_id: 'w404' } }),
      `{"x": "${'x'.repeat(300_000)}"}`,
      JSON.stringify(received),
    ])
    expect(answers).toMatchObject([
      { status: 'accepted' },
      { reason: 'not_json' },
      { reason: 'unknown_warehouse' },
      { reason: 'too_large' },
      { status: 'accepted' },
    ])
  })

  test('an answer comes while the stream is still open', async () => {
    const lines = new TransformStream<string, string>()
    const writer = lines.writable.getWriter()
    const answering = fetch(`${service.url}/v1/events`, {
      method: 'POST',
      headers: { ...auth, 'content-type': 'application/x-ndjson' },
      body: lines.readable.pipeThrough(new TextEncoderStream()),
      duplex: 'half',
    } as RequestInit)
    await writer.write(`${JSON.stringify(received)}\n`)
    const answer = await answering
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toContain('"accepted"')
    await writer.write(`${JSON.stringify(received)}\n`)
    expect((await reader?.read())?.value).toContain('"accepted"')
    await writer.close()
    expect((await reader?.read())?.done).toBe(true)
  })

  test('twenty thousand lines: every one accepted once, in order, and each lies where the answer says', async () => {
    const sent = Array.from({ length: 20_000 }, (_, n) => ({ ...received, event_id: randomUUIDv7(), source_seq: n }))
    const answers = await sendLines(sent.map(one => JSON.stringify(one)))
    expect(answers.map(answer => answer.event_id)).toEqual(sent.map(one => one.event_id))
    const offsets = answers.map(answer => (answer.status === 'accepted' ? Number(answer.offset) : -1))
    expect(offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] ?? 0))).toBe(true)
    const ids = new Set<string>(sent.map(one => one.event_id))
    const log = await readTopic(
      'operations',
      found => found.filter(one => ids.has(one.event.event_id)).length >= 20_000,
    )
    const places = new Map(log.map(one => [one.event.event_id, Number(one.offset)]))
    expect(answers.map(answer => places.get(answer.event_id ?? ''))).toEqual(offsets)
  })
})

describe('the process', () => {
  test('/readyz is true, /metrics counts events', async () => {
    const ready = await call('GET', '/readyz')
    expect(ready.body).toMatchObject({ ready: true, checks: [{ name: 'postgres' }, { name: 'kafka' }] })
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toMatch(/waggle_events_total\{outcome="accepted".*\} \d+/)
    expect(metrics).toMatch(/waggle_outbox_waiting_rows\{.*\} 0/)
  })

  test('too much at once is 429 with the time to wait, and nothing of it is claimed', async () => {
    const tight = await beginReady({ WAGGLE_INGEST_BUFFER_BYTES_MAX: '4194304' })
    const batch = JSON.stringify(Array.from({ length: 2_500 }, () => received))
    const post = () =>
      fetch(`${tight.url}/v1/events`, {
        method: 'POST',
        headers: { ...auth, 'content-type': 'application/json' },
        body: batch,
      })
    const answers = await Promise.all(Array.from({ length: 12 }, post))
    const counts = Object.groupBy(answers, answer => answer.status)
    expect(Object.keys(counts).toSorted()).toEqual(['200', '429'])
    expect(counts[429]?.[0]?.headers.get('retry-after')).toBe('1')
    expect((await post()).status).toBe(200)
    expect(await tight.stop()).toBe(0)
  })

  test.each([
    [
      'Postgres is away',
      { WAGGLE_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/none' },
      /could not connect to Postgres/,
    ],
    ['Kafka is away', { WAGGLE_KAFKA_BROKERS: '127.0.0.1:1' }, /could not make the topics in Kafka/],
    ['a variable is missing', { WAGGLE_POSTGRES_URL: '' }, /WAGGLE_POSTGRES_URL is not set/],
    ['it could be reached from elsewhere without keys', { WAGGLE_HOST: '0.0.0.0' }, /WAGGLE_KEYS is not set/],
  ])('%s: it ends with 1 and says so', async (_name, env, said) => {
    const failing = begin(env)
    const [code] = await once(failing.child, 'exit')
    expect(code).toBe(1)
    expect(failing.output.join('')).toMatch(said)
    expect(failing.output.join('')).not.toMatch(/ {4}at /)
  })

  test('topics that are gone: 503 and nothing claimed; the stream too', async () => {
    const other = freshNamespace('gone')
    const lost = await beginReady({ WAGGLE_NAMESPACE: other })
    await deleteTopics(kafka, other)
    await untilGone(topicName(other, 'operations'))
    const headers = { ...auth, 'content-type': 'application/json' }
    const post = (type: string) =>
      fetch(`${lost.url}/v1/events`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body: JSON.stringify(received),
      })
    const answers = await Promise.all([post('application/json'), post('application/x-ndjson')])
    for (const answer of answers) {
      expect([answer.status, await answer.json()]).toMatchObject([503, { reason: 'kafka_unreachable' }])
    }
    expect(await lost.stop()).toBe(0)
  })

  test('SIGTERM ends it with 0', async () => {
    expect(await service.stop()).toBe(0)
  })
})
