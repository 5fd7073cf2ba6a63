import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Keeper } from './keep.ts'
import { type ServerProcess, untilReady } from './server.ts'

const READY_TIMEOUT_MS = 20_000

export interface RedisOptions {
  keeper: Keeper
  redis_server: string
  /** Its working folder, its own. */
  dir: string
  port: number
  /** more settings, or other values, than those of a single Redis of Waggle's */
  settings?: Record<string, string>
}

/**
 * Redis on 127.0.0.1, in memory only: what it holds are views, written again by the engine. It never evicts; a full one refuses writes
 * rather than forgetting a warehouse. Resolves when it answers a PING.
 */
export async function startRedis(options: RedisOptions): Promise<ServerProcess> {
  const { dir, port } = options
  await mkdir(dir, { recursive: true })
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    'protected-mode': 'yes',
    ...options.settings,
  }
  const kept = await options.keeper.spawn({
    command: options.redis_server,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    cwd: dir,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    log_file: join(dir, 'redis.out'),
    pid_file: join(dir, 'redis.pid'),
    stop_steps: [{ signal: 'SIGTERM', wait_ms: 5_000 }],
  })
  await untilReady('Redis', kept, () => ping(port), READY_TIMEOUT_MS)
  return { url: `redis://127.0.0.1:${port}`, pid: kept.pid, ended: kept.ended, signal: kept.signal, stop: kept.stop }
}

async function ping(port: number): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: null })
  redis.on('error', () => {}) // the rejected call below says the same
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}
