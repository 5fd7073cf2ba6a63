import { describe, expect, test } from 'vitest'
import type { DecisionRecord } from '../../ingest/events/decisions.ts'
import { DEFAULT_POLICY, type Policy } from '../../ingest/events/network.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { digestZones, FOLD_VERSION } from '../checkpoint.ts'
import type { Moment } from '../past/moment.ts'
import { FROM_NOTHING, foldPast, type PastLog } from '../past.ts'
import { SimulatedZone, zoneIn } from '../simulated_log.ts'
import { newZone, openOf, type ZoneState } from '../state.ts'
import { decodeOperation } from '../worker/decode.ts'
import { step } from '../zone.ts'
import { branchOff, goOn } from './branch.ts'
import { changesOf, readPolicy } from './policy.ts'
import { differences, figuresOf, newTally } from './tally.ts'
import { answerText } from './text.ts'
import { decideAnew } from './what_if.ts'

const PARTITIONS = 4
const PARTITION = 1
const ZONE = zoneIn(PARTITION, PARTITIONS) as ZoneState['zone_id']
const END: Moment = { kind: 'end' }

/** A log as an engine would have left it. */
function pastOf(seed: number, length: number) {
  const source = new SimulatedZone(ZONE, seed)
  const zone = newZone(ZONE, 'demo' as ZoneState['tenant_id'])
  const log = source.opening()
  const operations: LogMessage[] = []
  const decisions: LogMessage[] = []
  const note = (value: object) =>
    decisions.push({
      offset: decisions.length,
      appended_at: 0,
      key: null,
      value: Buffer.from(JSON.stringify(value)),
      headers: {},
    })
  note({ kind: 'owner', epoch: 1, fold_version: FOLD_VERSION, owner: 'test' })
  for (let offset = 0; offset < length; offset += 1) {
    const { appended_at, value } = log[offset] ?? source.next(zone)
    operations.push({ offset, appended_at, key: null, value, headers: {} })
    const decoded = decodeOperation(String(value), PARTITION, PARTITIONS)
    if (!('event' in decoded)) continue
    const outcome = step(zone, { offset, appended_at, event: decoded.event })
    if (!('decisions' in outcome) || outcome.decisions.length === 0) continue
    const record: Partial<DecisionRecord> = {
      kind: 'decided',
      epoch: 1,
      fold_version: FOLD_VERSION,
      source_offset: String(offset),
      decisions: outcome.decisions,
    }
    note(record)
  }
  return { zone, operations, decisions }
}

async function* inBatches(messages: LogMessage[], size: number) {
  for (let at = 0; at < messages.length; at += size) yield messages.slice(at, at + size)
}
const logOf = ({ operations, decisions }: ReturnType<typeof pastOf>): PastLog => ({
  partition: PARTITION,
  partitions: PARTITIONS,
  operations: inBatches(operations, 97),
  decisions: inBatches(decisions, 41),
})
const ask = (past: ReturnType<typeof pastOf>, policy: Partial<Policy>, from: Moment, to: Moment = END) =>
  decideAnew(logOf(past), FROM_NOTHING, { zone_id: ZONE, partition: PARTITION, from, to, policy })

describe('the past', () => {
  test('folded with what was published is the state that was', async () => {
    for (const seed of [1, 2]) {
      const past = pastOf(seed, 900)
      const { zone } = await foldPast(logOf(past), FROM_NOTHING, { zone_id: ZONE })
      expect(digestZones(zone ? [zone] : [])).toBe(digestZones([past.zone]))
    }
  })

  test('takes nothing of what an owner wrote that had lost the partition, and nothing twice', async () => {
    const past = pastOf(4, 800)
    const { decisions } = past
    const stale = {
      kind: 'decided',
      epoch: 1,
      source_offset: '799',
      fold_version: 'old',
      decisions: [{ type: 'made.up' }],
    }
    const later = { kind: 'owner', epoch: 2, fold_version: FOLD_VERSION, owner: 'next' }
    const last = decisions.at(-1)
    const more = [
      last?.value ?? null,
      Buffer.from(JSON.stringify(later)),
      Buffer.from(JSON.stringify(stale)),
      Buffer.from('{'),
    ]
    for (const value of more)
      decisions.push({ offset: decisions.length, appended_at: 0, key: null, value, headers: {} })
    const { zone } = await foldPast(logOf(past), FROM_NOTHING, { zone_id: ZONE })
    expect(digestZones(zone ? [zone] : [])).toBe(digestZones([past.zone]))
  })
})

describe('what if', () => {
  test('nothing were different: all comes to what it was, to the last byte of the state', async () => {
    for (const seed of [11, 12]) {
      const past = pastOf(seed, 900)
      let branch: ReturnType<typeof branchOff> | null = null
      await foldPast(logOf(past), FROM_NOTHING, {
        zone_id: ZONE,
        before({ offset }, _time, zone) {
          if (offset >= 300) branch ??= branchOff(zone, {})
          return undefined
        },
        after(happened) {
          if (branch) goOn(branch, happened)
        },
      })
      const { zone, made } = branch as unknown as ReturnType<typeof branchOff>
      expect(made).toBe(0)
      expect(digestZones([zone])).toBe(digestZones([past.zone]))
      const answer = await ask(past, { promise_s_max: DEFAULT_POLICY.promise_s_max }, { kind: 'offset', offset: 300 })
      expect(answer).toMatchObject({ unlike_really: [], moved: [], dropped: 0, picked_alone: 0, fold_versions: [] })
      expect(answer?.again).toEqual(answer?.really)
    }
  })

  test('the promise might be shorter: fewer orders, and the goods still add up', async () => {
    for (const seed of [21, 22]) {
      const past = pastOf(seed, 900)
      const answer = await ask(past, { promise_s_max: 900 }, { kind: 'offset', offset: 60 })
      if (!answer) throw new Error('there is an answer')
      const { again, other, moved, changes } = answer
      expect(changes).toEqual(['promise_s_max 3600 → 900'])
      expect(other.rejected_by.full ?? 0).toBeGreaterThan(again.rejected_by.full ?? 0)
      expect(other.promise_s?.p90).toBeLessThanOrEqual(900)
      for (const figures of [again, other])
        expect(figures.granted + figures.rejected + figures.offered).toBe(figures.orders)
      expect(moved.length).toBeGreaterThan(0)
    }
  })

  test('orders go elsewhere: their picking follows them, and no unit is lost or promised twice', async () => {
    for (const seed of [31, 32]) {
      const past = pastOf(seed, 900)
      let branch: ReturnType<typeof branchOff> | null = null
      await foldPast(logOf(past), FROM_NOTHING, {
        zone_id: ZONE,
        before({ offset }, _time, zone) {
          // A road that hardly counts: another warehouse is the best for many.
          if (offset >= 60) branch ??= branchOff(zone, { speed_mps: 50, road_factor: 1 })
          return undefined
        },
        after(happened) {
          if (branch) goOn(branch, happened)
        },
      })
      const { zone, made } = branch as unknown as ReturnType<typeof branchOff>
      expect(made).toBeGreaterThan(0)
      expectWhole(zone)
      const packed = [...zone.orders.values()].filter(({ state }) => state === 'packed').length
      expect(packed).toBeGreaterThan(0)
    }
  })

  test('is told as a table that names what changes, and says when there is nothing in that time', async () => {
    const past = pastOf(41, 900)
    const answer = await ask(
      past,
      { promise_s_max: 900 },
      { kind: 'offset', offset: 60 },
      { kind: 'offset', offset: 800 },
    )
    if (!answer) throw new Error('there is an answer')
    expect(answer).toMatchObject({ to_offset: expect.any(Number), undecided: 0 })
    expect(answer.to_offset).toBeLessThanOrEqual(800)
    const text = answerText(answer, 'America/Chicago', 3)
    for (const told of [
      'policy: promise_s_max 3600 → 900',
      'orders rejected',
      'promise, mean',
      'most lines waiting',
      'come to something else',
    ])
      expect(text).toContain(told)
    expect(await ask(past, {}, { kind: 'time', time_ms: Date.UTC(2030, 0, 1) })).toBeNull()
  })
})

/** I1 and I3: what is reserved is on hand, and is what the open lines of orders and holds come to. */
function expectWhole(zone: ZoneState): void {
  const open = new Map<string, number>()
  for (const { fulfilments } of [...zone.orders.values(), ...zone.holds.values()]) {
    for (const { warehouse_id, lines } of fulfilments) {
      for (const line of lines) {
        const key = `${warehouse_id}/${line.sku}`
        open.set(key, (open.get(key) ?? 0) + openOf(line))
      }
    }
  }
  for (const warehouse of zone.warehouses.values()) {
    for (const [sku, stock] of warehouse.stock) {
      expect(stock.reserved).toBe(open.get(`${warehouse.warehouse_id}/${sku}`) ?? 0)
      expect(stock.on_hand).toBeGreaterThanOrEqual(0)
      if (zone.short.length === 0) expect(stock.reserved).toBeLessThanOrEqual(stock.on_hand)
    }
  }
}

describe('a policy', () => {
  test('is the part that is different', () => {
    expect(readPolicy('{"promise_s_max": 1500}', 'p.json')).toEqual({ promise_s_max: 1_500 })
    expect(changesOf(DEFAULT_POLICY, { promise_s_max: 1_500, neighbours: [] })).toEqual([
      'promise_s_max 3600 → 1500',
      'neighbours unset → []',
    ])
  })

  test.each([
    ['{', /p\.json is not JSON/],
    ['{}', /changes nothing/],
    ['[]', /p\.json: /],
    ['{"promise_s": 5}', /promise_s is not a field.*promise_s_max/],
    ['{"promise_s_max": "5"}', /promise_s_max/],
    ['{"speed_mps": 0}', /speed_mps/],
  ])('that is wrong is told: %s', (text, fault) => {
    expect(() => readPolicy(text, 'p.json')).toThrow(fault)
  })
})

describe('the figures', () => {
  test('are of the orders that were decided', () => {
    const tally = newTally()
    for (const [place, promise_s] of [600, 700, 800, 900, 3_000].entries())
      tally.orders.set(`o${place}`, { outcome: 'granted', warehouses: ['w1'], promise_s })
    tally.orders.set('o5', { outcome: 'rejected', warehouses: [], reason: 'full' })
    expect(figuresOf(tally)).toMatchObject({ orders: 6, granted: 5, promise_s: { mean: 1_200, p50: 800, p90: 3_000 } })
    const there = newTally()
    there.orders.set('o0', { outcome: 'granted', warehouses: ['w2'], promise_s: 600 })
    expect(differences(tally, there).map(({ order_id }) => order_id)).toEqual(['o0', 'o1', 'o2', 'o3', 'o4', 'o5'])
    there.orders.set('o0', { outcome: 'granted', warehouses: ['w1'], promise_s: 999 })
    expect(differences(tally, there).map(({ order_id }) => order_id)).not.toContain('o0')
  })
})
