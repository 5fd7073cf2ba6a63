import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { latLngToCell } from 'h3-js'
import { describe, expect, it } from 'vitest'
import { AREA_RESOLUTION } from '../../ingest/contract.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import { draws } from '../city/random.ts'
import type { Town } from '../city/town.ts'
import { townOf } from '../towns.ts'
import { folder } from './made_up.testing.ts'

/** A Tuesday, 12:00:07.500 in Berlin. */
const FROM = Date.UTC(2026, 5, 2, 10, 0, 7, 500)
const MIN = 60_000
const POINT = { lat: 52.52, lng: 13.4 }
const DOOR = { lat: 52.53, lng: 13.41 }
const cell = latLngToCell(POINT.lat, POINT.lng, 9)
const door_cell = latLngToCell(DOOR.lat, DOOR.lng, 9)

const line = (type: string, minutes: number, data: object, actor = 'test:x') => ({
  type,
  occurred_at: FROM + minutes * MIN,
  actor,
  data,
})
const milk = { warehouse_id: 'mitte', sku: 'milk', unit: 'each' }
const placed = (order_id: string, minutes: number, more: object = {}) =>
  line('order.placed', minutes, {
    ...{ order_id, external_id: `partner-${order_id}`, customer_ref: 'c', point: DOOR, cell: door_cell },
    lines: [{ line_id: 'l1', sku: 'milk', quantity: 2, unit: 'each' }],
    ...more,
  })
const part = (order_id: string) => ({ order_id, fulfilment_id: `${order_id}.1`, warehouse_id: 'mitte' })
const EVENTS = [
  line('policy.changed', 0, { policy: { ...DEFAULT_POLICY, handover_s: 200 } }, 'tool:record'),
  line(
    'warehouse.upserted',
    0,
    {
      ...{ warehouse_id: 'mitte', name: 'Mitte', point: POINT, cell, time_zone: 'Europe/Berlin', utc_offset_s: 7_200 },
      ...{ radius_m: 5_000, pickers: 2, pick_s_per_line: 30, pack_s: 60 },
    },
    'tool:record',
  ),
  line('travel.set', 0, { warehouse_id: 'mitte', version: 4, part: 0, parts: 1, cells: [door_cell], seconds: [400] }),
  line('stock.counted', 0, { ...milk, quantity: 7, as_of: FROM, safety: 1 }, 'tool:record'),
  line('shift.started', 0, {
    ...{ courier_id: 'k1', point: POINT, cell, vehicle: 'foot', capacity: 1, has: ['cold'] },
    home_warehouse_id: 'mitte',
  }),
  placed('a', 1),
  line('pick.started', 2, part('a')),
  line('line.short', 3, { ...part('a'), line_id: 'l1', quantity: 1 }),
  line('stock.counted', 4, { ...milk, quantity: 5, as_of: FROM + 3 * MIN }),
  line('order.packed', 5, { ...part('a'), bags: 1 }),
  placed('b', 6, { deliver_between: { from: FROM + 60 * MIN, to: FROM + 90 * MIN }, external_id: undefined }),
  line('warehouse.paused', 7, { warehouse_id: 'mitte', reason: 'power_cut' }),
  line('order.cancel_asked', 8, { order_id: 'b', reason: 'changed_my_mind' }),
  line('sku.suspended', 8, { warehouse_id: 'mitte', sku: 'milk', until: FROM + 20 * MIN, reason: 'recall' }),
  line('delivery.failed', 9, { ...part('a'), trip_id: 't', version: 3, courier_id: 'k1', reason: 'nobody_home' }),
  line('shift.ended', 10, { courier_id: 'k1' }),
  line('shift.started', 11, { courier_id: 'k1', point: DOOR, cell: door_cell, vehicle: 'foot', capacity: 1, has: [] }),
  line('stock.put_back', 30, { ...milk, quantity: 1, condition: 'sellable', order_id: 'a' }),
]
const HEAD = {
  recording: 1,
  zone: {
    ...{ zone_id: 'berlin', name: 'Berlin', time_zone: 'Europe/Berlin' },
    cells: [latLngToCell(POINT.lat, POINT.lng, AREA_RESOLUTION)],
  },
  from: FROM,
  to: FROM + 30 * MIN,
}
const LINES: readonly unknown[] = [HEAD, ...EVENTS, { end: EVENTS.length }]

const townFrom = (lines: readonly unknown[], above = ''): Town => {
  const path = join(folder(), 'recording.ndjson')
  writeFileSync(path, `${above}${lines.map(one => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')}\n`)
  return townOf({ kind: 'replay', path }, 1)
}

describe('a replay', () => {
  it('has the zone, the network and the shelves as they stood', () => {
    const { zone_id, cells, policy, places, catalogue, time_zone, begins } = townFrom(LINES)
    expect({ zone_id, cells, time_zone }).toMatchObject({ zone_id: 'berlin', cells: HEAD.zone.cells })
    expect(policy?.handover_s).toBe(200)
    expect(places).toMatchObject([
      { warehouse_id: 'mitte', pickers: 2, travel: { cells: [door_cell], seconds: [400] } },
    ])
    const [item] = catalogue.items
    const [place] = places
    if (!item || !place) throw new Error('one item in one warehouse')
    expect([item.sku, catalogue.shelf(place, item).there]).toEqual(['milk', 7])
    // The next Tuesday, though it is winter time by then.
    expect(new Date(begins(Date.UTC(2026, 10, 23))).toISOString()).toBe('2026-11-24T11:00:07.500Z')
  })

  it('has its orders when they came, under the same external ids, and their cancels and windows', () => {
    const town = townFrom(LINES)
    const [a, b] = [town.order(1, 0), town.order(2, 0)]
    expect(town.order(3, 0)).toBeUndefined()
    expect(a).toMatchObject({ due_ms: MIN, cancel: undefined, order: { external_id: 'partner-a', point: DOOR } })
    expect(a?.order).not.toHaveProperty('cell')
    expect(b).toMatchObject({
      ...{ due_ms: 6 * MIN, cancel: { after_s: 120, reason: 'changed_my_mind' } },
      ...{ window: { from_ms: 60 * MIN, to_ms: 90 * MIN }, order: { external_id: 'b' } },
    })
  })

  it('packs as long as it took, with the same lines short and the same doors shut', () => {
    const { crew, ride } = townFrom(LINES)
    const draw = draws(1, 'any')
    expect([crew.pack_s(draw, 'partner-a'), crew.pack_s(draw, 'b')]).toEqual([180, 180])
    const missing = (external_id: string) => crew.missing({ external_id, luck: '1' }, { line_id: 'l1', quantity: 2 })
    expect([missing('partner-a'), missing('b')]).toEqual([1, 0])
    expect([ride.isClosed?.('partner-a'), ride.isClosed?.('b')]).toEqual([true, false])
    expect([ride.counter_s(draw), ride.door_s(draw), ride.leave_s], 'of 200 s').toEqual([50, 100, 50])
  })

  it('has couriers from where they stood, each shift as it was', () => {
    const { fleet } = townFrom(LINES)
    expect(fleet.map(one => [one.courier_id, one.on_ms / MIN, one.off_ms && one.off_ms / MIN, one.tied])).toEqual([
      ['k1', 0, 10, true],
      ['k1.2', 11, undefined, false],
    ])
  })

  it('says again what warehouses said, in order, with times that move along', () => {
    expect(townFrom(LINES).script).toEqual([
      { due_ms: 0, type: 'stock.safety_set', data: { ...milk, safety: 1 } },
      { due_ms: 4 * MIN, type: 'stock.counted', data: { ...milk, quantity: 5, as_of: 3 * MIN } },
      { due_ms: 7 * MIN, type: 'warehouse.paused', data: { warehouse_id: 'mitte', reason: 'power_cut' } },
      {
        ...{ due_ms: 8 * MIN, type: 'sku.suspended' },
        data: { warehouse_id: 'mitte', sku: 'milk', until: 20 * MIN, reason: 'recall' },
      },
      // Its order has another id now.
      { due_ms: 30 * MIN, type: 'stock.put_back', data: { ...milk, quantity: 1, condition: 'sellable' } },
    ])
  })

  it('may have the lines above it that npm writes', () => {
    expect(townFrom(LINES, '\n> waggle@0.1.0 record\n> node record\n\n').zone_id).toBe('berlin')
  })
})

describe('a recording that cannot be used is refused whole, with the line', () => {
  const without = (at: number) => LINES.filter((_, place) => place !== at)
  const changed = (at: number, line: unknown) => LINES.map((one, place) => (place === at ? line : one))

  it.each<[string, readonly unknown[], string]>([
    ['no JSON', changed(7, '{"type": '), 'line 8: it is not JSON'],
    ['an unknown type', changed(7, line('order.lost', 1, {})), 'line 8: /type must be one of'],
    [
      'a bad field',
      changed(6, placed('a', 1, { point: { lat: 'north', lng: 0 } })),
      'line 7: data of order.placed: /point/lat',
    ],
    ['a field too many', changed(6, placed('a', 1, { phone: '1' })), 'line 7: data of order.placed:'],
    [
      'something out of order',
      changed(8, line('line.short', 0, { ...part('a'), line_id: 'l1', quantity: 1 })),
      'line 9: it happened at',
    ],
    ['something behind the end', changed(17, line('shift.ended', 31, { courier_id: 'k1' })), 'line 18: it happened at'],
    ['no head', without(0), 'line 1: no beginning of a recording'],
    ['no end', LINES.slice(0, -1), 'has no end: it was cut off behind line'],
    ['a line lost', without(9), '17 events stand above, not 18'],
    ['nothing', [], 'holds nothing'],
  ])('%s', (_, lines, message) => {
    expect(() => townFrom(lines)).toThrow(message)
  })
})
