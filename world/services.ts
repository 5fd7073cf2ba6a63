import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PARTITIONS_DEFAULT } from '../ingest/contract.ts'
import { createTopics, kafkaClient } from '../ingest/io/kafka.ts'
import { PROJECT_DIR, type ServerUrls, URL_VARIABLES } from './servers/config.ts'
import { type Keeper, type KeptProcess, openKeeper } from './servers/keep.ts'
import { freePort, isFree } from './servers/ports.ts'
import { messageOf } from './servers/server.ts'

/** Waggle's services as separate processes: for the demo, and for tests that kill one of them. */

export const SERVICES = ['ingest', 'engine', 'loader', 'dispatch', 'dashboards'] as const
export type ServiceName = (typeof SERVICES)[number]
export type ServicePorts = Record<ServiceName, number>

const SCRIPTS: Record<ServiceName, string> = {
  ingest: 'ingest/main.ts',
  engine: 'engine/main.ts',
  loader: 'engine/loader/main.ts',
  dispatch: 'dispatch/main.ts',
  dashboards: 'dashboards/main.ts',
}

/** Where they listen when nobody else does. */
export const SERVICE_PORTS: ServicePorts = {
  dashboards: 4100,
  ingest: 4101,
  engine: 4102,
  loader: 4103,
  dispatch: 4104,
}

export interface ServicesOptions {
  /** The databases must be migrated. */
  urls: ServerUrls
  namespace: string
  /** Wishes: where one is taken, or none is given, a free port serves. */
  ports?: Partial<ServicePorts>
  /** `<service>.log` of each lies there, and the one of the run before as `.previous`. */
  log_dir: string
  /** Which ones; default: all. */
  only?: readonly ServiceName[]
  /** Variables beside the addresses, such as WAGGLE_KEYS. */
  env?: Record<string, string>
  /** More of them for a single start of one service, asked at each start: a failpoint. */
  envOfStart?: (name: ServiceName) => Record<string, string>
  /** A service that ends by itself is started again. Default: true. */
  heal?: boolean
  log: (line: string) => void
}

export interface Service {
  name: ServiceName
  /** such as http://127.0.0.1:4101 */
  url: string
  /** undefined while it is down */
  pid(): number | undefined
}

export interface Services extends AsyncDisposable {
  each: Record<ServiceName, Service>
  ports: ServicePorts
  /** Ends it, by default outright. It stays down until `restart`, unless `heal`; then it comes back by itself. Resolves when it is gone. */
  kill(name: ServiceName, signal?: NodeJS.Signals): Promise<void>
  /** Stops it where it runs, starts it, and resolves when it is ready. */
  restart(name: ServiceName): Promise<void>
  /** Resolves when /readyz of all of them says so. */
  ready(): Promise<void>
}

const READY_TIMEOUT_MS = 60_000
/** A clean stop ends with a checkpoint; the service itself gives up after 15 s. */
const STOP_STEPS = [{ signal: 'SIGTERM', wait_ms: 17_000 } as const]
const HEAL_PAUSE_MS = 200
const HEAL_PAUSE_MS_MAX = 10_000
/** After living so long a death is not counted together with those before. */
const LIVED_MS = 30_000

/**
 * All together. Resolves when they are ready; rejects with the last lines of the log of the one that is not, with nothing left
 * running. They end with this process, however that ends.
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { only = SERVICES } = options
  mkdirSync(options.log_dir, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const keeper = await openKeeper()
  stack.defer(() => keeper.close())
  const ports = await choosePorts(options)
  const running = Object.fromEntries(SERVICES.map(name => [name, openService(name, keeper, ports, options)])) as Record<
    ServiceName,
    Running
  >
  // The window closes before the hand, the hand before the river, the river before the door.
  stack.defer(async () => {
    for (const name of [...SERVICES].reverse()) await running[name].stop()
  })
  await makeTopics(options)
  const results = await Promise.allSettled(only.map(name => running[name].start()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const rest = stack.move()
  return {
    each: running,
    ports,
    kill: (name, signal = 'SIGKILL') => running[name].kill(signal),
    async restart(name) {
      await running[name].stop()
      await running[name].start()
    },
    async ready() {
      await Promise.all(only.map(name => running[name].ready()))
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

/** Beforehand, so that nobody waits for the one that makes them. */
async function makeTopics(options: ServicesOptions): Promise<void> {
  const partitions = Number(environment(options).WAGGLE_PARTITIONS || PARTITIONS_DEFAULT)
  const kafka = kafkaClient({ brokers: options.urls.kafka_brokers.split(','), client_id: 'services' })
  await createTopics(kafka, options.namespace, partitions)
}

// ── One service ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Running extends Service {
  start(): Promise<void>
  ready(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

function openService(name: ServiceName, keeper: Keeper, ports: ServicePorts, options: ServicesOptions): Running {
  const { log, heal = true } = options
  const url = `http://127.0.0.1:${ports[name]}`
  let wanted = false
  let kept: KeptProcess | undefined
  let healing: Promise<void> = Promise.resolve()

  const launch = async (): Promise<KeptProcess> => {
    const child = await keeper.spawn({
      command: process.execPath,
      args: ['--disable-warning=TimeoutNegativeWarning', join(PROJECT_DIR, SCRIPTS[name])],
      cwd: PROJECT_DIR,
      env: { ...environmentOf(ports, options), ...options.envOfStart?.(name) },
      log_file: join(options.log_dir, `${name}.log`),
      pid_file: join(options.log_dir, `${name}.pid`),
      stop_steps: STOP_STEPS,
    })
    kept = child
    return child
  }
  const watch = (child: KeptProcess): void => {
    const began = performance.now()
    void child.ended.then(reason => {
      if (kept === child) kept = undefined
      if (wanted) healing = ended(child, reason, performance.now() - began)
    })
  }
  let deaths = 0
  const ended = async (child: KeptProcess, reason: string, lived_ms: number): Promise<void> => {
    deaths = lived_ms > LIVED_MS ? 1 : deaths + 1
    log(`${name} ended (${reason})${/SIGKILL/.test(reason) ? '' : `; its last lines:\n${child.logTail()}`}`)
    if (!heal) {
      wanted = false
      return
    }
    await delay(Math.min(HEAL_PAUSE_MS_MAX, HEAL_PAUSE_MS * 2 ** (deaths - 1)))
    if (!wanted) return
    try {
      const again = performance.now()
      const next = await launch()
      watch(next)
      await untilReady(name, url, next)
      log(`${name} is back after ${seconds(performance.now() - again)}`)
    } catch (error) {
      // When it ended again, that end starts it once more.
      if (wanted && kept !== undefined) log(messageOf(error))
    }
  }
  return {
    name,
    url,
    pid: () => kept?.pid,
    async start() {
      if (kept !== undefined) return
      wanted = true
      const first = await launch()
      try {
        await untilReady(name, url, first)
      } catch (error) {
        wanted = false
        await first.stop()
        kept = undefined
        throw error
      }
      // Not before: started again, it would have begun a new log by the time its reason is looked for in it.
      watch(first)
    },
    async ready() {
      await healing
      if (kept === undefined) throw new Error(`${name} is not running`)
      await untilReady(name, url, kept)
    },
    async kill(signal) {
      const child = kept
      if (child === undefined) return
      child.signal(signal)
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await child.ended
    },
    async stop() {
      wanted = false
      await kept?.stop()
      await healing
      await kept?.stop()
    },
  }
}

async function untilReady(name: ServiceName, url: string, child: KeptProcess): Promise<void> {
  const until = performance.now() + READY_TIMEOUT_MS
  for (let said = 'nothing'; ; ) {
    if (child.hasEnded()) throw new Error(`${name} ended while it started (${await child.ended}):\n${child.logTail()}`)
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) })
      if (response.ok) return
      said = await response.text()
    } catch (error) {
      said = messageOf(error)
    }
    if (performance.now() > until) {
      throw new Error(`${name} was not ready within ${seconds(READY_TIMEOUT_MS)}: ${said}\n${child.logTail()}`)
    }
    await delay(50)
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const environment = ({ env }: ServicesOptions): NodeJS.ProcessEnv => ({ ...process.env, ...env })

function environmentOf(ports: ServicePorts, options: ServicesOptions): NodeJS.ProcessEnv {
  const { urls, namespace } = options
  const addresses = Object.entries(URL_VARIABLES).map(([key, variable]) => [variable, urls[key as keyof ServerUrls]])
  const listening = Object.entries(ports).map(([name, port]) => [`WAGGLE_${name.toUpperCase()}_PORT`, String(port)])
  return {
    ...environment(options),
    ...Object.fromEntries([...addresses, ...listening]),
    WAGGLE_NAMESPACE: namespace,
    WAGGLE_HOST: '127.0.0.1',
    WAGGLE_DISPATCH_URL: `http://127.0.0.1:${ports.dispatch}`,
  }
}

async function choosePorts({ ports: wishes = {}, log }: ServicesOptions): Promise<ServicePorts> {
  const ports: Partial<ServicePorts> = {}
  const given = new Set<number>()
  for (const name of SERVICES) {
    const wish = wishes[name]
    let port = wish
    if (port === undefined || given.has(port) || !(await isFree(port))) {
      port = await freePort()
      while (given.has(port)) port = await freePort()
      if (wish !== undefined) log(`${name}: port ${wish} is taken, so it listens on ${port}`)
    }
    given.add(port)
    ports[name] = port
  }
  return ports as ServicePorts
}
