import { useEffect, useRef, useState } from 'react'
import type { MapOrder, MapWarehouse } from '../contract.ts'
import { anchor } from './anchor.ts'
import { minutes, span } from './clock.ts'
import { Refusal, useCommand } from './command.tsx'
import { setPaused } from './io/api.ts'
import { useEscape } from './keys.ts'
import type { Selection } from './selection.ts'
import type { Stage } from './stage.ts'
import { cityNow, type Store, usePage, useWall } from './store.ts'
import { isClosed, isLate, LOOK_WORDS, lookOf, promisedBy, shortId } from './words.ts'

/** A warehouse, next to its place on the map: how busy it is, what it works on, pause and resume. */
interface CardProps {
  stage: Stage
  store: Store
  id: string
  onSelect: (selection: Selection) => void
}

const ORDERS_MAX = 6

export function WarehouseCard({ stage, store, id, onSelect }: CardProps) {
  const row = usePage(store, page => page.room.warehouses.get(id))
  const orders = usePage(store, page => page.room.orders)
  const past = usePage(store, page => page.past)
  const card = useRef<HTMLElement>(null)
  useEscape(() => onSelect(null))
  useEffect(() => {
    const place = () => row && card.current && anchor(card.current, stage, row)
    place()
    return stage.onMoved(place)
  })
  useEffect(() => card.current?.focus(), [])
  if (!row) return null
  const open = [...orders.values()].filter(order => order.warehouse_id === id && !isClosed(order.state))
  return (
    <section className="card warehouse" ref={card} tabIndex={-1} aria-label={`Warehouse ${row.name}`}>
      <header>
        <h2>{row.name}</h2>
        <button type="button" className="close" aria-label="Close" onClick={() => onSelect(null)}>
          ×
        </button>
      </header>
      <p className="status" data-paused={row.paused}>
        {row.paused ? 'Paused: new orders go to other warehouses' : 'Serving'}
      </p>
      <dl className="facts">
        <div>
          <dt>To pick and pack</dt>
          <dd>{row.open_orders}</dd>
        </div>
        <div>
          <dt>New orders ready in</dt>
          <dd>{row.ready_in_s === null ? 'unknown' : minutes(row.ready_in_s)}</dd>
        </div>
      </dl>
      <OpenOrders store={store} orders={open} onSelect={onSelect} />
      {!past && <PauseButton row={row} />}
    </section>
  )
}

function OpenOrders({
  store,
  orders,
  onSelect,
}: {
  store: Store
  orders: MapOrder[]
  onSelect: CardProps['onSelect']
}) {
  useWall(1_000)
  const now = cityNow(store.get())
  const due = (order: MapOrder) => promisedBy(order) ?? Number.POSITIVE_INFINITY
  const first = orders.sort((a, b) => due(a) - due(b)).slice(0, ORDERS_MAX)
  if (first.length === 0) return <p className="empty">Nothing to do here at the moment.</p>
  return (
    <ul className="orders">
      {first.map(order => (
        <li key={order.order_id}>
          <button type="button" onClick={() => onSelect({ kind: 'order', id: order.order_id })}>
            <i className="dot" data-look={lookOf(order, now)} />
            <span>{shortId(order.order_id)}</span>
            <span className="dim">{LOOK_WORDS[lookOf({ ...order, first_deliver_by: null, promise: null }, now)]}</span>
            <span className={isLate(order, now) ? 'late' : 'dim'}>{dueWords(due(order), now)}</span>
          </button>
        </li>
      ))}
      {orders.length > first.length && <li className="dim more">and {orders.length - first.length} more</li>}
    </ul>
  )
}

const dueWords = (due: number, now: number) =>
  Number.isFinite(due) ? (now > due ? `late ${span(now - due)}` : `due in ${span(due - now)}`) : ''

/** Pausing asks once, since it moves orders; resuming is the way back and asks nothing. */
function PauseButton({ row }: { row: MapWarehouse }) {
  const [asking, setAsking] = useState(false)
  const { busy, refused, run } = useCommand()
  const send = (paused: boolean) =>
    run(
      () => setPaused(row.warehouse_id, paused, row.version),
      () => setAsking(false),
    )
  return (
    <div className="actions">
      {refused && <Refusal refused={refused} />}
      {row.paused ? (
        <button type="button" className="primary" disabled={busy} onClick={() => send(false)}>
          {busy ? 'Resuming …' : 'Resume this warehouse'}
        </button>
      ) : asking ? (
        <>
          <p>Orders not yet picked will be routed to other warehouses. You can resume at any time.</p>
          <button type="button" className="danger" disabled={busy} onClick={() => send(true)}>
            {busy ? 'Pausing …' : 'Pause now'}
          </button>
          <button type="button" className="quiet" onClick={() => setAsking(false)}>
            Keep serving
          </button>
        </>
      ) : (
        <button type="button" className="quiet" onClick={() => setAsking(true)}>
          Pause this warehouse
        </button>
      )}
    </div>
  )
}
