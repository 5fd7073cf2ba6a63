import { describe, expect, it, vi } from 'vitest'
import type { History, MapWarehouse, PastOrder } from '../../contract.ts'
import type { Answer } from '../io/api.ts'
import { EMPTY_ROOM, type Room } from '../room.ts'
import { newStore } from '../store.ts'
import { pastOf, roomAt } from './past.ts'
import { openPlayer, SPAN_MS } from './player.ts'

const FROM = 1_800_000
const STEP_MS = 20_000
const base64 = (...places: number[]) => Buffer.from(new Float32Array(places).buffer).toString('base64')

const step = (
  at: number,
  state: PastOrder['steps'][number]['state'],
  courier_id: string | null = null,
  attempt = 1,
) => ({
  ...{ at, state, attempt, courier_id, warehouse_id: attempt === 1 ? 'w1' : 'w2', reason: null },
})
const ORDER: PastOrder = {
  ...{ order_id: 'o1', lat: 41.9, lng: -87.6, lines: 2, first_deliver_by: FROM + 90_000 },
  steps: [
    step(FROM + 10_000, 'routed'),
    step(FROM + 30_000, 'routed', null, 2),
    step(FROM + 50_000, 'picked_up', 'c1', 2),
    step(FROM + 100_000, 'delivered', 'c1', 2),
  ],
}
const HISTORY: History = {
  ...{ from: FROM, to: FROM + SPAN_MS, step_ms: STEP_MS },
  couriers: [{ courier_id: 'c1', track: base64(-87.5, 41.5, -87.25, 41.75, ...Array(20).fill(Number.NaN)) }],
  orders: [ORDER],
  notes: [
    { id: 'n', at: FROM + 50_000, tone: 'warn', text: 'a crowd', scene: true },
    { id: 'm', at: FROM + 70_000, tone: 'plain', text: 'dispatcher ann: seen' },
  ],
  pauses: [{ at: FROM + 60_000, warehouse_id: 'w2', paused: true }],
}
const warehouse = (warehouse_id: string): MapWarehouse => ({
  ...{ warehouse_id, name: warehouse_id, lat: 0, lng: 0, paused: false, version: 1, open_orders: 99, ready_in_s: 5 },
})
const LIVE: Room = {
  ...{ ...EMPTY_ROOM, phase: 'following', epoch: 'now', clock: { wall_ms: 0, time_ms: FROM + SPAN_MS, rate: 10 } },
  // Paused to this day: where nothing else is known, it was so before.
  warehouses: new Map(['w1', 'w2', 'w3'].map(id => [id, { ...warehouse(id), paused: id !== 'w1' }])),
  feed: [
    { id: 'a', at: FROM + 5, tone: 'plain', text: 'before' },
    { id: 'b', at: FROM + SPAN_MS, tone: 'plain', text: 'after' },
  ],
}
const past = pastOf(HISTORY, 'past-1')
const at = (time: number) => roomAt(past, LIVE, { time: FROM + time, rate: 10, wall_ms: 0 })
const orderAt = (time: number) => at(time).orders.get('o1')

describe('the past', () => {
  it('shows each order as it stood then, and forgets it a while after its end', () => {
    expect(orderAt(9_999)).toBeUndefined()
    expect(orderAt(10_000)).toMatchObject({ state: 'routed', warehouse_id: 'w1', attempt: 1, courier_id: null })
    expect(orderAt(30_000)).toMatchObject({ state: 'routed', warehouse_id: 'w2', attempt: 2 })
    expect(orderAt(60_000)).toMatchObject({ state: 'picked_up', courier_id: 'c1', closed_at: null })
    expect(orderAt(100_000)).toMatchObject({ state: 'delivered', courier_id: null, closed_at: FROM + 100_000 })
    expect(orderAt(100_000 + 10 * 60_000 + 1)).toBeUndefined()
  })

  it('shows couriers where they were seen last, with what they carried, and none that were silent', () => {
    const seen = (time: number) => [...at(time).fleet.position].map(degrees => Math.round(1_000 * degrees) / 1_000)
    expect(seen(STEP_MS)).toEqual([-87.5, 41.5])
    expect(seen(3 * STEP_MS - 1)).toEqual([-87.25, 41.75])
    expect(at(2 * STEP_MS).fleet.seen_at[0]).toBe(FROM + 2 * STEP_MS)
    expect(at(60_000).couriers.get('c1')?.order_ids).toEqual(['o1'])
    expect(at(6 * STEP_MS).couriers.size).toBe(0)
  })

  it('knows what was paused, what was told, and counts from its beginning on', () => {
    expect([at(59_999), at(60_000)].map(room => room.warehouses.get('w2')?.paused)).toEqual([false, true])
    expect(['w1', 'w3'].map(id => at(59_999).warehouses.get(id)?.paused)).toEqual([false, true])
    expect(at(40_000).warehouses.get('w2')?.open_orders).toBe(1)
    expect(at(60_000).feed.map(item => item.text)).toEqual(['before', 'a crowd'])
    expect(at(60_000).counters).toMatchObject({ placed: 1, rerouted: 1, open: 1, delivered: 0 })
    expect(at(120_000).counters).toMatchObject({ placed: 1, open: 0, delivered: 1, late: 1 })
    const in_time = pastOf({ ...HISTORY, orders: [{ ...ORDER, first_deliver_by: FROM + 100_000 }] }, 'past-2')
    expect(roomAt(in_time, LIVE, { time: FROM + 120_000, rate: 10, wall_ms: 0 }).counters).toMatchObject({ late: 0 })
  })
})

describe('the player', () => {
  const opened = (answer: Answer<History>) => {
    const live = newStore(0)
    live.set({ room: { ...LIVE, clock: { wall_ms: Date.now(), time_ms: FROM + SPAN_MS, rate: 0 } } })
    return { live, player: openPlayer(live, async () => answer) }
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))

  it('puts the past in the place of the live page, moves in it, and gives the live page back', async () => {
    const { live, player } = opened({ ok: true, body: HISTORY })
    let told = 0
    player.store.subscribe(() => (told += 1))
    player.enter()
    expect([player.state().phase, player.store.get()]).toEqual(['loading', live.get()])
    await settled()
    expect(player.state()).toMatchObject({
      phase: 'past',
      from: FROM,
      to: FROM + SPAN_MS,
      playing: true,
      marks: [{ id: 'n' }],
    })
    expect(player.store.get()).toMatchObject({ past: true, room: { epoch: 'past-1-0' } })
    player.play(false)
    player.seek(FROM + 60_000)
    // Another epoch, so that nobody glides across the city to where it was then.
    expect(player.store.get().room).toMatchObject({ epoch: 'past-1-1', as_of: FROM + 60_000, clock: { rate: 0 } })
    player.seek(0)
    expect(player.state().time).toBe(FROM)
    const before = told
    live.set({ heard_wall_ms: 5 })
    expect(told).toBe(before)
    player.live()
    expect([player.state().phase, player.store.get(), told]).toEqual(['live', live.get(), before + 1])
    live.set({ heard_wall_ms: 6 })
    expect(told).toBe(before + 2)
  })

  it('says why there is no past to show, and stays live', async () => {
    const away = { ok: false, status: 503, reason: 'history_away', detail: 'ClickHouse cannot be asked' } as const
    const { live, player } = opened(away)
    player.enter()
    await settled()
    expect(player.state()).toMatchObject({ phase: 'failed', problem: 'ClickHouse cannot be asked' })
    expect(player.store.get()).toBe(live.get())
    const { player: empty } = opened({ ok: true, body: { ...HISTORY, couriers: [], orders: [] } })
    empty.enter()
    await settled()
    expect(empty.state()).toMatchObject({ phase: 'failed', problem: 'Nothing was recorded in the last half hour.' })
  })

  it('plays to its end, and is live again', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    try {
      const { live, player } = opened({ ok: true, body: HISTORY })
      player.enter()
      await settled()
      // It begins ten minutes before the present, and goes ten times as fast as the clock.
      vi.advanceTimersByTime(30_000)
      expect(player.state()).toMatchObject({ phase: 'past', time: FROM + SPAN_MS - 5 * 60_000 })
      vi.advanceTimersByTime(30_000)
      expect([player.state().phase, player.store.get(), vi.getTimerCount()]).toEqual(['live', live.get(), 0])
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not go back when it was left while the past was being read', async () => {
    const { player } = opened({ ok: true, body: HISTORY })
    player.enter()
    player.live()
    await settled()
    expect([player.state().phase, player.store.get().past]).toEqual(['live', false])
  })
})
