/** `npm run demo`: everything at once, on this machine. See demo_options.ts for what can be chosen. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, escapeIdentifier } from 'pg'
import { DEVELOPMENT_KEY } from '../ingest/io/keys.ts'
import { migrateClickhouse, migratePostgres } from '../sql/migrate.ts'
import { type Accounts, takeAccounts } from './accounts.ts'
import { type City, openCity } from './city/city.ts'
import type { Town } from './city/town.ts'
import { DEMO_EXPLAINED } from './demo_explain.ts'
import { DEMO_HELP, type DemoOptions, readDemoOptions } from './demo_options.ts'
import { accountsText, type Figures, openScreen, type Screen, sceneText, statusLine } from './demo_screen.ts'
import { PROJECT_DIR, type ServerUrls, URL_VARIABLES } from './servers/config.ts'
import { messageOf } from './servers/server.ts'
import { type Servers, startServers } from './servers/start.ts'
import { SERVICE_PORTS, type Services, startServices } from './services.ts'
import { townOf } from './towns.ts'
import { openTroubleDoor } from './trouble_door.ts'
import { buildWeb } from './web_build.ts'

const WAGGLE_DIR = join(PROJECT_DIR, '.waggle')
const TENANT = 'demo'
const ACCOUNTS_TIMEOUT_MS = 30_000
const SECOND_SIGNAL_MS = 1_000

class Interrupted extends Error {}

interface Stop {
  asked: Promise<void>
  /** @throws Interrupted once somebody has asked for the end */
  check(): void
}

async function main(): Promise<number> {
  const options = readDemoOptions(process.argv.slice(2))
  if (options.help || options.explain) {
    process.stdout.write(options.help ? DEMO_HELP : DEMO_EXPLAINED)
    return 0
  }
  const town = townOf(options.town, options.seed)
  const screen = openScreen(options.json ? process.stderr : process.stdout)
  const stop = stopSignal(screen)
  await using stack = new AsyncDisposableStack()
  try {
    return await runDemo({ ...options, town }, screen, stop, stack)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return 0
  } finally {
    screen.line('stopping: the city, the services, the servers')
  }
}

type Demo = Omit<DemoOptions, 'town'> & { town: Town }

async function runDemo(options: Demo, screen: Screen, stop: Stop, stack: AsyncDisposableStack): Promise<number> {
  const { town } = options
  const data_dir = options.data_dir ?? join(WAGGLE_DIR, 'demo')
  const page = buildWeb(screen.line) // takes a processor of its own while the servers start
  page.catch(() => {})
  const servers = await screen.step('Kafka, Redis, PostgreSQL and ClickHouse answer', async () =>
    stack.use(await startServers({ data_dir, fresh: true, disposable: true, log: screen.line, onGiveUp: screen.line })),
  )
  stop.check()
  const place = await screen.step('the databases have their tables', () => migrated(servers))
  const log_dir = logDir(options, servers, place)
  await screen.step('the page is built', () => page)
  stop.check()
  const door = stack.use(await openTroubleDoor())
  const env = { ...envOf(town), WAGGLE_WORLD_URL: door.url }
  const services = await screen.step('ingest, engine, loader, dispatch and dashboards are ready', async () =>
    stack.use(await startServices({ ...place, ports: SERVICE_PORTS, log_dir, env, log: screen.line })),
  )
  stop.check()
  // Scenes need people who order more than a recorded day has them order.
  const scenes = options.calm || !town.outOfTurn ? {} : { scenes: {} }
  const city = openCity({ ...doorsOf(services), ...options, ...scenes, say: screen.line })
  stack.defer(() => city.stop())
  const beginning = screen.step(`${town.name} is open`, () => city.begin())
  await Promise.race([beginning, city.failed, stop.asked])
  stop.check()
  const trouble = city.trouble()
  if (trouble) door.open(trouble)
  screen.line(
    `\n  ${services.each.dashboards.url}\n\n  Ctrl-C ends all of it. Logs: ${log_dir}\n\n${forTheTools(place)}\n`,
  )
  await watch(options, { screen, stop, services, city })
  if (options.for_s === undefined) return 0
  stop.check()
  await city.stop()
  return report(await accountsOf(place, city), city, options, screen)
}

/** What dead-letters, explain, record and what-if need in another terminal. */
function forTheTools({ urls, namespace }: Place): string {
  const { kafka_brokers, postgres_url } = URL_VARIABLES
  const variables = [
    `${kafka_brokers}=${urls.kafka_brokers}`,
    `${postgres_url}=${urls.postgres_url}`,
    `WAGGLE_NAMESPACE=${namespace}`,
  ]
  return `  To look into it from another terminal (npm run explain, what-if, record, dead-letters):\n  export ${variables.join(' ')}`
}

/** The development key is known on this machine only, which is all that the demo listens on. */
const envOf = ({ name }: Town) => ({
  WAGGLE_KEYS: '',
  WAGGLE_DASHBOARDS_TENANT: TENANT,
  WAGGLE_DASHBOARDS_TITLE: `${name}, simulated`,
})

interface Place {
  urls: ServerUrls
  namespace: string
}

/** Our own servers begin empty. On other people's we use a namespace, which is a database too, that nobody has had before. */
async function migrated({ mode, urls }: Servers): Promise<Place> {
  const namespace = mode === 'external' ? `demo_${Date.now().toString(36)}` : 'waggle'
  const postgres_url = mode === 'external' ? await newDatabase(urls.postgres_url, namespace) : urls.postgres_url
  const place = { urls: { ...urls, postgres_url }, namespace }
  await Promise.all([migratePostgres(postgres_url), migrateClickhouse(urls.clickhouse_url, namespace)])
  return place
}

/** Logs and pids lie where no other demo that runs now has its own. */
function logDir({ data_dir }: Demo, { mode }: Servers, { namespace }: Place): string {
  const dir = join(data_dir ?? WAGGLE_DIR, 'logs')
  return mode === 'external' ? join(dir, namespace) : dir
}

async function newDatabase(postgres_url: string, name: string): Promise<string> {
  const client = new Client({ connectionString: postgres_url })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
  const url = new URL(postgres_url)
  url.pathname = `/${name}`
  return url.href
}

const doorsOf = ({ each }: Services) => ({
  ingest_url: each.ingest.url,
  dispatch_url: each.dispatch.url,
  key: DEVELOPMENT_KEY,
})

// ── While it runs ───────────────────────────────────────────────────────────────────────────────────────────────────

interface Running {
  screen: Screen
  stop: Stop
  services: Services
  city: City
}

/** The live line, until the time is up or somebody ends it. @throws what the city failed of */
async function watch({ for_s, town }: Demo, { screen, stop, services, city }: Running): Promise<void> {
  const over = new AbortController()
  const dayOver = city.over.then(() => screen.line(overText(city, town)))
  const until = for_s === undefined ? new Promise<void>(() => {}) : Promise.race([delay(for_s * 1_000), dayOver])
  const telling = tell(services, town, screen, over.signal)
  try {
    await Promise.race([until, stop.asked, city.failed])
  } finally {
    over.abort()
    await telling
  }
}

function overText(city: City, { name, time_zone }: Town): string {
  const { time_ms, customers } = city.report()
  const at = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, timeStyle: 'short' }).format(time_ms)
  return `${name} is over at ${at}, after ${customers.acknowledged.length} orders: nothing more will come`
}

async function tell(services: Services, { time_zone }: Town, screen: Screen, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      const signal = AbortSignal.any([over, AbortSignal.timeout(3_000)])
      const response = await fetch(`${services.each.dashboards.url}/api/stats`, { signal })
      if (response.ok) screen.status(statusLine((await response.json()) as Figures, time_zone))
    } catch {
      if (!over.aborted) screen.status('the gateway does not answer just now')
    }
    await delay(1_000, undefined, { signal: over }).catch(() => {})
  }
}

// ── The accounts ────────────────────────────────────────────────────────────────────────────────────────────────────

function accountsOf({ urls, namespace }: Place, city: City): Promise<Accounts> {
  const { customers, scenes } = city.report()
  const { acknowledged } = customers
  const groups = scenes.map(scene => scene.order_ids)
  return takeAccounts({ urls, namespace, acknowledged, groups, tenant_id: TENANT, timeout_ms: ACCOUNTS_TIMEOUT_MS })
}

function report(accounts: Accounts, city: City, { json, seed, speed }: Demo, screen: Screen): number {
  const { customers, ...rest } = city.report()
  const { groups, ...whole } = accounts
  const scenes = rest.scenes.map((scene, n) => ({ ...scene, orders: groups[n] }))
  const { acknowledged, ...asked } = customers
  const told = { ...rest, scenes, customers: { acknowledged: acknowledged.length, ...asked } }
  if (json) process.stdout.write(`${JSON.stringify({ ...whole, city: { seed, speed, ...told } })}\n`)
  else screen.line([accountsText(accounts), ...scenes.map(sceneText)].join('\n'))
  return accounts.balanced ? 0 : 1
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The first ctrl-C ends everything in order; another one a while later gives up waiting, and the keepers end what still runs. */
function stopSignal(screen: Screen): Stop {
  const { promise, resolve } = Promise.withResolvers<void>()
  let asked_at: number | undefined
  const ask = (): void => {
    if (asked_at !== undefined && performance.now() - asked_at > SECOND_SIGNAL_MS) process.exit(1)
    if (asked_at === undefined) screen.line('ending; ctrl-C again does not wait')
    asked_at ??= performance.now()
    resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask)
  return {
    asked: promise,
    check() {
      if (asked_at !== undefined) throw new Interrupted()
    },
  }
}

process.chdir(PROJECT_DIR)
process.exitCode = await main().catch(error => {
  console.error(messageOf(error))
  return 1
})
process.exit()
