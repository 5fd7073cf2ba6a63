import { describe, expect, it } from 'vitest'
import { shortName } from '../gateway/words.ts'
import { isLate, lookOf, promisedBy, shortId } from './words.ts'

const PROMISE = { ready_at: 500, deliver_by: 1_500 }

describe('words', () => {
  it('calls an order as the feed does', () => {
    for (const id of ['01a20404-f2df-7c0c-8558-27d57853c2b4', 'o-7', 'ab_c.d:e'])
      expect(shortId(id)).toBe(shortName(id))
  })

  it('measures lateness by the first promise, and of open orders only', () => {
    const open = { state: 'packed', promise: PROMISE, first_deliver_by: 1_000 } as const
    expect(promisedBy(open)).toBe(1_000)
    expect([isLate(open, 1_000), isLate(open, 1_001)]).toEqual([false, true])
    expect([lookOf(open, 1_000), lookOf(open, 1_001)]).toEqual(['packed', 'late'])
    expect(lookOf({ ...open, state: 'delivered' }, 9_000)).toBe('delivered')
    expect(isLate({ state: 'placed', promise: null, first_deliver_by: null }, 9_000)).toBe(false)
  })
})
