import { Component, lazy, type ReactNode, Suspense } from 'react'
import type { MinutePoint } from '../contract.ts'
import { hms } from './clock.ts'
import { type Store, usePage } from './store.ts'
import type { Palette } from './theme.ts'

const Chart = lazy(() => import('./chart.tsx'))

/** The chart with everything that can be wrong with it: not yet there, empty, ClickHouse away. */
export function ChartPanel({ store, palette }: { store: Store; palette: Palette }) {
  const minutes = usePage(store, page => page.room.minutes)
  const as_of = usePage(store, page => page.room.minutes_as_of)
  const empty = usePage(store, page => page.room.phase === 'empty')
  return (
    <section className="panel chart" aria-label="Orders a minute">
      <header>
        <h2>Orders a minute</h2>
        {as_of !== null && <span className="dim">as of {hms(as_of)}</span>}
      </header>
      <div className="plot">
        {empty ? (
          <p className="empty">Waiting for the first answer …</p>
        ) : minutes === null ? (
          <div className="state" role="status">
            <strong>ClickHouse does not answer</strong>
            <p>Orders go on without it. {as_of === null ? '' : `Its last answer was of ${hms(as_of)}.`}</p>
          </div>
        ) : minutes.length < 2 ? (
          <p className="empty">No orders in the last two hours.</p>
        ) : (
          <Guard>
            <Suspense fallback={<p className="empty">Drawing …</p>}>
              <Chart minutes={whole(minutes, as_of)} palette={palette} />
            </Suspense>
          </Guard>
        )}
      </div>
      <ul className="keys">
        <li data-series="placed">placed</li>
        <li data-series="delivered">delivered</li>
        <li data-series="rejected">rejected</li>
      </ul>
    </section>
  )
}

const MINUTES_MIN = 15

/** Whole minutes only, since one that goes on would look like a fall; and not the quiet before the first order. */
function whole(minutes: readonly MinutePoint[], as_of: number | null): readonly MinutePoint[] {
  const ended = minutes.filter(point => as_of === null || point.minute + 60_000 <= as_of)
  const first = ended.findIndex(point => point.placed + point.delivered + point.rejected > 0)
  return ended.slice(Math.max(0, Math.min(first - 1, ended.length - MINUTES_MIN)))
}

/** A part of the page that could not be loaded or drawn must not take the rest with it. */
export class Guard extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError() {
    return { failed: true }
  }
  override render() {
    if (!this.state.failed) return this.props.children
    return (
      <div className="state" role="alert">
        <strong>This part could not be drawn</strong>
        <p>Load the page again; the rest goes on.</p>
      </div>
    )
  }
}
