import { useState } from 'react'
import type { Counters, FeedItem } from '../contract.ts'
import { announcedNow, sinceThen } from './announcement.ts'
import { cityNow, type Store, usePage, useWall } from './store.ts'

/** What just happened in the city, over the map, for somebody who knows nothing of it: one sentence, and the way there. */
interface BannerProps {
  store: Store
  onOpen: (item: FeedItem) => void
}

/** What is announced just now; looked at each second, since it is over by itself. */
export function useAnnounced(store: Store): FeedItem | null {
  const feed = usePage(store, page => page.room.feed)
  useWall(1_000)
  const page = store.get()
  if (page.room.phase === 'empty') return null
  return announcedNow(feed, { now: cityNow(page), rate: page.room.clock.rate })
}

export function Banner({ store, onOpen }: BannerProps) {
  const item = useAnnounced(store)
  const [put_away, putAway] = useState<string | null>(null)
  const shown = item && item.id !== put_away ? item : null
  return (
    <div className="banner-place" aria-live="polite">
      {shown && (
        <div className="banner" key={shown.id} data-tone={shown.tone}>
          <SceneSign />
          <p>
            {shown.text}
            <Since store={store} />
          </p>
          {(shown.point || shown.warehouse_id || shown.order_id) && (
            <button type="button" className="quiet" onClick={() => onOpen(shown)}>
              Show me
            </button>
          )}
          <button
            type="button"
            className="close"
            aria-label="Put the announcement away"
            onClick={() => putAway(shown.id)}
          >
            ×
          </button>
        </div>
      )}
    </div>
  )
}

/** Counted from when the banner came up. */
function Since({ store }: { store: Store }) {
  const counters = usePage(store, page => page.room.counters)
  const [before] = useState<Counters>(counters)
  const text = sinceThen(before, counters)
  return text === undefined ? null : <small>{text}</small>
}

/** The sign of what comes from outside, here and in the feed: a pennant on its pole. */
export const SceneSign = () => (
  <svg className="scene-sign" viewBox="0 0 16 16" aria-hidden="true">
    <path d="M3.5 1.5V15M3.5 2.5 13.5 5.5 3.5 9z" />
  </svg>
)
