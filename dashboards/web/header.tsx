import { hms, rate, weekday } from './clock.ts'
import { cityNow, isStale, type Link, type Page, type Store, usePage, useWall } from './store.ts'

/** Who this is, the city's time, and whether what one sees is true now. */
interface HeaderProps {
  /** what is shown: now, or the past */
  store: Store
  live: Store
  title: string
  light: boolean
  onTheme: () => void
  onHelp: () => void
}

export function Header({ store, live, title, light, onTheme, onHelp }: HeaderProps) {
  return (
    <header className="top">
      <div className="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path className="mark" d="M16 1.5 28.5 8.8v14.4L16 30.5 3.5 23.2V8.8z" />
          <path className="dance" d="M10 20.5c0-6 12-3.5 12-9M10 11.5c0 6 12 3.5 12 9" />
        </svg>
        <h1>Waggle</h1>
        {title !== '' && title !== 'Waggle' && <span className="title">{title}</span>}
        <span className="lead">
          Gives each order a warehouse and a courier, and changes them when something breaks.
        </span>
      </div>
      <CityClock store={store} />
      <Connection store={live} />
      <div className="header-buttons">
        <button type="button" className="help" onClick={onHelp} aria-label="What do I see here?">
          ?
        </button>
        <button
          type="button"
          className="theme"
          onClick={onTheme}
          aria-label={light ? 'Use the dark colours' : 'Use the light colours'}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <circle cx="10" cy="10" r="7" />
            <path d="M10 3a7 7 0 0 1 0 14z" />
          </svg>
        </button>
      </div>
    </header>
  )
}

function CityClock({ store }: { store: Store }) {
  useWall(250)
  const page = store.get()
  if (page.room.phase === 'empty') return <p className="clock dim">--:--:--</p>
  const now = cityNow(page)
  return (
    <p className="clock" title="The city’s clock, and how fast it runs">
      <span className="day">{weekday(now)}</span> <time>{hms(now)}</time>
      {page.past && <span className="past-badge">The past</span>}
      {!page.past && page.room.clock.rate !== 1 && <span className="rate">{rate(page.room.clock.rate)}</span>}
    </p>
  )
}

interface Said {
  tone: 'good' | 'wait' | 'bad'
  text: string
  more: string
}

function said(page: Page, wall_ms: number): Said {
  const { link, room, heard_wall_ms } = page
  const since = (from: number) => `${Math.max(0, Math.round((wall_ms - from) / 1000))} s`
  const told: Record<Link['phase'], Said> = {
    connecting: { tone: 'wait', text: 'Connecting', more: since(link.since_wall_ms) },
    reconnecting: { tone: 'bad', text: 'Reconnecting', more: `since ${since(link.since_wall_ms)}` },
    refused: { tone: 'bad', text: 'Refused', more: link.problem ?? '' },
    live: { tone: 'good', text: 'Live', more: `as of ${hms(room.as_of)}` },
  }
  if (isStale(page, wall_ms)) return { tone: 'bad', text: 'Stale', more: `nothing new for ${since(heard_wall_ms)}` }
  return told[link.phase]
}

/** The state is announced when it changes; the seconds beside it are not. */
function Connection({ store }: { store: Store }) {
  const wall_ms = useWall(500)
  usePage(store, page => page.link)
  const { tone, text, more } = said(store.get(), wall_ms)
  return (
    <p className="connection" data-tone={tone}>
      <i aria-hidden="true" />
      <b aria-live="polite">{text}</b>
      <span className="dim">{more}</span>
    </p>
  )
}
