import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import {
  type Ports,
  readConfig,
  type ServersConfig,
  type ServersMode,
  type ServerUrls,
  URL_VARIABLES,
} from './config.ts'
import { dockerAnswers, startDocker } from './docker.ts'
import type { ProxiedListener } from './kafka.ts'
import { openKeeper } from './keep.ts'
import { lockDataDir } from './lock.ts'
import { nativeNeeds, startNative, wipeNative } from './native.ts'
import { freePort, isFree } from './ports.ts'
import { messageOf, type ServerName } from './server.ts'
import type { Server } from './supervise.ts'
import { canInstall, MissingError, missingOf } from './system.ts'

const EXTERNAL_TIMEOUT_MS = 5_000

export interface StartOptions {
  /** Default: WAGGLE_DATA_DIR, or `.waggle` in the project. */
  data_dir?: string
  /** Default: WAGGLE_SERVERS, or whatever can be done here: native, then docker. */
  mode?: ServersMode
  /** Wipes the data first. */
  fresh?: boolean
  /** Wishes: where one is taken, a free port serves instead and the log says so. What the environment sets is kept to. */
  ports?: Partial<Ports>
  /** Throw-away data: faster, safe against killed processes but not against a power cut. */
  disposable?: boolean
  /** Native only: Kafka listens a second time, for clients that come through a proxy. */
  kafka_proxied?: ProxiedListener
  log: (line: string) => void
  /** A server died again and again and stays down. Default: it is logged. */
  onGiveUp?: (reason: string) => void
}

export interface Servers extends AsyncDisposable {
  mode: ServersMode
  urls: ServerUrls
  /** One by one, for drills that kill and restart them. Native only; undefined otherwise. */
  each: Record<ServerName, Server> | undefined
}

/**
 * Starts the four servers, or takes the external ones. Resolves when all of them answer; rejects with a message that says what to do,
 * with nothing left running. They end with this process, however that ends.
 */
export async function startServers(options: StartOptions): Promise<Servers> {
  const { log, fresh = false, disposable = false, onGiveUp = log } = options
  const config = readConfig(process.env)
  const mode = options.mode ?? config.mode ?? (await bestMode(config))
  if (mode === 'external') return external(config)
  const data_dir = options.data_dir ?? config.data_dir
  await using stack = new AsyncDisposableStack()
  const keeper = await openKeeper()
  stack.defer(() => keeper.close())
  const lock = await lockDataDir(data_dir, keeper.pid, log)
  stack.defer(async () => {
    await keeper.close() // nothing of ours runs any more when the lock goes
    lock.release()
  })
  const ports = await choosePorts(config, options)
  if (mode === 'docker') {
    const docker = stack.use(await startDocker({ keeper, data_dir, ports, fresh, disposable, log }))
    return handle(mode, docker.urls, undefined, stack.move())
  }
  if (fresh) await wipeNative(data_dir)
  const { cache_dir, kafka_heap_mb } = config
  const proxied = options.kafka_proxied === undefined ? {} : { kafka_proxied: options.kafka_proxied }
  const native = { keeper, data_dir, cache_dir, kafka_heap_mb, ports, disposable, log, onGiveUp, ...proxied }
  const each = await startNative(native)
  stack.defer(() => stopAll(each))
  return handle(mode, urlsOf(each), each, stack.move())
}

/** Removes a data folder and what is kept for it elsewhere. Only after its servers have ended. */
export async function removeData(data_dir: string): Promise<void> {
  await wipeNative(data_dir)
  await rm(data_dir, { recursive: true, force: true })
}

function handle(mode: ServersMode, urls: ServerUrls, each: Servers['each'], stack: AsyncDisposableStack): Servers {
  return { mode, urls, each, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function urlsOf(each: Record<ServerName, Server>): ServerUrls {
  return {
    kafka_brokers: each.kafka.url,
    redis_url: each.redis.url,
    postgres_url: each.postgres.url,
    clickhouse_url: each.clickhouse.url,
  }
}

async function stopAll(each: Record<ServerName, Server>): Promise<void> {
  await Promise.allSettled(Object.values(each).map(server => server.stop()))
}

/** Servers that somebody else runs. They are only looked for; no data of theirs is wiped. */
async function external(config: ServersConfig): Promise<Servers> {
  const { kafka_brokers, redis_url, postgres_url, clickhouse_url } = config.external
  if (!kafka_brokers || !redis_url || !postgres_url || !clickhouse_url) {
    const missing = Object.keys(URL_VARIABLES).filter(key => config.external[key as keyof ServerUrls] === undefined)
    const names = missing.map(key => URL_VARIABLES[key as keyof ServerUrls]).join(', ')
    throw new Error(`WAGGLE_SERVERS=external takes the servers from the environment: set ${names}`)
  }
  const urls = { kafka_brokers, redis_url, postgres_url, clickhouse_url }
  await Promise.all([
    ...kafka_brokers
      .split(',')
      .map(broker => mustListen(URL_VARIABLES.kafka_brokers, `kafka://${broker.trim()}`, 9092)),
    mustListen(URL_VARIABLES.redis_url, redis_url, 6379),
    mustListen(URL_VARIABLES.postgres_url, postgres_url, 5432),
    mustListen(URL_VARIABLES.clickhouse_url, clickhouse_url, clickhouse_url.startsWith('https') ? 443 : 80),
  ])
  return { mode: 'external', urls, each: undefined, [Symbol.asyncDispose]: async () => {} }
}

async function mustListen(variable: string, url: string, usual_port: number): Promise<void> {
  if (!URL.canParse(url)) throw new Error(`${variable} is not an address: ${url}`)
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || usual_port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(EXTERNAL_TIMEOUT_MS) })
  } catch (error) {
    throw new Error(`${variable}: nothing answers at ${hostname}:${port || usual_port} (${messageOf(error)})`)
  } finally {
    socket.destroy()
  }
}

async function bestMode(config: ServersConfig): Promise<ServersMode> {
  if (process.platform !== 'win32') {
    const missing = await missingOf(nativeNeeds(config.cache_dir))
    if (missing.length === 0 || canInstall()) return 'native'
    if (!(await dockerAnswers())) {
      throw new Error(
        `the servers cannot start: ${new MissingError(missing).message}\n` +
          '  or start a Docker engine, or use servers of your own: WAGGLE_SERVERS=external',
      )
    }
  } else if (!(await dockerAnswers())) {
    throw new Error(
      'the servers cannot start natively on Windows: start a Docker engine, or set WAGGLE_SERVERS=external',
    )
  }
  return 'docker'
}

async function choosePorts(config: ServersConfig, options: StartOptions): Promise<Ports> {
  const choose = async (name: ServerName): Promise<number> => {
    const fixed = config.ports[name]
    if (fixed !== undefined) {
      if (await isFree(fixed)) return fixed
      const variable = `WAGGLE_${name.toUpperCase()}_PORT`
      throw new Error(`${variable} is ${fixed}, but something else listens there: stop it or choose another port`)
    }
    const wished = options.ports?.[name]
    if (wished === undefined) return freePort()
    if (await isFree(wished)) return wished
    const free = await freePort()
    options.log(
      `${name}: port ${wished} is taken, so it listens on ${free} (WAGGLE_${name.toUpperCase()}_PORT chooses)`,
    )
    return free
  }
  return {
    kafka: await choose('kafka'),
    redis: await choose('redis'),
    postgres: await choose('postgres'),
    clickhouse: await choose('clickhouse'),
  }
}
