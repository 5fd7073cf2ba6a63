import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { io, type Socket } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TenantId } from '../../ingest/events/envelope.ts'
import { openKeys } from '../../ingest/io/keys.ts'
import type { ClientToServer, Delta, ServerToClient, Snapshot } from '../contract.ts'
import { callerOf } from '../gateway/callers.ts'
import { openSockets, type Sockets } from './sockets.ts'

/** The room's transport on real sockets; what is sent is made up here. */

type Wire = Socket<ServerToClient, ClientToServer>

const KEY = 'a-key-of-a-page'
const keys = (scopes: string[], tenant_id = 'demo') =>
  JSON.stringify([{ key: KEY, tenant_id, actor: 'dispatcher:ann', scopes }])

let server: Server
let sockets: Sockets
let seq: number
let reports: { seq: number; latency_ms: number }[]
const wires: Wire[] = []

const as = <T>(value: unknown): T => value as T
const delta = (text = ''): Delta =>
  as({ seq: ++seq, epoch: 'e', as_of: 0, sent_wall_ms: 0, ...(text && { feed: [{ id: String(seq), at: 0, text }] }) })

async function serve(options: { keys?: string; open?: boolean; clients_max?: number } = {}): Promise<void> {
  seq = 0
  reports = []
  server = createServer()
  const authenticate = openKeys(options.keys, '127.0.0.1')
  const rules = { authenticate, tenant_id: 'demo' as TenantId, open: options.open ?? true, host: '127.0.0.1' }
  sockets = openSockets({
    server,
    admit: (headers, key) => callerOf(rules, headers, 'dashboards', key),
    snapshot: () => as<Snapshot>({ seq, epoch: 'e', room: 'network' }),
    shown: report => reports.push(report),
    clients_max: options.clients_max ?? 10,
    buffer_bytes_max: 100_000,
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
}

function connect(more: Record<string, unknown> = {}): Wire {
  const { port } = server.address() as AddressInfo
  const wire: Wire = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, ...more })
  wires.push(wire)
  return wire
}

const once = <Name extends keyof ServerToClient>(
  wire: Wire,
  name: Name,
): Promise<Parameters<ServerToClient[Name]>[0]> => new Promise(resolve => wire.once(name as never, resolve as never))

const refused = (wire: Wire): Promise<string> =>
  new Promise((resolve, reject) => {
    wire.once('connect_error', error => resolve(error.message))
    wire.once('connect', () => reject(new Error('it was let in')))
  })

async function joined(wire: Wire): Promise<Snapshot> {
  const snapshot = once(wire, 'snapshot')
  expect(await wire.emitWithAck('join', { room: 'network' })).toEqual({ ok: true })
  return snapshot
}

async function until(done: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 20_000
  while (!done()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

beforeEach(() => serve())
afterEach(async () => {
  for (const wire of wires.splice(0)) wire.disconnect()
  await sockets.close()
  server.closeAllConnections()
  server.close()
})

describe('the room', () => {
  test('gives a snapshot on joining and then every delta in order', async () => {
    const wire = connect()
    sockets.send(delta())
    const snapshot = await joined(wire)
    expect(snapshot.seq).toBe(1)
    const seen: number[] = []
    wire.on('delta', one => seen.push(one.seq))
    for (let i = 0; i < 20; i += 1) sockets.send(delta())
    await until(() => seen.length === 20, 'twenty deltas')
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 2))
  })

  test('says no to another room, and sends nothing before a join', async () => {
    const wire = connect()
    const seen: number[] = []
    wire.on('delta', one => seen.push(one.seq))
    const answer = await wire.emitWithAck('join', as({ room: 'kitchen' }))
    expect(answer).toEqual({ ok: false, problem: expect.stringContaining('network') })
    sockets.send(delta())
    await joined(wire)
    sockets.send(delta())
    await until(() => seen.length > 0, 'a delta')
    expect(seen).toEqual([2])
  })

  test('answers a resync with a snapshot, but not a flood of them', async () => {
    const wire = connect()
    await joined(wire)
    const before = sockets.snapshots_sent()
    const again = once(wire, 'snapshot')
    for (let i = 0; i < 100; i += 1) wire.emit('resync', { room: 'network', seq: 0 })
    expect((await again).seq).toBe(seq)
    await wire.emitWithAck('join', as({ room: 'none' }))
    expect(sockets.snapshots_sent() - before).toBeLessThan(5)
  })

  test('takes reports that make sense, and bears those that do not', async () => {
    const wire = connect()
    await joined(wire)
    for (const bad of [undefined, null, {}, { seq: 'x', latency_ms: 1 }, { seq: 1, latency_ms: -1 }]) {
      wire.emit('shown', as(bad))
    }
    wire.emit('join', as(undefined), as(undefined))
    wire.emit('shown', { seq: 7, latency_ms: 120 })
    await until(() => reports.length > 0, 'a report')
    expect(reports).toEqual([{ seq: 7, latency_ms: 120 }])
  })

  test('leaves a page out that does not read, holds up nobody, and catches it up with a snapshot', async () => {
    const [slow, quick] = [connect(), connect()]
    await Promise.all([joined(slow), joined(quick)])
    const quick_seen: number[] = []
    quick.on('delta', one => quick_seen.push(one.seq))
    const slow_seen: ['delta' | 'snapshot', number][] = []
    slow.on('delta', one => slow_seen.push(['delta', one.seq]))
    slow.on('snapshot', one => slow_seen.push(['snapshot', one.seq]))

    const { transport } = slow.io.engine as unknown as {
      transport: { ws: { _socket: { pause(): void; resume(): void } } }
    }
    transport.ws._socket.pause()
    const text = 'x'.repeat(500_000)
    let sent = 0
    while (sockets.lagging() === 0 && sent < 200) {
      sockets.send(delta(text))
      sent += 1
      await until(() => quick_seen.length === sent, 'the quick page')
    }
    expect(sockets.lagging()).toBe(1)
    const missed = seq + 1
    for (let i = 0; i < 5; i += 1) sockets.send(delta())

    transport.ws._socket.resume()
    await until(() => {
      sockets.send(delta())
      return slow_seen.some(([kind]) => kind === 'snapshot')
    }, 'the snapshot that catches it up')
    sockets.send(delta())
    await until(() => slow_seen.at(-1)?.[1] === seq, 'the last delta')

    const at = slow_seen.findIndex(([kind]) => kind === 'snapshot')
    const caught_up_seq = slow_seen[at]?.[1] ?? 0
    expect(slow_seen.slice(0, at).map(([, number]) => number)).not.toContain(missed)
    expect(caught_up_seq).toBeGreaterThan(missed)
    const after = slow_seen.slice(at + 1).map(([, number]) => number)
    const next = slow_seen.slice(at + 1).length > 0 ? (after[0] ?? 0) : caught_up_seq + 1
    expect([caught_up_seq, caught_up_seq + 1]).toContain(next)
    expect(after).toEqual(after.map((_, i) => next + i))
    expect(quick_seen).toEqual(Array.from({ length: quick_seen.length }, (_, i) => i + 1))
    expect(sockets.lagging()).toBe(0)
  })
})

describe('who may look', () => {
  test('refuses a foreign page in an open gateway', async () => {
    const foreign = connect({ extraHeaders: { origin: 'http://evil.example' } })
    expect(await refused(foreign)).toMatch(/another site/)
    const rebound = connect({ extraHeaders: { host: 'evil.example' } })
    expect(await refused(rebound)).toMatch(/localhost/)
  })

  test('asks for a key when it is not open, also when a page comes back', async () => {
    await sockets.close()
    server.close()
    await serve({ keys: keys(['dashboards']), open: false })
    expect(await refused(connect())).toMatch(/Bearer/)
    expect(await refused(connect({ auth: { key: 'another-key-altogether' } }))).toMatch(/not known/)
    const wire = connect({ auth: { key: KEY } })
    await joined(wire)
    wire.auth = { key: 'another-key-altogether' }
    const refusal = new Promise<string>(resolve => wire.once('connect_error', error => resolve(error.message)))
    wire.disconnect().connect()
    expect(await refusal).toMatch(/not known/)
  })

  test.each([
    ['another tenant', keys(['dashboards'], 'other'), /another tenant/],
    ['a key without the scope', keys(['orders']), /lacks the scope/],
  ])('refuses %s', async (_what, list, why) => {
    await sockets.close()
    server.close()
    await serve({ keys: list, open: false })
    expect(await refused(connect({ auth: { key: KEY } }))).toMatch(why)
  })

  test('serves so many pages and no more', async () => {
    await sockets.close()
    server.close()
    await serve({ clients_max: 1 })
    await joined(connect())
    expect(await refused(connect())).toMatch(/1 pages at most/)
  })
})
