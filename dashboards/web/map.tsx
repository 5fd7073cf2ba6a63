import { type RefObject, useEffect, useRef, useState } from 'react'
import { behind } from './behind.ts'
import { MapTip } from './map_tip.tsx'
import { Markers } from './markers.tsx'
import { spareMotion } from './motion.ts'
import type { Selection } from './selection.ts'
import { type Found, openStage, overview, placeOf, type Stage } from './stage.ts'
import { type Store, usePage } from './store.ts'
import type { Palette } from './theme.ts'
import { WarehouseCard } from './warehouse_card.tsx'

/** The city, full-bleed: deck.gl below, warehouses as real buttons above it. */
export interface CityMapProps {
  store: Store
  palette: Palette
  basemap_url: string | null
  selection: Selection
  onSelect: (selection: Selection) => void
}

export default function CityMap({ store, palette, basemap_url, selection, onSelect }: CityMapProps) {
  const parent = useRef<HTMLDivElement>(null)
  const [found, setFound] = useState<Found | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const click = (hit: Found | null) => onSelect(selectionOf(store, hit))
  const stage = useStage(parent, {
    store,
    palette,
    basemap_url,
    onHover: setFound,
    onClick: click,
    onProblem: setProblem,
  })
  useFollow(stage, parent, store, palette, selection)
  return (
    <div className="map" data-hit={found !== null}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the map pans and zooms by arrow keys, plus and minus. */}
      <section className="map-canvas" ref={parent} aria-label="Map of the city" tabIndex={0} />
      {stage && <Markers stage={stage} store={store} selection={selection} onSelect={onSelect} />}
      {stage && selection?.kind === 'warehouse' && (
        <WarehouseCard key={selection.id} stage={stage} store={store} id={selection.id} onSelect={onSelect} />
      )}
      {found && <MapTip store={store} found={found} />}
      {problem && (
        <p className="map-problem" role="alert">
          {problem}
        </p>
      )}
      {stage && <ZoomButtons stage={stage} store={store} parent={parent} />}
    </div>
  )
}

/** A courier opens what it carries; a free one, or the bare city, closes what is open. */
function selectionOf(store: Store, hit: Found | null): Selection {
  if (hit?.kind === 'order') return { kind: 'order', id: hit.id }
  const carried = hit && store.get().room.couriers.get(hit.id)?.order_ids[0]
  return carried ? { kind: 'order', id: carried } : null
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
      onClick: found => latest.current.onClick(found),
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
): void {
  const known = usePage(store, page => page.room.warehouses.size > 0)
  useEffect(() => stage?.scene.setPalette(palette), [stage, palette])
  useEffect(() => {
    if (stage && known && parent.current) stage.surface.flyTo(overview(store.get(), parent.current), 0)
  }, [stage, parent, known, store])
  useEffect(() => {
    if (!stage || !parent.current) return
    stage.scene.setChosen(selection?.kind === 'order' ? selection.id : null)
    const place = known ? placeOf(store.get(), stage, selection, parent.current) : null
    if (place) stage.surface.flyTo(place, spareMotion() ? 0 : 900)
  }, [stage, parent, store, known, selection])
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
