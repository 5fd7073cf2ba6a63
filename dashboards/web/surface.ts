import { Deck, FlyToInterpolator, type Layer, MapView, type MapViewState, WebMercatorViewport } from '@deck.gl/core'
import { drawsInSoftware } from './motion.ts'
import type { Palette } from './theme.ts'

/** What the scene needs of a map, so that ours and MapLibre's can stand in for each other. */
export interface Surface {
  setLayers: (layers: Layer[]) => void
  setPalette: (palette: Palette) => void
  view: () => WebMercatorViewport
  flyTo: (place: Place, move_ms: number) => void
  /** the basemap is somebody else's: ours is not drawn */
  foreign: boolean
  destroy: () => void
}

export interface Place {
  longitude: number
  latitude: number
  zoom: number
}

/** What a surface tells: every change of the view, and pointers in its pixels; null: the pointer has left. */
export interface SurfaceEvents {
  moved: () => void
  hovered: (at: { x: number; y: number } | null) => void
  clicked: (at: { x: number; y: number }) => void
  failed: (problem: string) => void
}

const ZOOM = { minZoom: 9, maxZoom: 17.5 }
type ViewState = MapViewState & { transitionDuration?: number; transitionInterpolator?: FlyToInterpolator }

/** Our own drawing on a bare deck.gl. */
export function ownSurface(parent: HTMLDivElement, start: Place, events: SurfaceEvents): Surface {
  let state: ViewState = { ...start, ...ZOOM }
  const pixels = drawsInSoftware() ? 1 : Math.min(2, window.devicePixelRatio)
  const show = (next: ViewState) => {
    state = next
    deck.setProps({ viewState: next })
    events.moved()
  }
  // The first pictures are drawn before the canvas knows its size, and stretched: it is hidden until one is sharp.
  parent.dataset.blurred = ''
  const deck: Deck<MapView> = new Deck<MapView>({
    parent,
    views: new MapView({ controller: { dragRotate: false, touchRotate: false, inertia: 250 } }),
    viewState: state,
    // A phone's three device pixels a pixel cost nine times the filling for a difference nobody sees in motion.
    useDevicePixels: pixels,
    deviceProps: { type: 'webgl', webgl: { antialias: !drawsInSoftware() } },
    onViewStateChange: ({ viewState }) => show({ ...(viewState as unknown as ViewState), ...ZOOM }),
    onResize: () => events.moved(),
    onAfterRender: () => {
      if ('blurred' in parent.dataset && isSharp(parent, pixels)) delete parent.dataset.blurred
    },
    onHover: ({ x, y }) => events.hovered(x < 0 ? null : { x, y }),
    onClick: ({ x, y }) => events.clicked({ x, y }),
    onError: error => events.failed(`The map cannot be drawn: ${error.message}`),
    getCursor: ({ isDragging }) => (isDragging ? 'grabbing' : ''),
    layers: [],
  })
  return {
    foreign: false,
    setLayers: layers => deck.setProps({ layers }),
    setPalette: () => {},
    view: () =>
      new WebMercatorViewport({
        ...state,
        width: Math.max(1, parent.clientWidth),
        height: Math.max(1, parent.clientHeight),
      }),
    flyTo: (place, move_ms) =>
      show({
        ...place,
        ...ZOOM,
        ...(move_ms > 0 ? { transitionDuration: move_ms, transitionInterpolator: new FlyToInterpolator() } : {}),
      }),
    destroy: () => deck.finalize(),
  }
}

/** Half a pixel is lost by rounding. */
const isSharp = (parent: HTMLElement, pixels: number): boolean =>
  (parent.querySelector('canvas')?.width ?? 0) >= parent.clientWidth * pixels - 1
