import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { openRedis, type RedisClient, readFences, type ViewWrite, writeViews } from './redis.ts'

/** The fence, and what is left of it when a connection is cut before a command arrives or before its reply does. */

const namespace = freshNamespace('redis')
let redis: RedisClient

beforeAll(async () => {
  redis = openRedis(testServers().redis_url)
  await redis.connect()
})
afterAll(async () => {
  const keys = await redis.keys(`${namespace}:*`)
  if (keys.length > 0) await redis.del(...keys)
  redis.disconnect()
})

const write = (warehouse_id: string, offset: number, expects: number | null, milk: number, epoch = 1): ViewWrite => ({
  view: { kind: 'warehouse', warehouse_id },
  expects: expects === null ? null : { epoch, offset: expects },
  fence: { epoch, offset },
  meta: '{}',
  fields: ['milk', `${milk} 0 0 each`],
})
const stockOf = (warehouse_id: string) => redis.hgetall(`${namespace}:{w:${warehouse_id}}:stock`)
const send = async (...writes: ViewWrite[]) => writeViews(redis, namespace, writes)

test('a change is taken only on the state it expects; everything else asks for the whole view', async () => {
  expect(await send(write('a', 5, 4, 1))).toEqual(['whole'])
  expect(await stockOf('a')).toEqual({})
  expect(await send(write('a', 5, null, 1))).toEqual(['ok'])
  expect(await send(write('a', 8, 5, 2))).toEqual(['ok'])
  expect(await send(write('a', 9, 7, 3))).toEqual(['whole'])
  expect(await stockOf('a')).toEqual({ milk: '2 0 0 each' })
  expect(await readFences(redis, namespace, [{ kind: 'warehouse', warehouse_id: 'a' }])).toEqual(['1:8'])
})

test('nothing older is taken, neither an offset nor an epoch, not even a whole view', async () => {
  await send(write('b', 100, null, 1, 2))
  expect(await send(write('b', 99, null, 9, 2), write('b', 500, null, 9, 1), write('b', 500, 100, 9, 1))).toEqual([
    'older',
    'older',
    'older',
  ])
  expect(await stockOf('b')).toEqual({ milk: '1 0 0 each' })
  expect(await send(write('b', 3, null, 7, 3))).toEqual(['ok'])
  expect(await stockOf('b')).toEqual({ milk: '7 0 0 each' })
})

test('a whole view of more fields than one Lua call takes replaces what stood there', async () => {
  await send(write('c', 1, null, 1))
  const fields = Array.from({ length: 5_000 }, (_, place) => [`sku${place}`, '1 0 0 each']).flat()
  expect(await send({ ...write('c', 2, null, 1), fields })).toEqual(['ok'])
  expect(Object.keys(await stockOf('c'))).toHaveLength(5_000)
})

test('a Redis that knows no scripts is told the script', async () => {
  await redis.call('SCRIPT', 'FLUSH')
  expect(await send(write('d', 1, null, 1), write('d', 2, 1, 2))).toEqual(['ok', 'ok'])
  expect(await stockOf('d')).toEqual({ milk: '2 0 0 each' })
})

// ── Cut connections ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Passes bytes on until told to cut: the next command is lost before it arrives, or its reply is. */
async function openProxy(): Promise<{
  url: string
  cut: (when: 'before' | 'after' | 'never') => void
  server: Server
}> {
  const target = new URL(testServers().redis_url)
  let mode: 'before' | 'after' | 'never' = 'never'
  const server = createServer((client: Socket) => {
    const upstream = connect(Number(target.port), target.hostname)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
    client.on('data', bytes => (mode === 'before' && bytes.includes('eval') ? end() : upstream.write(bytes)))
    upstream.on('data', bytes => (mode === 'after' ? end() : client.write(bytes)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const cut = (when: typeof mode) => {
    mode = when
  }
  return { url: `redis://127.0.0.1:${port}`, server, cut }
}

test.each(['before', 'after'] as const)(
  'a connection cut %s the reply fails once, is not sent again, and the next write mends it',
  async when => {
    const proxy = await openProxy()
    const cut_off = openRedis(proxy.url, 500)
    const id = `cut_${when}`
    expect(await writeViews(cut_off, namespace, [write(id, 1, null, 10)])).toEqual(['ok'])
    proxy.cut(when)
    const began = performance.now()
    expect(await writeViews(cut_off, namespace, [write(id, 2, 1, 9)])).toEqual([expect.any(Error)])
    expect(performance.now() - began, 'it fails by its own time limit instead of hanging').toBeLessThan(5_000)
    proxy.cut('never')
    // Whether it arrived is not known to the writer: it writes the view whole, and that is right either way.
    await waitFor(() => cut_off.status === 'ready', { timeout_ms: 5_000, what: 'the connection to come back' })
    expect(await stockOf(id)).toEqual({ milk: when === 'before' ? '10 0 0 each' : '9 0 0 each' })
    expect(await writeViews(cut_off, namespace, [write(id, 3, null, 8)])).toEqual(['ok'])
    expect(await stockOf(id)).toEqual({ milk: '8 0 0 each' })
    cut_off.disconnect()
    proxy.server.close()
  },
)
