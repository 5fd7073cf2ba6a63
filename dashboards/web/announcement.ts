import type { FeedItem } from '../contract.ts'

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
