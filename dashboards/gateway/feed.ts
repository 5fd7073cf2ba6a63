import type { FeedItem } from '../contract.ts'

/**
 * The newest sentences. What is kept is a function of the set of items seen, whatever their order and however often each came,
 * so a gateway that reads the same records again tells the same story.
 */
export interface Feed {
  /** oldest first */
  items: FeedItem[]
  /** not told to the room yet */
  fresh: FeedItem[]
}

export const FEED_ITEMS_MAX = 200

export const newFeed = (): Feed => ({ items: [], fresh: [] })

export function tell(feed: Feed, item: FeedItem): void {
  const { items } = feed
  let at = items.length
  while (at > 0 && isAfter(items[at - 1], item)) at -= 1
  if (items[at - 1]?.id === item.id) return
  if (items.length >= FEED_ITEMS_MAX && at === 0) return
  items.splice(at, 0, item)
  feed.fresh.push(item)
  if (items.length > FEED_ITEMS_MAX) items.shift()
  if (feed.fresh.length > FEED_ITEMS_MAX) feed.fresh.shift()
}

/** Time first, then id, so that the order is the same everywhere. */
const isAfter = (one: FeedItem | undefined, other: FeedItem): boolean =>
  one !== undefined && (one.at > other.at || (one.at === other.at && one.id > other.id))
