import { writeFileSync } from 'node:fs'
import { DIAGONALS, EXPRESSWAYS, LABELS, type Line, PARKS, RIVER, SHORE } from './hand.ts'

/**
 * Draws chicago.json from hand.ts: `node dashboards/web/basemap/draw.ts`.
 *
 * Chicago's streets lie on an address grid: State and Madison is 0, every 800 is a mile. So the arterials need no
 * coordinates, only that rule: meridians converge, hence the lean to the west on the way north.
 */

const ORIGIN = { lng: -87.6278, lat: 41.882 }
const MILE = { lng: 0.01945, lat: 0.01449 }
const LEAN_LNG_PER_LAT = -0.022
const LEAN_LAT_PER_LNG = 0.015
const WEST_EDGE = -88.1
const SOUTH_EDGE = 41.77

interface Basemap {
  lake: Line
  parks: Line[]
  river: { width_m: number; path: Line }[]
  /** 0 expressway, 1 mile street or diagonal, 2 half-mile street, 3 quarter-mile street */
  roads: { rank: number; path: Line }[]
  /** 0 water, 1 a quarter seen from afar, 2 one seen near, 3 a park or a landmark seen near */
  labels: { text: string; rank: number; at: [number, number] }[]
}

const streetLng = (west: number, lat: number) =>
  ORIGIN.lng - (west / 800) * MILE.lng + LEAN_LNG_PER_LAT * (lat - ORIGIN.lat)
const streetLat = (north: number, lng: number) =>
  ORIGIN.lat + (north / 800) * MILE.lat + LEAN_LAT_PER_LNG * (lng - ORIGIN.lng)

/** Where the lake begins at a latitude: the westernmost crossing of the shore, so that no street runs into a harbour. */
function shoreLng(lat: number): number {
  let west = -87.5
  for (let i = 1; i < SHORE.length; i++) {
    const [a, b] = [SHORE[i - 1], SHORE[i]]
    if (!a || !b || (a[1] - lat) * (b[1] - lat) > 0 || a[1] === b[1]) continue
    west = Math.min(west, a[0] + ((lat - a[1]) / (b[1] - a[1])) * (b[0] - a[0]))
  }
  return west
}

const rankOf = (address: number) => (address % 800 === 0 ? 1 : address % 400 === 0 ? 2 : 3)

function* eastWest() {
  for (let north = -5_400; north <= 11_600; north += 200) {
    const rank = rankOf(north)
    // Beyond Howard Street the suburbs keep the miles and halves only.
    if (rank === 3 && north > 7_600) continue
    const lat = streetLat(north, -87.65)
    const east = shoreLng(lat) - 0.0035
    yield {
      rank,
      path: [
        [WEST_EDGE, streetLat(north, WEST_EDGE)],
        [east, streetLat(north, east)],
      ] satisfies Line,
    }
  }
}

/** Where a north-south street ends: at the shore, at the diagonal that swallows it, or at the edge of the map. */
function northEnd(west: number): number {
  if (west >= 4_000) return west % 800 === 0 ? 42.13 : 42.02
  if (west >= 2_000) return 42.02
  const named: Record<number, number> = {
    0: 41.9108,
    200: 41.9108,
    400: 41.9253,
    600: 41.94,
    800: 41.957,
    1000: 41.976,
  }
  return named[west] ?? 42.0
}

function* northSouth() {
  for (let west = 0; west <= 18_400; west += west < 9_600 ? 200 : 800) {
    const north = northEnd(west)
    const path: Line = [
      [streetLng(west, SOUTH_EDGE), SOUTH_EDGE],
      [streetLng(west, north), north],
    ]
    yield { rank: west === 0 ? 1 : rankOf(west), path }
  }
}

const basemap: Basemap = {
  lake: [...SHORE, [-86.6, 41.6], [-86.6, 42.6], [-87.83, 42.6]],
  parks: PARKS,
  river: RIVER,
  roads: [
    ...eastWest(),
    ...northSouth(),
    ...DIAGONALS.map(path => ({ rank: 1, path })),
    ...EXPRESSWAYS.map(path => ({ rank: 0, path })),
  ].sort((a, b) => b.rank - a.rank),
  labels: LABELS.map(([text, rank, lat, lng]) => ({ text, rank, at: [lng, lat] })),
}

const short = (_key: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value)
writeFileSync(new URL('./chicago.json', import.meta.url), `${JSON.stringify(basemap, short)}\n`)
