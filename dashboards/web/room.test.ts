import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Counters,
  type CourierFrame,
  type Delta,
  FEED_MAX,
  type FeedItem,
  type MapCourier,
  type MapOrder,
  type RoomState,
  type Snapshot,
} from '../contract.ts'
import { EMPTY_ROOM, type Message, type Room, step } from './room.ts'

/** A small gateway: the state that it holds, and what it says about each change of it. */
interface Source {
  epoch: string
  seq: number
  state: RoomState
  positions: Map<number, [number, number, number]>
}

const counters = (placed: number): Counters => ({ ...EMPTY_ROOM.counters, placed })

const newSource = (epoch: string): Source => ({
  epoch,
  seq: 0,
  state: {
    clock: { wall_ms: 0, time_ms: 0, rate: 10 },
    warehouses: [],
    orders: [],
    couriers: [],
    demand: [],
    feed: [],
    incidents: [],
    counters: counters(0),
    minutes: null,
    minutes_as_of: null,
  },
  positions: new Map(),
})

function frame(positions: Iterable<[number, [number, number, number]]>): CourierFrame {
  const rows = [...positions]
  return {
    index: new Uint32Array(rows.map(([index]) => index)).buffer,
    position: new Float32Array(rows.flatMap(([, [lng, lat]]) => [lng, lat])).buffer,
    seen_at: new Float64Array(rows.map(([, [, , seen_at]]) => seen_at)).buffer,
  }
}

const snapshotOf = (source: Source): Snapshot => ({
  ...source.state,
  seq: source.seq,
  room: 'network',
  epoch: source.epoch,
  as_of: source.seq,
  sent_wall_ms: source.seq,
  positions: frame(source.positions),
})

const order = (n: number, version: number): MapOrder => ({
  order_id: `o${n}`,
  state: 'routed',
  version,
  lat: 41.9,
  lng: -87.7,
  warehouse_id: 'w1',
  courier_id: null,
  placed_at: 0,
  promise: null,
  first_deliver_by: null,
  closed_at: null,
  attempt: 1,
  lines: 1,
  reason: null,
  pinned: false,
})

const courier = (n: number): MapCourier => ({
  courier_id: `c${n}`,
  index: n,
  state: 'available',
  trip_id: null,
  order_ids: [],
})

/** One change at the gateway: `kind` says what, `n` which. */
interface Change {
  kind: 'order' | 'order_gone' | 'courier' | 'courier_gone' | 'move' | 'feed' | 'minutes' | 'demand' | 'nothing'
  n: number
}

type Said = Partial<Omit<Delta, 'seq' | 'epoch'>>

const without = <Row>(rows: Row[], is: (row: Row) => boolean) => rows.filter(row => !is(row))

const CHANGES: Record<Change['kind'], (source: Source, n: number) => Said> = {
  order(source, n) {
    const row = order(n, source.seq)
    source.state.orders = [...without(source.state.orders, each => each.order_id === row.order_id), row]
    source.state.counters = counters(source.seq)
    return { orders: [row], counters: source.state.counters }
  },
  order_gone(source, n) {
    source.state.orders = without(source.state.orders, each => each.order_id === `o${n}`)
    return { orders_gone: [`o${n}`] }
  },
  courier(source, n) {
    source.state.couriers = [...without(source.state.couriers, each => each.index === n), courier(n)]
    source.positions.set(n, [-87, 41, source.seq])
    return { couriers: [courier(n)], positions: frame([[n, [-87, 41, source.seq]]]) }
  },
  courier_gone(source, n) {
    if (!source.state.couriers.some(each => each.index === n)) return {}
    source.state.couriers = without(source.state.couriers, each => each.index === n)
    source.positions.delete(n)
    return { couriers_gone: [`c${n}`] }
  },
  move(source, n) {
    if (!source.positions.has(n)) return {}
    const to: [number, number, number] = [-87 - source.seq / 1e3, 41 + n / 1e3, source.seq]
    source.positions.set(n, to)
    return { positions: frame([[n, to]]) }
  },
  feed(source, n) {
    // Told late now and then, so that its place is before what is already there.
    const item: FeedItem = { id: `f${source.seq}`, at: source.seq - (n % 3), tone: 'plain', text: 'so it is' }
    source.state.feed = [...source.state.feed, item].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    return { feed: [item] }
  },
  minutes(source, n) {
    source.state.minutes = n % 4 === 0 ? null : [{ minute: n, placed: source.seq, rejected: 0, delivered: 0 }]
    source.state.minutes_as_of = source.seq
    return { minutes: source.state.minutes, minutes_as_of: source.seq }
  },
  demand(source, n) {
    source.state.demand = [{ cell: `88${n}`, orders: n }]
    return { demand: source.state.demand }
  },
  nothing: () => ({}),
}

function change(source: Source, { kind, n }: Change): Delta {
  source.seq += 1
  const said = CHANGES[kind](source, n)
  return { ...said, seq: source.seq, epoch: source.epoch, as_of: source.seq, sent_wall_ms: source.seq }
}

const message = {
  snapshot: (source: Source): Message => ({ type: 'snapshot', snapshot: snapshotOf(source) }),
  delta: (delta: Delta): Message => ({ type: 'delta', delta }),
}

/** What a person sees: rows by id, and positions of couriers that are there (a fleet may be longer than it need be). */
function seen(room: Room) {
  const places = [...room.couriers.values()].map(({ courier_id, index }) => [
    courier_id,
    room.fleet.position[2 * index],
    room.fleet.position[2 * index + 1],
    room.fleet.seen_at[index],
  ])
  const live = new Set([...room.couriers.values()].map(each => each.index))
  const ghosts = [...room.fleet.seen_at].filter((at, index) => !Number.isNaN(at) && !live.has(index))
  const sorted = <Row>(rows: ReadonlyMap<string, Row>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    ...room,
    fleet: null,
    ghosts,
    places: places.sort(),
    orders: sorted(room.orders),
    couriers: sorted(room.couriers),
    warehouses: sorted(room.warehouses),
  }
}

const fresh = (source: Source) => step(EMPTY_ROOM, message.snapshot(source)).room

const anyChange = fc.record({
  kind: fc.constantFrom(...(Object.keys(CHANGES) as Change['kind'][])),
  n: fc.nat(6),
})
/** What the network does with a delta, or what else happens. */
const anyFate = fc.constantFrom('arrives', 'arrives', 'arrives', 'lost', 'twice', 'reconnect', 'gateway restarts')

describe('room', () => {
  it('ends as a fresh page would, whatever was lost, came twice, reconnected or began anew (I9)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyChange, anyFate), { maxLength: 120 }), steps => {
        let source = newSource('life-0')
        let room = fresh(source)
        let asked = false
        const take = (next: Message) => {
          const result = step(room, next)
          room = result.room
          asked ||= result.resync
        }
        for (const [what, fate] of steps) {
          if (fate === 'gateway restarts') source = { ...newSource(`life-${source.seq}-${source.epoch}`), seq: 3 }
          const delta = change(source, what)
          if (fate === 'arrives' || fate === 'twice') take(message.delta(delta))
          if (fate === 'twice') take(message.delta(delta))
          if (fate === 'reconnect') take(message.snapshot(source))
          // The answer to a resync comes some messages later, or not at all before the end.
          if (asked && what.n % 2 === 0) {
            asked = false
            take(message.snapshot(source))
          }
        }
        // Whatever came before: the next delta is applied, or it makes the page ask, and the answer mends it.
        const last = change(source, { kind: 'nothing', n: 0 })
        take(message.delta(last))
        if (room.phase !== 'following') expect(asked).toBe(true)
        if (room.phase !== 'following') take(message.snapshot(source))
        expect(seen(room)).toEqual(seen(fresh(source)))
      }),
      { numRuns: 400 },
    )
  })

  it('asks once for a gap, ignores what comes before the answer, and goes on from it', () => {
    const source = newSource('life')
    const start = fresh(source)
    change(source, { kind: 'order', n: 1 })
    const gap = step(start, message.delta(change(source, { kind: 'order', n: 2 })))
    expect(gap).toMatchObject({ resync: true, room: { phase: 'lost', seq: 0 } })
    expect(gap.room.orders.size).toBe(0)
    const waiting = step(gap.room, message.delta(change(source, { kind: 'order', n: 3 })))
    expect(waiting).toEqual({ resync: false, room: gap.room })
    const mended = step(waiting.room, message.snapshot(source))
    expect([...mended.room.orders.keys()]).toEqual(['o1', 'o2', 'o3'])
    const next = step(mended.room, message.delta(change(source, { kind: 'order_gone', n: 1 })))
    expect([...next.room.orders.keys()]).toEqual(['o2', 'o3'])
  })

  it('does not turn time back for a snapshot that deltas have overtaken', () => {
    const source = newSource('life')
    const old = message.snapshot(source)
    const { room } = step(fresh(source), message.delta(change(source, { kind: 'order', n: 1 })))
    expect(step(room, old).room).toBe(room)
  })

  it('keeps the identity of what a delta does not touch, and never writes to a fleet that was handed out', () => {
    const source = newSource('life')
    const { room } = step(fresh(source), message.delta(change(source, { kind: 'courier', n: 1 })))
    const before = room.fleet.position.slice()
    const moved = step(room, message.delta(change(source, { kind: 'move', n: 1 }))).room
    expect(moved.orders).toBe(room.orders)
    expect(moved.couriers).toBe(room.couriers)
    expect(moved.feed).toBe(room.feed)
    expect(room.fleet.position).toEqual(before)
    expect(moved.fleet.position[2]).not.toBe(room.fleet.position[2])
  })

  it('bounds the feed and takes buffers that are views into a pool', () => {
    const source = newSource('life')
    let room = fresh(source)
    for (let i = 0; i < FEED_MAX + 30; i++)
      room = step(room, message.delta(change(source, { kind: 'feed', n: i }))).room
    expect(room.feed).toHaveLength(FEED_MAX)
    const pool = Buffer.alloc(64, 1)
    const view = pool.subarray(3, 3 + 4)
    view.writeUInt32LE(0)
    const delta = {
      ...change(source, { kind: 'nothing', n: 0 }),
      positions: { ...frame([[0, [-87.5, 41.5, 9]]]), index: view as unknown as ArrayBuffer },
    }
    expect(step(room, message.delta(delta)).room.fleet.seen_at[0]).toBe(9)
  })
})
