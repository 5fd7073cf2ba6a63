import { describe, expect, it } from 'vitest'
import type { Counters, FeedItem } from '../contract.ts'
import { ANNOUNCED_MS, announcedNow, sinceThen } from './announcement.ts'

const item = (id: string, at: number, scene?: true): FeedItem => ({
  id,
  at,
  tone: 'warn',
  text: id,
  ...(scene ? { scene } : {}),
})

describe('announcement', () => {
  const feed = [item('milk', 10_000, true), item('stadium', 50_000, true), item('order', 60_000)]

  it('is the newest one, for ten seconds of the wall whatever the speed of the city', () => {
    expect(announcedNow(feed, { now: 60_000, rate: 10 })?.id).toBe('stadium')
    expect(announcedNow(feed, { now: 50_000 + 10 * ANNOUNCED_MS - 1, rate: 10 })?.id).toBe('stadium')
    expect(announcedNow(feed, { now: 50_000 + 10 * ANNOUNCED_MS, rate: 10 })).toBeNull()
    expect(announcedNow(feed, { now: 60_001, rate: 1 })).toBeNull()
  })

  it('is nothing where nobody outside has spoken', () => {
    expect(announcedNow([item('order', 1)], { now: 2, rate: 10 })).toBeNull()
    expect(announcedNow([], { now: 2, rate: 10 })).toBeNull()
  })
})

describe('what followed', () => {
  const before = { rerouted: 2, rejected: 30, cancelled: 4, late: 0, delivered: 100 } as Counters

  it('is what the city counts more than when it was announced, the deliveries left out', () => {
    expect(sinceThen(before, { ...before, rerouted: 8, late: 1, delivered: 120 })).toBe(
      'In the whole city since then: 6 to another warehouse · 1 delivered late',
    )
  })

  it('is nothing while nothing has followed', () => {
    expect(sinceThen(before, { ...before, delivered: 120 })).toBeUndefined()
  })
})
