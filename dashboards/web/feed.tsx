import { memo, useState } from 'react'
import type { FeedItem } from '../contract.ts'
import { hms } from './clock.ts'
import { SceneSign } from './incidents/scene_sign.tsx'
import { subjectOf } from './selection.ts'
import { type Store, usePage } from './store.ts'

/** What happens, newest first, in plain sentences; each opens what it speaks of. */
interface FeedProps {
  store: Store
  /** must stay the same function, so that only new sentences are drawn */
  onOpen: (item: FeedItem) => void
}

export function Feed({ store, onOpen }: FeedProps) {
  const items = usePage(store, page => page.room.feed)
  const empty = usePage(store, page => page.room.phase === 'empty')
  const past = usePage(store, page => page.past)
  const [all, setAll] = useState(false)
  const shown = all ? items : items.filter(item => !item.routine)
  return (
    <section className="panel feed" aria-label="What happens">
      <header>
        <h2>What happens</h2>
        <fieldset className="switch">
          <legend className="hidden">Which sentences</legend>
          <button type="button" aria-pressed={!all} onClick={() => setAll(false)}>
            Unusual
          </button>
          <button type="button" aria-pressed={all} onClick={() => setAll(true)}>
            All
          </button>
        </fieldset>
      </header>
      {shown.length === 0 ? (
        <p className="empty">
          {past
            ? 'Nothing was written down by then.'
            : empty
              ? 'Waiting for the first news …'
              : all
                ? 'Nothing has happened yet.'
                : 'Nothing unusual so far.'}
        </p>
      ) : (
        <ol>
          {[...shown].reverse().map(item => (
            <Item key={item.id} item={item} onOpen={onOpen} />
          ))}
        </ol>
      )}
    </section>
  )
}

const Item = memo(function Item({ item, onOpen }: { item: FeedItem; onOpen: FeedProps['onOpen'] }) {
  const text = (
    <>
      {item.scene ? <SceneSign /> : <i aria-hidden="true" />}
      <span>{item.text}</span>
      <time>{hms(item.at)}</time>
    </>
  )
  return (
    <li data-tone={item.tone} data-scene={item.scene ?? false}>
      {subjectOf(item) || item.point ? (
        <button type="button" onClick={() => onOpen(item)}>
          {text}
        </button>
      ) : (
        <p>{text}</p>
      )}
    </li>
  )
})
