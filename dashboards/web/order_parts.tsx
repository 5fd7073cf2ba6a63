import type { OrderDetail } from '../contract.ts'
import { hms, minutes, span } from './clock.ts'
import { distanceMeters } from './distance.ts'
import type { Selection } from './selection.ts'
import { type Store, usePage } from './store.ts'
import { actorWords, isClosed, metres, promisedBy, REFUSAL_WORDS, shortId } from './words.ts'

/** The parts of the order drawer, each a plain picture of the detail. */

const closedAt = (order: OrderDetail): number | null =>
  isClosed(order.state) ? (order.history.at(-1)?.at ?? null) : null

function promiseWords(order: OrderDetail, now: number): { text: string; late: boolean } {
  const due = promisedBy(order)
  if (due === null) return { text: 'No promise was made.', late: false }
  const end = closedAt(order)
  const at = end ?? now
  if (isClosed(order.state) && order.state !== 'delivered')
    return { text: `Was promised for ${hms(due)}.`, late: false }
  const late = at > due
  if (end !== null) {
    return { text: `Delivered ${hms(end)}, ${span(due - end)} ${late ? 'after' : 'before'} the promise.`, late }
  }
  return {
    text: late
      ? `Promised for ${hms(due)}: late by ${span(now - due)}.`
      : `Promised for ${hms(due)}, in ${span(due - now)}.`,
    late,
  }
}

export function PromiseBar({ order, now }: { order: OrderDetail; now: number }) {
  const due = promisedBy(order)
  const { text, late } = promiseWords(order, now)
  const at = closedAt(order) ?? now
  const end = Math.max(due ?? at, at, order.promise?.deliver_by ?? 0)
  const share = (time: number) =>
    `${(100 * Math.min(1, Math.max(0, (time - order.placed_at) / (end - order.placed_at || 1)))).toFixed(1)}%`
  const moved = order.promise && due !== null && order.promise.deliver_by !== due ? order.promise.deliver_by : null
  return (
    <section className="promise" data-late={late}>
      <p>{text}</p>
      {due !== null && (
        <div className="track" aria-hidden="true">
          <i className="run" style={{ width: share(Math.min(at, due)) }} />
          {at > due && <i className="over" style={{ left: share(due), right: `calc(100% - ${share(at)})` }} />}
          <i className="due" style={{ left: share(due) }} />
        </div>
      )}
      <p className="dim small ends">
        <span>placed {hms(order.placed_at)}</span>
        {order.promise && <span>ready {hms(order.promise.ready_at)}</span>}
        {due !== null && <span>promised {hms(due)}</span>}
      </p>
      {moved !== null && !isClosed(order.state) && (
        <p className="small">
          Now expected {hms(moved)}, {span(moved - (due ?? 0))} {moved > (due ?? 0) ? 'later' : 'earlier'} than first
          promised.
        </p>
      )}
    </section>
  )
}

export function Courier({ store, order }: { store: Store; order: OrderDetail }) {
  const courier = usePage(store, page => page.room.couriers.get(order.courier_id ?? ''))
  const fleet = usePage(store, page => page.room.fleet)
  const at = courier && 2 * courier.index
  const lng = at === undefined ? undefined : fleet.position[at]
  const lat = at === undefined ? undefined : fleet.position[at + 1]
  const away = lng === undefined || lat === undefined || Number.isNaN(lng) ? null : distanceMeters({ lng, lat }, order)
  return (
    <section>
      <h3>Courier</h3>
      {order.courier_id === null ? (
        <p className="empty">
          {isClosed(order.state) ? 'None.' : 'Not yet assigned: this happens when the order is nearly packed.'}
        </p>
      ) : (
        <p>
          <b>{order.courier_id}</b>
          {!isClosed(order.state) && away !== null && <span className="dim"> · {metres(away)} from the door</span>}
          {order.trip_id && <span className="dim"> · trip {shortId(order.trip_id)}</span>}
        </p>
      )}
    </section>
  )
}

export function Lines({ order }: { order: OrderDetail }) {
  return (
    <section>
      <h3>Lines</h3>
      {order.lines.length === 0 && <p className="empty">Nothing is reserved for this order.</p>}
      <ul className="lines">
        {order.lines.map(line => (
          <li key={line.line_id}>
            <span>{line.sku}</span>
            <b>
              {line.quantity}
              {line.unit === 'g' ? ' g' : ' ×'}
            </b>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface CandidatesProps {
  store: Store
  order: OrderDetail
  onSelect: (selection: Selection) => void
}

/** Which warehouses were looked at, best promise first, and why each before the winner did not get the order. */
export function Candidates({ store, order, onSelect }: CandidatesProps) {
  const warehouses = usePage(store, page => page.room.warehouses)
  return (
    <section>
      <h3>Why this warehouse</h3>
      {order.candidates.length === 0 && <p className="empty">No warehouse was near enough to be asked.</p>}
      <ol className="candidates">
        {order.candidates.map(({ warehouse_id: id, promise_s, refused }) => (
          <li key={id} data-won={id === order.warehouse_id && !refused}>
            <button type="button" className="link" onClick={() => onSelect({ kind: 'warehouse', id })}>
              {warehouses.get(id)?.name ?? id}
            </button>
            <span className="dim">{minutes(promise_s)}</span>
            <span className="verdict">
              {refused ? REFUSAL_WORDS[refused] : id === order.warehouse_id ? 'took the order' : 'not needed'}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

export function History({ order }: { order: OrderDetail }) {
  return (
    <section>
      <h3>What happened</h3>
      <ol className="history">
        {order.history.map((item, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a history only grows at its end.
          <li key={i}>
            <time>{hms(item.at)}</time>
            <span>
              {item.text}
              {item.actor && <em className="dim"> · {actorWords(item.actor)}</em>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
