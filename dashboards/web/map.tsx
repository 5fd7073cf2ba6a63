import { type RefObject, useEffect, useRef, useState } from 'react'
import type { Point } from '../../ingest/events/envelope.ts'
import { behind } from './behind.ts'
import { CourierCard } from './courier_card.tsx'
import { Arrows } from './incidents/arrows.tsx'
import { Callout } from './incidents/callout.tsx'
import { MapTip } from './map_tip.tsx'
import { LateMarks, Markers } from './markers.tsx'
import { spareMotion } from './motion.ts'
import type { Selection, Spot } from './selection.ts'
import { type Found, openStage, overview, placeAround, placeOf, type Stage } from './stage.ts'
import { type Store, usePage } from './store.ts'
import type { Palette } from './theme.ts'
import { TroubleBar, useTrouble } from './trouble.tsx'
import { WarehouseCard } from './warehouse_card.tsx'

/** The city, full-bleed: deck.gl below, warehouses as real buttons above it. */
export interface CityMapProps {
  store: Store
  palette: Palette
  basemap_url: string | null
  selection: Selection
  /** where to go and what to mark; stronger than the selection */
  spot: Spot | null
  /** an incident whose orders' ways are shown; null: the newest one's */
  pointed: string | null
  /** the outside world takes part: visitors may make trouble */
  world: boolean
  onSelect: (selection: Selection) => void
  onShow: (point: Point) => void
  onPast: () => void
}

export default function CityMap({
  store,
  palette,
  basemap_url,
  selection,
  spot,
  pointed,
  world: offered,
  onSelect,
  onShow,
  onPast,
}: CityMapProps) {
  const parent = useRef<HTMLDivElement>(null)
  const [found, setFound] = useState<Found | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const past = usePage(store, page => page.past)
  const world = offered && !past
  const trouble = useTrouble(onShow)
  // The bare city closes what is open.
  const click = (hit: Found | null, point: Point) => {
    if (trouble.armed) trouble.send(point)
    else onSelect(hit && { kind: hit.kind, id: hit.id })
  }
  const stage = useStage(parent, {
    store,
    palette,
    basemap_url,
    onHover: setFound,
    onClick: click,
    onProblem: setProblem,
  })
  useFollow(stage, parent, store, palette, selection, spot)
  return (
    <div className="map" data-hit={found !== null} data-armed={trouble.armed}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the map pans and zooms by arrow keys, plus and minus. */}
      <section className="map-canvas" ref={parent} aria-label="Map of the city" tabIndex={0} />
      {!problem && (
        <p className="map-awaited" data-until={stage ? 'sharp' : 'open'}>
          Drawing the map …
        </p>
      )}
      {stage && <Markers stage={stage} store={store} selection={selection} onSelect={onSelect} />}
      {stage && <LateMarks stage={stage} store={store} />}
      {stage && <Arrows stage={stage} store={store} pointed={pointed} />}
      {stage && <Callout stage={stage} store={store} spot={spot} />}
      {stage && selection?.kind === 'warehouse' && (
        <WarehouseCard key={selection.id} stage={stage} store={store} id={selection.id} onSelect={onSelect} />
      )}
      {stage && selection?.kind === 'courier' && (
        <CourierCard
          key={selection.id}
          stage={stage}
          store={store}
          id={selection.id}
          world={world}
          onSelect={onSelect}
        />
      )}
      {stage && !past && <TroubleBar trouble={world ? trouble : null} middle={() => middleOf(stage)} onPast={onPast} />}
      {found && !trouble.armed && <MapTip store={store} found={found} />}
      {problem && (
        <p className="map-problem" role="alert">
          {problem}
        </p>
      )}
      {stage && <ZoomButtons stage={stage} store={store} parent={parent} />}
    </div>
  )
}

type Callbacks = Parameters<typeof openStage>[1]

function useStage(parent: RefObject<HTMLDivElement | null>, options: Callbacks): Stage | null {
  const [stage, setStage] = useState<Stage | null>(null)
  const latest = useRef(options)
  latest.current = options
  const { store, basemap_url } = options
  useEffect(() => {
    const host = parent.current
    if (!host) return
    let opened: Stage | null = null
    let gone = false
    const { palette } = latest.current
    openStage(host, {
      store,
      basemap_url,
      palette,
      onHover: found => latest.current.onHover(found),
      onClick: (found, point) => latest.current.onClick(found, point),
      onProblem: problem => latest.current.onProblem(problem),
    }).then(
      made => {
        if (gone) return made.close()
        opened = made
        behind.places = made.scene.places
        behind.placesAt = made.scene.placesAt
        setStage(made)
      },
      (error: Error) => latest.current.onProblem(`The map cannot be drawn: ${error.message}`),
    )
    return () => {
      gone = true
      opened?.close()
      setStage(null)
    }
  }, [parent, store, basemap_url])
  return stage
}

/** The stage follows the palette and what is chosen; the first snapshot says where the network lies. */
function useFollow(
  stage: Stage | null,
  parent: RefObject<HTMLDivElement | null>,
  store: Store,
  palette: Palette,
  selection: Selection,
  spot: Spot | null,
): void {
  const known = usePage(store, page => page.room.warehouses.size > 0)
  useEffect(() => stage?.scene.setPalette(palette), [stage, palette])
  useEffect(() => {
    if (stage && known && parent.current) stage.surface.flyTo(overview(store.get(), parent.current), 0)
  }, [stage, parent, known, store])
  useEffect(() => {
    if (!stage || !parent.current) return
    stage.scene.setChosen(chosenOf(selection))
    const place = known ? placeOf(store.get(), stage, selection, parent.current) : null
    if (place) stage.surface.flyTo(place, flightMs())
  }, [stage, parent, store, known, selection])
  useEffect(() => {
    if (stage && spot && parent.current) stage.surface.flyTo(placeAround(spot.point, stage, parent.current), flightMs())
  }, [stage, parent, spot])
}

const chosenOf = (selection: Selection) => ({
  order_id: selection?.kind === 'order' ? selection.id : null,
  courier_id: selection?.kind === 'courier' ? selection.id : null,
})

const flightMs = () => (spareMotion() ? 0 : 900)

function middleOf({ surface }: Stage): Point {
  const { longitude, latitude } = surface.view()
  return { lng: longitude, lat: latitude }
}

function ZoomButtons({
  stage,
  store,
  parent,
}: {
  stage: Stage
  store: Store
  parent: RefObject<HTMLDivElement | null>
}) {
  const ms = spareMotion() ? 0 : 300
  const zoom = (by: number) => {
    const { longitude, latitude, zoom: from } = stage.surface.view()
    stage.surface.flyTo({ longitude, latitude, zoom: Math.min(17.5, Math.max(9, from + by)) }, ms)
  }
  const home = () => parent.current && stage.surface.flyTo(overview(store.get(), parent.current), 2 * ms)
  return (
    <div className="zoom">
      <button type="button" aria-label="Zoom in" onClick={() => zoom(1)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" onClick={() => zoom(-1)}>
        −
      </button>
      <button type="button" aria-label="Show the whole network" onClick={home}>
        ⌂
      </button>
    </div>
  )
}
