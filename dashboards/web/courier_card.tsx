import { useEffect, useRef, useState } from 'react'
import type { MapCourier, MapOrder } from '../contract.ts'
import { anchor } from './anchor.ts'
import { hm } from './clock.ts'
import { Refusal, useCommand } from './command.tsx'
import { distanceMeters } from './distance.ts'
import { type BrokenDown, breakDown } from './io/api.ts'
import { useEscape } from './keys.ts'
import type { Selection } from './selection.ts'
import type { Stage } from './stage.ts'
import { cityNow, type Page, type Store, usePage, useWall } from './store.ts'
import { isClosed, lookOf, metres, shortId } from './words.ts'

/** A courier, beside its place on the map: who it is, what it carries and where to; and, in the demo, a mishap for it. */
interface CardProps {
  stage: Stage
  store: Store
  id: string
  /** the outside world takes part: visitors may make trouble */
  world: boolean
  onSelect: (selection: Selection) => void
}

export function CourierCard({ stage, store, id, world, onSelect }: CardProps) {
  const row = usePage(store, page => page.room.couriers.get(id))
  const orders = usePage(store, page => page.room.orders)
  const card = useRef<HTMLElement>(null)
  useWall(1_000)
  useEscape(() => onSelect(null))
  useEffect(() => {
    const place = () => card.current && row && anchor(card.current, stage, placeOf(store.get(), row))
    place()
    return stage.onMoved(place)
  })
  useEffect(() => card.current?.focus(), [])
  const carried = (row?.order_ids ?? []).flatMap(order_id => orders.get(order_id) ?? []).filter(isOpen)
  return (
    <section className="card courier" ref={card} tabIndex={-1} aria-label={`Courier ${id}`}>
      <header>
        <h2>Courier {id}</h2>
        <button type="button" className="close" aria-label="Close" onClick={() => onSelect(null)}>
          ×
        </button>
      </header>
      <p className="status" data-paused={row === undefined || row.state === 'break'}>
        {row ? doing(row, carried) : 'Not on shift any more'}
      </p>
      {row && <Load store={store} row={row} orders={carried} onSelect={onSelect} />}
      {row && world && <BreakDown id={id} state={row.state} />}
    </section>
  )
}

const isOpen = (order: MapOrder): boolean => !isClosed(order.state)

/** Where it was last seen: the card goes beside it. */
function placeOf({ room }: Page, { index }: MapCourier): { lng: number; lat: number } {
  const [lng = Number.NaN, lat = Number.NaN] = room.fleet.position.subarray(2 * index, 2 * index + 2)
  return { lng, lat }
}

function doing({ state }: MapCourier, carried: readonly MapOrder[]): string {
  if (state === 'break') return 'Cannot ride just now'
  if (carried.length === 0) return 'Free, waiting for an order'
  const fetched = carried.filter(order => order.state === 'picked_up').length
  if (fetched === 0) return `On the way to fetch ${many(carried.length)}`
  return `On the way to the door with ${many(fetched)}`
}

const many = (orders: number): string => (orders === 1 ? 'an order' : `${orders} orders`)

interface LoadProps {
  store: Store
  row: MapCourier
  orders: MapOrder[]
  onSelect: CardProps['onSelect']
}

function Load({ store, row, orders, onSelect }: LoadProps) {
  if (orders.length === 0) return <p className="empty">Carries nothing.</p>
  const page = store.get()
  const now = cityNow(page)
  return (
    <ul className="orders">
      {orders.map(order => (
        <li key={order.order_id}>
          <button type="button" onClick={() => onSelect({ kind: 'order', id: order.order_id })}>
            <i className="dot" data-look={lookOf(order, now)} />
            <span>{shortId(order.order_id)}</span>
            <span className="dim">{order.state === 'picked_up' ? 'to its door' : fetchedAt(page, order)}</span>
            <span className="dim">{metres(distanceMeters(placeOf(page, row), goal(page, order)))}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

const warehouseOf = ({ room }: Page, order: MapOrder) => room.warehouses.get(order.warehouse_id ?? '')
const fetchedAt = (page: Page, order: MapOrder): string => `from ${warehouseOf(page, order)?.name ?? 'its warehouse'}`
const goal = (page: Page, order: MapOrder) =>
  order.state === 'picked_up' ? order : (warehouseOf(page, order) ?? order)

function BreakDown({ id, state }: { id: string; state: MapCourier['state'] }) {
  const { busy, refused, run } = useCommand()
  const [broken, setBroken] = useState<BrokenDown | null>(null)
  const send = () =>
    run(async () => {
      const answer = await breakDown(id)
      if (answer.ok) setBroken(answer.body)
      return answer
    })
  return (
    <div className="actions">
      {refused && <Refusal refused={refused} />}
      {broken ? (
        <p role="status">{brokenWords(broken)}</p>
      ) : (
        <button type="button" className="quiet trouble" disabled={busy || state === 'break'} onClick={send}>
          {busy ? 'Breaking down …' : 'Break down this courier'}
        </button>
      )}
    </div>
  )
}

function brokenWords({ order_ids, back_at }: BrokenDown): string {
  const left = order_ids.length === 0 ? '' : ` Watch ${order_ids.map(shortId).join(', ')}: another courier must come.`
  return `Broken down, and back at about ${hm(back_at)}.${left}`
}
