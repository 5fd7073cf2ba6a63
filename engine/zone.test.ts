import { describe, expect, test } from 'vitest'
import type { OperationsEvent, OperationsType } from '../ingest/contract.ts'
import type { Decision, DecisionOf, DecisionType } from '../ingest/events/decisions.ts'
import type { OrderId, Sku, TenantId, WarehouseId, ZoneId } from '../ingest/events/envelope.ts'
import { cellOf } from '../ingest/events/geo.ts'
import { newZone, type StockState } from './state.ts'
import { nextDue, type Outcome, step } from './zone.ts'

/** What the fold decides, case by case, on a street with three warehouses: near (1 km), middle (3 km) and far (6 km). */

const START = Date.UTC(2026, 0, 2, 18)
const DOOR = { lat: 41.9, lng: -87.65 }
const northOf = (meters: number) => ({ lat: DOOR.lat + meters / 111_195, lng: DOOR.lng })

function street() {
  const zone = newZone('street' as ZoneId, 'demo' as TenantId)
  let offset = 0
  let now = START
  const send = (type: OperationsType, data: unknown, id = eventId(now, offset)): Outcome => {
    const envelope = {
      event_id: id,
      schema_version: 1,
      tenant_id: 'demo',
      zone_id: 'street',
      occurred_at: now,
      received_at: now,
    }
    const event = {
      ...envelope,
      type,
      source: 'test',
      actor: 'test:zone',
      correlation_id: 'c',
      data,
    } as OperationsEvent
    offset += 1
    return step(zone, { offset, appended_at: now, event })
  }
  for (const [warehouse_id, meters] of [
    ['near', 1_000],
    ['middle', 3_000],
    ['far', 6_000],
  ] as const) {
    const point = northOf(meters)
    const times = { time_zone: 'America/Chicago', utc_offset_s: -21_600, pick_s_per_line: 30, pack_s: 60 }
    send('warehouse.upserted', {
      warehouse_id,
      name: warehouse_id,
      point,
      cell: cellOf(point),
      ...times,
      radius_m: 8_000,
      pickers: 2,
    })
    send('stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: 10, as_of: now })
    send('stock.counted', {
      warehouse_id,
      sku: 'bread',
      unit: 'each',
      quantity: warehouse_id === 'near' ? 1 : 10,
      as_of: now,
    })
  }
  return {
    zone,
    send,
    pass: (ms: number) => {
      now += ms
    },
    now: () => now,
    place: (order_id: string, lines: Record<string, number>, more: object = {}) =>
      send('order.placed', {
        order_id,
        customer_ref: 'c1',
        point: DOOR,
        cell: cellOf(DOOR),
        lines: Object.entries(lines).map(([sku, quantity]) => ({ line_id: sku, sku, quantity, unit: 'each' })),
        ...more,
      }),
    pick: (type: OperationsType, order_id: string, more: object = {}, warehouse_id = 'near') =>
      send(type, { order_id, fulfilment_id: `${order_id}.1`, warehouse_id, ...more }),
    stock: (warehouse_id: string, sku: string): StockState => {
      const stock = zone.warehouses.get(warehouse_id as WarehouseId)?.stock.get(sku as Sku)
      if (!stock) throw new Error(`${warehouse_id} has no ${sku}`)
      return stock
    },
  }
}

/** UUIDv7 of a moment and a number. */
function eventId(at: number, number: number): string {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`
}

function decisionsOf(outcome: Outcome): Decision[] {
  if (outcome.kind === 'ok' || outcome.kind === 'superseded') return outcome.decisions
  throw new Error(`${outcome.kind}: ${'detail' in outcome ? outcome.detail : ''}`)
}

function only<T extends DecisionType>(outcome: Outcome, type: T): DecisionOf<T> {
  const found = decisionsOf(outcome).filter((decision): decision is DecisionOf<T> => decision.type === type)
  const [first] = found
  if (!first || found.length > 1) throw new Error(`${found.length} × ${type} in ${JSON.stringify(outcome)}`)
  return first
}

describe('routing', () => {
  test('the shortest promise wins, all lines are reserved there, and the decision tells why', () => {
    const { place, stock, now } = street()
    const routed = only(place('o1', { milk: 2, bread: 1 }), 'order.routed')
    expect(routed.fulfilments.map(({ warehouse_id }) => warehouse_id)).toEqual(['near'])
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 10, reserved: 2 })
    expect(routed.candidates).toEqual([
      { warehouse_id: 'near', promise_s: routed.candidates[0]?.promise_s, travel_s: 238 },
    ])
    // No lines wait: two lines are picked and packed in 120 s; a courier takes 240 s to come; then the road and 300 s fixed.
    expect(routed.promise.deliver_by).toBe(now() + 1_000 * (240 + 238 + 300))
    expect(routed.promise.ready_at).toBe(now() + 1_000 * 120)
  })

  test('a warehouse that cannot cover every line is passed over, with the line that failed', () => {
    const { place, stock } = street()
    const routed = only(place('o1', { milk: 1, bread: 2 }), 'order.routed')
    expect(routed.fulfilments[0]?.warehouse_id).toBe('middle')
    expect(routed.candidates[0]).toMatchObject({ warehouse_id: 'near', refused: 'out_of_stock', line_id: 'bread' })
    expect(stock('near', 'milk').reserved).toBe(0)
  })

  test('two lines of one SKU must be covered together', () => {
    const { send, stock } = street()
    const line = { sku: 'milk', quantity: 6, unit: 'each' }
    const lines = [
      { line_id: 'a', ...line },
      { line_id: 'b', ...line },
    ]
    const outcome = send('order.placed', { order_id: 'o1', customer_ref: 'c', point: DOOR, cell: cellOf(DOOR), lines })
    expect(only(outcome, 'order.rejected')).toMatchObject({ reason: 'out_of_stock', line_id: 'b', retryable: true })
    expect(stock('near', 'milk').reserved).toBe(0)
  })

  test('safety stock is not sold', () => {
    const { send, place, now } = street()
    send('stock.counted', { warehouse_id: 'near', sku: 'milk', unit: 'each', quantity: 5, safety: 4, as_of: now() })
    expect(only(place('o1', { milk: 2 }), 'order.routed').fulfilments[0]?.warehouse_id).toBe('middle')
  })

  test.each([
    ['outside_service_area', { point: { lat: 40, lng: -87 }, cell: cellOf({ lat: 40, lng: -87 }) }, false],
    ['warehouse_unknown', { warehouse_id: 'nobody' }, false],
    ['window_missed', { deliver_between: { from: START, to: START + 60_000 } }, false],
  ] as const)('%s', (reason, more, retryable) => {
    const { place } = street()
    expect(only(place('o1', { milk: 1 }, more), 'order.rejected')).toMatchObject({ reason, retryable })
  })

  test('a long queue makes the next warehouse faster, and in the end everything full', () => {
    const { place } = street()
    const winners = Array.from({ length: 30 }, (_, place_) => {
      const [decision] = decisionsOf(place(`o${place_}`, { milk: 1 }))
      return decision?.type === 'order.routed'
        ? decision.fulfilments[0]?.warehouse_id
        : decision?.type === 'order.rejected'
          ? decision.reason
          : '?'
    })
    expect(new Set(winners)).toEqual(new Set(['near', 'middle', 'far']))
    expect(winners.slice(0, 10)).toEqual(Array(10).fill('near'))
  })

  test('the same order again is a duplicate, with other content a conflict', () => {
    const { place, send, zone } = street()
    const id = eventId(START, 999)
    place('o1', { milk: 1 })
    expect(place('o1', { milk: 1 }).kind).toBe('duplicate')
    const looked = zone.orders.peek('o1' as OrderId)
    expect(place('o1', { milk: 2 })).toMatchObject({ kind: 'dead', reason: 'conflict' })
    // Orders are objects while a step lasts and no longer, whatever comes of it.
    expect(zone.orders.peek('o1' as OrderId)).not.toBe(looked)
    expect(zone.orders.peek('o1' as OrderId)).toEqual(looked)
    expect(send('tick', {}, id).kind).toBe('ok')
    expect(send('tick', {}, id).kind).toBe('duplicate')
  })

  test('an id older than what is remembered is not guessed about', () => {
    const { send, pass } = street()
    pass(3_700_000)
    send('tick', {})
    expect(send('tick', {}, eventId(START, 5_000))).toMatchObject({ kind: 'dead', reason: 'too_late_to_tell' })
  })
})

describe('a paused warehouse', () => {
  test('its unpicked orders go elsewhere in the same step; the first promise stays, the new one stands beside it', () => {
    const { place, pick, send, stock, zone } = street()
    const first = only(place('o1', { milk: 1 }), 'order.routed')
    place('o2', { milk: 1 })
    pick('pick.started', 'o2')
    const outcome = send('warehouse.paused', { warehouse_id: 'near', reason: 'staff' })
    const moved = only(outcome, 'order.rerouted')
    expect(moved).toMatchObject({ order_id: 'o1', attempt: 2, cause: 'warehouse_paused', replaced: ['o1.1'] })
    expect(moved.fulfilments[0]).toMatchObject({ warehouse_id: 'middle', fulfilment_id: 'o1.2' })
    const changed = only(outcome, 'promise.changed')
    expect(changed.first_deliver_by).toBe(first.promise.deliver_by)
    expect(changed.promise.deliver_by).toBeGreaterThan(first.promise.deliver_by)
    expect(stock('near', 'milk').reserved).toBe(1)
    expect(stock('middle', 'milk').reserved).toBe(1)
    expect(zone.reroute).toEqual([])
    expect(only(place('o3', { milk: 1 }), 'order.routed').candidates[0]).toMatchObject({ refused: 'warehouse_paused' })
    send('warehouse.resumed', { warehouse_id: 'near' })
    expect(only(place('o4', { milk: 1 }), 'order.routed').fulfilments[0]?.warehouse_id).toBe('near')
  })

  test('at most 200 orders move in one step; a tick moves the rest', () => {
    const { send, place, zone, now } = street()
    for (const warehouse_id of ['near', 'middle', 'far']) {
      send('stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: 1_000, as_of: now() })
    }
    send('policy.changed', { policy: { ...zone.policy, promise_s_max: 600_000 } })
    for (let number = 0; number < 250; number += 1)
      place(`o${number}`, { milk: 1 }, { warehouse_id: number < 249 ? undefined : 'near' })
    const at_near = [...zone.orders.values()].filter(
      ({ fulfilments }) => fulfilments[0]?.warehouse_id === 'near',
    ).length
    const first = decisionsOf(send('warehouse.paused', { warehouse_id: 'near', reason: 'fire' })).filter(
      ({ type }) => type === 'order.rerouted',
    ).length
    expect(first).toBeLessThanOrEqual(200)
    if (at_near > 201) {
      expect(nextDue(zone)).toBe(zone.time)
      expect(decisionsOf(send('tick', {})).some(({ type }) => type === 'order.rerouted')).toBe(true)
    }
    expect(zone.reroute).toEqual([])
  })
})

describe('picking', () => {
  test('picked goods leave the shelf, and the packed order is closed', () => {
    const { place, pick, stock, zone } = street()
    place('o1', { milk: 2 })
    expect(only(pick('pick.started', 'o1'), 'order.picking').ready_at).toBe(START + 90_000)
    pick('line.picked', 'o1', { line_id: 'milk', quantity: 2 })
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 8, reserved: 0 })
    only(pick('order.packed', 'o1'), 'order.packed')
    expect([...zone.orders.values()][0]?.state).toBe('packed')
    expect(pick('order.packed', 'o1')).toMatchObject({ kind: 'dead', reason: 'illegal_transition' })
  })

  test('an order with an open line cannot be packed, nor more picked than is open', () => {
    const { place, pick } = street()
    place('o1', { milk: 2 })
    expect(pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 })).toMatchObject({ reason: 'illegal_transition' })
    pick('pick.started', 'o1')
    pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 })
    expect(pick('order.packed', 'o1')).toMatchObject({ reason: 'illegal_transition' })
    expect(pick('line.picked', 'o1', { line_id: 'milk', quantity: 2 })).toMatchObject({ reason: 'illegal_transition' })
    expect(pick('line.picked', 'o1', { line_id: 'eggs', quantity: 1 })).toMatchObject({ reason: 'unknown_line' })
    expect(pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 }, 'far')).toMatchObject({
      reason: 'foreign_warehouse',
    })
  })

  test('a short pick shrinks the line, empties the shelf and moves the other orders away', () => {
    const { place, pick, stock } = street()
    place('o1', { milk: 2 })
    place('o2', { milk: 3 })
    pick('pick.started', 'o1')
    const outcome = pick('line.short', 'o1', { line_id: 'milk', quantity: 1 })
    expect(only(outcome, 'order.shortened')).toMatchObject({
      order_id: 'o1',
      quantity_before: 2,
      quantity: 1,
      cause: 'short_pick',
    })
    expect(only(outcome, 'stock.corrected')).toMatchObject({ on_hand_before: 10, on_hand: 1 })
    expect(only(outcome, 'order.rerouted')).toMatchObject({ order_id: 'o2', cause: 'short_pick' })
    expect(stock('near', 'milk').reserved).toBeLessThanOrEqual(stock('near', 'milk').on_hand)
  })

  test('a substitute is reserved in the same step', () => {
    const { place, pick, stock } = street()
    place('o1', { milk: 1 })
    pick('pick.started', 'o1')
    const outcome = pick('line.substituted', 'o1', { line_id: 'milk', substitute_sku: 'bread', quantity: 1 })
    expect(only(outcome, 'order.substituted')).toMatchObject({ sku: 'milk', substitute_sku: 'bread' })
    expect(stock('near', 'bread')).toMatchObject({ on_hand: 1, reserved: 1 })
  })
})

describe('cancelling', () => {
  test('before picking everything is free again', () => {
    const { place, send, stock } = street()
    place('o1', { milk: 4 })
    const outcome = send('order.cancel_asked', { order_id: 'o1', reason: 'changed_mind' })
    expect(only(outcome, 'order.cancelled')).toMatchObject({ by: 'customer', to_put_back: [] })
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 10, reserved: 0 })
    expect(send('order.cancel_asked', { order_id: 'o1', reason: 'again' }).kind).toBe('duplicate')
  })

  test('after picking began nothing is, until a person puts it back', () => {
    const { place, pick, send, stock } = street()
    place('o1', { milk: 4 })
    pick('pick.started', 'o1')
    pick('line.picked', 'o1', { line_id: 'milk', quantity: 1 })
    const outcome = send('order.cancel_asked', { order_id: 'o1', reason: 'changed_mind' })
    expect(only(outcome, 'order.cancelled').to_put_back).toEqual([{ warehouse_id: 'near', sku: 'milk', quantity: 4 }])
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 6, reserved: 0 })
    send('stock.put_back', {
      warehouse_id: 'near',
      sku: 'milk',
      unit: 'each',
      quantity: 3,
      condition: 'sellable',
      order_id: 'o1',
    })
    send('stock.put_back', {
      warehouse_id: 'near',
      sku: 'milk',
      unit: 'each',
      quantity: 1,
      condition: 'waste',
      order_id: 'o1',
    })
    expect(stock('near', 'milk').on_hand).toBe(9)
  })
})

describe('counts', () => {
  test('a count says what was there then; what moved since is added', () => {
    const { send, pass, now, stock } = street()
    pass(60_000)
    const as_of = now()
    pass(60_000)
    send('stock.received', { warehouse_id: 'near', sku: 'milk', unit: 'each', quantity: 5 })
    pass(60_000)
    const outcome = send('stock.counted', { warehouse_id: 'near', sku: 'milk', unit: 'each', quantity: 7, as_of })
    expect(only(outcome, 'stock.corrected')).toMatchObject({ on_hand_before: 15, on_hand: 12, cause: 'count' })
    expect(stock('near', 'milk').on_hand).toBe(12)
    const late = send('stock.counted', {
      warehouse_id: 'near',
      sku: 'milk',
      unit: 'each',
      quantity: 0,
      as_of: as_of - 1,
    })
    expect(late.kind).toBe('superseded')
    expect(stock('near', 'milk').on_hand).toBe(12)
  })

  test('below what is reserved the newest orders give way, as each of them asked', () => {
    const { place, send, now, stock, zone } = street()
    for (const warehouse_id of ['middle', 'far'])
      send('stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: 0, as_of: now() })
    place('oldest', { milk: 3 })
    place('shorten', { milk: 3 })
    place('reject', { milk: 3 }, { on_shortfall: 'reject' })
    const outcome = send('stock.counted', {
      warehouse_id: 'near',
      sku: 'milk',
      unit: 'each',
      quantity: 5,
      as_of: now(),
    })
    expect(only(outcome, 'stock.shortfall').missing).toBe(4)
    expect(only(outcome, 'order.cancelled')).toMatchObject({ order_id: 'reject', reason: 'out_of_stock', by: 'count' })
    expect(only(outcome, 'order.shortened')).toMatchObject({ order_id: 'shorten', quantity_before: 3, quantity: 2 })
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 5, reserved: 5 })
    expect(zone.short).toEqual([])
  })

  test('a basket that nobody has ordered yet gives way before what a picker is about to take', () => {
    const { place, send, now, stock } = street()
    for (const warehouse_id of ['middle', 'far'])
      send('stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: 0, as_of: now() })
    const { fulfilments } = only(place('o1', { milk: 3 }), 'order.routed')
    const part = { order_id: 'o1', fulfilment_id: fulfilments[0]?.fulfilment_id, warehouse_id: 'near' }
    send('pick.started', part)
    const line = { line_id: 'l1', sku: 'milk', quantity: 3, unit: 'each' }
    send('hold.asked', { hold_id: 'h1', point: DOOR, cell: cellOf(DOOR), lines: [line], ttl_s: 600 })
    const line_id = fulfilments[0]?.lines[0]?.line_id
    const outcome = send('line.short', { ...part, line_id, quantity: 1 })
    expect(only(outcome, 'hold.released')).toMatchObject({ hold_id: 'h1', reason: 'short_pick' })
    expect(only(outcome, 'order.shortened')).toMatchObject({ quantity_before: 3, quantity: 2 })
    expect(stock('near', 'milk')).toMatchObject({ on_hand: 2, reserved: 2 })
  })
})

describe('holds', () => {
  const wish = { point: DOOR, cell: cellOf(DOOR), lines: [{ line_id: 'milk', sku: 'milk', quantity: 3, unit: 'each' }] }

  test('a hold ends, by a tick if need be, 5 s after what was announced', () => {
    const { send, pass, stock, zone, now } = street()
    const granted = only(send('hold.asked', { hold_id: 'h1', ...wish, ttl_s: 60 }), 'hold.granted')
    expect(granted.expires_at).toBe(now() + 55_000)
    expect(stock('near', 'milk').reserved).toBe(3)
    expect(nextDue(zone)).toBe(now() + 60_000)
    pass(60_000)
    only(send('tick', {}), 'hold.expired')
    expect(stock('near', 'milk').reserved).toBe(0)
    expect(nextDue(zone)).toBeNull()
  })

  test('a confirmed hold becomes the order; an expired one gets a fresh grant', () => {
    const { send, pass, stock } = street()
    const order = { order_id: 'o1', customer_ref: 'c', ...wish }
    send('hold.asked', { hold_id: 'h1', ...wish, ttl_s: 60 })
    expect(only(send('hold.confirmed', { hold_id: 'h1', order }), 'order.routed')).toMatchObject({ hold_id: 'h1' })
    expect(stock('near', 'milk').reserved).toBe(3)
    send('hold.asked', { hold_id: 'h2', ...wish, ttl_s: 10 })
    pass(20_000)
    const late = send('hold.confirmed', { hold_id: 'h2', order: { ...order, order_id: 'o2' } })
    expect(decisionsOf(late).map(({ type }) => type)).toEqual(['hold.expired', 'order.routed'])
    expect(stock('near', 'milk').reserved).toBe(6)
  })
})

describe('what a second look found', () => {
  const wish = { point: DOOR, cell: cellOf(DOOR), lines: [{ line_id: 'milk', sku: 'milk', quantity: 3, unit: 'each' }] }

  test('a hold at a warehouse that was paused since gives way to a fresh grant elsewhere', () => {
    const { send, stock } = street()
    send('hold.asked', { hold_id: 'h1', ...wish, ttl_s: 600 })
    send('warehouse.paused', { warehouse_id: 'near', reason: 'staff' })
    const outcome = send('hold.confirmed', { hold_id: 'h1', order: { order_id: 'o1', customer_ref: 'c', ...wish } })
    expect(only(outcome, 'hold.released').reason).toBe('does_not_fit')
    expect(only(outcome, 'order.routed').fulfilments[0]?.warehouse_id).toBe('middle')
    expect(stock('near', 'milk').reserved).toBe(0)
  })

  test('a dead hold keeps nothing from the order that comes first after its end', () => {
    const { send, place, pass, now } = street()
    for (const warehouse_id of ['middle', 'far']) {
      send('stock.counted', { warehouse_id, sku: 'milk', unit: 'each', quantity: 0, as_of: now() })
    }
    send('hold.asked', { hold_id: 'h1', ...wish, lines: [{ ...wish.lines[0], quantity: 10 }], ttl_s: 60 })
    pass(120_000)
    expect(decisionsOf(place('o1', { milk: 1 })).map(({ type }) => type)).toEqual(['hold.expired', 'order.routed'])
  })

  test('a count from a clock that runs ahead does not make later counts look old', () => {
    const { send, pass, now, stock } = street()
    const count = { warehouse_id: 'near', sku: 'milk', unit: 'each' }
    send('stock.counted', { ...count, quantity: 50, as_of: now() + 365 * 86_400_000 })
    pass(60_000)
    send('stock.counted', { ...count, quantity: 0, as_of: now() })
    expect(stock('near', 'milk').on_hand).toBe(0)
  })

  test('an order that names a line twice is refused, since its second line could never be picked', () => {
    const { send } = street()
    const lines = [wish.lines[0], wish.lines[0]]
    expect(send('order.placed', { order_id: 'o1', customer_ref: 'c', ...wish, lines })).toMatchObject({
      reason: 'wrong_shape',
    })
  })

  test('the decisions of one step stay below what Kafka takes in one record', () => {
    const { send, place, zone, now } = street()
    const skus = Array.from({ length: 80 }, (_, number) => `a-stock-keeping-unit-of-some-length-${number}`)
    for (const warehouse_id of ['near', 'middle']) {
      for (const sku of skus) send('stock.counted', { warehouse_id, sku, unit: 'each', quantity: 9_999, as_of: now() })
    }
    send('policy.changed', { policy: { ...zone.policy, promise_s_max: 600_000, candidates_max: 50 } })
    // Two pickers at "near" are never the slower ones while everything waits at "middle", too.
    for (let number = 0; number < 60; number += 1) place(`o${number}`, Object.fromEntries(skus.map(sku => [sku, 1])))
    let steps = 0
    for (
      let outcome = send('warehouse.paused', { warehouse_id: 'near', reason: 'fire' });
      ;
      outcome = send('tick', {})
    ) {
      steps += 1
      expect(JSON.stringify(decisionsOf(outcome)).length).toBeLessThan(700_000)
      if (nextDue(zone) === null) break
      expect(steps).toBeLessThan(100)
    }
    expect(steps).toBeGreaterThan(1)
    expect(zone.reroute).toEqual([])
  })
})

describe('time', () => {
  test('the business clock follows clock.set and never steps back', () => {
    const { send, pass, zone, now } = street()
    send('clock.set', { wall_ms: now(), time_ms: now() + 1_000_000, rate: 10 })
    pass(2_000)
    send('tick', {})
    expect(zone.time).toBe(START + 1_000_000 + 20_000)
    send('clock.set', { wall_ms: now(), time_ms: now(), rate: 1 })
    expect(zone.time).toBe(START + 1_000_000 + 20_000)
  })
})
