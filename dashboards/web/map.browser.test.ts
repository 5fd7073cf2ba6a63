import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { type OpenPage, openPage, PATIENCE_MS, see } from './page.testing.ts'

/** What a visitor sees on the map, and does with it. */

/** The city's fastest scooter, and half as much again where it catches up. */
const DRAWN_MPS_MAX = 16

let opened: OpenPage

beforeAll(async () => {
  opened = await openPage('map')
}, 400_000)

afterAll(() => opened?.[Symbol.asyncDispose]())

/** Every courier's step from one drawing to the next one, over so many drawings. Runs in the page. */
function drawnSteps(drawings: number): Promise<{ metres: number; ms: number }[]> {
  const { promise, resolve } = Promise.withResolvers<{ metres: number; ms: number }[]>()
  const steps: { metres: number; ms: number }[] = []
  let seen = 0
  let [at, places] = [0, new Float32Array(0)]
  const [last, gap] = [new Map<number, number>(), new Map<number, number>()]
  // Who was out of sight for ten seconds of the wall, as on a machine that is held up, may appear anew.
  const isWatched = (i: number) => (gap.get(i) ?? 0) < 10_000 * (window.waggle.page?.().room.clock.rate ?? 1)
  const look = (): void => {
    window.waggle.page?.().room.fleet.seen_at.forEach((seen_at, i) => {
      const before = last.get(i) ?? seen_at
      if (before !== seen_at) gap.set(i, seen_at - before)
      last.set(i, seen_at)
    })
    const [now, drawn] = [window.waggle.placesAt?.() ?? 0, window.waggle.places?.() ?? new Float32Array(0)]
    if (now !== at) {
      for (let i = 0; at > 0 && 2 * i < places.length; i++) {
        const lat = ((drawn[2 * i + 1] ?? 0) * Math.PI) / 180
        const east = ((drawn[2 * i] ?? 0) - (places[2 * i] ?? 0)) * Math.cos(lat)
        const metres = 111_195 * Math.hypot(east, (drawn[2 * i + 1] ?? 0) - (places[2 * i + 1] ?? 0))
        // NaN: who appears or leaves.
        if (metres >= 0 && isWatched(i)) steps.push({ metres, ms: now - at })
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

describe('the map', { timeout: 300_000 }, () => {
  test('lets couriers glide: no step is longer than what one rides in that time', async () => {
    const steps = await opened.page.evaluate(drawnSteps, 12)
    const rate = await opened.page.evaluate(() => window.waggle.page?.().room.clock.rate ?? 0)
    const metres_per_s = steps.map(({ metres, ms }) => (1_000 * metres) / (ms * rate))
    expect(metres_per_s.filter(speed => speed > 1).length).toBeGreaterThan(20)
    expect(Math.max(...metres_per_s)).toBeLessThan(DRAWN_MPS_MAX)
    const picture = () => opened.page.locator('.map-canvas canvas').first().screenshot({ timeout: PATIENCE_MS })
    const before = await picture()
    await see('another picture', async () => !before.equals(await picture()))
  })

  test('greets a first visitor in three hints, once, and again when asked', async () => {
    const { page, press, shows } = opened
    const hints = () => page.locator('.hints').count()
    for (const [title, button] of [
      ['A city', 'Next'],
      ['Waggle decides', 'Next'],
      ['Make trouble', 'Got it'],
    ] as const) {
      await shows('.hints h2', title)
      await press(`.hints .primary:has-text("${button}")`)
    }
    await see('the hints to be away', async () => (await hints()) === 0)
    await page.reload()
    await shows('.connection b', 'Live')
    await shows('.trouble-line', 'Make trouble')
    expect(await hints()).toBe(0)
    await press('.help')
    await shows('.hints', '1 of 3')
    await page.keyboard.press('Escape')
    await see('the hints to be away again', async () => (await hints()) === 0)
  })

  test('calls out what happens outside at its place, and keeps it among what went wrong and in the feed', async () => {
    const { services, page, press, shows } = opened
    const words = 'A stadium empties onto Clark Street'
    const answer = await fetch(`${services.each.dispatch.url}/v1/dispatch/notes`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${DEVELOPMENT_KEY}`,
        'content-type': 'application/json',
        'x-waggle-actor': 'partner:stadium',
      },
      body: JSON.stringify({ zone_id: 'chicago', text: words, tone: 'warn', point: { lat: 41.948, lng: -87.6555 } }),
    })
    expect(answer.status, await answer.text()).toBe(201)
    await shows('.feed [data-scene="true"]', words)
    await shows('.beacon p', words)
    await shows('.incidents .incident-text', words)
    await press('.incidents .incident-text')
    await see('the place to be marked in what is seen of the map', async () => {
      const at = await page.locator('.beacon').first().boundingBox({ timeout: 1_000 })
      return at !== null && at.x > 300 && at.x < 700 && at.y > 100 && at.y < 600
    })
  })

  test('looks a courier up, and breaks it down', async () => {
    const { page, press, shows } = opened
    const id = await see('a courier with an order to fetch', () =>
      page.evaluate(() => {
        const { couriers, orders } = window.waggle.page?.().room ?? {}
        const to_fetch = (order_id: string) => ['routed', 'picking'].includes(orders?.get(order_id)?.state ?? '')
        return [...(couriers?.values() ?? [])].find(one => one.order_ids.some(to_fetch))?.courier_id
      }),
    )
    await page.evaluate(courier_id => {
      location.hash = `courier/${courier_id}`
    }, id)
    await shows('.card.courier h2', `Courier ${id}`)
    await shows('.card.courier .status', /On the way|Free/)
    await press('.card.courier .trouble')
    await shows('.card.courier .actions', 'Broken down')
    await page.keyboard.press('Escape')
    await see('the card to close', async () => (await page.locator('.card').count()) === 0)
  })

  test('lets a crowd order in the middle of the map, and says in plain words where it can not', async () => {
    const { press, shows } = opened
    const begin = async () => {
      await press('.trouble-line .trouble')
      await shows('.trouble-said', 'Now click where the crowd is')
      await press('.trouble-said .quiet')
    }
    await press('.zoom [aria-label="Show the whole network"]')
    await begin()
    await shows('.trouble-said', /orders more are coming/)
    await begin()
    await shows('.trouble-said .refusal', /[a-z]{3,} [a-z]{2,}/)
  })

  test('goes back in time, says so, keeps its hands off, and comes back', async () => {
    const { page, press, shows, text } = opened
    await press('.trouble-line button:has-text("look back")')
    await see('the past', async () => {
      // The loader is some seconds behind, so there may be nothing yet.
      if ((await page.locator('.scrubber[data-phase="failed"]').count()) > 0) await press('.scrubber .quiet')
      return (await page.locator('.scrubber[data-phase="past"]').count()) > 0
    })
    await shows('.clock', 'The past')
    await press('.scrubber .play[aria-label="Pause the past"]')
    const shown = await text('.scrubber .shown')
    await page.locator('.scrubber input').press('PageUp')
    await see('another time', async () => (await text('.scrubber .shown')) !== shown)
    expect(await page.locator('.trouble-line').count()).toBe(0)
    await press('[data-warehouse]')
    await shows('.card.warehouse h2', /\w/)
    expect(await page.locator('.card.warehouse .actions').count()).toBe(0)
    await page.keyboard.press('Escape')
    await see('couriers drawn in the past', () =>
      page.evaluate(() => (window.waggle.places?.() ?? []).some(degrees => degrees < -80)),
    )
    await press('.scrubber .live')
    await shows('.trouble-line', 'Make trouble')
    expect(await page.locator('.past-badge').count()).toBe(0)
  })

  test('complains of nothing', () => {
    // The browser itself logs what a command was refused with.
    expect(opened.complaints.filter(line => !/4\d\d \(/.test(line))).toEqual([])
  })
})
