import { useCallback, useEffect, useRef, useState } from 'react'
import type { OrderDetail } from '../contract.ts'
import { hms } from './clock.ts'
import { type Answer, fetchOrder } from './io/api.ts'
import { useEscape } from './keys.ts'
import { OrderActions } from './order_actions.tsx'
import { Candidates, Courier, History, Lines, PromiseBar } from './order_parts.tsx'
import type { Selection } from './selection.ts'
import { cityNow, type Store, usePage, useWall } from './store.ts'
import { lookOf, reasonWords, STATE_WORDS, shortId } from './words.ts'

/** One order, wholly: what was promised, who works on it, why this warehouse, what happened, and what a person can do. */
interface DrawerProps {
  store: Store
  id: string
  onSelect: (selection: Selection) => void
}

export function OrderDrawer({ store, id, onSelect }: DrawerProps) {
  const { answer, look } = useOrder(store, id)
  const drawer = useRef<HTMLElement>(null)
  useEscape(() => onSelect(null))
  useEffect(() => drawer.current?.focus(), [])
  return (
    <aside className="drawer" ref={drawer} tabIndex={-1} aria-label={`Order ${shortId(id)}`}>
      <header>
        <div>
          <h2>Order {shortId(id)}</h2>
          <p className="dim small">{id}</p>
        </div>
        <button type="button" className="close" aria-label="Close the order" onClick={() => onSelect(null)}>
          ×
        </button>
      </header>
      <div className="drawer-body">
        {answer === null ? (
          <Loading />
        ) : answer.ok ? (
          <Loaded store={store} order={answer.body} look={look} onSelect={onSelect} />
        ) : (
          <div className="state" role="alert">
            <strong>{answer.status === 404 ? 'This order is not known here' : 'The order cannot be read now'}</strong>
            <p>{answer.detail}</p>
            <button type="button" className="quiet" onClick={look}>
              Look again
            </button>
          </div>
        )}
      </div>
    </aside>
  )
}

/** The book learns of a decision some moments after the map, later on a busy machine. */
const READ_AGAIN_MS = 500

/** The detail, read again whenever the map's row of this order changes, and until it is no longer behind that row. */
function useOrder(store: Store, id: string) {
  const [answer, setAnswer] = useState<Answer<OrderDetail> | null>(null)
  const [asked, setAsked] = useState(0)
  const version = usePage(store, page => page.room.orders.get(id)?.version)
  const courier = usePage(store, page => page.room.orders.get(id)?.courier_id)
  // biome-ignore lint/correctness/useExhaustiveDependencies: courier and asked are occasions to read again.
  useEffect(() => {
    let old = false
    let timer: ReturnType<typeof setTimeout>
    void fetchOrder(id).then(next => {
      if (old) return
      // What is on the screen stays when a later look fails: it says "as of" by its version.
      setAnswer(before => (next.ok || !before?.ok ? next : before))
      const up_to_date = next.ok && next.body.map_version >= (version ?? 0)
      if (version !== undefined && !up_to_date) timer = setTimeout(() => setAsked(n => n + 1), READ_AGAIN_MS)
    })
    return () => {
      old = true
      clearTimeout(timer)
    }
  }, [id, version, courier, asked])
  return { answer, look: useCallback(() => setAsked(n => n + 1), []) }
}

function Loaded({
  store,
  order,
  look,
  onSelect,
}: { store: Store; order: OrderDetail; look: () => void } & Pick<DrawerProps, 'onSelect'>) {
  useWall(500)
  const past = usePage(store, page => page.past)
  const now = cityNow(store.get())
  const shape = lookOf(order, now)
  return (
    <>
      <p className="chips">
        <span className="chip" data-look={shape}>
          {shape === 'late' ? `Late · ${STATE_WORDS[order.state].toLowerCase()}` : STATE_WORDS[order.state]}
        </span>
        {order.pinned && <span className="chip plain">By a dispatcher’s hand</span>}
        {order.attempt > 1 && <span className="chip plain">Routed {order.attempt} times</span>}
      </p>
      {order.reason && <p className="reason">{reasonWords(order.reason)}</p>}
      <PromiseBar order={order} now={now} />
      {past ? (
        <p className="past-note">The map shows the past, this order as it is now. Go back to live to act on it.</p>
      ) : (
        <OrderActions order={order} look={look} />
      )}
      <Courier store={store} order={order} />
      <Lines order={order} />
      <Candidates store={store} order={order} onSelect={onSelect} />
      <History order={order} />
      <p className="dim small">
        {order.external_id && <>Partner’s number {order.external_id} · </>}version {order.version} · placed{' '}
        {hms(order.placed_at)}
      </p>
    </>
  )
}

function Loading() {
  return (
    <div className="skeleton" role="status" aria-busy="true" aria-label="Reading the order">
      <i />
      <i />
      <i />
      <i />
    </div>
  )
}
