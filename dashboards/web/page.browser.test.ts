import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../../world/servers/testing.ts'
import type { OrderDetail } from '../contract.ts'
import type { Answer } from './io/api.ts'
import { type OpenPage, openPage, PATIENCE_MS, see, TENANT } from './page.testing.ts'

/** What a dispatcher does on the page, and that it tells the truth while the services come and go. */

let opened: OpenPage
/** Longer than any row of the map takes to change. */
const BOOK_LATE_MS = 5_000

beforeAll(async () => {
  opened = await openPage('page')
}, 400_000)

afterAll(() => opened?.[Symbol.asyncDispose]())

// ── Looking and acting ──────────────────────────────────────────────────────────────────────────────────────────────

/** An order that is not yet on its way, the newest first, so that it stays so for a while. */
const openOrder = (having: string) =>
  see(`an order with ${having}`, () =>
    opened.one<{ order_id: string; version: number; courier_id: string | null }>(
      `SELECT order_id, version, courier_id FROM orders
        WHERE tenant_id = $1 AND state IN ('routed', 'picking') AND NOT cancel_asked AND ${having}
        ORDER BY placed_at DESC LIMIT 1`,
      TENANT,
    ),
  )

async function openDrawer(order_id: string): Promise<void> {
  await opened.page.evaluate(id => {
    location.hash = `order/${id}`
  }, order_id)
  await opened.shows('.drawer header', order_id)
  await see('the order’s detail', async () => (await opened.page.locator('.drawer .promise').count()) > 0)
}

/** Gives an order to a courier as a person would: who loses against the solver (409) looks again and chooses again. */
const giveByHand = () =>
  waitFor(
    async () => {
      const { order_id } = await openOrder('true')
      await openDrawer(order_id)
      await opened.press('.drawer .actions .primary')
      await opened.press('.choices button:enabled')
      const answer = await see('given or refused', async () => {
        const chips = await opened.page.locator('.drawer .chips').allTextContents()
        if (chips.join().includes('By a dispatcher’s hand')) return 'given'
        return (await opened.page.locator('.refusal').count()) > 0 && 'refused'
      })
      const row = await opened.one<{ courier_id: string | null }>(
        'SELECT courier_id FROM orders WHERE order_id = $1',
        order_id,
      )
      if (answer === 'given' && row?.courier_id) return { order_id, given: row.courier_id }
      await opened.page.keyboard.press('Escape')
      await opened.page.keyboard.press('Escape')
      return false
    },
    { timeout_ms: 3 * PATIENCE_MS, what: 'an order given by hand' },
  )

const detailOf = (order_id: string): Promise<Answer<OrderDetail>> =>
  fetch(`${opened.services.each.dashboards.url}/api/orders/${order_id}`).then(async response => ({
    ok: true,
    body: (await response.json()) as OrderDetail,
  }))

const reassignElsewhere = (order_id: string, version: number, courier_id: string) =>
  fetch(`${opened.services.each.dashboards.url}/api/orders/${order_id}/reassign`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'if-match': String(version) },
    body: JSON.stringify({ courier_id, reason: 'closer' }),
  })

// ── What must be so ─────────────────────────────────────────────────────────────────────────────────────────────────

describe('the page', { timeout: 240_000 }, () => {
  test('pauses a warehouse after asking, and resumes it', async () => {
    const marker = opened.page.locator('[data-warehouse]').first()
    const id = await marker.getAttribute('data-warehouse')
    const paused = async () =>
      (await opened.one<{ paused: boolean }>('SELECT paused FROM warehouses WHERE warehouse_id = $1', id))?.paused
    await opened.press(`[data-warehouse="${id}"]`)
    await opened.shows('.card .status', 'Serving')
    await opened.press('.card .actions .quiet')
    expect(await paused()).toBe(false)
    await opened.press('.card .actions .danger')
    await opened.shows('.card .status', 'Paused')
    expect(await paused()).toBe(true)
    expect(await marker.getAttribute('data-paused')).toBe('true')
    await opened.press('.card .actions .primary')
    await opened.shows('.card .status', 'Serving')
    expect(await paused()).toBe(false)
    await opened.page.keyboard.press('Escape')
    await see('the card to close', async () => (await opened.page.locator('.card').count()) === 0)
  })

  test('cancels an order with a reason', async () => {
    const { order_id } = await openOrder(`state = 'routed'`)
    await openDrawer(order_id)
    // The book learns of it later than the map: for some seconds it answers what it answered before.
    const { page, services } = opened
    const address = `${services.each.dashboards.url}/api/orders/${order_id}`
    const before = await (await fetch(address)).json()
    let pressed_at = Number.POSITIVE_INFINITY
    let late_answers = 0
    await page.route(address, route => {
      if (Date.now() > pressed_at + BOOK_LATE_MS) return route.continue()
      late_answers += 1
      return route.fulfill({ json: before })
    })
    await opened.press('.drawer .actions .quiet')
    pressed_at = Date.now()
    await opened.press('.drawer fieldset .danger')
    await opened.shows('.drawer .chip', 'Cancelled')
    expect(late_answers).toBeGreaterThan(0)
    await page.unroute(address)
    const row = await opened.one<{ state: string }>('SELECT state FROM orders WHERE order_id = $1', order_id)
    expect(row?.state).toBe('cancelled')
    await opened.page.keyboard.press('Escape')
  })

  test('gives an order to another courier, and tells who was faster', async () => {
    const { order_id, given } = await giveByHand()
    await opened.shows('.drawer-body', given)

    // Another dispatcher is faster, between this one's look and this one's click.
    await opened.press('.drawer .actions .primary')
    await opened.page.locator('.choices button:enabled').first().waitFor({ state: 'attached', timeout: PATIENCE_MS })
    // Who has a trip could be given it, too, but only after that one or together with it.
    const is_free = opened.page.getByText('free', { exact: true })
    const free = await opened.page.locator('.choices button:enabled', { has: is_free }).locator('b').allTextContents()
    // The courier's own word may come in between, and then the other one, too, asks again.
    await see('the other one to be faster', async () => {
      const now = await detailOf(order_id)
      const faster = await reassignElsewhere(order_id, now.ok ? now.body.version : 0, free[1] ?? '')
      return faster.status === 200
    })
    await opened.press('.choices button:enabled')
    await opened.shows('.refusal', 'Somebody was faster')
    await opened.shows('.refusal', `courier ${free[1]}`)
    await opened.page.keyboard.press('Escape')
    await opened.page.keyboard.press('Escape')
  })

  test('says so while the gateway is away, and catches up by itself', async () => {
    const epoch = () => opened.page.evaluate(() => window.waggle.page?.().room.epoch)
    const before = await epoch()
    await opened.services.kill('dashboards')
    await see('the page to notice, or to be back already', async () => {
      const said = await opened.text('.connection b')
      return said === 'Reconnecting' || (await epoch()) !== before
    })
    await see('another life of the gateway on the screen', async () => (await epoch()) !== before)
    await opened.shows('.connection b', 'Live')
  })

  test('counts what the book counts once the city rests, and shows it without a word off this machine', async () => {
    await opened.city.stop()
    const counted = async () => {
      const names = ['placed', 'routed', 'rejected', 'cancelled', 'delivered', 'open']
      const cells = names.map(async name => [
        name,
        Number((await opened.text(`[data-counter="${name}"]`))?.replaceAll(',', '')),
      ])
      return Object.fromEntries(await Promise.all(cells))
    }
    const booked = () =>
      opened.one<object>(
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
      [...opened.asked]
        .map(url => new URL(url))
        .filter(({ protocol }) => /^(http|ws)s?:/.test(protocol))
        .map(({ hostname }) => hostname),
    )
    expect([...hosts]).toEqual(['127.0.0.1'])
    // The browser itself logs the lost race's 409, and what was under way when the gateway ended or was asked while it was away.
    const expected = /409 \(Conflict\)|ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE|WebSocket/
    expect(opened.complaints.filter(line => !expected.test(line))).toEqual([])
  })
})
