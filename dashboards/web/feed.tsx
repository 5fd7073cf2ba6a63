import { memo, useState } from 'react'
import type { FeedItem } from '../contract.ts'
import { SceneSign } from './banner.tsx'
import { hms } from './clock.ts'
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
  const [trouble, setTrouble] = useState(false)
  const shown = trouble ? items.filter(item => item.tone === 'warn' || item.tone === 'bad') : items
  return (
    <section className="panel feed" aria-label="What happens">
      <header>
        <h2>What happens</h2>
        <fieldset className="switch">
          <legend className="hidden">Which sentences</legend>
          <button type="button" aria-pressed={!trouble} onClick={() => setTrouble(false)}>
            All
          </button>
          <button type="button" aria-pressed={trouble} onClick={() => setTrouble(true)}>
            Trouble
          </button>
        </fieldset>
      </header>
      {shown.length === 0 ? (
        <p className="empty">
          {past
            ? 'Nothing was written down by then.'
            : empty
              ? 'Waiting for the first news …'
              : trouble
                ? 'No trouble so far.'
                : 'Nothing has happened yet.'}
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
