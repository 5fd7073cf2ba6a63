import type { Layer } from '@deck.gl/core'
import { H3HexagonLayer } from '@deck.gl/geo-layers'
import { LineLayer, PathLayer, ScatterplotLayer, SolidPolygonLayer, TextLayer } from '@deck.gl/layers'
import type { DemandCell } from '../contract.ts'
import { LABEL_PX, type Label } from './labels.ts'
import type { Palette, Rgb, Rgba } from './theme.ts'

/**
 * Every layer of the map, bottom to top. Ids are stable, so deck.gl keeps the GPU side of a layer when it is described anew.
 * Hot layers (couriers, legs, orders) take typed arrays only; a fresh `value` object tells deck.gl to upload them again.
 */

type Line = [number, number][]

/** basemap/chicago.json, see basemap/draw.ts. */
export interface Basemap {
  lake: Line
  parks: Line[]
  river: { width_m: number; path: Line }[]
  roads: { rank: number; path: Line }[]
  labels: Label[]
}

const mutable = ([r, g, b]: Rgb): [number, number, number] => [r, g, b]
/** Width in the city, least and greatest width on the screen, by rank. */
const ROADS = [
  { metres: 46, pixels_min: 1.6, pixels_max: 6 },
  { metres: 26, pixels_min: 0.9, pixels_max: 4 },
  { metres: 20, pixels_min: 0.5, pixels_max: 3 },
  { metres: 14, pixels_min: 0.3, pixels_max: 2 },
]
const FONT = '"Barlow Semi Condensed", system-ui, sans-serif'
/** From this zoom on, quarter-mile streets and the labels of rank 2 are there. */
export const NEAR_ZOOM = 12.2

export function basemapLayers(map: Basemap, palette: Palette, near: boolean): Layer[] {
  const roads = ROADS.map((road, rank) => ({ ...road, rank })).filter(({ rank }) => near || rank < 3)
  return [
    new SolidPolygonLayer<Line>({
      id: 'parks',
      data: map.parks,
      getPolygon: d => d,
      getFillColor: mutable(palette.park),
    }),
    ...roads.reverse().map(
      ({ rank, metres, pixels_min, pixels_max }) =>
        new PathLayer<{ path: Line }>({
          id: `roads-${rank}`,
          data: map.roads.filter(road => road.rank === rank),
          getPath: d => d.path,
          getColor: mutable(palette.roads[rank as 0 | 1 | 2 | 3]),
          getWidth: metres,
          widthMinPixels: pixels_min,
          widthMaxPixels: pixels_max,
          jointRounded: true,
          capRounded: true,
        }),
    ),
    new SolidPolygonLayer<Line>({
      id: 'lake',
      data: [map.lake],
      getPolygon: d => d,
      getFillColor: mutable(palette.water),
    }),
    new PathLayer<{ path: Line; width_m: number }>({
      id: 'river',
      data: map.river,
      getPath: d => d.path,
      getColor: mutable(palette.river),
      getWidth: d => 1.9 * d.width_m,
      widthMinPixels: 2,
      widthMaxPixels: 14,
      jointRounded: true,
      capRounded: true,
    }),
    new PathLayer<Line>({
      id: 'shore',
      data: [map.lake],
      getPath: d => d,
      getColor: [...palette.shore],
      getWidth: 1,
      widthUnits: 'pixels',
      jointRounded: true,
    }),
  ]
}

/** Names that have found room: see labels.ts. */
export function labelLayers(labels: readonly Label[], palette: Palette, near: boolean): Layer[] {
  const text = (id: string, rank: Label['rank'], color: Rgba, weight: number) =>
    new TextLayer<Label>({
      id,
      data: labels.filter(label => label.rank === rank),
      visible: near || rank < 2,
      getText: d => d.text,
      getPosition: d => d.at,
      getSize: LABEL_PX[rank] ?? 12,
      getColor: [...color],
      fontFamily: FONT,
      fontWeight: weight,
      fontSettings: { sdf: true, fontSize: 48, buffer: 6, radius: 12 },
      outlineWidth: rank === 0 ? 0 : 4,
      outlineColor: [...palette.label_halo],
      characterSet: 'auto',
    })
  return [
    text('labels-water', 0, palette.water_label, 400),
    text('labels-places', 3, palette.place_label, 400),
    text('labels-near', 2, palette.label, 500),
    text('labels', 1, palette.label, 500),
  ]
}

/** Orders of the last half hour by cell: calm, so that it stays underneath what moves. */
export function demandLayer(cells: readonly DemandCell[], palette: Palette): Layer {
  const most = cells.reduce((max, cell) => Math.max(max, cell.orders), 4)
  const [r, g, b] = palette.demand
  return new H3HexagonLayer<DemandCell>({
    id: 'demand',
    data: [...cells],
    getHexagon: d => d.cell,
    getFillColor: d => [r, g, b, 6 + 34 * Math.sqrt(d.orders / most)],
    getLineColor: d => [r, g, b, 8 + 38 * Math.sqrt(d.orders / most)],
    filled: true,
    stroked: true,
    extruded: false,
    lineWidthUnits: 'pixels',
    getLineWidth: 1,
    coverage: 0.94,
    highPrecision: true,
  })
}

type Column = { value: Float32Array | Uint8Array; size: number; normalized?: boolean }

/**
 * Binary columns of one layer, `length` rows of them valid. deck.gl uploads a column again when its object is another one,
 * so a frame that moves couriers gives new objects to the moving columns only (`uploadAgain`).
 */
export interface Columns<Name extends string> {
  length: number
  attributes: Record<Name, Column>
}

/** Colours are r, g, b, a; positions lng, lat; the radius is in px. */
export type Dots = Columns<'getPosition' | 'getFillColor' | 'getLineColor' | 'getRadius'>
/** The width is in px. */
export type Legs = Columns<'getSourcePosition' | 'getTargetPosition' | 'getColor' | 'getWidth'>

export function uploadAgain<Name extends string>(
  columns: Columns<Name>,
  names: readonly NoInfer<Name>[],
): Columns<Name> {
  const attributes = { ...columns.attributes }
  for (const name of names) attributes[name] = { ...attributes[name] }
  return { length: columns.length, attributes }
}

export interface DotStyle {
  id: string
  filled: boolean
  line_px: number
  scale?: number
  opacity?: number
}

/** Scale and opacity are uniforms: to change them each frame uploads nothing. */
export function dotLayer(dots: Dots, { id, filled, line_px, scale = 1, opacity = 1 }: DotStyle): Layer {
  return new ScatterplotLayer({
    id,
    data: dots,
    opacity,
    radiusUnits: 'pixels',
    radiusScale: scale,
    lineWidthUnits: 'pixels',
    getLineWidth: line_px,
    filled,
    stroked: line_px > 0,
    parameters: { depthCompare: 'always' },
  })
}

export function legLayer(legs: Legs): Layer {
  return new LineLayer({ id: 'legs', data: legs, widthUnits: 'pixels', parameters: { depthCompare: 'always' } })
}
