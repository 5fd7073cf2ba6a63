import { memo, useEffect, useRef } from 'react'
import type { MapWarehouse } from '../contract.ts'
import type { Selection } from './selection.ts'
import type { Stage } from './stage.ts'
import { cityNow, type Store, usePage, useWall } from './store.ts'
import { isLate } from './words.ts'

/** Warehouses are few and are acted upon, so they are buttons: sharp, reachable by keyboard, moved by the map's view. */
interface MarkersProps {
  stage: Stage
  store: Store
  selection: Selection
  onSelect: (selection: Selection) => void
}

export function Markers({ stage, store, selection, onSelect }: MarkersProps) {
  const rows = usePage(store, page => page.room.warehouses)
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const place = () => host.current && placeAll(stage, host.current)
    place()
    return stage.onMoved(place)
  })
  const chosen = selection?.kind === 'warehouse' ? selection.id : null
  return (
    <div className="markers" ref={host}>
      {[...rows.values()].map(row => (
        <Marker key={row.warehouse_id} row={row} chosen={row.warehouse_id === chosen} onSelect={onSelect} />
      ))}
    </div>
  )
}

/** Late orders once more, above the combs: what is worst must not be hidden by anything. */
export function LateMarks({ stage, store }: { stage: Stage; store: Store }) {
  useWall(1_000)
  const page = store.get()
  const now = cityNow(page)
  const late = [...page.room.orders.values()].filter(order => isLate(order, now)).slice(0, LATE_MAX)
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const place = () => host.current && placeAll(stage, host.current, [...page.room.warehouses.values()])
    place()
    return stage.onMoved(place)
  })
  return (
    <div className="markers" ref={host} aria-hidden="true">
      {late.map(({ order_id, lng, lat }) => (
        <i key={order_id} className="late-mark" data-lng={lng} data-lat={lat} />
      ))}
    </div>
  )
}

/** With more of them the map is red all over anyway. */
const LATE_MAX = 60

/** px from a comb's middle: nearer than this a mark would hide its number, and is put at its edge. */
const COMB_PX = 19

/** @param combs that marks are not to lie on */
function placeAll(stage: Stage, host: HTMLElement, combs: readonly MapWarehouse[] = []): void {
  const view = stage.surface.view()
  const places = combs.map(comb => view.project([comb.lng, comb.lat]))
  for (const marker of host.children) {
    if (!(marker instanceof HTMLElement)) continue
    let [x = 0, y = 0] = view.project([Number(marker.dataset.lng), Number(marker.dataset.lat)])
    for (const [cx = 0, cy = 0] of places) {
      const [dx, dy] = [x - cx, y - cy]
      const px = Math.hypot(dx, dy)
      if (px >= COMB_PX) continue
      const [ex, ey] = px < 1 ? [Math.SQRT1_2, -Math.SQRT1_2] : [dx / px, dy / px]
      x = cx + COMB_PX * ex
      y = cy + COMB_PX * ey
    }
    marker.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`
  }
}

interface MarkerProps {
  row: MapWarehouse
  chosen: boolean
  onSelect: (selection: Selection) => void
}

const Marker = memo(function Marker({ row, chosen, onSelect }: MarkerProps) {
  const { warehouse_id: id, name, paused, open_orders } = row
  const label = `Warehouse ${name}: ${paused ? 'paused, ' : ''}${open_orders} orders to pick and pack`
  return (
    <div className="marker" data-lng={row.lng} data-lat={row.lat}>
      <button
        type="button"
        aria-label={label}
        aria-pressed={chosen}
        data-paused={paused}
        data-warehouse={id}
        onClick={() => onSelect(chosen ? null : { kind: 'warehouse', id })}
      >
        <svg viewBox="-20 -22 40 44" aria-hidden="true">
          <path className="comb" d="M0-19.5 17-9.8V9.8L0 19.5-17 9.8V-9.8z" />
        </svg>
        <span className="marker-count">{paused ? '❚❚' : open_orders}</span>
        <span className="marker-name">
          {name}
          {paused && <em> paused · {open_orders} to pick</em>}
        </span>
      </button>
    </div>
  )
})
