import { readFileSync } from 'node:fs'
import { latLngToCell } from 'h3-js'
import { expect, test } from 'vitest'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import {
  CUSTOMERS,
  customerOf,
  demandAt,
  fridayEvening,
  isLand,
  isServed,
  metresBetween,
  PLACES,
  zoneCells,
} from './chicago.ts'

const cells = new Set(zoneCells())

test('the ten places lie in their zone, on land, each under a name of its own', () => {
  expect(PLACES).toHaveLength(10)
  expect(new Set(PLACES.map(place => place.warehouse_id)).size).toBe(10)
  for (const { point } of PLACES) {
    expect(isLand(point)).toBe(true)
    expect(cells.has(latLngToCell(point.lat, point.lng, AREA_RESOLUTION))).toBe(true)
  }
})

test('the notice of the data that the coordinates come from is kept beside them', () => {
  const notice = readFileSync(new URL('chicago-getir.LICENSE', import.meta.url), 'utf8')
  expect(notice).toContain('Copyright (c) 2023 Peter Dieter')
  expect(notice).toContain('The above copyright notice and this permission notice shall be included')
})

test('people live near the places, on land, and a few per cent where nobody serves them', () => {
  const people = Array.from({ length: CUSTOMERS }, (_, i) => customerOf(1, i + 1))
  expect(people.every(({ point }) => isLand(point))).toBe(true)
  const beyond = people.filter(({ point }) => !isServed(point, cells)).length / people.length
  expect(beyond).toBeGreaterThan(0.02)
  expect(beyond).toBeLessThan(0.07)
  const near = people.filter(({ point }) => PLACES.some(place => metresBetween(place.point, point) < 2_000))
  expect(near.length / people.length).toBeGreaterThan(0.75)
})

test('the evening is a Friday, half past six in Chicago, in summer and in winter, and never over', () => {
  const spell = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Chicago',
    weekday: 'short',
    hourCycle: 'h23',
    hour: '2-digit',
    minute: '2-digit',
  })
  for (let day = 0; day < 380; day++) {
    const now = Date.UTC(2026, 0, 1, (day * 7) % 24, (day * 13) % 60) + day * 86_400_000
    const evening = fridayEvening(now)
    expect(spell.format(evening)).toBe('Fri 18:30')
    expect(evening).toBeGreaterThan(now)
    expect(evening - now).toBeLessThan(8 * 86_400_000)
  }
})

test('the evening swells and ebbs without a jump', () => {
  for (let minute = -40; minute < 400; minute++) {
    expect(Math.abs(demandAt(minute + 1) - demandAt(minute))).toBeLessThan(0.02)
    expect(demandAt(minute)).toBeGreaterThan(0)
  }
})
