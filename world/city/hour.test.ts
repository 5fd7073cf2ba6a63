import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextLocalTime } from './hour.ts'

const DAY_MS = 86_400_000

test('the clocks there show the hour that is wanted, soon and never in the past, whatever the season', () => {
  const given = fc.record({
    after_ms: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 11, 31) }),
    time_zone: fc.constantFrom('America/Chicago', 'Asia/Kolkata', 'Europe/Berlin', 'Pacific/Auckland'),
    // Clocks are put forward and back between one and four at night, where an hour may be missing.
    minute_of_day: fc.integer({ min: 300, max: 1_439 }),
  })
  fc.assert(
    fc.property(given, ({ after_ms, ...wanted }) => {
      const time_ms = nextLocalTime(after_ms, wanted)
      const clock = { timeZone: wanted.time_zone, hourCycle: 'h23', hour: 'numeric', minute: 'numeric' } as const
      const [hour = 0, minute = 0] = new Intl.DateTimeFormat('en-GB', clock).format(time_ms).split(':').map(Number)
      expect(hour * 60 + minute).toBe(wanted.minute_of_day)
      expect(time_ms).toBeGreaterThan(after_ms)
      expect(time_ms - after_ms).toBeLessThan(DAY_MS + 2 * 3_600_000)
    }),
    { numRuns: 1_000 },
  )
})

test('asked for just then it is the next one, and of a weekday the next such day', () => {
  const noon = { time_zone: 'America/Chicago', minute_of_day: 720 }
  const monday = Date.UTC(2026, 5, 1, 17)
  expect(nextLocalTime(monday - 1, noon)).toBe(monday)
  expect(nextLocalTime(monday, noon)).toBe(monday + DAY_MS)
  expect(nextLocalTime(monday, { ...noon, weekday: 'Mon' })).toBe(monday + 7 * DAY_MS)
})

test.each([
  // 23:00 of the day before in Chicago, and the first moment of the day in Berlin: the clocks are put forward at two.
  [
    'before it',
    Date.UTC(2026, 2, 8, 5),
    { time_zone: 'America/Chicago', minute_of_day: 300 },
    Date.UTC(2026, 2, 8, 10),
  ],
  ['on it', Date.UTC(2026, 2, 28, 23), { time_zone: 'Europe/Berlin', minute_of_day: 1_380 }, Date.UTC(2026, 2, 29, 21)],
])('the day on which clocks are put forward is not stepped over: asked %s', (_, after_ms, wanted, expected) => {
  expect(nextLocalTime(after_ms, wanted)).toBe(expected)
})
