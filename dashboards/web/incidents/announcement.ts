import { type FeedItem, type Incident, LATE_ID } from '../../contract.ts'

/** What has just happened is called out at its place on the map for some seconds of the wall clock; then the panels keep it. */
export const ANNOUNCED_MS = 12_000

export type Announced = Pick<FeedItem, 'id' | 'at' | 'tone' | 'text' | 'point' | 'order_id' | 'warehouse_id'>

/**
 * The newest of what was noted and of incidents that is still fresh, by (at, id); of late orders where there is no other; null: none.
 * @param now business ms; `rate` business s a wall second
 */
export function announcedNow(
  { feed, incidents }: { feed: readonly FeedItem[]; incidents: readonly Incident[] },
  { now, rate }: { now: number; rate: number },
): Announced | null {
  const fresh = (item: Announced) => now - item.at < ANNOUNCED_MS * rate
  const noted: Announced[] = feed.filter(item => item.scene === true)
  return (
    newestOf([...noted, ...incidents.map(asAnnounced)].filter(fresh)) ?? newestOf(feed.filter(isLateNews).filter(fresh))
  )
}

const isLateNews = ({ id }: Pick<FeedItem, 'id'>): boolean => id.startsWith(LATE_ID)

const newestOf = (items: readonly Announced[]): Announced | null =>
  items.reduce<Announced | null>(
    (found, one) => (found === null || one.at > found.at || (one.at === found.at && one.id > found.id) ? one : found),
    null,
  )

export const asAnnounced = ({ incident_id: id, ...incident }: Incident): Announced => ({ id, ...incident })
