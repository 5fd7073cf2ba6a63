import { cellToLatLng, latLngToCell } from 'h3-js'
import { expect, test } from 'vitest'
import { distanceMeters } from '../../ingest/events/geo.ts'
import { crowdAround } from './crowds.ts'

const STADIUM = { lat: 41.9484, lng: -87.6553 }
const WEST = { lat: 41.9388, lng: -87.6657 }
const terms = { seed: 1, name: 'crowd1', towards: WEST, people: 200, span_s: 150 }

test('a crowd is in three hexagons around the place, on the side asked for, and comes bit by bit', () => {
  const { cells, people } = crowdAround(STADIUM, terms)
  expect(new Set(cells).size).toBe(3)
  expect(cells[0]).toBe(latLngToCell(STADIUM.lat, STADIUM.lng, 8))
  const toWest = (cell: string) => {
    const [lat, lng] = cellToLatLng(cell)
    return distanceMeters({ lat, lng }, WEST)
  }
  for (const cell of cells.slice(1)) expect(toWest(cell)).toBeLessThan(toWest(cells[0] ?? ''))
  // A small hexagon at the rim of a large one may stick out of it.
  const inside = people.filter(({ point }) => cells.includes(latLngToCell(point.lat, point.lng, 8)))
  expect(inside.length).toBeGreaterThan(180)
  const times = people.map(one => one.after_s)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect([Math.floor((times[0] ?? 99) / 15), Math.floor((times.at(-1) ?? 0) / 15)]).toEqual([0, 9])
  expect(new Set(people.map(one => one.name)).size).toBe(200)
})

test('is the same for the same seed and name, and another for another', () => {
  expect(crowdAround(STADIUM, terms)).toEqual(crowdAround(STADIUM, terms))
  const places = (more: object) => crowdAround(STADIUM, { ...terms, ...more }).people.map(one => one.point)
  for (const other of [{ name: 'crowd2' }, { seed: 2 }]) expect(places(other)).not.toEqual(places({}))
})
