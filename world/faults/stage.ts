import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import type { ServerUrls } from '../servers/config.ts'
import { freePort } from '../servers/ports.ts'
import { messageOf, type ServerName } from '../servers/server.ts'
import { startServers } from '../servers/start.ts'
import type { Server } from '../servers/supervise.ts'
import { type Services, startServices } from '../services.ts'
import { openProxy, type TcpProxy } from './proxy.ts'

/**
 * The real thing, to be broken: the four servers with data of their own, a proxy before each, and the services behind the
 * proxies, each started again when it ends. Two engines share the partitions.
 *
 *   ingest · engine_1 · engine_2 · loader · dispatch ──▶ proxies ──▶ kafka · redis · postgres · clickhouse ◀── the checks
 */
export const PROCESSES = ['ingest', 'engine_1', 'engine_2', 'loader', 'dispatch'] as const
export type ProcessName = (typeof PROCESSES)[number]
export const SERVERS = ['kafka', 'redis', 'postgres', 'clickhouse'] as const

export interface Stage extends AsyncDisposable {
  namespace: string
  /** around the proxies, for whoever checks */
  direct: ServerUrls
  /** through the proxies, as the services have it */
  proxied: ServerUrls
  servers: Record<ServerName, Server>
  proxies: Record<ServerName, TcpProxy>
  /** what Redis reads when it starts, if it is there */
  redis_dump: string
  url(name: ProcessName): string
  pid(name: ProcessName): number | undefined
  /** SIGKILL waits for the end; it is started again by itself, once with these variables. */
  kill(name: ProcessName, env_of_next_start?: Record<string, string>): Promise<void>
  signal(name: ProcessName, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Ends in order and stays down. */
  stop(name: ProcessName): Promise<void>
  /** What is not well, in words; empty: everything answers and says that it is ready. */
  troubles(): Promise<string[]>
}

export interface StageOptions {
  data_dir: string
  log: (line: string) => void
}

const NAMESPACE = 'faults'
const READY_ASK_MS = 4_000

export async function openStage({ data_dir, log }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const ports: Partial<Record<ServerName, number>> = {}
  const behind = await freePort()
  const proxyOf = async (name: ServerName): Promise<TcpProxy> => stack.use(await openProxy(() => ports[name] ?? 0))
  const proxies = {
    kafka: await proxyOf('kafka'),
    redis: await proxyOf('redis'),
    postgres: await proxyOf('postgres'),
    clickhouse: await proxyOf('clickhouse'),
  }
  const kafka_proxied = { port: behind, advertised_port: proxies.kafka.port }
  const options = {
    data_dir,
    mode: 'native',
    fresh: true,
    disposable: true,
    kafka_proxied,
    log,
    onGiveUp: log,
  } as const
  const { urls: direct, each: servers } = stack.use(await startServers(options))
  if (servers === undefined) throw new Error('faults need servers that can be killed: WAGGLE_SERVERS must be native')
  for (const name of SERVERS) ports[name] = name === 'kafka' ? behind : portOf(servers[name].url)
  await Promise.all([migratePostgres(direct.postgres_url), migrateClickhouse(direct.clickhouse_url, NAMESPACE)])
  const proxied = throughProxies(direct, proxies)
  const processes = await startProcesses(stack, { urls: proxied, data_dir, log })
  const rest = stack.move()
  return {
    ...{ namespace: NAMESPACE, direct, proxied, servers, proxies, ...processes },
    redis_dump: join(data_dir, 'redis', 'dump.rdb'),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

const portOf = (url: string): number => Number(new URL(url.includes('://') ? url : `kafka://${url}`).port)

function throughProxies(direct: ServerUrls, proxies: Record<ServerName, TcpProxy>): ServerUrls {
  const moved = (text: string, name: ServerName): string => {
    const url = new URL(text)
    url.port = String(proxies[name].port)
    return url.href.replace(/\/$/, '')
  }
  return {
    kafka_brokers: `127.0.0.1:${proxies.kafka.port}`,
    redis_url: moved(direct.redis_url, 'redis'),
    postgres_url: moved(direct.postgres_url, 'postgres'),
    clickhouse_url: moved(direct.clickhouse_url, 'clickhouse'),
  }
}

// ── The services ────────────────────────────────────────────────────────────────────────────────────────────────────

const ENV = {
  WAGGLE_KEYS: '',
  // Only what is packed gets a courier: an assignment problem of hundreds of orders each second is not what is tried here.
  WAGGLE_DISPATCH_LOOKAHEAD_S: '0',
  WAGGLE_CHECKPOINT_EVERY_MS: '5000',
  WAGGLE_ENGINE_WORKERS: '1',
}

const ROLE = {
  ingest: 'ingest',
  engine_1: 'engine',
  engine_2: 'engine',
  loader: 'loader',
  dispatch: 'dispatch',
} as const

type Processes = Pick<Stage, 'url' | 'pid' | 'kill' | 'signal' | 'stop' | 'troubles'>

/** Each in a group of its own, so that each has its own variables, log folder and healing. */
async function startProcesses(
  stack: AsyncDisposableStack,
  { urls, data_dir, log }: { urls: ServerUrls; data_dir: string; log: (line: string) => void },
): Promise<Processes> {
  const once: Partial<Record<ProcessName, Record<string, string>>> = {}
  const start = async (name: ProcessName): Promise<Services> => {
    const envOfStart = (): Record<string, string> => {
      const env = once[name] ?? {}
      delete once[name]
      return env
    }
    const place = { urls, namespace: NAMESPACE, log_dir: join(data_dir, 'logs', name), only: [ROLE[name]] }
    const say = (line: string): void => log(line.replace(/^engine/, name))
    return stack.use(await startServices({ ...place, env: ENV, envOfStart, log: say }))
  }
  const all = {} as Record<ProcessName, Services>
  const results = await Promise.allSettled(
    PROCESSES.map(async name => {
      all[name] = await start(name)
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const of = (name: ProcessName) => all[name].each[ROLE[name]]
  return {
    url: name => of(name).url,
    pid: name => of(name).pid(),
    async kill(name, env) {
      if (env !== undefined) once[name] = env
      await all[name].kill(ROLE[name])
    },
    signal: (name, signal) => all[name].kill(ROLE[name], signal),
    async stop(name) {
      await all[name][Symbol.asyncDispose]()
    },
    async troubles() {
      const told = await Promise.all(PROCESSES.map(name => troubleOf(name, of(name).url)))
      return told.flat()
    },
  }
}

async function troubleOf(name: ProcessName, url: string): Promise<string[]> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_ASK_MS) })
    const said = await response.text()
    return response.ok ? [] : [`${name}: ${said.slice(0, 300)}`]
  } catch (error) {
    return [`${name}: ${messageOf(error)}`]
  }
}

/** Resident memory of a process now and at its highest, MB; undefined where the system does not tell. */
export function memoryOf(pid: number | undefined): { rss_mb: number; rss_mb_max: number } | undefined {
  if (pid === undefined) return undefined
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    const of = (field: string): number =>
      Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024)
    return { rss_mb: of('VmRSS'), rss_mb_max: of('VmHWM') }
  } catch {
    return undefined
  }
}
