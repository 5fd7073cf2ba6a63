import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import type { PageConfig } from '../contract.ts'
import { ChartPanel, Guard } from './chart_panel.tsx'
import { setTimeZone } from './clock.ts'
import { CountersPanel } from './counters.tsx'
import { Feed } from './feed.tsx'
import { Header } from './header.tsx'
import { Hints, useHints } from './hints.tsx'
import type { Announced } from './incidents/announcement.ts'
import { Incidents } from './incidents/incidents.tsx'
import { fetchConfig } from './io/api.ts'
import { Legend } from './legend.tsx'
import { OrderDrawer } from './order_drawer.tsx'
import type { Player } from './past/player.ts'
import { Scrubber } from './past/scrubber.tsx'
import { subjectOf, useSelection, useSpot } from './selection.ts'
import { isStale, type Store, usePage, useWall } from './store.ts'
import { usePalette } from './theme.ts'

const CityMap = lazy(() => import('./map.tsx'))

/** On a narrow screen one panel at a time lies over the map's lower part. */
const SHEETS = ['incidents', 'feed', 'numbers', 'chart', 'legend'] as const
type Sheet = (typeof SHEETS)[number]
const SHEET_WORDS: Record<Sheet, string> = {
  incidents: 'Trouble',
  feed: 'Feed',
  numbers: 'Numbers',
  chart: 'Chart',
  legend: 'Legend',
}

interface AppProps {
  live: Store
  player: Player
}

export function App({ live, player }: AppProps) {
  const { store } = player
  const past = usePage(store, page => page.past)
  const config = useConfig()
  const [palette, toggle] = usePalette()
  const [selection, select] = useSelection()
  const [spot, show] = useSpot()
  const open = useCallback(
    (item: Announced) => {
      const subject = subjectOf(item)
      if (subject) select(subject)
      if (item.point) show(item.point)
    },
    [select, show],
  )
  const hints = useHints()
  const [sheet, setSheet] = useState<Sheet | null>('incidents')
  const [pointed, point] = useState<string | null>(null)
  return (
    <div className="page" data-sheet={sheet ?? 'none'} data-open={selection?.kind ?? 'none'} data-past={past}>
      <Guard>
        <Suspense fallback={<MapAwaited />}>
          {!config && <MapAwaited />}
          {config && (
            <CityMap
              store={store}
              palette={palette}
              basemap_url={config.basemap_url}
              selection={selection}
              spot={spot}
              pointed={pointed}
              world={config.world}
              onSelect={select}
              onShow={show}
              onPast={player.enter}
            />
          )}
        </Suspense>
      </Guard>
      <Header
        store={store}
        live={live}
        title={config?.title ?? ''}
        light={palette.name === 'light'}
        onTheme={toggle}
        onHelp={hints.show}
      />
      <main>
        <div className="left">
          <CountersPanel store={store} />
          <ChartPanel store={store} palette={palette} />
        </div>
        <div className="right">
          <Incidents store={store} onOpen={open} onPoint={point} />
          <Feed store={store} onOpen={open} />
        </div>
        <Legend />
      </main>
      {selection?.kind === 'order' && (
        <OrderDrawer key={selection.id} store={store} id={selection.id} onSelect={select} />
      )}
      <Scrubber player={player} />
      {config && hints.open && <Hints world={config.world} onEnd={hints.putAway} />}
      <Interruption store={live} />
      <nav className="tabs" aria-label="Panels">
        {SHEETS.map(name => (
          <button
            key={name}
            type="button"
            aria-pressed={sheet === name}
            onClick={() => setSheet(sheet === name ? null : name)}
          >
            {SHEET_WORDS[name]}
          </button>
        ))}
      </nav>
    </div>
  )
}

const MapAwaited = () => (
  <div className="map">
    <p className="map-awaited">Loading the map …</p>
  </div>
)

/** The configuration, asked for until it is there: without a gateway there is nothing to show anyway. */
function useConfig(): PageConfig | null {
  const [config, setConfig] = useState<PageConfig | null>(null)
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let gone = false
    void fetchConfig().then(answer => {
      if (gone) return
      if (!answer.ok) {
        timer = setTimeout(() => setAsked(asked + 1), 1_500)
        return
      }
      // A network that is not there yet has no time zone either.
      if (!answer.body.time_zone) timer = setTimeout(() => setAsked(asked + 1), 5_000)
      setTimeZone(answer.body.time_zone)
      document.title = answer.body.title === 'Waggle' ? 'Waggle' : `${answer.body.title} · Waggle`
      setConfig(answer.body)
    })
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [asked])
  return config
}

/** Says over the map what keeps it from being true now, and what the page does about it. */
function Interruption({ store }: { store: Store }) {
  const wall_ms = useWall(500)
  const link = usePage(store, page => page.link)
  const page = store.get()
  const stale = isStale(page, wall_ms)
  if (link.phase === 'live' && !stale) return null
  if (link.phase === 'connecting' && wall_ms - link.since_wall_ms < 700) return null
  const text = stale ? 'The gateway is silent. What you see may be old.' : link.problem
  return (
    <div className="interruption" role="status" data-phase={stale ? 'stale' : link.phase}>
      <p>{text ?? 'Connecting to the gateway …'}</p>
      {page.room.phase !== 'empty' && <p className="dim">You see the last known state. It catches up by itself.</p>}
    </div>
  )
}
