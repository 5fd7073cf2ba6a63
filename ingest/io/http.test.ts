import { once } from 'node:events'
import { connect } from 'node:net'
import { Type } from 'typebox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TenantId } from '../events/envelope.ts'
import { type Http, openHttp } from './http.ts'
import { openKeys } from './keys.ts'
import { HttpProblem } from './problem.ts'

const keys = JSON.stringify([
  { key: 'writer-key-0001', tenant_id: 'acme', actor: 'partner:acme', scopes: ['orders'], act_as: ['courier'] },
  { key: 'reader-key-0001', tenant_id: 'acme', actor: 'viewer:1', scopes: ['dashboards'] },
])
const writer = { authorization: 'Bearer writer-key-0001' }

let http: Http
let url: string
let database_up = true

beforeAll(async () => {
  http = await openHttp({
    service: 'test',
    host: '127.0.0.1',
    port: 0,
    keys,
    log_level: 'silent',
    body_bytes_max: 1_000,
    checks: {
      always: async () => {},
      database: async () => {
        if (!database_up) throw new Error('connection refused')
      },
    },
  })
  const schema = {
    body: Type.Object({ n: Type.Integer(), inner: Type.Optional(Type.Object({ tenant: Type.Optional(TenantId) })) }),
    querystring: Type.Object({
      limit: Type.Optional(Type.Integer({ maximum: 10 })),
      all: Type.Optional(Type.Boolean()),
    }),
  }
  http.app.post('/things', { schema, preHandler: http.requireScope('orders') }, async request => ({
    twice: request.body.n * 2,
    limit: request.query.limit,
    all: request.query.all,
    actor: request.caller.actor,
    correlation_id: request.correlation_id,
  }))
  http.app.get('/broken', async () => {
    throw new Error('the secret is 42')
  })
  http.app.get('/busy', async () => {
    throw new HttpProblem(503, 'no_kafka', 'Kafka does not answer; try again', { retry_after_s: 2 })
  })
  url = await http.listen()
})
afterAll(() => http.close())

async function post(body: string, headers: Record<string, string> = {}, query = '') {
  const answer = await fetch(`${url}/things${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...writer, ...headers },
    body,
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
}

test('a good request passes, with text of the query as numbers and booleans', async () => {
  const { status, body } = await post('{"n": 4}', {}, '?limit=3&all=true')
  expect(status).toBe(200)
  expect(body).toMatchObject({ twice: 8, limit: 3, all: true, actor: 'partner:acme' })
})

test('the correlation id is taken over when it is well formed, and made anew when not', async () => {
  const taken = await post('{"n": 1}', { 'x-correlation-id': 'abc-123' })
  expect(taken.headers.get('x-correlation-id')).toBe('abc-123')
  expect(taken.body.correlation_id).toBe('abc-123')
  const made = await post('{"n": 1}', { 'x-correlation-id': 'has spaces {}' })
  expect(made.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test.each([
  ['malformed JSON', '{"n": ', {}, '', 400, { reason: 'not_json' }],
  ['an empty body', '', {}, '', 400, { reason: 'not_json' }],
  ['text where a number belongs', '{"n": "4"}', {}, '', 400, { reason: 'wrong_shape', pointer: '/n' }],
  ['a missing field', '{}', {}, '', 400, { reason: 'wrong_shape', pointer: '/n' }],
  ['an unknown field', '{"n": 4, "a/b": 1}', {}, '', 400, { reason: 'unknown_field', pointer: '/a~1b' }],
  [
    'an unknown field inside',
    '{"n": 4, "inner": {"x": 1}}',
    {},
    '',
    400,
    { reason: 'unknown_field', pointer: '/inner/x' },
  ],
  ['a prototype', '{"n": 4, "__proto__": {"x": 1}}', {}, '', 400, { reason: 'not_json' }],
  ['a query that is no number', '{"n": 4}', {}, '?limit=many', 400, { reason: 'wrong_shape', pointer: '/limit' }],
  ['an empty query value', '{"n": 4}', {}, '?limit=', 400, { reason: 'wrong_shape', pointer: '/limit' }],
  ['an unknown query', '{"n": 4}', {}, '?page=2', 400, { reason: 'unknown_field', pointer: '/page' }],
  ['a large body', JSON.stringify({ n: 4, x: 'x'.repeat(2_000) }), {}, '', 413, { reason: 'too_large' }],
  ['XML', '<n/>', { 'content-type': 'text/xml' }, '', 415, { reason: 'wrong_media_type' }],
  ['no key', '{"n": 4}', { authorization: '' }, '', 401, { reason: 'no_key' }],
  ['a wrong key', '{"n": 4}', { authorization: 'Bearer nope' }, '', 401, { reason: 'unknown_key' }],
  [
    'a key without the scope',
    '{"n": 4}',
    { authorization: 'Bearer reader-key-0001' },
    '',
    403,
    { reason: 'scope_missing' },
  ],
  [
    'an actor it may not be',
    '{"n": 4}',
    { 'x-waggle-actor': 'dispatcher:d1' },
    '',
    403,
    { reason: 'actor_not_allowed' },
  ],
  ['an actor that is none', '{"n": 4}', { 'x-waggle-actor': 'courier c1' }, '', 400, { reason: 'wrong_shape' }],
] as const)('%s is answered with a Problem', async (_name, body, headers, query, status, problem) => {
  const answer = await post(body, headers, query)
  expect(answer.status).toBe(status)
  expect(answer.body).toMatchObject({ ...problem, correlation_id: answer.headers.get('x-correlation-id') })
  expect(String(answer.body.detail).length).toBeGreaterThan(10)
})

test('a key that may act as couriers names one', async () => {
  const { body } = await post('{"n": 4}', { 'x-waggle-actor': 'courier:c17' })
  expect(body.actor).toBe('courier:c17')
})

test('ten megabytes to a small door: 413, and never a broken pipe, though the sender goes on sending', async () => {
  const large = JSON.stringify({ x: 'x'.repeat(10_000_000) })
  for (let n = 0; n < 8; n++) expect((await post(large)).status).toBe(413)
})

test('an unknown route, a broken one, and one that is busy', async () => {
  const missing = await fetch(`${url}/nothing?x=1`)
  expect([missing.status, await missing.json()]).toMatchObject([404, { reason: 'no_such_route' }])
  const broken = await fetch(`${url}/broken`)
  const text = await broken.text()
  expect([broken.status, JSON.parse(text)]).toMatchObject([500, { reason: 'internal' }])
  expect(text).not.toContain('secret')
  const busy = await fetch(`${url}/busy`)
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2'])
})

test('a request that is no HTTP does not stop the service', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.end('nonsense\r\n\r\n').resume()
  await once(socket, 'close')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('a connection that never asks anything does not hold up the end', async () => {
  const other = await openHttp({ service: 'test', host: '127.0.0.1', port: 0, keys, log_level: 'silent', checks: {} })
  const socket = connect(Number(new URL(await other.listen()).port), '127.0.0.1')
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  socket.resume()
  await other.close()
  await ended
})

test('/readyz names what fails and why; /healthz stays', async () => {
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  database_up = false
  const down = await fetch(`${url}/readyz`)
  database_up = true
  expect([down.status, await down.json()]).toMatchObject([
    503,
    { ready: false, detail: 'database: connection refused' },
  ])
})

test('/metrics counts by route', async () => {
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toMatch(/waggle_http_duration_seconds_count\{.*route="\/things".*status="400".*\} \d+/)
  expect(text).toContain('process_cpu_seconds_total')
})

test('the development key works on this machine only', () => {
  const ask = { authorization: 'Bearer waggle-dev-key', actor: undefined }
  expect(openKeys(undefined, '127.0.0.1')(ask).tenant_id).toBe('demo')
  expect(() => openKeys(undefined, '0.0.0.0')).toThrow(/WAGGLE_KEYS is not set/)
})

test('a list of keys that is wrong is refused without repeating it', () => {
  expect(() => openKeys('[{"key": "my-secret-key-1"}]', '127.0.0.1')).toThrow(/WAGGLE_KEYS/)
  expect(() => openKeys('[{"key": "my-secret-key-1"}]', '127.0.0.1')).not.toThrow(/my-secret/)
  expect(() => openKeys('nonsense', '127.0.0.1')).toThrow('WAGGLE_KEYS is not JSON')
})
