import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenPage, openPage, PATIENCE_MS, see } from './page.testing.ts'

/** What a visitor sees on the map, and does with it. */

/** The city's fastest scooter, and a quarter more where it catches up. */
const DRAWN_MPS_MAX = 14

let opened: OpenPage

beforeAll(async () => {
  opened = await openPage({ name: 'map' })
}, 400_000)

afterAll(() => opened?.[Symbol.asyncDispose]())

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
})
