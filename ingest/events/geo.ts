import { cellToLatLng, latLngToCell } from 'h3-js'
import { CELL_RESOLUTION, type Point } from './envelope.ts'

const EARTH_RADIUS_M = 6_371_008.8
const RADIANS = Math.PI / 180

/**
 * cos of degrees by its Taylor series to x^10 after folding to the first octant; error below 1e-9.
 * Math.cos may differ in its last bit between versions of Node, and a decision rests on distances.
 */
function cosDegrees(degrees: number): number {
  const x = RADIANS * degrees
  const x2 = x * x
  return (
    1 -
    (x2 / 2) * (1 - (x2 / 12) * (1 - (x2 / 30) * (1 - (x2 / 56) * (1 - (x2 / 90) * (1 - (x2 / 132) * (1 - x2 / 182))))))
  )
}

/**
 * Metres as the crow flies, in the plane that touches the earth between the two points: exact to 0.1 % below 100 km.
 * Only + − × ÷ √, so it is the same on every machine.
 */
export function distanceMeters(a: Point, b: Point): number {
  const north = (b.lat - a.lat) * RADIANS
  const east = (b.lng - a.lng) * RADIANS * cosDegrees((a.lat + b.lat) / 2)
  return EARTH_RADIUS_M * Math.sqrt(north * north + east * east)
}

/** The H3 cell of a point, at the log's resolution. */
export function cellOf(point: Point): string {
  return latLngToCell(point.lat, point.lng, CELL_RESOLUTION)
}

/** The middle of a cell. */
export function centreOf(cell: string): Point {
  const [lat, lng] = cellToLatLng(cell)
  return { lat, lng }
}
