import { WebMercatorViewport } from '@deck.gl/core'
import type { Point } from '../../ingest/events/envelope.ts'
import chicago from './basemap/chicago.json' with { type: 'json' }
import type { Basemap } from './layers.ts'
import { wantsLessMotion } from './motion.ts'
import { nearest } from './pick.ts'
import { type Scene, startScene } from './scene.ts'
import type { Selection } from './selection.ts'
import type { Page, Store } from './store.ts'
import { ownSurface, type Place, type Surface, type SurfaceEvents } from './surface.ts'
import type { Palette } from './theme.ts'

/** A surface with its scene, and what a pointer finds on it. */
export interface Stage {
  surface: Surface
  scene: Scene
  /** calls back on every change of the view; returns what ends it */
  onMoved: (listener: () => void) => () => void
  close: () => void
}

/** What lies under a pointer, and where on the map's own pixels. */
export interface Found {
  kind: 'order' | 'courier'
  id: string
  x: number
  y: number
}

export interface StageOptions {
  store: Store
  palette: Palette
  basemap_url: string | null
  onHover: (found: Found | null) => void
  /** `point`: where in the city; whether or not something was there */
  onClick: (found: Found | null, point: Point) => void
  onProblem: (problem: string) => void
}

/** Where Chicago's drawing is looked at while no warehouse is known yet. */
const START: Place = { longitude: -87.68, latitude: 41.945, zoom: 11 }

export async function openStage(parent: HTMLDivElement, options: StageOptions): Promise<Stage> {
  const listeners = new Set<() => void>()
  let stage: Stage | null = null
  const find = (x: number, y: number) => (stage ? found(stage, options.store.get(), x, y) : null)
  const events: SurfaceEvents = {
    moved: () => {
      for (const listener of listeners) listener()
    },
    hovered: at => options.onHover(at && find(at.x, at.y)),
    clicked: ({ x, y }) => {
      const [lng, lat] = surface.view().unproject([x, y])
      if (lng !== undefined && lat !== undefined) options.onClick(find(x, y), { lng, lat })
    },
    failed: options.onProblem,
  }
  const start = options.store.get().room.warehouses.size > 0 ? overview(options.store.get(), parent) : START
  const surface = await openSurface(parent, options, start, events)
  const { store, palette } = options
  const scene = startScene({ store, surface, basemap: chicago as Basemap, palette, still: wantsLessMotion() })
  stage = {
    surface,
    scene,
    onMoved(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      scene.destroy()
      surface.destroy()
    },
  }
  return stage
}

async function openSurface(parent: HTMLDivElement, options: StageOptions, start: Place, events: SurfaceEvents) {
  if (options.basemap_url === null) return ownSurface(parent, start, events)
  const { maplibreSurface } = await import('./maplibre_surface.ts')
  return maplibreSurface(parent, options.basemap_url, options.palette, start, events)
}

function found({ surface, scene }: Stage, { room }: Page, x: number, y: number): Found | null {
  const view = surface.view()
  const order = nearest(view, scene.orderPlaces(), x, y)
  const courier = nearest(view, scene.places(), x, y)
  const order_id = scene.orderIds()[order.row]
  if (order_id !== undefined && order.px <= courier.px) return { kind: 'order', id: order_id, x, y }
  for (const { courier_id, index, state } of room.couriers.values()) {
    if (index === courier.row && state !== 'off') return { kind: 'courier', id: courier_id, x, y }
  }
  return null
}

/** What the panels leave free, px: on a narrow screen they lie below, else at both sides. */
function padding(parent: HTMLElement) {
  return parent.clientWidth < 820
    ? { top: 120, bottom: Math.round(parent.clientHeight * 0.47), left: 30, right: 30 }
    : { top: 110, bottom: 190, left: 350, right: 410 }
}

function frameOf(parent: HTMLElement, places: readonly { lng: number; lat: number }[], maxZoom: number): Place {
  const lngs = places.map(place => place.lng)
  const lats = places.map(place => place.lat)
  const size = { width: Math.max(320, parent.clientWidth), height: Math.max(480, parent.clientHeight) }
  const bounds: [[number, number], [number, number]] = [
    [Math.min(...lngs), Math.min(...lats)],
    [Math.max(...lngs), Math.max(...lats)],
  ]
  const options = { padding: padding(parent), maxZoom, minExtent: 0.004 }
  const { longitude, latitude, zoom } = new WebMercatorViewport(size).fitBounds(bounds, options)
  return { longitude, latitude, zoom: Math.max(9.2, zoom) }
}

/** All warehouses, with a margin for the doors around them. */
export function overview({ room }: Page, parent: HTMLElement): Place {
  const places = [...room.warehouses.values()]
  return places.length === 0 ? START : frameOf(parent, places, 13)
}

/** A place and some blocks around it. */
export const placeAround = (point: Point, stage: Stage, parent: HTMLElement): Place =>
  frameOf(parent, [point], Math.max(13, stage.surface.view().zoom))

/** A view of what was chosen: a warehouse, or an order's door with its warehouse and its courier. */
export function placeOf({ room }: Page, stage: Stage, selection: Selection, parent: HTMLElement): Place | null {
  if (selection?.kind === 'warehouse') {
    const warehouse = room.warehouses.get(selection.id)
    return warehouse ? placeAround(warehouse, stage, parent) : null
  }
  // A courier was clicked where it is: the map stays, and the card goes along.
  if (selection?.kind === 'courier') return null
  const order = room.orders.get(selection?.id ?? '')
  if (!order) return null
  const warehouse = room.warehouses.get(order.warehouse_id ?? '')
  const index = room.couriers.get(order.courier_id ?? '')?.index
  const [lng, lat] = index === undefined ? [] : room.fleet.position.subarray(2 * index, 2 * index + 2)
  const courier = lng === undefined || lat === undefined || Number.isNaN(lng) ? [] : [{ lng, lat }]
  return frameOf(parent, [order, ...(warehouse ? [warehouse] : []), ...courier], 14.5)
}
