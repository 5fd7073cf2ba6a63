import { cellToChildren, cellToLatLng, gridDisk, latLngToCell } from 'h3-js'
import type { Point } from '../../ingest/events/envelope.ts'
import { draws } from './random.ts'

/** A crowd that gets hungry at once, around one place: a game is over, a concert, a storm. Pure. */

export interface Crowd {
  /** H3 at CROWD_RESOLUTION: where its people are */
  cells: string[]
  /** in the order of their coming */
  people: { name: string; point: Point; after_s: number }[]
}

/** The map's hexagons of demand are as large: some 0.7 km². */
const CROWD_RESOLUTION = 8
const CROWD_CELLS = 3
const PEOPLE_RESOLUTION = 11

/** @param name of the crowd: the same one is the same people again. @param towards the hexagons on that side are filled */
export function crowdAround(
  point: Point,
  {
    seed,
    name,
    towards,
    people,
    span_s,
  }: { seed: number; name: string; towards: Point; people: number; span_s: number },
): Crowd {
  const [middle = '', ...around] = gridDisk(latLngToCell(point.lat, point.lng, CROWD_RESOLUTION), 1)
  const near = around.toSorted((a, b) => degreesTo(a, towards) - degreesTo(b, towards) || (a < b ? -1 : 1))
  const cells = [middle, ...near].slice(0, CROWD_CELLS)
  const draw = draws(seed, 'crowd', name)
  const after = Array.from({ length: people }, () => draw.uniform() * span_s).toSorted((a, b) => a - b)
  return {
    cells,
    people: after.map((after_s, place) => {
      const corners = cellToChildren(draw.pick(cells), PEOPLE_RESOLUTION)
      const [lat, lng] = cellToLatLng(draw.pick(corners))
      return { name: `${name}x${place + 1}`, point: { lat, lng }, after_s }
    }),
  }
}

/** Only to compare: a degree of longitude is taken as three quarters of one of latitude, as in the middle latitudes. */
function degreesTo(cell: string, { lat, lng }: Point): number {
  const [there_lat, there_lng] = cellToLatLng(cell)
  return Math.hypot(there_lat - lat, (there_lng - lng) * 0.75)
}
