import { randomUUIDv7 } from 'node:crypto'
import fc from 'fast-check'
import { latLngToCell } from 'h3-js'
import { expect, test } from 'vitest'
import { type Accepted, accept, acceptOwn, bornAt, type Context, type Directory, type Rejected } from './accept.ts'
import { NOT_AT_THE_DOOR, NOWHERE, operations_events, partitionOf, REJECTIONS } from './contract.ts'
import type { TenantId, ZoneId } from './events/envelope.ts'
import { shapeOf } from './io/shape.ts'
import { KINDS } from './kinds.ts'

const LOOP = { lat: 41.8837, lng: -87.6289 }
const SEA = { lat: 0, lng: -30 }
const WALL_MS = Date.now()
const chicago = 'chicago' as ZoneId
const ZONES_OF: Partial<Record<string, ZoneId>> = { w1: chicago, w2: chicago, madison: 'wisconsin' as ZoneId }
const directory: Directory = {
  zoneOfWarehouse: (tenant, warehouse) => (tenant === 'demo' ? ZONES_OF[warehouse] : undefined),
  zoneOfArea: (tenant, cell) =>
    tenant === 'demo' && cell === latLngToCell(LOOP.lat, LOOP.lng, 7) ? chicago : undefined,
  hasZone: (tenant, zone) => tenant === 'demo' && zone === chicago,
}
const context: Context = {
  caller: { tenant_id: 'demo' as TenantId, actor: 'warehouse:w1', scopes: ['events:write'], act_as: ['picker'] },
  correlation_id: 'corr-1',
  wall_ms: WALL_MS,
  time_ms: 1_700_000_000_000,
  partitions: 8,
}
const internal: Context = { ...context, internal: true }
const stock = { warehouse_id: 'w1', sku: 'milk', unit: 'each', quantity: 4 }
const received = { type: 'stock.received', data: stock }
const order = {
  order_id: 'o1',
  customer_ref: 'c1',
  point: LOOP,
  lines: [{ line_id: '1', sku: 'milk', quantity: 1, unit: 'each' }],
}

function accepted(draft: unknown, given = context): Accepted {
  const result = accept(draft, directory, given)
  if (!result.ok) throw new Error(`rejected: ${JSON.stringify(result)}`)
  return result
}

test('a draft becomes the whole event, in the partition of its zone', () => {
  const { event, topic, key, partition, value } = accepted({ ...received, source_seq: 7, occurred_at: 5 })
  expect(event).toEqual({
    event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    type: 'stock.received',
    schema_version: 1,
    tenant_id: 'demo',
    zone_id: 'chicago',
    occurred_at: 5,
    received_at: WALL_MS,
    source: 'warehouse:w1',
    actor: 'warehouse:w1',
    correlation_id: 'corr-1',
    source_seq: 7,
    data: stock,
  })
  expect([topic, key, partition]).toEqual(['operations', 'chicago', partitionOf('chicago', 8)])
  expect(JSON.parse(value.toString())).toEqual(event)
  expect(Math.abs(bornAt(event.event_id) - Date.now())).toBeLessThan(5_000)
})

test('the business clock gives occurred_at where the sender does not', () => {
  expect(accepted(received).event.occurred_at).toBe(1_700_000_000_000)
})

test('an order is placed by its point, and its cell is computed', () => {
  const here = accepted({ type: 'order.placed', data: order }, internal)
  expect(here.event).toMatchObject({ zone_id: 'chicago', data: { cell: latLngToCell(LOOP.lat, LOOP.lng, 9) } })
  const there = accepted({ type: 'order.placed', data: { ...order, point: SEA } }, internal)
  expect(there.event.zone_id).toBe(NOWHERE)
  expect(shapeOf(operations_events['order.placed']).fits(here.event.data)).toBe(true)
})

test('the order inside a confirmed hold gets its cell too', () => {
  const { event } = accepted({ type: 'hold.confirmed', zone_id: 'chicago', data: { hold_id: 'h', order } }, internal)
  expect(event.data).toMatchObject({ order: { cell: latLngToCell(LOOP.lat, LOOP.lng, 9) } })
})

test('couriers are keyed by courier and placed by point, else by what they say, else nowhere', () => {
  const moved = { type: 'courier.moved', data: { courier_id: 'c17', point: LOOP } }
  expect(accepted(moved)).toMatchObject({ topic: 'couriers', key: 'c17', partition: partitionOf('c17', 8) })
  expect(accepted(moved).event.zone_id).toBe('chicago')
  const ended = { type: 'shift.ended', data: { courier_id: 'c17' } }
  expect(accepted({ ...ended, zone_id: 'chicago' }).event.zone_id).toBe('chicago')
  expect(accepted(ended).event.zone_id).toBe(NOWHERE)
})

test('our own code may write what the door refuses, and names the zone of a new warehouse', () => {
  const warehouse = {
    warehouse_id: 'new',
    name: 'New',
    point: LOOP,
    time_zone: 'America/Chicago',
    utc_offset_s: -18_000,
    radius_m: 3_000,
    pickers: 4,
    pick_s_per_line: 20,
    pack_s: 30,
  }
  const draft = { type: 'warehouse.upserted', zone_id: 'brand-new', data: warehouse }
  expect(acceptOwn(draft, directory, context).event).toMatchObject({ zone_id: 'brand-new', data: { cell: /^89/ } })
  expect(() => acceptOwn({ type: 'tick', data: {} }, directory, context)).toThrow(/outside_every_zone/)
})

const old_id = randomUUIDv7().replace(/^.{13}/, '01000000-0000')
const ahead_id = randomUUIDv7().replace(/^.{13}/, 'ff000000-0000')
const bad: [name: string, draft: unknown, expected: Omit<Rejected, 'ok' | 'detail'>][] = [
  ['null', null, { reason: 'not_an_object', pointer: '' }],
  ['text', 'hello', { reason: 'not_an_object', pointer: '' }],
  ['a list', [received], { reason: 'not_an_object', pointer: '' }],
  ['no type', { data: {} }, { reason: 'wrong_shape', pointer: '/type' }],
  ['no data', { type: 'stock.received' }, { reason: 'wrong_shape', pointer: '/data' }],
  ['a type that is a number', { ...received, type: 5 }, { reason: 'wrong_shape', pointer: '/type' }],
  ['an unknown type', { ...received, type: 'stock.eaten' }, { reason: 'unknown_type', pointer: '/type' }],
  ["a name of JavaScript's own", { ...received, type: 'constructor' }, { reason: 'unknown_type', pointer: '/type' }],
  ['an unknown field outside', { ...received, colour: 1 }, { reason: 'unknown_field', pointer: '/colour' }],
  ['a tenant', { ...received, tenant_id: 'other' }, { reason: 'unknown_field', pointer: '/tenant_id' }],
  [
    'an unknown field inside',
    { ...received, data: { ...stock, colour: 'red' } },
    { reason: 'unknown_field', pointer: '/data/colour' },
  ],
  [
    'a cell',
    { type: 'courier.moved', data: { courier_id: 'c1', point: LOOP, cell: '891f1d48177ffff' } },
    { reason: 'unknown_field', pointer: '/data/cell' },
  ],
  [
    'a field too many in a point',
    { type: 'courier.moved', data: { courier_id: 'c1', point: { ...LOOP, alt: 3 } } },
    { reason: 'unknown_field', pointer: '/data/point/alt' },
  ],
  [
    'text where a number belongs',
    { ...received, data: { ...stock, quantity: '4' } },
    { reason: 'wrong_shape', pointer: '/data/quantity' },
  ],
  [
    'half a piece',
    { ...received, data: { ...stock, quantity: 0.5 } },
    { reason: 'wrong_shape', pointer: '/data/quantity' },
  ],
  ['another unit', { ...received, data: { ...stock, unit: 'kg' } }, { reason: 'wrong_shape', pointer: '/data/unit' }],
  [
    'a point off the earth',
    { type: 'courier.moved', data: { courier_id: 'c1', point: { lat: 91, lng: 0 } } },
    { reason: 'wrong_shape', pointer: '/data/point/lat' },
  ],
  [
    'an unknown warehouse',
    { ...received, data: { ...stock, warehouse_id: 'w404' } },
    { reason: 'unknown_warehouse', pointer: '/data/warehouse_id' },
  ],
  ['an unknown zone', { ...received, zone_id: 'atlantis' }, { reason: 'unknown_zone', pointer: '/zone_id' }],
  ['another zone', { ...received, zone_id: NOWHERE }, { reason: 'wrong_zone', pointer: '/zone_id' }],
  ['a UUIDv4', { ...received, event_id: crypto.randomUUID() }, { reason: 'wrong_shape', pointer: '/event_id' }],
  ['an old id', { ...received, event_id: old_id }, { reason: 'event_id_too_old', pointer: '/event_id' }],
  [
    'an id of the future',
    { ...received, event_id: ahead_id },
    { reason: 'event_id_ahead_of_time', pointer: '/event_id' },
  ],
  ['another actor', { ...received, actor: 'dispatcher:d1' }, { reason: 'actor_not_allowed', pointer: '/actor' }],
  [
    'a large one',
    { ...received, data: { ...stock, reference: 'x'.repeat(300_000) } },
    { reason: 'wrong_shape', pointer: '/data/reference' },
  ],
  ['a delivery', { type: 'trip.accepted', data: {} }, { reason: 'not_at_the_door', pointer: '/type' }],
  ...Object.keys(NOT_AT_THE_DOOR).map((type): (typeof bad)[number] => [
    `${type} from outside`,
    { type, data: {} },
    { reason: 'not_at_the_door', pointer: '/type' },
  ]),
]

test.each(bad)('%s is rejected with reason and pointer', (_name, draft, expected) => {
  const result = accept(draft, directory, context)
  expect(result).toMatchObject({ ok: false, ...expected, detail: expect.stringMatching(/.{10,}/) })
})

test('an actor of a kind that the key may speak for is taken', () => {
  expect(accepted({ ...received, actor: 'picker:p4' }).event.actor).toBe('picker:p4')
})

test("another tenant's warehouse is unknown", () => {
  const stranger = { ...context.caller, tenant_id: 'acme' as TenantId }
  expect(accept(received, directory, { ...context, caller: stranger })).toMatchObject({ reason: 'unknown_warehouse' })
})

test('ids at both edges of the window pass, one ms beyond they do not', () => {
  const idBornAt = (ms: number) => {
    const hex = ms.toString(16).padStart(12, '0')
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
  }
  const at = (ms: number) => accept({ ...received, event_id: idBornAt(WALL_MS + ms) }, directory, context).ok
  expect([at(-55 * 60_000), at(-55 * 60_000 - 1), at(5 * 60_000), at(5 * 60_000 + 1)]).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('whatever comes in, the answer is an event or a reason of the list, and nothing throws', () => {
  const types = fc.constantFrom(...KINDS.keys())
  const draft = fc.oneof(
    fc.jsonValue(),
    fc.record({ type: types, data: fc.jsonValue() }),
    fc.record({
      type: types,
      data: fc.dictionary(fc.constantFrom('point', 'order', 'warehouse_id', 'cell'), fc.jsonValue()),
    }),
  )
  fc.assert(
    fc.property(draft, fc.boolean(), (value, own) => {
      const result = accept(value, directory, own ? internal : context)
      expect(result.ok || REJECTIONS.includes(result.reason)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('an unknown field anywhere in an order is refused, with a pointer to it', () => {
  const places = [[], ['point'], ['lines', '0']] as const
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.stringMatching(/^[a-z/~]{1,12}$/), (path, name) => {
      const copy = structuredClone(order) as Record<string, unknown>
      const target = path.reduce((at, step) => at[step] as Record<string, unknown>, copy)
      fc.pre(!(name in target) && !(name in {}) && !KNOWN.has(name))
      target[name] = 1
      const escaped = name.replaceAll('~', '~0').replaceAll('/', '~1')
      expect(accept({ type: 'order.placed', data: copy }, directory, internal)).toMatchObject({
        reason: 'unknown_field',
        pointer: ['/data', ...path, escaped].join('/'),
      })
    }),
  )
})
const KNOWN = new Set(['requires', 'split', 'warehouse_id', 'external_id', 'on_shortfall', 'deliver_between'])

test('every point has a partition of its zone, the same each time', () => {
  const point = fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
  })
  fc.assert(
    fc.property(point, at => {
      const { event, partition } = accepted({ type: 'order.placed', data: { ...order, point: at } }, internal)
      expect(partition).toBe(partitionOf(event.zone_id, 8))
      expect((event.data as { cell: string }).cell).toBe(latLngToCell(at.lat, at.lng, 9))
    }),
  )
})

test('a transfer stays within its zone, and is refused at the door with the field that is wrong', () => {
  const data = {
    transfer_id: 't1',
    warehouse_id: 'w1',
    to_warehouse_id: 'w2',
    lines: [{ sku: 'milk', unit: 'each', quantity: 2 }],
  }
  const draft = { type: 'transfer.sent', data }
  expect(accepted(draft).event.zone_id).toBe('chicago')
  const to = (to_warehouse_id: string) => accept({ ...draft, data: { ...data, to_warehouse_id } }, directory, context)
  expect(to('moon')).toMatchObject({ reason: 'unknown_warehouse', pointer: '/data/to_warehouse_id' })
  expect(to('madison')).toMatchObject({ reason: 'wrong_zone', pointer: '/data/to_warehouse_id' })
  const received = { type: 'transfer.received', data: { transfer_id: 't1', warehouse_id: 'w2' } }
  expect(accepted(received).event.zone_id).toBe('chicago')
})

test('a mode comes with its figure', () => {
  const mode = (more: object) =>
    accept({ type: 'warehouse.mode', data: { warehouse_id: 'w1', ...more } }, directory, context)
  expect(mode({ mode: 'normal' }).ok).toBe(true)
  expect(mode({ mode: 'busy' })).toMatchObject({ reason: 'wrong_shape', pointer: '/data/busy_extra_s' })
  expect(mode({ mode: 'busy', busy_extra_s: 600 }).ok).toBe(true)
  expect(mode({ mode: 'throttled' })).toMatchObject({ pointer: '/data/throttle_per_10_min' })
  expect(mode({ mode: 'throttled', throttle_per_10_min: 0 }).ok).toBe(true)
})
