import { describe, expect, it } from 'vitest'
import type { FeedItem, Incident } from '../../contract.ts'
import { ANNOUNCED_MS, announcedNow } from './announcement.ts'

const item = (id: string, at: number, scene?: true): FeedItem => ({
  ...{ id, at, tone: 'warn', text: id },
  ...(scene ? { scene } : {}),
})
const incident = (incident_id: string, at: number): Incident => ({
  ...{ incident_id, at, tone: 'bad', text: incident_id, over: null, answers: [] },
  orders: { under_way: 0, delivered: 0, late: 0, lost: 0 },
})

describe('announcement', () => {
  const feed = [item('milk', 10_000, true), item('stadium', 50_000, true), item('order', 60_000)]
  const page = { feed, incidents: [] }

  it('is the newest one, for some seconds of the wall whatever the speed of the city', () => {
    expect(announcedNow(page, { now: 60_000, rate: 10 })?.id).toBe('stadium')
    expect(announcedNow(page, { now: 50_000 + 10 * ANNOUNCED_MS - 1, rate: 10 })?.id).toBe('stadium')
    expect(announcedNow(page, { now: 50_000 + 10 * ANNOUNCED_MS, rate: 10 })).toBeNull()
    expect(announcedNow(page, { now: 50_000 + ANNOUNCED_MS, rate: 1 })).toBeNull()
  })

  it('is an incident that nobody noted, too', () => {
    const incidents = [incident('stadium', 50_000), incident('late', 55_000)]
    expect(announcedNow({ feed, incidents }, { now: 60_000, rate: 10 })?.id).toBe('late')
    const at_once = { feed: [item('b', 50_000, true)], incidents: [incident('a', 50_000)] }
    expect(announcedNow(at_once, { now: 60_000, rate: 10 })?.id, 'of one time').toBe('b')
  })

  it('is a late order where there is nothing else', () => {
    const late = item('late/a', 59_000)
    expect(announcedNow({ feed: [...feed, late], incidents: [] }, { now: 60_000, rate: 10 })?.id).toBe('stadium')
    expect(announcedNow({ feed: [late], incidents: [] }, { now: 60_000, rate: 10 })?.id).toBe('late/a')
  })

  it('is nothing where nobody has spoken', () => {
    expect(announcedNow({ feed: [item('order', 1)], incidents: [] }, { now: 2, rate: 10 })).toBeNull()
    expect(announcedNow({ feed: [], incidents: [] }, { now: 2, rate: 10 })).toBeNull()
  })
})
