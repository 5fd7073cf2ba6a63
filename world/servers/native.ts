import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startClickhouse } from './clickhouse/start.ts'
import type { Ports } from './config.ts'
import { identify, isAlive } from './identity.ts'
import { fetchKafka, jarsDir, type ProxiedListener, startKafka } from './kafka.ts'
import type { Keeper } from './keep.ts'
import { freePort } from './ports.ts'
import { startPostgres, wipePostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import type { ServerName, ServerProcess } from './server.ts'
import { type Server, supervise } from './supervise.ts'
import { JAVA, MAVEN, type Need, provide, REDIS } from './system.ts'

export interface NativeOptions {
  keeper: Keeper
  data_dir: string
  cache_dir: string
  kafka_heap_mb: number
  kafka_proxied?: ProxiedListener
  ports: Ports
  disposable: boolean
  log: (line: string) => void
  onGiveUp: (reason: string) => void
}

/** What the system must have for all four to run natively. */
export function nativeNeeds(cache_dir: string): Need[] {
  return existsSync(jarsDir(cache_dir)) ? [JAVA, REDIS] : [JAVA, REDIS, MAVEN]
}

/** All four at once, each in its own folder below the data folder. When one fails, those that came up are stopped again. */
export async function startNative(options: NativeOptions): Promise<Record<ServerName, Server>> {
  const { keeper, data_dir, cache_dir, ports, log } = options
  const [java = '', redis_server = '', mvn] = await provide(nativeNeeds(cache_dir), log)
  if (mvn !== undefined) await fetchKafka(cache_dir, mvn, log)
  const controller_port = await freePort()
  const start = (name: ServerName, launch: () => Promise<ServerProcess>): Promise<Server> =>
    supervise(name, launch, log, options.onGiveUp)
  const heap_mb = options.kafka_heap_mb
  const proxied = options.kafka_proxied === undefined ? {} : { proxied: options.kafka_proxied }
  const dir = (name: ServerName): string => join(data_dir, name)
  const { disposable } = options
  return allOrNone({
    kafka: start('kafka', () =>
      startKafka({
        keeper,
        java,
        cache_dir,
        dir: dir('kafka'),
        port: ports.kafka,
        controller_port,
        heap_mb,
        ...proxied,
      }),
    ),
    redis: start('redis', () => startRedis({ keeper, redis_server, dir: dir('redis'), port: ports.redis })),
    postgres: start('postgres', () =>
      startPostgres({ keeper, dir: dir('postgres'), port: ports.postgres, disposable, log }),
    ),
    clickhouse: start('clickhouse', () => startClickhouseProcess(keeper, dir('clickhouse'), ports.clickhouse, log)),
  })
}

export async function wipeNative(data_dir: string): Promise<void> {
  await wipePostgres(join(data_dir, 'postgres'))
  for (const name of ['kafka', 'redis', 'clickhouse']) await rm(join(data_dir, name), { recursive: true, force: true })
}

async function allOrNone(starts: Record<ServerName, Promise<Server>>): Promise<Record<ServerName, Server>> {
  const results = await Promise.allSettled(Object.values(starts))
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(results.map(result => (result.status === 'fulfilled' ? result.value.stop() : undefined)))
    throw failed.reason
  }
  const { kafka, redis, postgres, clickhouse } = starts
  return { kafka: await kafka, redis: await redis, postgres: await postgres, clickhouse: await clickhouse }
}

/** Beside the others: its merges take all cores there are, in the middle of what people wait for. */
const CLICKHOUSE_NICE = 10

async function startClickhouseProcess(
  keeper: Keeper,
  data_dir: string,
  port: number,
  log: (line: string) => void,
): Promise<ServerProcess> {
  const server = await startClickhouse({
    data_dir,
    port,
    nice: CLICKHOUSE_NICE,
    log: line => log(`clickhouse: ${line}`),
  })
  keeper.adopt(server.pid)
  const identity = identify(server.pid)
  const ended = async (): Promise<string> => {
    while (identity !== undefined && isAlive(identity)) await delay(200, undefined, { ref: false })
    return 'its process is gone'
  }
  const signal = (name: NodeJS.Signals): void => {
    if (identity !== undefined && isAlive(identity)) process.kill(server.pid, name)
  }
  return { url: server.url, pid: server.pid, ended: ended(), signal, stop: server.stop }
}
