import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Draws } from '../city/random.ts'
import type { ServerName } from '../servers/server.ts'
import type { Action, Fault } from './plan.ts'
import type { Cut } from './proxy.ts'
import type { ProcessName, Stage } from './stage.ts'

/** Carries one fault out: resolves when it is lifted. What comes back by itself is not waited for. */
export async function inflict(stage: Stage, { action, for_ms }: Fault, draw: Draws): Promise<void> {
  switch (action.do) {
    case 'kill':
      await Promise.all(action.processes.map(name => stage.kill(name)))
      return
    case 'stop':
      return stopProcess(stage, action.process, for_ms)
    case 'failpoint':
      return failAt(stage, action)
    case 'kill_server':
      return killServer(stage, action.server, for_ms)
    case 'stop_server':
      return stopServer(stage, action.server, for_ms)
    case 'redis':
      return upsetRedis(stage, action.how, for_ms)
    case 'cut':
      return cut(stage, action, for_ms, draw)
    case 'stall':
    case 'refuse': {
      const release = stage.proxies[action.server][action.do]()
      await delay(for_ms)
      return release()
    }
  }
}

async function stopProcess(stage: Stage, name: ProcessName, for_ms: number): Promise<void> {
  await stage.signal(name, 'SIGSTOP')
  await delay(for_ms)
  await stage.signal(name, 'SIGCONT')
}

/** How long the moment of a failpoint may take to come. One that never comes was a kill, no more. */
const FAILPOINT_MS_MAX = 15_000

async function failAt(stage: Stage, action: Extract<Action, { do: 'failpoint' }>): Promise<void> {
  const pid = stage.pid(action.process)
  await stage.kill(action.process, { [action.variable]: action.failpoint })
  const until = performance.now() + FAILPOINT_MS_MAX
  let armed: number | undefined
  while (performance.now() < until) {
    const now = stage.pid(action.process)
    if (armed !== undefined && now !== armed) return
    if (now !== undefined && now !== pid) armed ??= now
    await delay(20)
  }
}

async function killServer(stage: Stage, name: ServerName, for_ms: number): Promise<void> {
  await stage.servers[name].kill()
  await delay(for_ms)
  await stage.servers[name].start()
}

async function stopServer(stage: Stage, name: ServerName, for_ms: number): Promise<void> {
  const pid = stage.servers[name].pid()
  if (pid === undefined) return
  process.kill(pid, 'SIGSTOP')
  await delay(for_ms)
  process.kill(pid, 'SIGCONT')
}

/** Redis keeps nothing by itself; a SAVE makes it come back with what it held then. */
async function upsetRedis(stage: Stage, how: 'kept' | 'behind' | 'flushed', for_ms: number): Promise<void> {
  const redis = new Redis(stage.direct.redis_url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 })
  redis.on('error', () => {})
  try {
    await redis.connect()
    if (how === 'flushed') await redis.flushall()
    else await redis.save()
  } finally {
    redis.disconnect()
  }
  if (how === 'flushed') return
  await delay(for_ms)
  await killServer(stage, 'redis', 0)
  // So that the next kill empties it.
  await rm(stage.redis_dump, { force: true })
}

const CUT_MS_MAX = 10_000

async function cut(
  { proxies }: Stage,
  { server, how, chance }: { server: ServerName; how: Cut; chance: number },
  for_ms: number,
  draw: Draws,
): Promise<void> {
  const proxy = proxies[server]
  const before = proxy.cuts()
  const began = performance.now()
  proxy.arm({ how, chance, uniform: draw.uniform })
  await delay(for_ms)
  while (proxy.cuts() === before && performance.now() - began < CUT_MS_MAX) await delay(50)
  proxy.arm(null)
}
