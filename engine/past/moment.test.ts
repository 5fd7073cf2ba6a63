import { describe, expect, test } from 'vitest'
import { dayText, readMoment } from './moment.ts'

const CHICAGO = 'America/Chicago'
/** Friday evening, 18:00 in Chicago; the next day in UTC */
const NOW = Date.parse('2026-01-03T00:00:00Z')
const time = (text: string, zone = CHICAGO) => {
  const moment = readMoment(text, NOW, zone)
  return moment.kind === 'time' ? new Date(moment.time_ms).toISOString() : moment
}

describe('a moment', () => {
  test('of the clock is of today, as the clocks there say', () => {
    expect(time('19:30')).toBe('2026-01-03T01:30:00.000Z')
    expect(time('7:05:09')).toBe('2026-01-02T13:05:09.000Z')
    expect(time('19:30', 'UTC')).toBe('2026-01-03T19:30:00.000Z')
  })

  test('with a date is local unless it says otherwise', () => {
    expect(time('2026-01-02T19:30')).toBe('2026-01-03T01:30:00.000Z')
    expect(time('2026-01-02 19:30:15')).toBe('2026-01-03T01:30:15.000Z')
    expect(time('2026-01-02')).toBe('2026-01-02T06:00:00.000Z')
    expect(time('2026-01-02T19:30:00Z')).toBe('2026-01-02T19:30:00.000Z')
    expect(time('2026-01-02T19:30:00+02:00')).toBe('2026-01-02T17:30:00.000Z')
  })

  test('is right on both sides of a change of the clocks', () => {
    expect(time('2026-03-08T01:30')).toBe('2026-03-08T07:30:00.000Z')
    expect(time('2026-03-08T03:30')).toBe('2026-03-08T08:30:00.000Z')
  })

  test('can be an offset, or now', () => {
    expect(time('120400')).toEqual({ kind: 'offset', offset: 120_400 })
    expect(time('now')).toEqual({ kind: 'end' })
  })

  test.each(['', 'noon', '25:00', '12:60', '-5', '2026-13-45T00:00:00Z', '1.5'])('is not %j', text => {
    expect(() => readMoment(text, NOW, CHICAGO)).toThrow(/is no moment/)
  })

  test('is shown as the clocks there say', () => {
    expect(dayText(NOW, CHICAGO)).toBe('2026-01-02 18:00:00')
  })
})
