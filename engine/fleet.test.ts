import fc from 'fast-check'
import { cellToParent } from 'h3-js'
import { expect, test } from 'vitest'
import type { CourierEvent } from '../ingest/contract.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { type CourierView, SUPPLY_RESOLUTION } from './contract.ts'
import { newFleet, restoreCourier, stepFleet, supplyOf } from './fleet.ts'

const POINTS = Array.from({ length: 12 }, (_, place) => ({ lat: 41.88 + 0.004 * place, lng: -87.63 - 0.003 * place }))

const event = fc
  .record({
    courier: fc.integer({ min: 0, max: 4 }),
    place: fc.integer({ min: 0, max: POINTS.length - 1 }),
    at: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('shift.started', 'shift.ended', 'moved', 'moved', 'break', 'available'),
    tenant: fc.constantFrom('a', 'b'),
  })
  .map(({ courier, place, at, kind, tenant }) => {
    const courier_id = `${tenant}-c${courier}`
    const point = POINTS[place] ?? { lat: 41.88, lng: -87.63 }
    const here = { courier_id, point, cell: cellOf(point) }
    const events: Record<string, object> = {
      'shift.started': { type: kind, data: { ...here, vehicle: 'bicycle', capacity: 2, has: [] } },
      'shift.ended': { type: kind, data: { courier_id } },
      moved: { type: 'courier.moved', data: here },
      break: { type: 'state.changed', data: { courier_id, state: 'break' } },
      available: { type: 'state.changed', data: { courier_id, state: 'available' } },
    }
    return { ...events[kind], tenant_id: tenant, zone_id: 'z', occurred_at: at } as unknown as CourierEvent
  })

/** Counted anew from the couriers, as somebody would who had never heard of supply. */
function counted(couriers: Iterable<CourierView>): Record<string, number> {
  const cells: Record<string, number> = {}
  for (const { tenant_id, state, cell } of couriers) {
    if (state !== 'available') continue
    const key = `${tenant_id} ${cellToParent(cell, SUPPLY_RESOLUTION)}`
    cells[key] = (cells[key] ?? 0) + 1
  }
  return cells
}
const asRecord = (rows: ReturnType<typeof supplyOf>) =>
  Object.fromEntries(rows.map(({ tenant_id, cell, available }) => [`${tenant_id} ${cell}`, available]))

test('supply by cell is what a count of the couriers gives, after every event and after a checkpoint', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      const fleet = newFleet()
      for (const one of events) {
        stepFleet(fleet, one)
        expect(asRecord(supplyOf(fleet))).toEqual(counted(fleet.couriers.values()))
      }
      const loaded = newFleet()
      for (const [id, courier] of fleet.couriers) restoreCourier(loaded, id, courier)
      expect(supplyOf(loaded)).toEqual(supplyOf(fleet))
      expect([...loaded.couriers]).toEqual([...fleet.couriers])
    }),
  )
})

test('what is older than what is known of a courier changes nothing', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      const fleet = newFleet()
      const newest = new Map<string, number>()
      for (const one of events) {
        const known = fleet.couriers.get(one.data.courier_id)
        const before = JSON.stringify(known)
        const outcome = stepFleet(fleet, one)
        if (one.occurred_at < (newest.get(one.data.courier_id) ?? 0)) {
          expect(outcome).toBe('superseded')
          expect(JSON.stringify(fleet.couriers.get(one.data.courier_id))).toBe(before)
        } else if (outcome === 'ok') newest.set(one.data.courier_id, one.occurred_at)
      }
    }),
  )
})

test('what was agreed on for the shift stands in the view until the next shift', () => {
  const fleet = newFleet()
  const [point] = POINTS
  const here = {
    courier_id: 'c',
    point,
    cell: cellOf(point ?? { lat: 0, lng: 0 }),
    vehicle: 'bicycle',
    capacity: 2,
    has: [],
  }
  const began = (occurred_at: number, agreed: object) =>
    ({
      type: 'shift.started',
      data: { ...here, ...agreed },
      tenant_id: 'a',
      zone_id: 'z',
      occurred_at,
    }) as object as CourierEvent
  const breaks = [{ from: 50, to: 60 }]
  stepFleet(fleet, began(1, { ends_at: 100, breaks }))
  expect([...fleet.couriers.values()]).toMatchObject([{ shift_ends_at: 100, breaks }])
  stepFleet(fleet, began(2, {}))
  expect([...fleet.couriers.values()][0]).not.toHaveProperty('shift_ends_at')
})
