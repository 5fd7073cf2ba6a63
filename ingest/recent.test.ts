import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recentIds } from './recent.ts'

test('what was among the latest half is known; what never came is not', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 300 }), ids => {
      const recent = recentIds(40)
      ids.forEach((id, index) => {
        const latest = new Set(ids.slice(0, index))
        const last_20 = distinctLatest(ids.slice(0, index), 19)
        const known = recent.seen(`${id}`)
        if (last_20.has(id)) expect(known).toBe(true)
        if (!latest.has(id)) expect(known).toBe(false)
      })
    }),
  )
})

function distinctLatest(ids: number[], count: number): Set<number> {
  const latest = new Set<number>()
  for (const id of ids.toReversed()) {
    if (latest.size === count) break
    latest.add(id)
  }
  return latest
}
