import { describe, expect, it, vi } from 'vitest'
import type { NoteView } from '../../dispatch/contract.ts'
import type { OrderRow } from '../io/history.ts'
import { type HistoryRows, historyOf, openHistory, STEP_MS } from './history.ts'

const SPAN = { from_ms: 1_000_000, to_ms: 1_000_000 + 3 * STEP_MS }

const row = (at: number, type: string, more: Partial<OrderRow> = {}): OrderRow => ({
  at,
  type,
  order_ids: ['o1'],
  attempt: type.startsWith('order.') ? 1 : 0,
  warehouse_id: '',
  courier_id: '',
  reason: '',
  lines: 0,
  lat: null,
  lng: null,
  deliver_by: null,
  ...more,
})
const PLACED = { lat: 41.9, lng: -87.65, lines: 2, deliver_by: 2_000_000, warehouse_id: 'w1' }
const none: HistoryRows = { places: [], orders: [], pauses: [], notes: [] }
const noteOf = (more: Partial<NoteView>): NoteView => ({
  ...{ note_id: 'n1', zone_id: 'z' as NoteView['zone_id'], text: 'A crowd', tone: 'warn', point: null },
  ...{ warehouse_id: null, order_id: null, courier_id: null, posted_at: 1_000_005, actor: 'partner:city' },
  ...more,
})
const stepsOf = (...orders: OrderRow[]) =>
  historyOf({ ...none, orders }, SPAN).orders.flatMap(({ steps }) =>
    steps.map(({ state, warehouse_id, courier_id }) => [state, warehouse_id, courier_id]),
  )

describe('history', () => {
  it('lays couriers out step by step, with holes where they were not seen', () => {
    const places = [
      { courier_id: 'c1', slot: 0, lng: -87.5, lat: 41.5 },
      { courier_id: 'c1', slot: 2, lng: -87.25, lat: 41.75 },
      { courier_id: 'c1', slot: 3, lng: 0, lat: 0 },
    ]
    const [courier] = historyOf({ ...none, places }, SPAN).couriers
    const bytes = Buffer.from(courier?.track ?? '', 'base64')
    const track = new Float32Array(new Uint8Array(bytes).buffer)
    expect([...track]).toEqual([-87.5, 41.5, Number.NaN, Number.NaN, -87.25, 41.75])
  })

  it('follows an order from its routing to its door, whoever says what twice', () => {
    const life = [
      row(900_000, 'order.routed', PLACED),
      row(910_000, 'trip.assigned', { courier_id: 'c1' }),
      row(920_000, 'order.picking'),
      row(920_001, 'order.picking'),
      row(930_000, 'order.packed'),
      row(940_000, 'delivery.picked_up', { courier_id: 'c1' }),
      row(945_000, 'order.packed'),
      row(1_010_000, 'delivery.delivered', { courier_id: 'c1' }),
      row(1_020_000, 'order.cancelled', { reason: 'customer' }),
    ]
    expect(stepsOf(...life)).toEqual([
      ['routed', 'w1', null],
      ['routed', 'w1', 'c1'],
      ['picking', 'w1', 'c1'],
      ['packed', 'w1', 'c1'],
      ['picked_up', 'w1', 'c1'],
      ['delivered', 'w1', 'c1'],
    ])
  })

  it('goes back to the beginning with a new attempt, whose courier is another', () => {
    const life = [
      row(999_996, 'order.routed', PLACED),
      row(999_997, 'order.packed'),
      row(999_998, 'trip.assigned', { courier_id: 'c1' }),
      row(999_999, 'order.rerouted', { attempt: 2, warehouse_id: 'w2' }),
      row(1_000_001, 'order.rejected', { attempt: 1, reason: 'full' }),
    ]
    expect(stepsOf(...life).at(-2)).toEqual(['routed', 'w2', null])
    expect(stepsOf(...life).at(-1)?.[0]).toBe('rejected')
    const [order] = historyOf({ ...none, orders: life }, SPAN).orders
    expect(order?.steps.map(step => step.reason)).toEqual([null, null, null, null, 'full'])
  })

  it('leaves out what was over before, and what never had a door', () => {
    expect(stepsOf(row(900_000, 'order.rejected', { ...PLACED, reason: 'full' }))).toEqual([])
    expect(stepsOf(row(1_000_001, 'order.rejected', { ...PLACED, reason: 'full' }))).toHaveLength(1)
    expect(stepsOf(row(1_000_001, 'delivery.delivered', { courier_id: 'c1' }))).toEqual([])
  })

  it('tells which warehouses stood still, and which took orders again', () => {
    const pauses = ([1, 0] as const).map(paused => ({ at: 1_000_000 + paused, warehouse_id: 'w1', paused }))
    expect(historyOf({ ...none, pauses }, SPAN).pauses.map(one => one.paused)).toEqual([true, false])
  })

  it('tells the shift log as the feed did, oldest first', () => {
    const crowd = noteOf({ point: { lat: 41.9, lng: -87.6 } })
    const over = noteOf({ note_id: 'n2', posted_at: 1_000_009, text: 'It is over', actor: 'dispatcher:ann' })
    expect(historyOf({ ...none, notes: [over, crowd] }, SPAN).notes).toEqual([
      { id: 'n1', at: 1_000_005, tone: 'warn', text: 'A crowd', point: { lat: 41.9, lng: -87.6 }, scene: true },
      { id: 'n2', at: 1_000_009, tone: 'warn', text: 'dispatcher ann: It is over' },
    ])
  })

  it('is read once for all who ask for nearly the same, and again after a failure', async () => {
    let [reads, fails] = [0, '']
    const read =
      <Rows>(of: string, rows: Rows) =>
      async () => {
        reads += 1
        if (fails === of) throw new Error('connect ECONNREFUSED')
        return rows
      }
    const history = openHistory({ past: read('ClickHouse', none), notes: read('Postgres', [noteOf({})]) })
    const half_hour = 30 * 60_000
    const [one, other] = await Promise.all([history(1, half_hour), history(STEP_MS - 1, half_hour)])
    expect([one === other, reads, one.from, one.to]).toEqual([true, 2, 0, half_hour])
    expect(one.notes.map(note => note.text)).toEqual(['A crowd'])
    for (fails of ['ClickHouse', 'Postgres']) {
      const away = { reason: 'history_away', message: expect.stringContaining(fails) }
      await expect(history(half_hour, 2 * half_hour)).rejects.toMatchObject(away)
    }
    expect(reads).toBe(6)
    for (const [from, to] of [
      [5, 5 - STEP_MS],
      [0, 2 * 3_600_000],
      [Number.NaN, 1],
    ] as const)
      await expect(history(from, to)).rejects.toMatchObject({ reason: 'bad_span' })
    expect(reads).toBe(6)
  })

  it('is kept for the eight spans asked for last', async () => {
    const past = vi.fn(async () => none)
    const history = openHistory({ past, notes: async () => [] })
    const ask = async (span: number) => {
      await history(span * STEP_MS, (span + 1) * STEP_MS)
      return past.mock.calls.length
    }
    for (let span = 0; span < 9; span++) expect(await ask(span)).toBe(span + 1)
    expect([await ask(8), await ask(1), await ask(0)]).toEqual([9, 9, 10])
  })
})
