import { span } from './clock.ts'
import type { Found } from './stage.ts'
import { cityNow, type Page, type Store, useWall } from './store.ts'
import { isClosed, isLate, promisedBy, STATE_WORDS, shortId } from './words.ts'

/** What the pointer is over, in one line. */
export function MapTip({ store, found }: { store: Store; found: Found }) {
  useWall(1_000)
  const text = found.kind === 'order' ? orderText(store.get(), found.id) : courierText(store.get(), found.id)
  if (!text) return null
  return (
    <p className="tip" style={{ left: found.x, top: found.y }}>
      {text}
    </p>
  )
}

function orderText(page: Page, id: string): string | null {
  const order = page.room.orders.get(id)
  if (!order) return null
  const now = cityNow(page)
  const due = promisedBy(order)
  const when =
    due === null || isClosed(order.state)
      ? ''
      : isLate(order, now)
        ? ` · late by ${span(now - due)}`
        : ` · due in ${span(due - now)}`
  return `Order ${shortId(id)} · ${STATE_WORDS[order.state]}${when}`
}

function courierText(page: Page, id: string): string | null {
  const courier = page.room.couriers.get(id)
  if (!courier) return null
  const carries = courier.order_ids.length
  const doing =
    carries > 0
      ? `on a trip with ${carries === 1 ? 'one order' : `${carries} orders`}`
      : courier.state === 'break'
        ? 'on a break'
        : 'free'
  return `Courier ${id} · ${doing}`
}
