import fc from 'fast-check'
import { expect, test } from 'vitest'
import { REMEMBERED_MS, RecentIds } from './recent_ids.ts'

/** The memory for duplicates against a plain Set, with ids from before, within and ahead of the hour it remembers. */

const NOW = Date.UTC(2026, 0, 2, 18)

function idOf(born: number, number: number): string {
  const time = born.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** As a checkpoint in two parts would bring it back. */
function restored(ids: RecentIds): RecentIds {
  const again = new RecentIds()
  for (const [bucket, count] of ids.counts()) {
    again.restore(bucket, ids.encodePart(bucket, 0, count >> 1))
    again.restore(bucket, ids.encodePart(bucket, count >> 1, count))
  }
  expect(again.encode()).toEqual(ids.encode())
  return again
}

const steps = fc.array(
  fc.record({
    pass_ms: fc.nat(400_000),
    age_ms: fc.integer({ min: -600_000, max: 2 * REMEMBERED_MS }),
    number: fc.nat(3),
    restart: fc.boolean(),
  }),
  { minLength: 200, maxLength: 400 },
)

test('says of every id what a set without bounds would say, or that it is out of its hour; also after a restart', () => {
  fc.assert(
    fc.property(steps, some => {
      let ids = new RecentIds()
      const all = new Set<string>()
      let now = NOW
      for (const { pass_ms, age_ms, number, restart } of some) {
        now += pass_ms
        // Few births, so that ids repeat.
        const id = idOf(now - (age_ms - (age_ms % 300_000)) - (now % 300_000), number)
        const born = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
        const verdict = ids.check(id, now)
        if (born < now - REMEMBERED_MS) expect(verdict).toBe('too_late_to_tell')
        else if (born > now + 300_000) expect(verdict).toBe('id_ahead_of_time')
        else expect(verdict).toBe(all.has(id) ? 'seen' : 'new')
        if (verdict === 'new') {
          all.add(id)
          ids.add(id, now)
        }
        if (restart) ids = restored(ids)
      }
    }),
    { numRuns: 40 },
  )
})

test('the same ids give the same bytes, in whatever order they came, and old ones are forgotten', () => {
  const some = Array.from({ length: 5_000 }, (_, number) => idOf(NOW + (number % 7) * 60_000, number))
  const [forwards, backwards] = [new RecentIds(), new RecentIds()]
  for (const id of some) forwards.add(id, NOW)
  for (const id of some.toReversed()) backwards.add(id, NOW)
  expect(forwards.encode()).toEqual(backwards.encode())
  expect(forwards.size).toBe(5_000)
  forwards.add(idOf(NOW + 3 * REMEMBERED_MS, 1), NOW + 3 * REMEMBERED_MS)
  expect(forwards.size).toBe(1)
})

test('knows every id of a minute that has thousands', () => {
  const ids = new RecentIds()
  const all = Array.from({ length: 5_000 }, (_, number) => idOf(NOW, Math.imul(number, 0x85ebca6b) >>> 0))
  for (const id of all) {
    ids.add(id, NOW)
    expect(ids.check(id, NOW)).toBe('seen')
  }
  expect(all.filter(id => ids.check(id, NOW) !== 'seen')).toEqual([])
  expect(ids.size).toBe(all.length)
})
