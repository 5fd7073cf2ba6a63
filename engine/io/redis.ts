import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { viewKeys } from '../contract.ts'

/**
 * Writes the live views. Every write carries absolute values and a fence, never increments: ioredis may apply a command
 * twice when a connection is cut before the reply, and then the second time changes nothing.
 */

/** One Redis, or a Redis Cluster; for whoever only passes it on. All keys of one view lie in one slot. */
export type RedisClient = Redis | Cluster

const retryStrategy = (attempt: number): number => Math.min(2_000, 50 * 2 ** Math.min(attempt, 6))

/**
 * @param url redis://host:port, or redis-cluster://host:port,host:port with some nodes of a cluster (rediss: with TLS)
 * @param timeout_ms a command fails after this instead of hanging or being sent again behind our back
 */
export function openRedis(url: string, timeout_ms = 2_000): RedisClient {
  const options = {
    commandTimeout: timeout_ms,
    connectTimeout: timeout_ms,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  }
  const redis = isCluster(url) ? openCluster(url, options) : new Redis(url, { ...options, retryStrategy })
  // Without a listener ioredis prints to stderr. Commands report their own failure, and readiness tells the state.
  redis.on('error', () => undefined)
  return redis
}

const isCluster = (url: string): boolean => /^rediss?-cluster:/.test(url)

function openCluster(url: string, redisOptions: Pick<RedisOptions, 'commandTimeout' | 'connectTimeout'>): Cluster {
  const { protocol, username, password } = new URL(url.replace(/,.*$/, ''))
  const nodes = url
    .replace(/^[^:]*:\/\/([^@/]*@)?/, '')
    .split(',')
    .map(node => ({ host: node.replace(/:\d+\/?$/, ''), port: Number(/:(\d+)\/?$/.exec(node)?.[1] ?? 6379) }))
  return new Cluster(nodes, {
    redisOptions: {
      ...redisOptions,
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(protocol === 'rediss-cluster:' ? { tls: {} } : {}),
    },
    lazyConnect: true,
    enableOfflineQueue: false,
    // A node that came back at another address is found within this time, even if nobody is redirected to it.
    slotsRefreshInterval: 2_000,
    slotsRefreshTimeout: 2_000,
    clusterRetryStrategy: retryStrategy,
    // A command for a node that is away fails, as on a single Redis: whoever asked decides what to do.
    maxRedirections: 3,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
  })
}

/** Opens the connection when nobody has, and waits while it is being opened. @throws ioredis' error when it can't be */
export async function connected<Client extends RedisClient>(redis: Client): Promise<Client> {
  if (redis.status === 'wait') redis.connect().catch(() => undefined)
  if (redis.status !== 'connecting' && redis.status !== 'connect') return redis
  let opening = openings.get(redis)
  if (!opening) {
    opening = once(redis, 'ready').finally(() => openings.delete(redis))
    openings.set(redis, opening)
  }
  await opening
  return redis
}
/** One wait a client, however many ask. */
const openings = new WeakMap<RedisClient, Promise<unknown>>()

/** Resolves when Redis answers (each master of a cluster), and rejects within the command timeout otherwise. */
export async function pingRedis(redis: RedisClient): Promise<void> {
  const client = await connected(redis)
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  if (nodes.length === 0) throw new Error('no node of the Redis Cluster is known')
  await Promise.all(nodes.map(node => node.ping()))
}

/**
 * KEYS fence, target hash, [meta]   ARGV expected fence ('' = write whole), epoch, offset, meta JSON, then field, value, …
 *
 *   fence in Redis        carries          done
 *   higher epoch/offset   anything         'older': a newer owner wrote, leave it
 *   = expected            changed fields   set, fence moves
 *   another, or none      changed fields   'whole': the view was emptied or is behind; send everything
 *   any not above         everything       hash replaced, fence moves
 */
const WRITE_VIEW = `
local fence = redis.call('GET', KEYS[1])
local epoch, offset = tonumber(ARGV[2]), tonumber(ARGV[3])
if fence then
  local at = string.find(fence, ':', 1, true)
  local e, o = tonumber(string.sub(fence, 1, at - 1)), tonumber(string.sub(fence, at + 1))
  if e > epoch or (e == epoch and o > offset) then return 'older' end
end
if ARGV[1] ~= '' then
  if fence ~= ARGV[1] then return 'whole' end
else
  redis.call('DEL', KEYS[2])
end
for i = 5, #ARGV, 1000 do
  redis.call('HSET', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4]) end
redis.call('SET', KEYS[1], ARGV[2] .. ':' .. ARGV[3])
return 'ok'
`

export interface Fence {
  epoch: number
  offset: number
}

/** What changed in one view. `expects: null` replaces the whole view. `fields`: name, value, name, value, … */
export interface ViewWrite {
  view: { kind: 'warehouse'; warehouse_id: string } | { kind: 'fleet'; partition: number }
  expects: Fence | null
  fence: Fence
  meta: string | null
  fields: string[]
}

/** 'older': a newer owner has written. 'whole': the view is not what was expected, send all of it. */
export type ViewAnswer = 'ok' | 'older' | 'whole'

/**
 * Writes in one round trip (a node each, on a cluster). Answers in the order given; an Error in place of an answer says
 * that Redis, or this view's node, could not be reached, and that nobody knows whether the write arrived.
 */
export async function writeViews(
  redis: RedisClient,
  namespace: string,
  writes: readonly ViewWrite[],
): Promise<(ViewAnswer | Error)[]> {
  const client = await connected(redis)
  const answers = await Promise.allSettled(
    together(client, () => writes.map(write => writeView(client, namespace, write))),
  )
  return answers.map(answer => (answer.status === 'fulfilled' ? answer.value : asError(answer.reason)))
}

/**
 * What is sent meanwhile, and until the end of this turn of the event loop, goes to the socket at once: ioredis writes each command by itself, and
 * eight scripts for each of some hundred small batches a second were a tenth of the main thread's time.
 */
function together<Result>(client: RedisClient, send: () => Result): Result {
  const stream = client instanceof Cluster ? null : client.stream
  stream?.cork()
  if (stream) setImmediate(() => stream.uncork())
  return send()
}

async function writeView(redis: RedisClient, namespace: string, write: ViewWrite): Promise<ViewAnswer> {
  const { view, expects, fence, meta, fields } = write
  const keys = keysOf(namespace, view)
  const expected = expects ? `${expects.epoch}:${expects.offset}` : ''
  const args = [...keys, expected, fence.epoch, fence.offset, meta ?? '']
  const answer: unknown = await redis.evalsha(WRITE_VIEW_SHA, keys.length, ...args, ...fields).catch(error => {
    // A Redis that was started anew knows no scripts: it did nothing, so the text goes there once.
    if (!isUnknownScript(error)) throw error
    return redis.eval(WRITE_VIEW, keys.length, ...args, ...fields)
  })
  if (answer !== 'ok' && answer !== 'older' && answer !== 'whole') throw new Error(`Redis answered ${String(answer)}`)
  return answer
}

const WRITE_VIEW_SHA = createHash('sha1').update(WRITE_VIEW).digest('hex')

const isUnknownScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith('NOSCRIPT')

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** The fences as they stand in Redis, null where there is none, an Error where the view's node can't be reached. */
export async function readFences(
  redis: RedisClient,
  namespace: string,
  views: readonly ViewWrite['view'][],
): Promise<(string | null | Error)[]> {
  const client = await connected(redis)
  return Promise.all(views.map(view => client.get(keysOf(namespace, view)[0] ?? '').catch(asError)))
}

function keysOf(namespace: string, view: ViewWrite['view']): string[] {
  if (view.kind === 'warehouse') {
    const keys = viewKeys.warehouse(namespace, view.warehouse_id)
    return [keys.fence, keys.stock, keys.meta]
  }
  const keys = viewKeys.fleet(namespace, view.partition)
  return [keys.fence, keys.fleet, keys.supply]
}
