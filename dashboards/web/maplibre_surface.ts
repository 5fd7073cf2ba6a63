import { type Layer, WebMercatorViewport } from '@deck.gl/core'
import { MapboxOverlay } from '@deck.gl/mapbox'
import { addProtocol, Map as MapLibre, type MapMouseEvent, type StyleSpecification, setWorkerUrl } from 'maplibre-gl'
import 'maplibre-gl/dist/maplibre-gl.css'
import worker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import { Protocol } from 'pmtiles'
import type { Place, Surface, SurfaceEvents } from './surface.ts'
import type { Palette, Rgb } from './theme.ts'

/** Somebody else's basemap: a MapLibre style, or a PMTiles archive in the Protomaps schema drawn in our colours. */
export function maplibreSurface(
  parent: HTMLDivElement,
  url: string,
  palette: Palette,
  start: Place,
  events: SurfaceEvents,
): Surface {
  setWorkerUrl(worker)
  const archive = url.replace(/^pmtiles:\/\//, '')
  const isArchive = archive.split('?')[0]?.endsWith('.pmtiles') ?? false
  if (isArchive) addProtocol('pmtiles', new Protocol().tile)
  const map = new MapLibre({
    container: parent,
    style: isArchive ? archiveStyle(archive, palette) : url,
    center: [start.longitude, start.latitude],
    zoom: start.zoom,
    dragRotate: false,
    attributionControl: { compact: true },
  })
  map.touchZoomRotate.disableRotation()
  const overlay = new MapboxOverlay({ interleaved: false, layers: [] })
  map.addControl(overlay)
  map.on('move', events.moved)
  map.on('mousemove', ({ point }: MapMouseEvent) => events.hovered(point))
  map.on('mouseout', () => events.hovered(null))
  map.on('click', ({ point }: MapMouseEvent) => events.clicked(point))
  map.on('error', ({ error }) => events.failed(`The basemap cannot be loaded: ${error.message}`))
  return {
    foreign: true,
    setLayers: (layers: Layer[]) => overlay.setProps({ layers }),
    setPalette: next => {
      if (isArchive) map.setStyle(archiveStyle(archive, next))
    },
    view: () => viewOf(map, parent),
    flyTo: ({ longitude, latitude, zoom }, move_ms) =>
      map.flyTo({ center: [longitude, latitude], zoom, duration: move_ms, essential: true }),
    destroy: () => map.remove(),
  }
}

function viewOf(map: MapLibre, parent: HTMLDivElement): WebMercatorViewport {
  const { lng, lat } = map.getCenter()
  const size = { width: Math.max(1, parent.clientWidth), height: Math.max(1, parent.clientHeight) }
  return new WebMercatorViewport({ longitude: lng, latitude: lat, zoom: map.getZoom(), ...size })
}

const css = ([r, g, b]: Rgb) => `rgb(${r},${g},${b})`

/** No text, so no glyphs and no sprites have to be fetched from anywhere. Schema: docs.protomaps.com/basemaps/layers. */
function archiveStyle(url: string, palette: Palette): StyleSpecification {
  const source = { source: 'archive' } as const
  const fill = (id: string, colour: Rgb) =>
    ({ id, type: 'fill', ...source, 'source-layer': id, paint: { 'fill-color': css(colour) } }) as const
  return {
    version: 8,
    sources: { archive: { type: 'vector', url: `pmtiles://${url}` } },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': css(palette.water) } },
      fill('earth', palette.land),
      { ...fill('landuse', palette.park), filter: ['in', ['get', 'kind'], ['literal', ['park', 'forest', 'wood']]] },
      fill('water', palette.water),
      {
        id: 'roads',
        type: 'line',
        ...source,
        'source-layer': 'roads',
        paint: {
          'line-color': ['match', ['get', 'kind'], 'highway', css(palette.roads[0]), css(palette.roads[1])],
          'line-width': ['interpolate', ['linear'], ['zoom'], 9, 0.5, 15, 4],
        },
      },
    ],
  }
}
