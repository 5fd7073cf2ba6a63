import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { Client } from 'pg'
import { chromium, type Page } from 'playwright-core'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { type City, openCity } from '../../world/city/city.ts'
import { chicagoEvening } from '../../world/city/evening.ts'
import { CHROMIUM, provide } from '../../world/servers/system.ts'
import { freshDatabase, freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { type Services, startServices } from '../../world/services.ts'
import { openTroubleDoor } from '../../world/trouble_door.ts'
import { buildWeb } from '../../world/web_build.ts'

/** For browser tests: the built page in a real browser, on the real services and servers, with the city in motion behind them. */

export const TENANT = 'demo'
export const PATIENCE_MS = 60_000
/** Software rendering: the pictures are right, how often they come means nothing. */
const FLAGS = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--no-sandbox',
  '--disable-background-networking',
]

export interface OpenPage extends AsyncDisposable {
  page: Page
  services: Services
  city: City
  book: Client
  /** every address the page asked for */
  asked: Set<string>
  /** everything it complained about */
  complaints: string[]
  text(selector: string): Promise<string | null>
  press(selector: string): Promise<void>
  shows(selector: string, words: string | RegExp): Promise<true>
  /** one row of the book */
  one<Row>(sql: string, ...values: unknown[]): Promise<Row | undefined>
}

/** @param name of the run: its namespace begins with it */
export async function openPage(name: string): Promise<OpenPage> {
  await using stack = new AsyncDisposableStack()
  const servers = testServers()
  const namespace = freshNamespace(name)
  const log_dir = await mkdtemp(join(tmpdir(), 'waggle-page-'))
  stack.defer(() => rm(log_dir, { recursive: true, force: true }))
  await buildWeb(() => {})
  const database = await freshDatabase(servers, migratePostgres)
  stack.defer(() => database.drop())
  const book = new Client({ connectionString: database.url })
  await book.connect()
  stack.defer(() => book.end())
  await migrateClickhouse(servers.clickhouse_url, namespace)
  const door = stack.use(await openTroubleDoor())
  const services = stack.use(
    await startServices({
      urls: { ...servers, postgres_url: database.url },
      namespace,
      log_dir,
      env: { WAGGLE_KEYS: '', WAGGLE_DASHBOARDS_TENANT: TENANT, WAGGLE_WORLD_URL: door.url },
      log: () => {},
    }),
  )
  const city = await openEvening(services)
  stack.defer(() => city.stop())
  await Promise.race([city.begin(), city.failed])
  const trouble = city.trouble()
  if (trouble) door.open(trouble)
  const page = stack.adopt(await openBrowserPage(), async it => it.context().browser()?.close())
  const [asked, complaints] = [new Set<string>(), [] as string[]]
  page.on('request', request => asked.add(request.url()))
  page.on('websocket', socket => asked.add(socket.url()))
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(services.each.dashboards.url)
  const looks = looksAt(page)
  await see('the page to be live', async () => (await looks.text('.connection b')) === 'Live')
  const rest = stack.move()
  return {
    page,
    services,
    city,
    book,
    asked,
    complaints,
    ...looks,
    async one<Row>(sql: string, ...values: unknown[]) {
      const { rows } = await book.query(sql, values)
      return rows[0] as Row | undefined
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

async function openEvening({ each }: Services): Promise<City> {
  const doors = { ingest_url: each.ingest.url, dispatch_url: each.dispatch.url, key: DEVELOPMENT_KEY }
  const town = chicagoEvening({ seed: 7, run: 'page', orders_per_min: 4, couriers: 110 })
  return openCity({ ...doors, town, seed: 7, speed: 6, warm_up_min: 12, say: () => {} })
}

async function openBrowserPage(): Promise<Page> {
  const [command = ''] = await provide([CHROMIUM], () => {})
  const browser = await chromium.launch({ executablePath: pathOf(command), args: FLAGS })
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, colorScheme: 'dark' })
  return context.newPage()
}

/** Playwright wants a path, not a name. */
function pathOf(command: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return isAbsolute(command) ? command : (folders.map(folder => join(folder, command)).find(existsSync) ?? command)
}

// ── Looking and acting ──────────────────────────────────────────────────────────────────────────────────────────────

export const see = <T>(what: string, look: () => Promise<T> | T) =>
  waitFor(look, { timeout_ms: PATIENCE_MS, what, every_ms: 200 })

function looksAt(page: Page): Pick<OpenPage, 'text' | 'press' | 'shows'> {
  const first = (selector: string) => page.locator(selector).first()
  return {
    text: selector => first(selector).textContent({ timeout: PATIENCE_MS }),
    /** A click as the keyboard does it: the pointer's would wait for frames, which are rare here. */
    press: selector => first(selector).dispatchEvent('click', {}, { timeout: PATIENCE_MS }),
    async shows(selector, words) {
      await see(`${selector} to say ${words}`, async () => {
        const said = await first(selector).textContent({ timeout: 1_000 })
        return said !== null && (typeof words === 'string' ? said.includes(words) : words.test(said))
      })
      return true
    },
  }
}
