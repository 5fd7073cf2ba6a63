import { expect, test } from 'vitest'
import { utcOffsetSeconds } from './time_zone.ts'

test.each([
  ['America/Chicago', '2024-01-15T12:00Z', -6 * 3_600],
  ['America/Chicago', '2024-07-15T12:00Z', -5 * 3_600],
  ['Asia/Kolkata', '2024-07-15T12:00Z', 5.5 * 3_600],
  ['Europe/Istanbul', '2024-01-15T12:00Z', 3 * 3_600],
  ['UTC', '2024-01-15T12:00Z', 0],
  ['Europe/London', '2024-01-15T12:00Z', 0],
  ['Middle/Earth', '2024-01-15T12:00Z', undefined],
])('%s at %s', (zone, time, expected) => {
  expect(utcOffsetSeconds(zone, Date.parse(time))).toBe(expected)
})
