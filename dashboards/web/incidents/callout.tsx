import { useEffect, useRef } from 'react'
import type { Point } from '../../../ingest/events/envelope.ts'
import type { Spot } from '../selection.ts'
import type { Stage } from '../stage.ts'
import { cityNow, type Store, usePage, useWall } from '../store.ts'
import { type Announced, announcedNow } from './announcement.ts'

/** What has just happened, at its place on the map: rings that run out from it, and one sentence. */
export function Callout({ stage, store, spot }: { stage: Stage; store: Store; spot: Spot | null }) {
  const announced = useAnnounced(store)
  const point = spot?.point ?? announced?.point
  if (!point) return null
  const said = spot && !isAt(spot.point, announced?.point) ? null : announced
  return <Beacon key={spot?.since_wall_ms ?? announced?.id} stage={stage} point={point} said={said} />
}

const isAt = (one: Point, other: Point | undefined): boolean => one.lat === other?.lat && one.lng === other.lng

/** What is announced just now, with its place; looked at each second, since it is over by itself. */
function useAnnounced(store: Store): Announced | null {
  const feed = usePage(store, page => page.room.feed)
  const incidents = usePage(store, page => page.room.incidents)
  useWall(1_000)
  const page = store.get()
  if (page.room.phase === 'empty') return null
  const found = announcedNow({ feed, incidents }, { now: cityNow(page), rate: page.room.clock.rate })
  const place = page.room.warehouses.get(found?.warehouse_id ?? '')
  return found && { ...found, ...(!found.point && place && { point: { lat: place.lat, lng: place.lng } }) }
}

/** px: a sentence is so wide at the most; see scenes.css. */
const SAID_PX = 250
/** Of a narrow page's height: further down panels lie over the map. */
const UPPER = 0.35
const RING_PX = 50

function Beacon({ stage, point: { lat, lng }, said }: { stage: Stage; point: Point; said: Announced | null }) {
  const mark = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const place = () => {
      const { current } = mark
      if (!current) return
      const view = stage.surface.view()
      const [x = 0, y = 0] = view.project([lng, lat])
      current.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`
      current.dataset.side = sideOf(view, x, y)
      const most = view.width / 2 - SAID_PX / 2 - 8
      current.style.setProperty('--shift', `${Math.min(most, Math.max(-most, view.width / 2 - x)).toFixed(0)}px`)
    }
    place()
    return stage.onMoved(place)
  }, [stage, lat, lng])
  return (
    <div className="beacon" ref={mark} data-tone={said?.tone}>
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <p aria-live="polite">{said?.text}</p>
    </div>
  )
}

/** Where a sentence has room: beside the point and its ring, between the panels; below or above it where the page is narrow. */
function sideOf({ width, height }: { width: number; height: number }, x: number, y: number): string {
  const panels = width < 820 ? { left: 8, right: 8 } : { left: 328, right: 372 }
  if (width - panels.right - x - RING_PX >= SAID_PX) return 'right'
  if (x - RING_PX - panels.left >= SAID_PX) return 'left'
  return y < UPPER * height ? 'below' : 'above'
}
