import type { Counters, FeedItem } from '../contract.ts'

/** What happens outside is announced over the map for some seconds of the wall clock, then it stands in the feed only. */
export const ANNOUNCED_MS = 10_000

/**
 * The newest announcement that is still fresh, by (at, id) as the feed is ordered; null: none.
 * @param now business ms; `rate` business s a wall second
 */
export function announcedNow(feed: readonly FeedItem[], { now, rate }: { now: number; rate: number }): FeedItem | null {
  const newest = feed.findLast(item => item.scene === true)
  return newest && now - newest.at < ANNOUNCED_MS * rate ? newest : null
}

const FOLLOWED = [
  ['rerouted', 'to another warehouse'],
  ['rejected', 'rejected'],
  ['cancelled', 'cancelled'],
  ['late', 'delivered late'],
] as const satisfies readonly (readonly [keyof Counters, string])[]

/**
 * What the whole city has come to since something was announced, in words; undefined: nothing yet. Not all of it need be
 * because of that: counts tell no causes, the feed names them order by order.
 */
export function sinceThen(before: Counters, now: Counters): string | undefined {
  const parts = FOLLOWED.flatMap(([name, words]) => {
    const count = now[name] - before[name]
    return count > 0 ? [`${count} ${words}`] : []
  })
  return parts.length === 0 ? undefined : `In the whole city since then: ${parts.join(' · ')}`
}
