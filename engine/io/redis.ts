import { once } from 'node:events'
import { Redis } from 'ioredis'
import { viewKeys } from '../contract.ts'

/**
 * Writes the live views. Every write carries absolute values and a fence, never increments: ioredis may apply a command
 * twice when a connection is cut before the reply, and then the second time changes nothing.
 */

/** The client, for whoever only passes it on. */
export type RedisClient = Redis

/** One client. A command fails after `timeout_ms` instead of hanging or being sent again behind our back. */
export function openRedis(url: string, timeout_ms = 2_000): Redis {
  const redis = new Redis(url, {
    commandTimeout: timeout_ms,
    connectTimeout: timeout_ms,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
    retryStrategy: attempt => Math.min(2_000, 50 * 2 ** Math.min(attempt, 6)),
  })
  // Without a listener ioredis prints to stderr. Commands report their own failure, and readiness tells the state.
  redis.on('error', () => undefined)
  return redis
}

/** Opens the connection when nobody has, and waits while it is being opened. @throws ioredis' error when it can't be */
export async function connected(redis: Redis): Promise<Redis> {
  if (redis.status === 'wait') redis.connect().catch(() => undefined)
  if (redis.status === 'connecting' || redis.status === 'connect') await once(redis, 'ready')
  return redis
}

/** Resolves when Redis answers, and rejects within the command timeout otherwise. */
export async function pingRedis(redis: Redis): Promise<void> {
  await (await connected(redis)).ping()
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

/** Writes in one round trip; answers in the order given. Rejects when Redis can't be reached. */
export async function writeViews(redis: Redis, namespace: string, writes: readonly ViewWrite[]): Promise<ViewAnswer[]> {
  const pipeline = (await connected(redis)).pipeline()
  for (const { view, expects, fence, meta, fields } of writes) {
    const keys = keysOf(namespace, view)
    const expected = expects ? `${expects.epoch}:${expects.offset}` : ''
    pipeline.eval(WRITE_VIEW, keys.length, ...keys, expected, fence.epoch, fence.offset, meta ?? '', ...fields)
  }
  const answers = (await pipeline.exec()) ?? []
  return answers.map(([error, answer]) => {
    if (error) throw error
    if (answer !== 'ok' && answer !== 'older' && answer !== 'whole') throw new Error(`Redis answered ${String(answer)}`)
    return answer
  })
}

/** The fences as they stand in Redis, null where there is none. Rejects when Redis can't be reached. */
export async function readFences(
  redis: Redis,
  namespace: string,
  views: readonly ViewWrite['view'][],
): Promise<(string | null)[]> {
  if (views.length === 0) return []
  const pipeline = (await connected(redis)).pipeline()
  for (const view of views) pipeline.get(keysOf(namespace, view)[0] ?? '')
  const answers = (await pipeline.exec()) ?? []
  return answers.map(([error, fence]) => {
    if (error) throw error
    return typeof fence === 'string' ? fence : null
  })
}

function keysOf(namespace: string, view: ViewWrite['view']): string[] {
  if (view.kind === 'warehouse') {
    const keys = viewKeys.warehouse(namespace, view.warehouse_id)
    return [keys.fence, keys.stock, keys.meta]
  }
  const keys = viewKeys.fleet(namespace, view.partition)
  return [keys.fence, keys.fleet, keys.fence]
}
