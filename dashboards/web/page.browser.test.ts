import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { Client } from 'pg'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { migrateClickhouse, migratePostgres } from '../../sql/migrate.ts'
import { type City, openCity } from '../../world/city/city.ts'
import { chicagoEvening } from '../../world/city/evening.ts'
import { CHROMIUM, provide } from '../../world/servers/system.ts'
import { type FreshDatabase, freshDatabase, freshNamespace, testServers, waitFor } from '../../world/servers/testing.ts'
import { type Services, startServices } from '../../world/services.ts'
import { buildWeb } from '../../world/web_build.ts'
import type { OrderDetail } from '../contract.ts'
import { RIDE_MPS_MAX } from './glide.ts'
import type { Answer } from './io/api.ts'

/** The built page in a real browser, on the real services and servers, with the city in motion behind their public doors. */

const servers = testServers()
const namespace = freshNamespace('page')
const TENANT = 'demo'
/** Software rendering: the pictures are right, how often they come means nothing. */
const FLAGS = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--no-sandbox',
  '--disable-background-networking',
]
const PATIENCE_MS = 40_000

let logs: string
let database: FreshDatabase
let book: Client
let services: Services
let city: City
let browser: Browser
let context: BrowserContext
let page: Page
/** everything the page asked for, and everything it complained about */
const asked = new Set<string>()
const complaints: string[] = []

beforeAll(async () => {
  logs = await mkdtemp(join(tmpdir(), 'waggle-page-'))
  await buildWeb(() => {})
  database = await freshDatabase(servers, migratePostgres)
  book = new Client({ connectionString: database.url })
  await book.connect()
  await migrateClickhouse(servers.clickhouse_url, namespace)
  services = await startServices({
    urls: { ...servers, postgres_url: database.url },
    namespace,
    log_dir: logs,
    env: { WAGGLE_KEYS: '', WAGGLE_DASHBOARDS_TENANT: TENANT },
    log: () => {},
  })
  const { ingest, dispatch } = services.each
  const doors = { ingest_url: ingest.url, dispatch_url: dispatch.url, key: DEVELOPMENT_KEY }
  const town = chicagoEvening({ seed: 7, run: 'page', orders_per_min: 4, couriers: 110 })
  city = openCity({ ...doors, town, seed: 7, speed: 6, warm_up_min: 12, say: () => {} })
  await Promise.race([city.begin(), city.failed])

  const [command = ''] = await provide([CHROMIUM], () => {})
  browser = await chromium.launch({ executablePath: pathOf(command), args: FLAGS })
  context = await browser.newContext({ viewport: { width: 1000, height: 700 }, colorScheme: 'dark' })
  page = await context.newPage()
  page.on('request', request => asked.add(request.url()))
  page.on('websocket', socket => asked.add(socket.url()))
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(services.each.dashboards.url)
  await see('the page to be live', async () => (await text('.connection b')) === 'Live')
}, 300_000)

afterAll(async () => {
  await browser?.close()
  await city?.stop()
  await services?.[Symbol.asyncDispose]()
  await book?.end()
  await database?.drop()
  if (logs) await rm(logs, { recursive: true, force: true })
})

/** Playwright wants a path, not a name. */
function pathOf(command: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return isAbsolute(command) ? command : (folders.map(folder => join(folder, command)).find(existsSync) ?? command)
}

// ── Looking and acting ──────────────────────────────────────────────────────────────────────────────────────────────

const see = <T>(what: string, look: () => Promise<T> | T) =>
  waitFor(look, { timeout_ms: PATIENCE_MS, what, every_ms: 200 })

const text = (selector: string) => page.locator(selector).first().textContent({ timeout: PATIENCE_MS })
/** A click as the keyboard does it: the pointer's would wait for frames, which are rare here. */
const press = (selector: string) => page.locator(selector).first().dispatchEvent('click', {}, { timeout: PATIENCE_MS })
const shows = (selector: string, words: string | RegExp) =>
  see(`${selector} to say ${words}`, async () => {
    const said = await page.locator(selector).first().textContent({ timeout: 1_000 })
    return said !== null && (typeof words === 'string' ? said.includes(words) : words.test(said))
  })

async function one<Row>(sql: string, ...values: unknown[]): Promise<Row | undefined> {
  const { rows } = await book.query(sql, values)
  return rows[0] as Row | undefined
}

/** An order that is not yet on its way, the newest first, so that it stays so for a while. */
const openOrder = (having: string) =>
  see(`an order with ${having}`, () =>
    one<{ order_id: string; version: number; courier_id: string | null }>(
      `SELECT order_id, version, courier_id FROM orders
        WHERE tenant_id = $1 AND state IN ('routed', 'picking') AND NOT cancel_asked AND ${having}
        ORDER BY placed_at DESC LIMIT 1`,
      TENANT,
    ),
  )

async function openDrawer(order_id: string): Promise<void> {
  await page.evaluate(id => {
    location.hash = `order/${id}`
  }, order_id)
  await shows('.drawer header', order_id)
  await see('the order’s detail', async () => (await page.locator('.drawer .promise').count()) > 0)
}

/** Gives an order to a courier as a person would: who loses against the solver (409) looks again and chooses again. */
const giveByHand = () =>
  waitFor(
    async () => {
      const { order_id } = await openOrder('true')
      await openDrawer(order_id)
      await press('.drawer .actions .primary')
      await press('.choices button:enabled')
      const answer = await see('given or refused', async () => {
        const chips = await page.locator('.drawer .chips').allTextContents()
        if (chips.join().includes('By a dispatcher’s hand')) return 'given'
        return (await page.locator('.refusal').count()) > 0 && 'refused'
      })
      const row = await one<{ courier_id: string | null }>(
        'SELECT courier_id FROM orders WHERE order_id = $1',
        order_id,
      )
      if (answer === 'given' && row?.courier_id) return { order_id, given: row.courier_id }
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      return false
    },
    { timeout_ms: 3 * PATIENCE_MS, what: 'an order given by hand' },
  )

const detailOf = (order_id: string): Promise<Answer<OrderDetail>> =>
  fetch(`${services.each.dashboards.url}/api/orders/${order_id}`).then(async response => ({
    ok: true,
    body: (await response.json()) as OrderDetail,
  }))

const reassignElsewhere = (order_id: string, version: number, courier_id: string) =>
  fetch(`${services.each.dashboards.url}/api/orders/${order_id}/reassign`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'if-match': String(version) },
    body: JSON.stringify({ courier_id, reason: 'closer' }),
  })

/** Every courier's step from one drawing to the next one, over so many drawings. Runs in the page. */
function drawnSteps(drawings: number): Promise<{ metres: number; ms: number }[]> {
  const { promise, resolve } = Promise.withResolvers<{ metres: number; ms: number }[]>()
  const steps: { metres: number; ms: number }[] = []
  let seen = 0
  let [at, places] = [0, new Float32Array(0)]
  const look = (): void => {
    const [now, drawn] = [window.waggle.placesAt?.() ?? 0, window.waggle.places?.() ?? new Float32Array(0)]
    if (now !== at) {
      for (let i = 0; at > 0 && 2 * i < places.length; i++) {
        const lat = ((drawn[2 * i + 1] ?? 0) * Math.PI) / 180
        const east = ((drawn[2 * i] ?? 0) - (places[2 * i] ?? 0)) * Math.cos(lat)
        const metres = 111_195 * Math.hypot(east, (drawn[2 * i + 1] ?? 0) - (places[2 * i + 1] ?? 0))
        // NaN: who appears or leaves.
        if (metres >= 0) steps.push({ metres, ms: now - at })
      }
      seen += 1
      ;[at, places] = [now, drawn.slice()]
    }
    if (seen > drawings) resolve(steps)
    else requestAnimationFrame(look)
  }
  look()
  return promise
}

// ── What must be so ─────────────────────────────────────────────────────────────────────────────────────────────────

describe('the page', { timeout: 240_000 }, () => {
  test('shows couriers that move: where they are drawn, and the pixels', async () => {
    const drawn = () =>
      page.evaluate(() => {
        const busy = [...(window.waggle.page?.().room.couriers.values() ?? [])].filter(one => one.order_ids.length > 0)
        const places = window.waggle.places?.() ?? new Float32Array(0)
        return Object.fromEntries(
          busy.map(({ courier_id, index }) => [courier_id, [places[2 * index], places[2 * index + 1]].join()]),
        )
      })
    const seen = new Map<string, Set<string>>()
    await see('a courier at four places one after the other', async () => {
      for (const [id, place] of Object.entries(await drawn())) seen.set(id, (seen.get(id) ?? new Set()).add(place))
      return [...seen.values()].some(places => places.size >= 4)
    })
    const picture = () => page.locator('.map-canvas canvas').first().screenshot({ timeout: PATIENCE_MS })
    const before = await picture()
    await see('another picture', async () => !before.equals(await picture()))
  })

  test('lets couriers glide: no step is longer than what one rides in that time', async () => {
    const steps = await page.evaluate(drawnSteps, 12)
    const rate = await page.evaluate(() => window.waggle.page?.().room.clock.rate ?? 0)
    const metres_per_s = steps.map(({ metres, ms }) => (1_000 * metres) / (ms * rate))
    expect(metres_per_s.filter(speed => speed > 1).length).toBeGreaterThan(20)
    expect(Math.max(...metres_per_s)).toBeLessThan(RIDE_MPS_MAX)
  })

  test('pauses a warehouse after asking, and resumes it', async () => {
    const marker = page.locator('[data-warehouse]').first()
    const id = await marker.getAttribute('data-warehouse')
    const paused = async () =>
      (await one<{ paused: boolean }>('SELECT paused FROM warehouses WHERE warehouse_id = $1', id))?.paused
    await press(`[data-warehouse="${id}"]`)
    await shows('.card .status', 'Serving')
    await press('.card .actions .quiet')
    expect(await paused()).toBe(false)
    await press('.card .actions .danger')
    await shows('.card .status', 'Paused')
    expect(await paused()).toBe(true)
    expect(await marker.getAttribute('data-paused')).toBe('true')
    await press('.card .actions .primary')
    await shows('.card .status', 'Serving')
    expect(await paused()).toBe(false)
    await page.keyboard.press('Escape')
    await see('the card to close', async () => (await page.locator('.card').count()) === 0)
  })

  test('cancels an order with a reason', async () => {
    const { order_id } = await openOrder(`state = 'routed'`)
    await openDrawer(order_id)
    await press('.drawer .actions .quiet')
    await press('.drawer fieldset .danger')
    await shows('.drawer .chip', 'Cancelled')
    const row = await one<{ state: string }>('SELECT state FROM orders WHERE order_id = $1', order_id)
    expect(row?.state).toBe('cancelled')
    await page.keyboard.press('Escape')
  })

  test('gives an order to another courier, and tells who was faster', async () => {
    const { order_id, given } = await giveByHand()
    await shows('.drawer-body', given)

    // Another dispatcher is faster, between this one's look and this one's click.
    await press('.drawer .actions .primary')
    await page.locator('.choices button:enabled').first().waitFor({ state: 'attached', timeout: PATIENCE_MS })
    // Who has a trip could be given it, too, but only after that one or together with it.
    const is_free = page.getByText('free', { exact: true })
    const free = await page.locator('.choices button:enabled', { has: is_free }).locator('b').allTextContents()
    // The courier's own word may come in between, and then the other one, too, asks again.
    await see('the other one to be faster', async () => {
      const now = await detailOf(order_id)
      const faster = await reassignElsewhere(order_id, now.ok ? now.body.version : 0, free[1] ?? '')
      return faster.status === 200
    })
    await press('.choices button:enabled')
    await shows('.refusal', 'Somebody was faster')
    await shows('.refusal', `courier ${free[1]}`)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
  })

  test('says so while the gateway is away, and catches up by itself', async () => {
    const epoch = () => page.evaluate(() => window.waggle.page?.().room.epoch)
    const before = await epoch()
    await services.kill('dashboards')
    await see('the page to notice, or to be back already', async () => {
      const said = await text('.connection b')
      return said === 'Reconnecting' || (await epoch()) !== before
    })
    await see('another life of the gateway on the screen', async () => (await epoch()) !== before)
    await shows('.connection b', 'Live')
  })

  test('counts what the book counts once the city rests, and shows it without a word off this machine', async () => {
    await city.stop()
    const counted = async () => {
      const names = ['placed', 'routed', 'rejected', 'cancelled', 'delivered', 'open']
      const cells = names.map(async name => [
        name,
        Number((await text(`[data-counter="${name}"]`))?.replaceAll(',', '')),
      ])
      return Object.fromEntries(await Promise.all(cells))
    }
    const booked = () =>
      one<object>(
        `SELECT count(*)::int AS placed,
                (count(*) FILTER (WHERE first_deliver_by IS NOT NULL))::int AS routed,
                (count(*) FILTER (WHERE state = 'rejected'))::int AS rejected,
                (count(*) FILTER (WHERE state = 'cancelled'))::int AS cancelled,
                (count(*) FILTER (WHERE state = 'delivered'))::int AS delivered,
                (count(*) FILTER (WHERE closed_at IS NULL))::int AS open
           FROM orders WHERE tenant_id = $1`,
        TENANT,
      )
    await see('the counters to equal the book', async () => {
      expect(await counted()).toEqual(await booked())
      return true
    })
    expect((await counted()).delivered).toBeGreaterThan(0)
    const hosts = new Set(
      [...asked]
        .map(url => new URL(url))
        .filter(({ protocol }) => /^(http|ws)s?:/.test(protocol))
        .map(({ hostname }) => hostname),
    )
    expect([...hosts]).toEqual(['127.0.0.1'])
    // The browser itself logs the lost race's 409, and connections refused while the gateway was away.
    const expected = /409 \(Conflict\)|ERR_CONNECTION_REFUSED|WebSocket/
    expect(complaints.filter(line => !expected.test(line))).toEqual([])
  })
})
