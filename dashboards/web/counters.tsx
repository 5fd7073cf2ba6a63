import type { Counters } from '../contract.ts'
import { cityNow, type Page, type Store, usePage, useWall } from './store.ts'
import { count, isLate } from './words.ts'

/** The accounts of the day, so arranged that one can check them: what was placed is routed, rejected, cancelled or open. */
export function CountersPanel({ store }: { store: Store }) {
  const counters = usePage(store, page => page.room.counters)
  const empty = usePage(store, page => page.room.phase === 'empty')
  const past = usePage(store, page => page.past)
  useWall(1_000)
  const late = lateNow(store.get())
  return (
    <section className="panel counters" aria-label="Counters" aria-busy={empty}>
      <div className="big">
        <Big name="Open" of={counters.open} hint="orders neither delivered nor ended otherwise" />
        <Big name="Late now" of={late} hint="open orders past their promise" alarm={late > 0} />
        <Big name="Delivered" of={counters.delivered} hint="orders at their door" />
      </div>
      <Ledger counters={counters} />
      <Couriers counters={counters} />
      <p className="pulse dim" hidden={past}>
        <span data-counter="events_per_s">{count(Math.round(counters.events_per_s))}</span> events a second · lag{' '}
        {lagWords(counters.lag_ms_max)}
      </p>
      {past && <p className="pulse dim">Counted from the beginning of this half hour on.</p>}
    </section>
  )
}

/** Time alone makes an order late, so this is counted here and now; `counters.late` counts those that were delivered late. */
function lateNow(page: Page): number {
  const now = cityNow(page)
  let late = 0
  for (const order of page.room.orders.values()) if (isLate(order, now)) late++
  return late
}

const lagWords = (ms: number) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

function Big({ name, of, hint, alarm = false }: { name: string; of: number; hint: string; alarm?: boolean }) {
  return (
    <p title={hint} data-alarm={alarm}>
      <b data-counter={name.toLowerCase().replace(' ', '_')}>{count(of)}</b>
      <span>{name}</span>
    </p>
  )
}

const ROWS = ['placed', 'routed', 'rerouted', 'rejected', 'cancelled', 'failed', 'late'] as const
const ROW_WORDS: Record<(typeof ROWS)[number], string> = {
  placed: 'Placed',
  routed: 'Routed',
  rerouted: 'To another warehouse',
  rejected: 'Rejected',
  cancelled: 'Cancelled',
  failed: 'Failed',
  late: 'Delivered late',
}

function Ledger({ counters }: { counters: Counters }) {
  const most = Math.max(1, counters.placed)
  return (
    <dl className="ledger">
      {ROWS.map(name => (
        <div key={name} data-row={name}>
          <dt>{ROW_WORDS[name]}</dt>
          <dd data-counter={name}>{count(counters[name])}</dd>
          <i style={{ transform: `scaleX(${Math.min(1, counters[name] / most).toFixed(3)})` }} />
        </div>
      ))}
    </dl>
  )
}

function Couriers({ counters: { couriers_on_shift: shift, couriers_on_trip: trip } }: { counters: Counters }) {
  return (
    <div className="couriers">
      <p>
        <span>Couriers on a trip</span>
        <b>
          {count(trip)} <span className="dim">of {count(shift)}</span>
        </b>
      </p>
      <div className="gauge" aria-hidden="true">
        <i style={{ transform: `scaleX(${(trip / Math.max(1, shift)).toFixed(3)})` }} />
      </div>
    </div>
  )
}
