import { describe, expect, test } from 'vitest'
import type { CourierView } from '../../engine/contract.ts'
import type { TripRow } from '../rows.ts'
import { type Heard, silentTrips } from './watch.ts'

const trip = (courier_id: string): TripRow => ({ tenant_id: 't', trip_id: `of-${courier_id}`, courier_id }) as TripRow
const seen = (courier_id: string, seen_at: number): CourierView =>
  ({ tenant_id: 't', courier_id, seen_at }) as CourierView

const look = (couriers: Record<string, number | undefined>, now: number, heard: Heard = new Map()) => {
  const fleet = Object.entries(couriers).flatMap(([id, at]) => (at === undefined ? [] : [seen(id, at)]))
  return silentTrips(Object.keys(couriers).map(trip), fleet, heard, { now, silent_s_max: 60 })?.map(
    one => one.courier_id,
  )
}

describe('who is silent', () => {
  test('has not been heard of for longer than is allowed', () => {
    expect(look({ a: 40_000, b: 39_999, c: 100_000 }, 100_000)).toEqual(['b'])
  })

  test('is also who left the live fleet, from the moment that it was last seen there', () => {
    const heard: Heard = new Map()
    expect(look({ a: 10_000, b: 10_000, c: 10_000 }, 20_000, heard)).toEqual([])
    expect(look({ a: undefined, b: 70_000, c: 70_000 }, 70_000, heard)).toEqual([])
    expect(look({ a: undefined, b: 70_001, c: 70_001 }, 70_001, heard)).toEqual(['a'])
  })

  test('is nobody who was never in the fleet since this process began, for as long', () => {
    const heard: Heard = new Map()
    expect(look({ a: undefined }, 500_000, heard)).toEqual([])
    expect(look({ a: undefined }, 560_000, heard)).toEqual([])
    expect(look({ a: undefined }, 560_001, heard)).toEqual(['a'])
  })

  test('is not believed of most of them at once: then it is our ear', () => {
    expect(look({ a: 0, b: 0, c: 0, d: 100_000 }, 100_000)).toBeUndefined()
    expect(look({ a: 0, b: 0, c: 100_000, d: 100_000 }, 100_000)).toEqual(['a', 'b'])
    expect(look({ a: 0 }, 100_000)).toEqual(['a'])
  })

  test('is forgotten with the last trip', () => {
    const heard: Heard = new Map([['t/old', 1]])
    look({ a: 1 }, 2, heard)
    expect([...heard.keys()]).toEqual(['t/a'])
  })
})
