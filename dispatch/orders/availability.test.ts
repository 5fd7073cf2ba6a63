import { describe, expect, it } from 'vitest'
import type { WarehouseAvailability } from '../../engine/contract.ts'
import type { AvailabilityReading } from '../../engine/io/views.ts'
import { readAtLeast } from './availability.ts'

const QUESTION = {
  warehouse_ids: ['loop', 'skokie'],
  point: { lat: 41.88, lng: -87.63 },
  skus: [],
  partition: 3,
  time_ms: 0,
}

const loop = (offset: number): WarehouseAvailability => ({
  ...{ warehouse_id: 'loop' as WarehouseAvailability['warehouse_id'], name: 'Loop', promise_s: 900, travel_s: 300 },
  ...{ paused: false, items: [], as_of: { partition: 3, epoch: 1, offset: `${offset}` } },
})

/** Answers with one reading after the other, and with the last one from then on. */
function views(...readings: AvailabilityReading[]) {
  let asked = 0
  return {
    asked: () => asked,
    availability: async () => readings[Math.min(asked++, readings.length - 1)] ?? { warehouses: [], missing: [] },
  }
}

describe('availability', () => {
  it('waits for a view that is not there yet, and never takes its absence for an answer', async () => {
    const reading = views({ warehouses: [], missing: ['loop'] }, { warehouses: [loop(7)], missing: [] })
    expect(await readAtLeast(reading, QUESTION, { partition: 3, offset: 7 })).toEqual({
      warehouses: [loop(7)],
      stale: false,
    })
    expect(reading.asked()).toBe(2)
  })

  it('waits for views that are as new as is asked', async () => {
    const reading = views({ warehouses: [loop(6)], missing: [] }, { warehouses: [loop(7)], missing: [] })
    expect(await readAtLeast(reading, QUESTION, { partition: 3, offset: 7 })).toMatchObject({ stale: false })
    expect(reading.asked()).toBe(2)
  })

  it('says after a short while that it is stale', async () => {
    expect(await readAtLeast(views({ warehouses: [loop(7)], missing: ['skokie'] }), QUESTION, null)).toEqual({
      ...{ warehouses: [loop(7)], stale: true },
    })
    expect(
      await readAtLeast(views({ warehouses: [loop(6)], missing: [] }), QUESTION, { partition: 3, offset: 7 }),
    ).toMatchObject({ stale: true })
  })

  it('is whole without those that are out of reach, and asks another partition for nothing', async () => {
    expect(await readAtLeast(views({ warehouses: [], missing: [] }), QUESTION, null)).toEqual({
      warehouses: [],
      stale: false,
    })
    const reading = views({ warehouses: [loop(1)], missing: [] })
    expect(await readAtLeast(reading, QUESTION, { partition: 4, offset: 9 })).toMatchObject({ stale: false })
  })
})
